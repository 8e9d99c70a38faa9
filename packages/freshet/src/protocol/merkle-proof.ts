/** Proofs that some hashes belong to the tree of a file, in the order and with the omissions of BEP 52's `hashes`. */

import { equalBytes } from './bytes.ts';
import {
  HASH_LENGTH,
  layerLength,
  log2Ceil,
  merkleLayers,
  merkleParent,
  merkleRoot,
  treeHeight,
  zeroSubtree,
} from './merkle.ts';

/** A run of hashes in a file's tree. */
export interface HashRange {
  /** Layers above the leaves. */
  readonly baseLayer: number;
  /** The first hash; a multiple of the width, which is `length` made a power of two from 2. */
  readonly index: number;
  /** Hashes of the base layer: a power of two from 2, or what the end of the file leaves of one. */
  readonly length: number;
}

/** A run of hashes with the number of ancestor layers that prove it. */
export interface ProofRange extends HashRange {
  readonly proofLayers: number;
}

/** Most hashes of the base layer that are answered; BEP 52 says that nobody should ask for more than 512. */
export const MAX_HASHES_REQUESTED = 8192;

/** No tree is higher: that of 2^53 bytes has 39 layers. */
const MAX_LAYER = 64;

function widthLayers(length: number): number {
  return Math.max(1, log2Ceil(length));
}

/** Uncle hashes that follow `length` hashes: the first log2(length) - 1 proof layers are left out (BEP 52). */
export function uncleCount(length: number, proofLayers: number): number {
  return Math.max(0, proofLayers - (widthLayers(length) - 1));
}

/** The `proofLayers` that prove hashes of `baseLayer` up to the root of the file, or up to layer `top`. */
export function proofLayersTo(top: number, baseLayer: number): number {
  return Math.max(0, top - baseLayer - 1);
}

/**
 * The range lies in the tree of a file of `fileLength` bytes and can be asked for: aligned, of a size that BEP 52
 * allows, with no more proof layers than there are below the root.
 */
export function isProofRange(range: ProofRange, fileLength: number): boolean {
  const { baseLayer, index, length, proofLayers } = range;
  const height = treeHeight(fileLength);
  if (baseLayer >= height || length < 1 || length > MAX_HASHES_REQUESTED) return false;
  if (proofLayers > proofLayersTo(height, baseLayer)) return false;
  const width = 2 ** widthLayers(length);
  if (index % width !== 0 || index + width > 2 ** (height - baseLayer)) return false;
  return length === width || index + length === layerLength(fileLength, baseLayer);
}

/**
 * What answers a request: the hashes of the base layer, then the uncles upward. `node` gives the hash at a place of
 * the tree, also beyond the end of the file (see `layersNode`), or `undefined` where it is not known, which makes the
 * answer `undefined`. `range` is one that `isProofRange` takes.
 */
export function buildProof(
  range: ProofRange,
  node: (layer: number, index: number) => Uint8Array | undefined,
): Uint8Array<ArrayBuffer> | undefined {
  const { baseLayer, index, length, proofLayers } = range;
  const uncles = uncleCount(length, proofLayers);
  const answer = new Uint8Array(HASH_LENGTH * (length + uncles));
  for (let i = 0; i < length; i++) {
    const hash = node(baseLayer, index + i);
    if (hash === undefined) return undefined;
    answer.set(hash, i * HASH_LENGTH);
  }
  const above = widthLayers(length);
  let at = index / 2 ** above;
  for (let i = 0; i < uncles; i++) {
    const uncle = node(baseLayer + above + i, at % 2 === 0 ? at + 1 : at - 1);
    if (uncle === undefined) return undefined;
    answer.set(uncle, HASH_LENGTH * (length + i));
    at = Math.floor(at / 2);
  }
  return answer;
}

/** `node` for `buildProof` out of all hashes of one layer, `base`, of which the first is that of index 0. */
export function layersNode(
  hashes: Uint8Array,
  base: number,
  width: number,
): (layer: number, index: number) => Uint8Array | undefined {
  const layers = merkleLayers(hashes, base, width);
  return (layer, index) => {
    const list = layers[layer - base];
    if (list === undefined || index >= width / 2 ** (layer - base)) return undefined;
    const at = index * HASH_LENGTH;
    return at < list.length ? list.subarray(at, at + HASH_LENGTH) : zeroSubtree(layer);
  };
}

/** A place in a tree and what is there. */
export interface ProvenNode {
  readonly layer: number;
  readonly index: number;
  readonly hash: Uint8Array;
}

/**
 * The ancestor that `hashes` and the uncles in `proof` lead to: the thing to compare with what is known there.
 * `undefined` if they cannot be a run at `index`.
 */
export function proofTop(range: {
  readonly baseLayer: number;
  readonly index: number;
  readonly hashes: Uint8Array;
  readonly proof: Uint8Array;
}): ProvenNode | undefined {
  const { baseLayer, hashes, proof } = range;
  if (hashes.length === 0 || hashes.length % HASH_LENGTH !== 0 || proof.length % HASH_LENGTH !== 0) {
    return undefined;
  }
  const above = widthLayers(hashes.length / HASH_LENGTH);
  // A peer may name any layer, and the hashes over nothing are made up to it.
  if (baseLayer + above + proof.length / HASH_LENGTH > MAX_LAYER) return undefined;
  const width = 2 ** above;
  if (range.index % width !== 0) return undefined;
  let index = range.index / width;
  let hash = merkleRoot(hashes, baseLayer, width);
  for (let at = 0; at < proof.length; at += HASH_LENGTH) {
    const uncle = proof.subarray(at, at + HASH_LENGTH);
    hash = index % 2 === 0 ? merkleParent(hash, uncle) : merkleParent(uncle, hash);
    index = Math.floor(index / 2);
  }
  return { layer: baseLayer + above + proof.length / HASH_LENGTH, index, hash };
}

/** What a peer sent in answer to a request for a proof up to the root. */
export interface Proof {
  /** Root of the file, 32 bytes. */
  readonly root: Uint8Array;
  /** In bytes. */
  readonly fileLength: number;
  readonly baseLayer: number;
  readonly index: number;
  /** Those of the base layer. */
  readonly hashes: Uint8Array;
  /** The uncles, the one next to the root last. */
  readonly proof: Uint8Array;
}

/** The hashes are those of the file's tree at that place: they and the uncles lead to its root. Never throws. */
export function verifyProof(proof: Proof): boolean {
  const { root, fileLength, baseLayer, index, hashes } = proof;
  const length = hashes.length / HASH_LENGTH;
  const proofLayers = proofLayersTo(treeHeight(fileLength), baseLayer);
  if (!Number.isInteger(length) || !isProofRange({ baseLayer, index, length, proofLayers }, fileLength)) {
    return false;
  }
  if (proof.proof.length !== HASH_LENGTH * uncleCount(length, proofLayers)) return false;
  const top = proofTop(proof);
  return top !== undefined && equalBytes(top.hash, root);
}
