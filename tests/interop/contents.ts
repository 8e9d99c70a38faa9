import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFile, sha256Tree } from '../support/files.ts';
import { createTorrentWithLibtorrent } from './peers/libtorrent.ts';

/** Something to transfer, with a torrent that another program has made. */
export interface Content {
  /** Name of the file or of the folder, which is the torrent's. */
  readonly name: string;
  /** The folder that it is in. */
  readonly dataDir: string;
  readonly torrentFile: string;
  readonly magnet: string;
  /** SHA-256 by path below `dataDir`, empty files included. */
  readonly hashes: Record<string, string>;
}

const PIECE_LENGTH = 65_536;

/** One file whose length is a multiple neither of a piece nor of a block. */
export async function makeSingleFile(folder: string): Promise<Content> {
  const name = 'single file.bin';
  await makeFile(join(folder, 'single', name), 3_333_333, 11);
  return describe(join(folder, 'single'), name, join(folder, 'single.torrent'));
}

/** Nested folders, names beyond ASCII, an empty file, and pieces that span several files. */
export async function makeFolder(folder: string): Promise<Content> {
  const name = 'album — 音楽';
  const root = join(folder, 'folder', name);
  await makeFile(join(root, 'a.bin'), 1_500_001, 21);
  await makeFile(join(root, 'один', 'два', 'три.bin'), 700_000, 22);
  await makeFile(join(root, 'один', 'small.bin'), 10, 23);
  await makeFile(join(root, 'zebra 🦓.bin'), 1_048_577, 24);
  await mkdir(join(root, 'void'), { recursive: true });
  await writeFile(join(root, 'void', 'empty.txt'), '');
  return describe(join(folder, 'folder'), name, join(folder, 'folder.torrent'));
}

async function describe(dataDir: string, name: string, torrentFile: string): Promise<Content> {
  const { magnet } = await createTorrentWithLibtorrent({
    path: join(dataDir, name),
    output: torrentFile,
    pieceLength: PIECE_LENGTH,
  });
  return { name, dataDir, torrentFile, magnet, hashes: await sha256Tree(dataDir) };
}
