/** The hashes of a torrent that is being made: of pieces (BEP 3), of files as Merkle trees (BEP 52), or both. */

import {
  type FileEntry,
  fileRoot,
  HASH_LENGTH,
  type Info,
  LEAF_LENGTH,
  leafCount,
  pieceRoot,
  toHex,
} from '../../protocol/index.ts';
import type { Hasher } from '../ports.ts';
import { inParallel } from './in-parallel.ts';

/** What there is to hash; a draft with any hashes in it will do. */
export type HashedLayout = Pick<
  Info,
  'length' | 'pieceLength' | 'pieceCount' | 'hasV1' | 'hasV2' | 'dataLength' | 'fileOfPiece' | 'files'
>;

export interface HashPiecesOptions {
  /** Says by `hasV1` and `hasV2` what is wanted. */
  readonly info: HashedLayout;
  /** Fills `into` from `offset`, padding with zeros; resolves with the bytes that were there. */
  read(offset: number, into: Uint8Array): Promise<number>;
  readonly hasher: Hasher;
  /** Asked before each piece; true ends the work early. */
  cancelled(): boolean;
  onProgress(hashedPieces: number, totalPieces: number): void;
}

export interface PieceHashes {
  /** All SHA-1 digests one after another, 20 bytes each; `undefined` without version 1. */
  readonly pieces: Uint8Array<ArrayBuffer> | undefined;
  /** The root of every piece, 32 bytes each; `undefined` without version 2. */
  readonly pieceRoots: Uint8Array<ArrayBuffer> | undefined;
}

const SHA1_LENGTH = 20;

/**
 * Reads every byte once. Incomplete after a cancel. Rejects with what `read` rejects with, or when a file is shorter
 * than it was said to be. Holds at most 32 MiB, or one piece where that is more, beside the hashes.
 */
export async function hashPieces(options: HashPiecesOptions): Promise<PieceHashes> {
  const { info, hasher } = options;
  const { length, pieceLength, pieceCount } = info;
  const pieces = info.hasV1 ? new Uint8Array(SHA1_LENGTH * pieceCount) : undefined;
  const pieceRoots = info.hasV2 ? new Uint8Array(HASH_LENGTH * pieceCount) : undefined;
  let next = 0;
  let hashed = 0;
  await inParallel(
    pieceLength,
    () => (next < pieceCount && !options.cancelled() ? next++ : undefined),
    async (index, buffer) => {
      const start = index * pieceLength;
      const target = buffer.subarray(0, Math.min(pieceLength, length - start));
      const found = await options.read(start, target);
      if (found < target.length) {
        throw new Error(
          `A file changed while it was read: nothing is at byte ${start + found} of ${length}. Try again.`,
        );
      }
      const file = info.fileOfPiece(index);
      const sha1 = pieces === undefined ? undefined : hasher.sha1(target);
      if (pieceRoots !== undefined && file !== undefined) {
        const leaves = await hashLeaves(target.subarray(0, info.dataLength(index)), hasher);
        pieceRoots.set(pieceRoot(leaves, file.length, pieceLength), HASH_LENGTH * index);
      }
      if (sha1 !== undefined) pieces?.set(await sha1, SHA1_LENGTH * index);
      hashed++;
      if (!options.cancelled()) options.onProgress(hashed, pieceCount);
    },
  );
  return { pieces, pieceRoots };
}

/** The SHA-256 of each block of 16 KiB, the last one shorter perhaps, 32 bytes each. `data` must not change before. */
export function hashLeaves(data: Uint8Array, hasher: Hasher): Promise<Uint8Array<ArrayBuffer>> {
  const count = leafCount(data.length);
  const leaves = new Uint8Array(HASH_LENGTH * count);
  return new Promise((resolve) => {
    let missing = count;
    if (missing === 0) resolve(leaves);
    for (let leaf = 0; leaf < count; leaf++) {
      const block = data.subarray(leaf * LEAF_LENGTH, (leaf + 1) * LEAF_LENGTH);
      hasher.sha256(block, (digest) => {
        leaves.set(digest, HASH_LENGTH * leaf);
        if (--missing === 0) resolve(leaves);
      });
    }
  });
}

/** The tree of a file as a torrent has it. */
export interface FileTree {
  readonly piecesRoot: Uint8Array;
  /** The roots of its pieces; `undefined` if it has only one. */
  readonly pieceLayer: Uint8Array | undefined;
}

/** The tree of a file out of the roots of all pieces of the torrent; `undefined` for an empty file. */
export function treeOfFile(
  info: HashedLayout,
  file: FileEntry,
  pieceRoots: Uint8Array,
): FileTree | undefined {
  if (file.length === 0) return undefined;
  const first = file.offset / info.pieceLength;
  const end = first + Math.ceil(file.length / info.pieceLength);
  const roots = pieceRoots.slice(HASH_LENGTH * first, HASH_LENGTH * end);
  const piecesRoot = fileRoot(roots, file.length, info.pieceLength);
  return { piecesRoot, pieceLayer: end - first > 1 ? roots : undefined };
}

/** The layers of all files longer than a piece, by their roots in hexadecimal: a torrent file's `piece layers`. */
export function pieceLayersOf(trees: Iterable<FileTree | undefined>): Map<string, Uint8Array> {
  const layers = new Map<string, Uint8Array>();
  for (const tree of trees) {
    if (tree?.pieceLayer !== undefined) layers.set(toHex(tree.piecesRoot), tree.pieceLayer);
  }
  return layers;
}
