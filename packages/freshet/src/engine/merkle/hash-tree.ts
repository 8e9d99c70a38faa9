import {
  Bitfield,
  equalBytes,
  HASH_LENGTH,
  type HashRequest,
  layerLength,
  merkleParent,
  merkleRoot,
  pieceLayerOf,
  pieceLeaves,
  proofLayersTo,
  treeHeight,
  zeroSubtree,
} from '../../protocol/index.ts';

/** Hashes asked for at once: what BEP 52 says everybody answers. */
export const MAX_HASHES = 512;
/** Layers above the piece layer below which nodes are worked out again each time: 64 hashes, against their memory. */
const MEMO_LAYERS = 6;

/** Leaves of a piece that is in progress. */
interface LeafSet {
  readonly hashes: Uint8Array;
  /** 1 for each leaf that is proven. */
  readonly known: Uint8Array;
  left: number;
}

/**
 * What is known of the tree of one file (BEP 52): the roots of its pieces, and the leaves of pieces in progress. Only
 * what is proven against the root comes in here. Pieces are counted from the first one of the file.
 */
export class HashTree {
  readonly root: Uint8Array;
  /** The first piece of the first file that has this tree. */
  readonly first: number;
  /** Bytes of the file, at least one. */
  readonly length: number;
  readonly pieceCount: number;
  /** The layer of the root. */
  readonly height: number;
  /** The layer of the pieces' roots; for a file that is shorter than a piece that of its own root. */
  readonly pieceLayer: number;
  /** Leaves in the tree over one piece, zeros included. */
  readonly leavesPerPiece: number;
  readonly #leafCount: number;
  #layer: Uint8Array | undefined;
  /** The pieces whose root is known; absent when that is all of them, or none. */
  #known: Bitfield | undefined;
  // Torrents may have a hundred thousand files, so what most of them never need is made when it is.
  #leaves: Map<number, LeafSet> | undefined;
  /** Roots of pieces that are verified by their SHA-1 only. */
  #claims: Map<number, Uint8Array> | undefined;
  /** Nodes well above the piece layer, by layer and index. */
  #memo: Map<string, Uint8Array> | undefined;

  constructor(root: Uint8Array, length: number, pieceLength: number, first: number) {
    this.root = root;
    this.first = first;
    this.length = length;
    this.pieceCount = Math.ceil(length / pieceLength);
    this.height = treeHeight(length);
    this.pieceLayer = Math.min(pieceLayerOf(pieceLength), this.height);
    this.leavesPerPiece = pieceLeaves(length, pieceLength);
    this.#leafCount = layerLength(length, 0);
    if (this.pieceCount === 1) this.setLayer(root);
  }

  /** The root of every piece is known. */
  get complete(): boolean {
    return this.#layer !== undefined && this.#known === undefined;
  }

  /** The piece layer, when all of it is known. Not to be written to. */
  get layer(): Uint8Array | undefined {
    return this.complete ? this.#layer : undefined;
  }

  /** Takes over the whole piece layer, which the caller has checked against the root. */
  setLayer(layer: Uint8Array): void {
    this.#layer = layer;
    this.#known = undefined;
    this.#claims = undefined;
  }

