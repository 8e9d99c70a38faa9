/** From files to a torrent: what it is called, what is in it, and its info dictionary. */

import type { FileStore } from '../engine/storage/file-store.ts';
import { hashPieces } from '../engine/storage/hash-pieces.ts';
import { openMappedDisk } from '../engine/storage/mapped-disk.ts';
import {
  type BuildFile,
  buildInfo,
  choosePieceLength,
  DistinctPaths,
  encodeTorrent,
  type InfoFields,
  parseInfo,
  safePath,
} from '../protocol/index.ts';
import { AbortedError, ArgumentError } from './errors.ts';
import type { PlacedSeedFile, SeedFile, SessionPlatform } from './platform.ts';
import type { SeedInput, SeedSettings } from './protocol.ts';
import { hashOf, type ResolvedSource } from './source.ts';

/** A torrent that was made of files, ready to be added. */
export interface MadeTorrent {
  readonly source: ResolvedSource;
  /** Reads the files where they are. */
  readonly store: FileStore;
  /** Folder that they are in, if they are in one. */
  readonly path: string | undefined;
}

export interface SeedHost {
  readonly platform: SessionPlatform;
  /** The torrent has been removed meanwhile. */
  cancelled(): boolean;
  onProgress(hashed: number, total: number): void;
}

/** Rejects with one sentence; with `AbortedError` when cancelled. Nothing is copied or written. */
export async function makeTorrent(
  inputs: readonly SeedInput[],
  settings: SeedSettings,
  host: SeedHost,
): Promise<MadeTorrent> {
  const { platform } = host;
  const listed = await listInputs(inputs, settings.filterJunkFiles === false, platform);
  const layout = layOut(listed, settings.name);
  const length = layout.files.reduce((sum, { seed }) => sum + seed.length, 0);
  if (length === 0) throw new ArgumentError(`"${layout.name}" has no bytes to seed.`);
  const pieceLength = readPieceLength(settings.pieceLength, length);
  const fields = (pieces: Uint8Array): InfoFields => ({
    name: layout.name,
    pieceLength,
    files: layout.single ? length : layout.files.map(buildFile),
    pieces,
    private: settings.private,
    source: settings.source,
  });

  // Hashes of zeros first: that gives the layout by which the files are read.
  const draft = parseInfo(buildInfo(fields(new Uint8Array(20 * Math.ceil(length / pieceLength)))));
  const placed: PlacedSeedFile[] = layout.files.map(({ seed }, index) => ({
    path: draft.files[index]!.path,
    seed,
  }));
  const store = platform.openSeed(placed);
  const disk = openMappedDisk({ info: draft, infoHash: new Uint8Array(20), store });
  let pieces: Uint8Array;
  try {
    pieces = await hashPieces({
      length,
      pieceLength,
      read: (offset, into) => disk.read(offset, into),
      hasher: platform.ports.hasher,
      cancelled: host.cancelled,
      onProgress: (hashed) => host.onProgress(Math.min(hashed * pieceLength, length), length),
    });
  } finally {
    await disk.close();
  }
  if (host.cancelled()) throw new AbortedError('Seeding was given up.');

  const infoBytes = buildInfo(fields(pieces));
  const created = settings.creationDate ?? platform.ports.clock.wallTime();
  const seconds = created === false ? undefined : Math.floor(created / 1000);
  const trackers = settings.announceList ?? (settings.announce ?? []).map((url) => [url]);
  const webSeeds = settings.urlList ?? [];
  const { comment, createdBy } = settings;
  return {
    source: {
      infoHash: await hashOf(infoBytes, platform.ports.hasher),
      infoBytes,
      name: layout.name,
      trackers,
      webSeeds,
      peers: [],
      created: seconds === undefined ? undefined : seconds * 1000,
      createdBy,
      comment,
      torrentFile: encodeTorrent({
        infoBytes,
        announceTiers: trackers,
        urlList: webSeeds,
        comment,
        createdBy,
        creationDate: seconds,
      }),
    },
    store,
    path: folderOf(inputs, platform),
  };
}

async function listInputs(
  inputs: readonly SeedInput[],
  junk: boolean,
  platform: SessionPlatform,
): Promise<SeedFile[]> {
  const files: SeedFile[] = [];
  for (const input of inputs) {
    if (input.kind === 'path') {
      if (platform.listSeed === undefined) {
        throw new ArgumentError(`"${input.path}" cannot be seeded: there are no paths here, only files.`);
      }
      files.push(...(await platform.listSeed(input.path, junk)));
    } else {
      const length = input.kind === 'bytes' ? input.bytes.length : input.blob.size;
      files.push({ path: safePath(input.name.split('/')), length, content: input });
    }
  }
  if (files.length === 0) throw new ArgumentError('There are no files to seed.');
  return files;
}

interface Layout {
  readonly name: string;
  /** A torrent of one file, without a folder. */
  readonly single: boolean;
  /** With paths below the torrent's folder. */
  readonly files: readonly PlacedSeedFile[];
}

/**
 * One file makes a torrent of that file. Files that share their first folder make one named like it; else the first
 * file's name is the torrent's, as WebTorrent documents it.
 */
export function layOut(files: readonly SeedFile[], name: string | undefined): Layout {
  const [first] = files;
  const safeName = name === undefined ? undefined : safePath([name])[0];
  if (files.length === 1 && first!.path.length === 1) {
    return { name: safeName ?? first!.path[0]!, single: true, files: [{ path: first!.path, seed: first! }] };
  }
  const folder = first!.path[0]!;
  const shared = files.every(({ path }) => path.length > 1 && path[0] === folder);
  const distinct = new DistinctPaths();
  return {
    name: safeName ?? (shared ? folder : first!.path.at(-1)!),
    single: false,
    files: files.map((seed) => ({ path: distinct.add(shared ? seed.path.slice(1) : [...seed.path]), seed })),
  };
}

function buildFile({ path, seed }: PlacedSeedFile): BuildFile {
  return { path, length: seed.length };
}

function readPieceLength(wanted: number | undefined, length: number): number {
  if (wanted === undefined) return choosePieceLength(length);
  const valid = Number.isInteger(Math.log2(wanted)) && wanted >= 16_384 && wanted <= 256 * 1024 * 1024;
  if (!valid) throw new ArgumentError(`A piece length of ${wanted} bytes is no power of two from 16384.`);
  return wanted;
}

function folderOf(inputs: readonly SeedInput[], platform: SessionPlatform): string | undefined {
  const [input] = inputs;
  return inputs.length === 1 && input?.kind === 'path' ? platform.folderOf?.(input.path) : undefined;
}
