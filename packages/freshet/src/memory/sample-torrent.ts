import { hashesOfInfo } from '../engine/metadata-hashes.ts';
import { hashPieces, pieceLayersOf, treeOfFile } from '../engine/storage/hash-pieces.ts';
import {
  arrangeFiles,
  type BuildFile,
  buildInfo,
  type Info,
  type InfoHash,
  parseInfo,
  primaryHash,
  type TorrentHashes,
  type TorrentVersion,
} from '../protocol/index.ts';
import { MemoryHasher } from './hasher.ts';
import { SeededRandom } from './random.ts';

/** A torrent of pseudo-random bytes, made from a seed. */
export interface SampleTorrent {
  readonly content: Uint8Array;
  readonly info: Info;
  readonly infoBytes: Uint8Array;
  /** The primary one. */
  readonly infoHash: InfoHash;
  readonly hashes: TorrentHashes;
  /** What the torrent file of version 2 has beside the metadata. */
  readonly pieceLayers: ReadonlyMap<string, Uint8Array> | undefined;
}

/** @param length of the content in version 1; in version 2 padding comes to it between the files. */
export async function sampleTorrent(
  length: number,
  pieceLength: number,
  options: {
    readonly files?: readonly { path: string[]; length: number }[];
    readonly seed?: number;
    /** Default 1. */
    readonly version?: TorrentVersion;
    /** Writes what is not random, before it is hashed. */
    readonly write?: (content: Uint8Array) => void;
  } = {},
): Promise<SampleTorrent> {
  const hasher = new MemoryHasher();
  const version = options.version ?? 1;
  const listed = options.files;
  const files = listed === undefined || version === 1 ? listed : arrangeFiles(listed, pieceLength);
  const build = (pieces: Uint8Array, rootOf: (index: number) => Uint8Array | undefined): Uint8Array => {
    const rooted = files?.map((file, i): BuildFile => ({ ...file, piecesRoot: rootOf(i) }));
    const single = { length, piecesRoot: rootOf(0) };
    return buildInfo({ version, name: 'sample', pieceLength, files: rooted ?? single, pieces });
  };
  const total = files?.reduce((sum, file) => sum + file.length, 0) ?? length;
  const noHashes = new Uint8Array(20 * Math.ceil(total / pieceLength));
  const draft = parseInfo(build(noHashes, () => (version === 1 ? undefined : new Uint8Array(32))));
  const content = new Uint8Array(draft.length);
  new SeededRandom(options.seed ?? 1).fill(content);
  options.write?.(content);
  for (const file of draft.files) if (file.padding) content.fill(0, file.offset, file.offset + file.length);
  const { pieces = noHashes, pieceRoots } = await hashPieces({
    info: draft,
    read: async (offset, into) => {
      into.set(content.subarray(offset, offset + into.length));
      return into.length;
    },
    hasher,
    cancelled: () => false,
    onProgress: () => {},
  });
  const trees = draft.files.map((file) =>
    file.padding || pieceRoots === undefined ? undefined : treeOfFile(draft, file, pieceRoots),
  );
  const infoBytes = build(pieces, (index) => trees[index]?.piecesRoot);
  const hashes = await hashesOfInfo({ ...draft, bytes: infoBytes }, hasher);
  return {
    content,
    infoBytes,
    infoHash: primaryHash(hashes),
    hashes,
    info: parseInfo(infoBytes, hashes),
    pieceLayers: pieceRoots && pieceLayersOf(trees),
  };
}
