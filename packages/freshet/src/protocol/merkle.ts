/**
 * Merkle trees of files (BEP 52): SHA-256 over blocks of 16 KiB, in pairs up to one root for each file.
 *
 * Layers are counted from the leaves, which are layer 0. A layer is as wide as a power of two makes it; what lies
 * beyond the file's end are leaves of zeros, and above them the hashes that follow from those. Lists of hashes are
 * arrays of bytes, 32 for each hash, and hold the file's own only.
 */

import { equalBytes } from './bytes.ts';
import { sha256 } from './sha256.ts';

/** Bytes of the file under one leaf; the last one may have fewer. */
export const LEAF_LENGTH = 16_384;
/** Bytes of a hash. */
export const HASH_LENGTH = 32;

const ZERO_SUBTREES: Uint8Array[] = [new Uint8Array(HASH_LENGTH)];

/** The hash at layer `layer` over leaves that are all beyond the end of the file. Not to be written to. */
export function zeroSubtree(layer: number): Uint8Array {
  for (let next = ZERO_SUBTREES.length; next <= layer; next++) {
    const below = ZERO_SUBTREES[next - 1]!;
    ZERO_SUBTREES.push(merkleParent(below, below));
  }
  return ZERO_SUBTREES[layer]!;
}

/** The hash of two that are beside each other. */
export function merkleParent(left: Uint8Array, right: Uint8Array): Uint8Array {
  const pair = new Uint8Array(2 * HASH_LENGTH);
  pair.set(left);
  pair.set(right, HASH_LENGTH);
  return sha256(pair);
}

/** Leaves of a file's own: blocks of 16 KiB, the last one shorter perhaps. */
export function leafCount(fileLength: number): number {
  return Math.ceil(fileLength / LEAF_LENGTH);
}

/** The smallest h with 2^h >= `count`; 0 for none. */
export function log2Ceil(count: number): number {
  let height = 0;
  for (let width = 1; width < count; width *= 2) height++;
  return height;
}

/** The layer of a file's root. */
export function treeHeight(fileLength: number): number {
  return log2Ceil(leafCount(fileLength));
}

/** The layer on which one hash covers `pieceLength` bytes, a power of two from 16 KiB. */
export function pieceLayerOf(pieceLength: number): number {
  return log2Ceil(pieceLength / LEAF_LENGTH);
}

/** Hashes of a layer that are the file's own. */
export function layerLength(fileLength: number, layer: number): number {
  return Math.ceil(leafCount(fileLength) / 2 ** layer);
}

/**
 * Leaves in the tree over one piece of a file, zeros included: those of a whole piece, but for a file that is
 * shorter than a piece only as many as make it a power of two, because its root is that of its piece.
 */
export function pieceLeaves(fileLength: number, pieceLength: number): number {
  return 2 ** Math.min(pieceLayerOf(pieceLength), treeHeight(fileLength));
}

/**
 * The hash over `width` hashes of `layer`, a power of two, of which `hashes` has the first ones; the others are
 * beyond the end of the file.
 * @throws {RangeError} if there are more hashes than `width`, or half of one.
 */
export function merkleRoot(hashes: Uint8Array, layer: number, width: number): Uint8Array {
  const layers = merkleLayers(hashes, layer, width);
  return layers.at(-1)!.slice(0, HASH_LENGTH);
}

/**
 * All layers from `hashes`, which is the first of them, up to the hash over `width` of them. Each holds the hashes
 * that have anything of the file under them, and at least one.
 * @throws {RangeError} if there are more hashes than `width`, or half of one.
 */
export function merkleLayers(hashes: Uint8Array, layer: number, width: number): Uint8Array[] {
  if (hashes.length % HASH_LENGTH !== 0 || hashes.length > width * HASH_LENGTH) {
    throw new RangeError(`${hashes.length} bytes of hashes do not fit a width of ${width}`);
  }
  const layers: Uint8Array[] = [hashes.length === 0 ? zeroSubtree(layer) : hashes];
  for (let left = width, level = layer; left > 1; left /= 2, level++) {
    layers.push(layerAbove(layers.at(-1)!, level));
  }
  return layers;
}

function layerAbove(below: Uint8Array, layer: number): Uint8Array {
  const count = below.length / HASH_LENGTH;
  const above = new Uint8Array(HASH_LENGTH * Math.ceil(count / 2));
  for (let i = 0; i < count; i += 2) {
    const at = i * HASH_LENGTH;
    const hash =
      i + 1 < count
        ? sha256(below.subarray(at, at + 2 * HASH_LENGTH))
        : merkleParent(below.subarray(at), zeroSubtree(layer));
    above.set(hash, at / 2);
  }
  return above;
}

/**
 * The root of a piece from the hashes of its blocks; for a file of one piece that is the root of the file.
 * @throws {RangeError} if there are more than the piece has blocks.
 */
export function pieceRoot(leaves: Uint8Array, fileLength: number, pieceLength: number): Uint8Array {
  return merkleRoot(leaves, 0, pieceLeaves(fileLength, pieceLength));
}

/**
 * The root of a file from its piece layer, or from the root of its only piece.
 * @throws {RangeError} if there are more than the file has pieces.
 */
export function fileRoot(pieceRoots: Uint8Array, fileLength: number, pieceLength: number): Uint8Array {
  const layer = Math.min(pieceLayerOf(pieceLength), treeHeight(fileLength));
  return merkleRoot(pieceRoots, layer, 2 ** (treeHeight(fileLength) - layer));
}

/** The piece layer is that of the file whose root is `root`, as long as it must be, and of the right hashes. */
export function isPieceLayer(
  layer: Uint8Array,
  file: { readonly root: Uint8Array; readonly fileLength: number; readonly pieceLength: number },
): boolean {
  const { root, fileLength, pieceLength } = file;
  if (layer.length !== HASH_LENGTH * layerLength(fileLength, pieceLayerOf(pieceLength))) return false;
  return equalBytes(fileRoot(layer, fileLength, pieceLength), root);
}
