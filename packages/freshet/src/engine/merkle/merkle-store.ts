import {
  equalBytes,
  type FileEntry,
  HASH_LENGTH,
  type HashRequest,
  type Info,
  isPieceLayer,
  isProofRange,
  merkleRoot,
  proofTop,
  toHex,
  uncleCount,
} from '../../protocol/index.ts';
import { LazyMap, LazySet } from '../../protocol/lazy-collections.ts';
import { HashTree } from './hash-tree.ts';
import { RootIndex } from './root-index.ts';

/** Hashes of a torrent's files (BEP 52): as `piece layers` in a torrent file, by the root in hexadecimal. */
export type PieceLayers = ReadonlyMap<string, Uint8Array>;

/** Where a piece lies: in which tree, and which piece of its file it is. */
interface Place {
  readonly tree: HashTree;
  readonly index: number;
}

/** What proven hashes have brought, as pieces of the torrent. */
export interface Adopted {
  /** Pieces whose root was not known. */
  readonly roots: number[];
  /** Pieces of whose leaves some are new. */
  readonly leaves: number[];
}

/**
 * What a torrent with v2 (BEP 52) knows of its files' trees. Files of the same content share one. Of a file of one piece
 * all is known with its root, and there can be millions of them: it has a tree while there are leaves in it, and one is
 * made in passing for whoever asks.
 */
export class MerkleStore {
  readonly #info: Info;
  /** Of the files of several pieces. */
  readonly #trees = new LazyMap<string, HashTree>();
  /** For each of those files, in the torrent's order: its first piece. */
  readonly #firsts: number[] = [];
  readonly #treeOf: HashTree[] = [];
  /** First pieces of the files that a tree is of, where there are several. */
  readonly #twins = new LazyMap<HashTree, number[]>();
  /** Those with pieces whose root is not known. */
  readonly #incomplete = new LazySet<HashTree>();
  /** Trees with leaves, of files of one piece. */
  readonly #small = new LazyMap<string, HashTree>();
  #rootIndex: RootIndex | undefined;

  /**
   * @param info one with v2.
   * @param layers those that are known, checked or not: wrong ones are left out.
   */
  constructor(info: Info, layers: PieceLayers = new Map()) {
    this.#info = info;
    for (const file of info.files) {
      const root = file.length > info.pieceLength ? file.piecesRoot : undefined;
      if (root === undefined) continue;
      const first = file.offset / info.pieceLength;
      const tree = this.#tree(root, file.length, first, layers);
      this.#firsts.push(first);
      this.#treeOf.push(tree);
      if (tree.first === first) continue;
      const twins = this.#twins.get(tree);
      if (twins === undefined) this.#twins.set(tree, [tree.first, first]);
      else twins.push(first);
    }
  }

  /** The root of every piece is known. */
  get complete(): boolean {
    return this.#incomplete.size === 0;
  }

  /** Piece layers that are known as a whole, of the files that have more than one piece. */
  get layers(): Map<string, Uint8Array> {
    const layers = new Map<string, Uint8Array>();
    for (const tree of this.#trees.values()) {
      if (tree.layer !== undefined) layers.set(toHex(tree.root), tree.layer);
    }
    return layers;
  }

  /** The first piece from `from` on whose root is not known; -1 when there is none. */
  firstUnknown(from: number): number {
    if (this.complete) return -1;
    for (let i = this.#fileOf(from); i < this.#firsts.length; i++) {
      const tree = this.#treeOf[i]!;
      const first = this.#firsts[i]!;
      const start = Math.max(0, from - first);
      if (tree.complete || start >= tree.pieceCount) continue;
      const piece = tree.firstUnknown(start);
      if (piece >= 0) return first + piece;
    }
    return -1;
  }

  /** The root of the tree over the piece, when it is known. */
  pieceRoot(piece: number): Uint8Array | undefined {
    const place = this.#findLarge(piece);
    return place === undefined ? this.#findSmall(piece)?.piecesRoot : place.tree.pieceRoot(place.index);
  }

  /** The SHA-256 of a block of the piece, when it is known. */
  leaf(piece: number, block: number): Uint8Array | undefined {
    const place = this.#find(piece);
    return place?.tree.leaf(place.index, block);
  }

  /** The hashes of all blocks of the piece are known. */
  hasLeaves(piece: number): boolean {
    const place = this.#find(piece);
    return place?.tree.hasLeaves(place.index) === true;
  }