  pieceRoot(piece: number): Uint8Array | undefined {
    const layer = this.#layer;
    if (layer === undefined || this.#known?.get(piece) === false) return undefined;
    return this.#hash(layer, piece);
  }

  /** The first piece from `from` on whose root is not known; -1 when there is none. */
  firstUnknown(from: number): number {
    if (this.#layer === undefined) return from;
    return this.#known?.firstUnset(from) ?? -1;
  }

  /** Returns whether it was not known. */
  setPieceRoot(piece: number, hash: Uint8Array): boolean {
    if (this.complete) return false;
    this.#known ??= new Bitfield(this.pieceCount);
    this.#layer ??= new Uint8Array(this.pieceCount * HASH_LENGTH);
    if (!this.#known.set(piece)) return false;
    this.#layer.set(hash, piece * HASH_LENGTH);
    if (this.#known.isFull) {
      this.#known = undefined;
      this.#claims = undefined;
    }
    return true;
  }

  /**
   * The root of a piece that is right by its SHA-1, and of which nobody has proven a root. When all pieces of the file
   * have one, they are its piece layer, if they lead to its root. Returns whether they do; `undefined` before that.
   */
  claim(piece: number, root: Uint8Array): boolean | undefined {
    if (this.complete) return undefined;
    this.#claims ??= new Map();
    this.#claims.set(piece, root);
    if (this.#claims.size + (this.#known?.count ?? 0) < this.pieceCount) return undefined;
    const layer = new Uint8Array(this.pieceCount * HASH_LENGTH);
    for (let i = 0; i < this.pieceCount; i++) {
      const hash = this.pieceRoot(i) ?? this.#claims.get(i);
      if (hash === undefined) return undefined;
      layer.set(hash, i * HASH_LENGTH);
    }
    this.#claims = undefined;
    if (!equalBytes(merkleRoot(layer, this.pieceLayer, 2 ** (this.height - this.pieceLayer)), this.root)) {
      return false;
    }
    this.setLayer(layer);
    return true;
  }

  /** The hash of a block, when it is known. */
  leaf(piece: number, block: number): Uint8Array | undefined {
    if (this.leavesPerPiece === 1) return this.pieceRoot(piece);
    const leaves = this.#leaves?.get(piece);
    return leaves?.known[block] === 1 ? this.#hash(leaves.hashes, block) : undefined;
  }

  /** The hashes of all blocks of the piece are known. */
  hasLeaves(piece: number): boolean {
    if (this.leavesPerPiece === 1) return this.pieceRoot(piece) !== undefined;
    return this.#leaves?.get(piece)?.left === 0;
  }

  /** Takes over proven leaves, from the leaf `first` of the file on. Returns the pieces they are of. */
  addLeaves(first: number, hashes: Uint8Array): number[] {
    const pieces: number[] = [];
    const end = Math.min(first + hashes.length / HASH_LENGTH, this.#leafCount);
    for (let at = first; at < end; at++) {
      const piece = Math.floor(at / this.leavesPerPiece);
      if (pieces.at(-1) !== piece) pieces.push(piece);
      const set = this.#leafSet(piece);
      const block = at - piece * this.leavesPerPiece;
      if (set.known[block] === 1) continue;
      set.known[block] = 1;
      set.left--;
      const from = (at - first) * HASH_LENGTH;
      set.hashes.set(hashes.subarray(from, from + HASH_LENGTH), block * HASH_LENGTH);
    }
    return pieces;
  }

  /** The root of the piece out of its leaves, when they are all known. */
  rootOfLeaves(piece: number): Uint8Array | undefined {
    const set = this.#leaves?.get(piece);
    return set?.left === 0 ? merkleRoot(set.hashes, 0, this.leavesPerPiece) : undefined;
  }

  /** The piece is there: its leaves are needed no longer. */
  dropLeaves(piece: number): void {
    this.#leaves?.delete(piece);
  }

  /**
   * A node of the piece layer or above, also beyond the end of the file; `undefined` where it does not follow from
   * what is known.
   */
  node(layer: number, index: number): Uint8Array | undefined {
    if (index >= layerLength(this.length, layer)) return zeroSubtree(layer);
    if (layer === this.height) return this.root;
    if (layer < this.pieceLayer) return undefined;
    if (layer === this.pieceLayer) return this.pieceRoot(index);
    const key = `${layer} ${index}`;
    const known = this.#memo?.get(key);
    if (known !== undefined) return known;
    const left = this.node(layer - 1, 2 * index);
    const right = left && this.node(layer - 1, 2 * index + 1);
    if (left === undefined || right === undefined) return undefined;
    const hash = merkleParent(left, right);
    if (layer < this.pieceLayer + MEMO_LAYERS) return hash;
    this.#memo ??= new Map();
    this.#memo.set(key, hash);
    return hash;
  }

  /** The request that brings the root of the piece, and those around it. */
  layerRequest(piece: number): HashRequest {
    const width = Math.min(MAX_HASHES, 2 ** (this.height - this.pieceLayer));
    const index = piece - (piece % width);
    return {
      piecesRoot: this.root,
      baseLayer: this.pieceLayer,
      index,
      length: Math.min(width, this.pieceCount - index),
      proofLayers: proofLayersTo(this.height, this.pieceLayer),
    };
  }

  /** The requests that bring the leaves of the piece, without those that are known. */
  leafRequests(piece: number): HashRequest[] {
    if (this.leavesPerPiece === 1) return [];
    const start = piece * this.leavesPerPiece;
    const count = this.blocksOf(piece);
    const top = this.pieceRoot(piece) === undefined ? this.height : this.pieceLayer;
    const requests: HashRequest[] = [];
    for (let block = 0; block < count; block += MAX_HASHES) {
      if (this.leaf(piece, block) !== undefined) continue;
      const length = Math.min(MAX_HASHES, count - block);
      requests.push({
        piecesRoot: this.root,
        baseLayer: 0,
        index: start + block,
        length,
        proofLayers: proofLayersTo(top, 0),
      });
    }
    return requests;
  }

  /** Blocks of the file in the piece. */
  blocksOf(piece: number): number {
    return Math.min(this.leavesPerPiece, this.#leafCount - piece * this.leavesPerPiece);
  }

  #leafSet(piece: number): LeafSet {
    this.#leaves ??= new Map();
    const known = this.#leaves.get(piece);
    if (known !== undefined) return known;
    const count = this.blocksOf(piece);
    const set = { hashes: new Uint8Array(count * HASH_LENGTH), known: new Uint8Array(count), left: count };
    this.#leaves.set(piece, set);
    return set;
  }

  #hash(list: Uint8Array, index: number): Uint8Array {
    return list.subarray(index * HASH_LENGTH, (index + 1) * HASH_LENGTH);
  }
}
