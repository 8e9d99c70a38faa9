/** Torrent files of version 1, 2 and both, against libtorrent's: what each makes, the other reads and would make. */

import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmod, mkdir, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Client } from 'freshet';
import {
  arrangeFiles,
  buildInfo,
  concatBytes,
  fileRoot,
  HASH_LENGTH,
  type Info,
  LEAF_LENGTH,
  type Metainfo,
  MetainfoError,
  merkleRoot,
  parseTorrent,
  pieceLeaves,
  type SingleFile,
  type TorrentVersion,
  toHex,
} from 'freshet/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeTempDir, randomBytes, removeDir } from '../support/files.ts';
import { needProgram } from '../support/process.ts';

const PYTHON = '/usr/bin/python3';
const SCRIPT = fileURLToPath(new URL('peers/libtorrent_torrents.py', import.meta.url));
const PIECE = 32_768;

/** Every size at which something about a file's tree changes, names that sort awkwardly, one file twice. */
const CONTENTS: Readonly<Record<string, Uint8Array>> = {
  'a-empty': new Uint8Array(0),
  'b-one': randomBytes(1, 1),
  'c-almost-block': randomBytes(LEAF_LENGTH - 1, 2),
  'd-block': randomBytes(LEAF_LENGTH, 3),
  'e-block-and-one': randomBytes(LEAF_LENGTH + 1, 4),
  'f-piece': randomBytes(PIECE, 5),
  'g-piece-and-one': randomBytes(PIECE + 1, 6),
  'h-pieces': randomBytes(5 * PIECE, 7),
  'i-odd': randomBytes(300_001, 8),
  'sub/deep/twice': randomBytes(300_001, 8),
  'sub/x': randomBytes(70_000, 9),
  'sub.txt': randomBytes(20, 10),
  'y-empty': new Uint8Array(0),
  Zed: randomBytes(40_000, 11),
  'ünï çødé 日本.bin': randomBytes(50_000, 12),
};

let root: string;
let folder: string;
let client: Client;

async function python(job: object): Promise<Record<string, unknown>> {
  const { stdout } = await promisify(execFile)(PYTHON, [SCRIPT, JSON.stringify(job)], {
    maxBuffer: 64 * 1024 * 1024,
  });
  return JSON.parse(stdout) as Record<string, unknown>;
}

async function theirs(
  path: string,
  flags: readonly string[],
  files?: readonly string[],
): Promise<Uint8Array> {
  const { torrent } = await python({ job: 'create', path, flags, files, pieceLength: PIECE });
  return new Uint8Array(Buffer.from(String(torrent), 'base64'));
}

interface Loaded {
  readonly v1: string | null;
  readonly v2: string | null;
  readonly name: string;
  readonly pieceLength: number;
  readonly pieces: number;
  readonly sha1: readonly string[];
  readonly layers: Readonly<Record<string, string>>;
  readonly files: readonly {
    readonly path: string;
    readonly length: number;
    readonly offset: number;
    readonly padding: boolean;
    readonly root: string | null;
  }[];
}

async function loadedByThem(torrent: Uint8Array): Promise<Loaded> {
  const path = join(root, 'ours.torrent');
  await writeFile(path, torrent);
  return (await python({ job: 'load', path })) as unknown as Loaded;
}

/** Where a file is; an empty one is nowhere in particular. */
function place({ path, length, offset, root }: Omit<Loaded['files'][number], 'padding'>): object {
  return { path, length, offset: length === 0 ? undefined : offset, root };
}

/** A torrent of what is at `path`, made by a client as users make one. */
async function ours(path: string, version: TorrentVersion): Promise<Uint8Array> {
  const torrent = client.seed(path, { version, pieceLength: PIECE, creationDate: false, paused: true });
  await torrent.untilReady();
  const bytes = torrent.torrentFile!;
  await torrent.destroy();
  return bytes;
}

const hash = (algorithm: string, data: Uint8Array): Uint8Array =>
  new Uint8Array(createHash(algorithm).update(data).digest());

/** The root of a file, by the book: all leaves, then the pieces over them. */
function rootOf(data: Uint8Array): Uint8Array | undefined {
  if (data.length === 0) return undefined;
  const roots: Uint8Array[] = [];
  for (let at = 0; at < data.length; at += PIECE) {
    const leaves: Uint8Array[] = [];
    for (let block = at; block < Math.min(at + PIECE, data.length); block += LEAF_LENGTH) {
      leaves.push(hash('sha256', data.subarray(block, Math.min(block + LEAF_LENGTH, at + PIECE))));
    }
    roots.push(merkleRoot(concatBytes(leaves), 0, pieceLeaves(data.length, PIECE)));
  }
  return fileRoot(concatBytes(roots), data.length, PIECE);
}