  /** The root that follows from the hashes of all blocks of the piece. */
  rootOf(piece: number, digests: Uint8Array): Uint8Array {
    return merkleRoot(digests, 0, this.#find(piece)!.tree.leavesPerPiece);
  }

  /**
   * The piece is verified, by its SHA-1 only if its root is not known. Returns whether what is known now of its file is
   * all, and right; `undefined` while it is not all.
   * @param digests the hashes of its blocks.
   */
  claim(piece: number, digests: Uint8Array): boolean | undefined {
    const place = this.#findLarge(piece);
    if (place === undefined || place.tree.pieceRoot(place.index) !== undefined) return undefined;
    const right = place.tree.claim(place.index, this.rootOf(piece, digests));
    if (right) this.#incomplete.delete(place.tree);
    return right;
  }

  /** The piece is there: its leaves are needed no longer. */
  dropLeaves(piece: number): void {
    const place = this.#findLarge(piece);
    if (place !== undefined) {
      place.tree.dropLeaves(place.index);
    } else if (this.#small.size > 0) {
      const file = this.#findSmall(piece);
      if (file !== undefined && this.#smallWithLeaves(file) !== undefined)
        this.#small.delete(toHex(file.piecesRoot!));
    }
  }

  /** The tree of the file with this root. */
  treeByRoot(root: Uint8Array): HashTree | undefined {
    const hex = toHex(root);
    const known = this.#trees.get(hex) ?? this.#small.get(hex);
    if (known !== undefined) return known;
    const file = this.#roots.fileOf(root);
    return file && this.#treeOfSmall(file);
  }

  /** Where the pieces of the tree begin in the torrent; more than one place for files of the same content. */
  placesOf(tree: HashTree): readonly number[] {
    if (tree.pieceCount === 1) return this.#roots.piecesOf(tree.root);
    return this.#twins.get(tree) ?? [tree.first];
  }

  /** There are files of the same content. To find out takes a while when there are many files, the first time. */
  get hasTwins(): boolean {
    return this.#twins.size > 0 || this.#roots.hasTwins;
  }

  /** The pieces that have the content of this one, which is among them; none when there are no others. */
  twinsOf(piece: number): readonly number[] {
    const place = this.#findLarge(piece);
    if (place !== undefined) {
      return this.#twins.get(place.tree)?.map((first) => first + place.index) ?? [];
    }
    const root = this.#findSmall(piece)?.piecesRoot;
    const pieces = root === undefined ? [] : this.#roots.piecesOf(root);
    // Of a file that has the root of others and not their length nothing is known.
    return pieces.length > 1 && this.#info.dataLength(piece) === this.#info.dataLength(pieces[0]!)
      ? pieces
      : [];
  }

  /** For each content that several pieces have, as their files are the same: those pieces. */
  *twins(): Generator<readonly number[]> {
    for (const [tree, places] of this.#twins) {
      for (let i = 0; i < tree.pieceCount; i++) yield places.map((first) => first + i);
    }
    yield* this.#roots.twins();
  }

  /** The request that brings the piece's root, when that is not known. */
  layerRequest(piece: number): HashRequest | undefined {
    const place = this.#findLarge(piece);
    if (place === undefined || place.tree.pieceRoot(place.index) !== undefined) return undefined;
    return place.tree.layerRequest(place.index);
  }

  /** The requests that bring what is not known of the piece's leaves. */
  leafRequests(piece: number): HashRequest[] {
    const place = this.#find(piece);
    return place === undefined ? [] : place.tree.leafRequests(place.index);
  }

  /** The pieces, as the torrent counts them, that the request is about; those of the first file with the root. */
  piecesOf(request: HashRequest): { readonly first: number; readonly last: number } | undefined {
    const tree = this.treeByRoot(request.piecesRoot);
    if (tree === undefined || request.baseLayer > tree.pieceLayer) return undefined;
    const start = tree.first;
    const perPiece = 2 ** (tree.pieceLayer - request.baseLayer);
    const first = Math.floor(request.index / perPiece);
    const last = Math.floor((request.index + request.length - 1) / perPiece);
    return { first: start + first, last: start + Math.min(last, tree.pieceCount - 1) };
  }

  /**
   * Takes in what a peer answered to one of our requests: `hashes` of the base layer and the uncles behind them.
   * Returns `undefined` if they are not of this tree, which proves that the peer lies.
   */
  adopt(request: HashRequest, hashes: Uint8Array): Adopted | undefined {
    const tree = this.treeByRoot(request.piecesRoot);
    if (tree === undefined || !isProofRange(request, tree.length)) return undefined;
    const { baseLayer, index, length, proofLayers } = request;
    const split = length * HASH_LENGTH;
    if (hashes.length !== split + uncleCount(length, proofLayers) * HASH_LENGTH) return undefined;
    const own = hashes.subarray(0, split);
    const top = proofTop({ baseLayer, index, hashes: own, proof: hashes.subarray(split) });
    const known = top && tree.node(top.layer, top.index);
    if (top === undefined || known === undefined || !equalBytes(top.hash, known)) return undefined;
    const adopted =
      baseLayer === 0 && tree.leavesPerPiece > 1
        ? this.#adoptLeaves(tree, index, own)
        : this.#adoptLayer(tree, index, own);
    if (tree.complete) this.#incomplete.delete(tree);
    return adopted;
  }

  #adoptLayer(tree: HashTree, index: number, hashes: Uint8Array): Adopted {
    const roots: number[] = [];
    const end = Math.min(index + hashes.length / HASH_LENGTH, tree.pieceCount);
    for (let piece = index; piece < end; piece++) {
      const at = (piece - index) * HASH_LENGTH;
      if (tree.setPieceRoot(piece, hashes.subarray(at, at + HASH_LENGTH))) roots.push(piece);
    }
    return { roots: this.#everywhere(tree, roots), leaves: [] };
  }

  #adoptLeaves(tree: HashTree, first: number, hashes: Uint8Array): Adopted {
    const leaves = tree.addLeaves(first, hashes);
    if (tree.pieceCount === 1) this.#small.set(toHex(tree.root), tree);
    const roots = leaves.filter((piece) => {
      const root = tree.pieceRoot(piece) === undefined ? tree.rootOfLeaves(piece) : undefined;
      return root !== undefined && tree.setPieceRoot(piece, root);
    });
    return { roots: this.#everywhere(tree, roots), leaves: this.#everywhere(tree, leaves) };
  }

  /** As pieces of the torrent, of every file that has this tree. */
  #everywhere(tree: HashTree, pieces: readonly number[]): number[] {
    return this.placesOf(tree).flatMap((first) => pieces.map((piece) => first + piece));
  }

  /** Of a file of several pieces. */
  #tree(root: Uint8Array, length: number, first: number, layers: PieceLayers): HashTree {
    const hex = toHex(root);
    const shared = this.#trees.get(hex);
    if (shared !== undefined && shared.length === length) return shared;
    const { pieceLength } = this.#info;
    const tree = new HashTree(root, length, pieceLength, first);
    const layer = layers.get(hex);
    if (layer !== undefined && isPieceLayer(layer, { root, fileLength: length, pieceLength })) {
      tree.setLayer(layer);
    }
    if (!tree.complete) this.#incomplete.add(tree);
    // The same root for files of different lengths is a lie about one of them; which, their data will show.
    if (shared === undefined) this.#trees.set(hex, tree);
    return tree;
  }

