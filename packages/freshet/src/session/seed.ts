/** From files to a torrent: what it is called, what is in it, and its info dictionary. */

import { hashesOfInfo } from '../engine/metadata-hashes.ts';
import type { FileStore } from '../engine/storage/file-store.ts';
import { hashPieces, type PieceHashes, pieceLayersOf, treeOfFile } from '../engine/storage/hash-pieces.ts';
import { openMappedDisk } from '../engine/storage/mapped-disk.ts';
import {
  arrangeFiles,
  type BuildFile,
  buildInfo,
  choosePieceLength,
  DistinctPaths,
  encodeTorrent,
  type Info,
  parseInfo,
  parseTorrent,
  safePath,
  type TorrentVersion,
} from '../protocol/index.ts';
import { AbortedError, ArgumentError } from './errors.ts';
import type { PlacedSeedFile, SeedFile, SessionPlatform } from './platform.ts';
import type { SeedInput, SeedSettings } from './protocol.ts';
import type { ResolvedSource } from './source.ts';

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
  const plan = planTorrent(layout, settings, readPieceLength(settings.pieceLength, length));
  const { draft } = plan;
  const placed: PlacedSeedFile[] = plan.files.flatMap((file, index) =>
    'seed' in file ? [{ path: draft.files[index]!.path, seed: file.seed }] : [],
  );
  const store = platform.openSeed(placed);
  const built =
    (settings.made && madeBefore(settings.made, draft)) ??
    plan.build(await hashesOf(plan, store, length, host));
  if (host.cancelled()) throw new AbortedError('Seeding was given up.');

  const { infoBytes, pieceLayers } = built;
  const created = settings.creationDate ?? platform.ports.clock.wallTime();
  const seconds = created === false ? undefined : Math.floor(created / 1000);
  const trackers = settings.announceList ?? (settings.announce ?? []).map((url) => [url]);
  const webSeeds = settings.urlList ?? [];
  const { comment, createdBy } = settings;
  return {
    source: {
      hashes: await hashesOfInfo({ ...draft, bytes: infoBytes }, platform.ports.hasher),
      infoBytes,
      pieceLayers,
      name: draft.name,
      trackers,
      webSeeds,
      peers: [],
      created: seconds === undefined ? undefined : seconds * 1000,
      createdBy,
      comment,
      torrentFile: encodeTorrent({
        infoBytes,
        pieceLayers,
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

async function hashesOf(
  { draft }: Plan,
  store: FileStore,
  length: number,
  { platform, cancelled, onProgress }: SeedHost,
): Promise<PieceHashes> {
  const disk = openMappedDisk({ info: draft, infoHash: new Uint8Array(20), store });
  try {
    return await hashPieces({
      info: draft,
      read: (offset, into) => disk.read(offset, into),
      hasher: platform.ports.hasher,
      cancelled,
      onProgress: (hashed) => onProgress(Math.min(hashed * draft.pieceLength, length), length),
    });
  } finally {
    await disk.close();
  }
}

/** What hashing came to the last time; `undefined` where the file is of something else. */
function madeBefore(torrentFile: Uint8Array, draft: Info): Built | undefined {
  try {
    const { info, infoBytes, pieceLayers } = parseTorrent(torrentFile);
    const same =
      info.name === draft.name &&
      info.pieceLength === draft.pieceLength &&
      info.length === draft.length &&
      info.hasV1 === draft.hasV1 &&
      info.hasV2 === draft.hasV2 &&
      info.files.length === draft.files.length &&
      info.files.every((file, index) => {
        const { pathText, offset, length } = draft.files[index]!;
        return file.pathText === pathText && file.offset === offset && file.length === length;
      });
    return same ? { infoBytes, pieceLayers: info.hasV2 ? pieceLayers : undefined } : undefined;
  } catch {
    return undefined;
  }
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

/** A file to seed, or padding before one, as the info dictionary is to have it. */
type PlannedFile = BuildFile | (BuildFile & { readonly seed: SeedFile });

interface Plan {
  /** In the order of the draft's files. */
  readonly files: readonly PlannedFile[];
  /** What it will be, but for its hashes: says where which file is. */
  readonly draft: Info;
  build(hashes: PieceHashes): Built;
}

interface Built {
  readonly infoBytes: Uint8Array;
  readonly pieceLayers: ReadonlyMap<string, Uint8Array> | undefined;
}

function planTorrent(layout: Layout, settings: SeedSettings, pieceLength: number): Plan {
  const version = readVersion(settings.version);
  const listed = layout.files.map(({ path, seed }) => ({
    path,
    length: seed.length,
    // As libtorrent does. In version 1 nobody looks for it, and the same files had another info-hash before.
    attr: version !== 1 && seed.executable === true ? 'x' : undefined,
    seed,
  }));
  const files: PlannedFile[] = version === 1 || layout.single ? listed : arrangeFiles(listed, pieceLength);
  const build = (pieces: Uint8Array, rootOf: (index: number) => Uint8Array | undefined): Uint8Array => {
    const rooted = files.map((file, index): BuildFile => ({ ...file, piecesRoot: rootOf(index) }));
    return buildInfo({
      version,
      name: layout.name,
      pieceLength,
      files: layout.single ? rooted[0]! : rooted,
      pieces,
      private: settings.private,
      source: settings.source,
    });
  };
  // Hashes of zeros first.
  const total = files.reduce((sum, file) => sum + file.length, 0);
  const noHashes = new Uint8Array(20 * Math.ceil(total / pieceLength));
  const draft = parseInfo(build(noHashes, () => new Uint8Array(32)));
  return {
    files,
    draft,
    build: ({ pieces = noHashes, pieceRoots }) => {
      if (pieceRoots === undefined)
        return { infoBytes: build(pieces, () => undefined), pieceLayers: undefined };
      const trees = draft.files.map((file) =>
        file.padding ? undefined : treeOfFile(draft, file, pieceRoots),
      );
      const infoBytes = build(pieces, (index) => trees[index]?.piecesRoot);
      return { infoBytes, pieceLayers: pieceLayersOf(trees) };
    },
  };
}

/** Callers without types may give anything. */
function readVersion(wanted: unknown): TorrentVersion {
  if (wanted === undefined) return 1;
  if (wanted === 1 || wanted === 2 || wanted === 'hybrid') return wanted;
  throw new ArgumentError(`A torrent has version 1, 2 or "hybrid", not ${JSON.stringify(wanted)}.`);
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