/** The info dictionary made once more of what was read from it. */
function rebuilt(info: Info): Uint8Array {
  const fields = ({ length, attr, mtime, piecesRoot }: Info['files'][number]): SingleFile => ({
    length,
    attr,
    mtime,
    piecesRoot,
  });
  return buildInfo({
    version: info.hybrid ? 'hybrid' : info.hasV2 ? 2 : 1,
    name: info.name,
    pieceLength: info.pieceLength,
    files: info.multiFile
      ? info.files.map((file) => ({ path: file.path.slice(1), ...fields(file) }))
      : fields(info.files[0]!),
    pieces: info.pieces,
  });
}

function expectContents({ info, pieceLayers }: Metainfo): void {
  const real = info.files.filter((file) => !file.padding);
  expect(Object.fromEntries(real.map((file) => [file.path.slice(1).join('/'), file.length]))).toEqual(
    Object.fromEntries(Object.entries(CONTENTS).map(([path, { length }]) => [path, length])),
  );
  if (!info.hasV2) return;
  for (const file of real) {
    const data = CONTENTS[file.path.slice(1).join('/')]!;
    expect(file.piecesRoot).toEqual(rootOf(data));
    if (file.length > 0) expect(file.offset % PIECE).toBe(0);
    if (file.length > PIECE) {
      expect(pieceLayers.get(toHex(file.piecesRoot!))).toHaveLength(
        HASH_LENGTH * Math.ceil(file.length / PIECE),
      );
    }
  }
  // One file is there twice, and has one layer.
  expect(pieceLayers.size).toBe(6);
}

beforeAll(async () => {
  await needProgram(PYTHON, 'python3-libtorrent');
  root = await makeTempDir('v2-format');
  folder = join(root, 'the folder');
  for (const [name, data] of Object.entries(CONTENTS)) {
    const path = join(folder, name);
    await mkdir(join(path, '..'), { recursive: true });
    await writeFile(path, data);
    await utimes(path, 1_700_000_000, 1_700_000_000);
  }
  client = new Client({ tcp: false, webrtc: false, tracker: false, webSeeds: false });
});

afterAll(async () => {
  await client?.destroy();
  if (root !== undefined) await removeDir(root);
});

describe('torrents that libtorrent makes', () => {
  it.each<[string, readonly string[], boolean, boolean]>([
    ['version 1', ['v1'], true, false],
    ['version 2', ['v2'], false, true],
    ['a hybrid', ['hybrid'], true, true],
    ['a hybrid without padding at its end', ['noTail'], true, true],
    ['version 1 with times', ['v1', 'mtime'], true, false],
    ['version 2 with times', ['v2', 'mtime'], false, true],
    ['a hybrid with times', ['hybrid', 'mtime'], true, true],
  ])('%s: is read, and would be written the same', async (_, flags, hasV1, hasV2) => {
    const torrent = parseTorrent(await theirs(folder, flags));
    const { info } = torrent;
    expect(info).toMatchObject({
      name: 'the folder',
      hasV1,
      hasV2,
      hybrid: hasV1 && hasV2,
      pieceLength: PIECE,
    });
    expectContents(torrent);
    expect(toHex(rebuilt(info))).toBe(toHex(torrent.infoBytes));
    if (flags.includes('mtime')) expect(info.files.some(({ mtime }) => mtime === 1_700_000_000)).toBe(true);
  });

  it('keeps the mark of an executable file', async () => {
    const path = join(root, 'tool');
    await mkdir(path);
    await writeFile(join(path, 'run'), 'x');
    await writeFile(join(path, 'text'), 'y');
    await chmod(join(path, 'run'), 0o755);
    for (const flags of [['v1'], ['v2'], ['hybrid'], ['noTail']]) {
      const { info, infoBytes } = parseTorrent(await theirs(path, flags));
      expect(info.files.find((file) => file.path.at(-1) === 'run')?.attr).toBe('x');
      expect(toHex(rebuilt(info))).toBe(toHex(infoBytes));
    }
    for (const [version, flag] of [
      [2, 'v2'],
      ['hybrid', 'noTail'],
    ] as const) {
      const { infoBytes } = parseTorrent(await ours(path, version));
      expect(toHex(infoBytes)).toBe(toHex(parseTorrent(await theirs(path, [flag])).infoBytes));
    }
  });

  it('is refused with a symbolic link in it', async () => {
    const path = join(root, 'linked');
    await mkdir(path);
    await writeFile(join(path, 'file'), 'x');
    await symlink('file', join(path, 'link'));
    for (const kind of ['v1', 'v2', 'hybrid']) {
      const bytes = await theirs(path, [kind, 'symlinks']);
      expect(() => parseTorrent(bytes)).toThrow(MetainfoError);
      expect(() => parseTorrent(bytes)).toThrow(/symbolic link in .*(link|files\[\d\])/);
    }
  });
});