  /** The files of one piece, by their roots: peers ask for few of them, and seeds need not know of twins. */
  get #roots(): RootIndex {
    this.#rootIndex ??= new RootIndex(this.#info);
    return this.#rootIndex;
  }

  #find(piece: number): Place | undefined {
    const place = this.#findLarge(piece);
    if (place !== undefined) return place;
    const file = this.#findSmall(piece);
    return file && { tree: this.#treeOfSmall(file), index: 0 };
  }

  #findLarge(piece: number): Place | undefined {
    const file = this.#fileOf(piece);
    const tree = this.#treeOf[file];
    const index = piece - (this.#firsts[file] ?? 0);
    return tree === undefined || index < 0 || index >= tree.pieceCount ? undefined : { tree, index };
  }

  /** The file with a root that is this piece and no other. */
  #findSmall(piece: number): FileEntry | undefined {
    const { pieceLength } = this.#info;
    const file = this.#info.fileOfPiece(piece);
    if (file === undefined || file.length === 0 || file.length > pieceLength) return undefined;
    return file.offset / pieceLength === piece ? file : undefined;
  }

  #smallWithLeaves({ piecesRoot, length }: FileEntry): HashTree | undefined {
    const tree = this.#small.size === 0 ? undefined : this.#small.get(toHex(piecesRoot!));
    return tree?.length === length ? tree : undefined;
  }

  #treeOfSmall(file: FileEntry): HashTree {
    const { pieceLength } = this.#info;
    const { piecesRoot, length, offset } = file;
    return (
      this.#smallWithLeaves(file) ?? new HashTree(piecesRoot!, length, pieceLength, offset / pieceLength)
    );
  }

  /** The last file of several pieces that begins at the piece or before it; 0 when there is none. */
  #fileOf(piece: number): number {
    let low = 0;
    let high = this.#firsts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (this.#firsts[middle]! <= piece) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}