describe('torrents that Freshet makes', () => {
  it('of version 1 are libtorrent’s, file by file in the same order', async () => {
    const mine = parseTorrent(await ours(folder, 1));
    expectContents(mine);
    const order = mine.info.files.map((file) => file.path.slice(1).join('/'));
    const other = parseTorrent(await theirs(folder, ['v1'], order));
    expect(toHex(mine.infoBytes)).toBe(toHex(other.infoBytes));
  });

  it.each<[string, TorrentVersion, readonly string[]]>([
    ['version 2', 2, ['v2']],
    ['hybrids', 'hybrid', ['noTail']],
  ])('of %s are libtorrent’s, byte for byte', async (_, version, flags) => {
    const mine = parseTorrent(await ours(folder, version));
    const other = parseTorrent(await theirs(folder, flags));
    expect(toHex(mine.infoBytes)).toBe(toHex(other.infoBytes));
    expect(mine.pieceLayers).toEqual(other.pieceLayers);
    expectContents(mine);
  });

  it('can be padded at the end as libtorrent’s hybrids are, byte for byte', async () => {
    const files = Object.entries(CONTENTS).map(([path, data]) => ({
      path: path.split('/'),
      length: data.length,
      piecesRoot: rootOf(data),
      data,
    }));
    const arranged = arrangeFiles(files, PIECE, { tailPadding: true });
    const whole = concatBytes(
      arranged.map((file) => ('data' in file ? file.data : new Uint8Array(file.length))),
    );
    const pieces: Uint8Array[] = [];
    for (let at = 0; at < whole.length; at += PIECE)
      pieces.push(hash('sha1', whole.subarray(at, at + PIECE)));
    const infoBytes = buildInfo({
      version: 'hybrid',
      name: 'the folder',
      pieceLength: PIECE,
      files: arranged,
      pieces: concatBytes(pieces),
    });
    expect(toHex(infoBytes)).toBe(toHex(parseTorrent(await theirs(folder, ['hybrid'])).infoBytes));
  });

  it.each<[string]>([['b-one'], ['d-block'], ['f-piece'], ['i-odd']])(
    'of one file are libtorrent’s: %s',
    async (name) => {
      const path = join(folder, name);
      for (const [version, kind] of [
        [1, 'v1'],
        [2, 'v2'],
        ['hybrid', 'hybrid'],
      ] as const) {
        const mine = parseTorrent(await ours(path, version));
        const other = parseTorrent(await theirs(path, [kind]));
        expect(toHex(mine.infoBytes)).toBe(toHex(other.infoBytes));
        expect(mine.pieceLayers).toEqual(other.pieceLayers);
        expect(mine.info.multiFile).toBe(false);
      }
    },
  );

  it.each<[string, TorrentVersion]>([
    ['version 1', 1],
    ['version 2', 2],
    ['hybrids', 'hybrid'],
  ])('of %s are read by libtorrent with the same hashes, files and layers', async (_, version) => {
    for (const path of [folder, join(folder, 'i-odd')]) {
      const bytes = await ours(path, version);
      const { info, infoBytes, pieceLayers } = parseTorrent(bytes);
      const loaded = await loadedByThem(bytes);
      expect(loaded).toMatchObject({
        v1: info.hasV1 ? toHex(hash('sha1', infoBytes)) : null,
        v2: info.hasV2 ? toHex(hash('sha256', infoBytes)) : null,
        name: info.name,
        pieceLength: PIECE,
        pieces: info.pieceCount,
      });
      expect(loaded.sha1).toEqual(
        info.hasV1 ? Array.from({ length: info.pieceCount }, (_, i) => toHex(info.pieceHash(i)!)) : [],
      );
      expect(loaded.layers).toEqual(
        Object.fromEntries([...pieceLayers].map(([key, layer]) => [key, toHex(layer)])),
      );
      expect(loaded.files.filter(({ padding }) => !padding).map(place)).toEqual(
        info.files
          .filter(({ padding }) => !padding)
          .map((file) =>
            place({
              ...file,
              path: file.pathText,
              root: info.hasV2 ? toHex(file.piecesRoot ?? new Uint8Array(HASH_LENGTH)) : null,
            }),
          ),
      );
    }
  });
});
