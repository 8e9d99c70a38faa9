import {
  BLOCK_LENGTH,
  buildProof,
  HASH_LENGTH,
  type HashRequest,
  type Info,
  isProofRange,
  merkleLayers,
  zeroSubtree,
} from '../../protocol/index.ts';
import { LazyMap } from '../../protocol/lazy-collections.ts';
import type { Hasher } from '../ports.ts';
import type { HashTree } from './hash-tree.ts';
import { MAX_HASHES } from './hash-tree.ts';
import type { MerkleStore } from './merkle-store.ts';

/** A peer that asks for hashes, as the server sees it. */
export interface HashClient {
  readonly id: number;
  /** It gets no blocks at the moment. */
  readonly amChoking: boolean;
  /** The upload limit lets something through. When it does not, `wake` is called once it does. */
  mayUpload(wake: () => void): boolean;
  sendHashes(request: HashRequest, hashes: Uint8Array): void;
  sendHashReject(request: HashRequest): void;
}

export interface LeafServerOptions {
  readonly info: Info;
  readonly hashes: MerkleStore;
  readonly hasher: Hasher;
  isVerified(piece: number): boolean;
  /** As the piece store's. */
  read(piece: number, begin: number, length: number, wake: () => void): Uint8Array[] | Error | undefined;
}

/** Requests kept for one peer; it is told at once that more will not be answered. */
const MAX_QUEUE = 64;
/** Leaves kept in case that they are asked for again, in bytes: those of half a gigabyte of pieces. */
const CACHE_BYTES = 1024 * 1024;
/** Bytes of a piece that are read at a time. */
const RUN = 16 * BLOCK_LENGTH;

interface Client {
  readonly peer: HashClient;
  readonly queue: HashRequest[];
  /** Something is being read for it, or its turn in the upload limit has not come. */
  busy: boolean;
}

/**
 * Answers the hash requests of peers (BEP 52): roots of pieces out of what is known, leaves by reading the piece again,
 * as they would take as much memory as pieces' roots do, hundreds of times over.
 */
export class LeafServer {
  readonly #options: LeafServerOptions;
  readonly #clients = new LazyMap<number, Client>();
  /** Leaves by piece, the least recently used first. */
  readonly #cache = new LazyMap<number, Uint8Array>();
  #cached = 0;
  /** One piece at a time is read for all peers together. */
  #reading: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(options: LeafServerOptions) {
    this.#options = options;
  }

  /** A peer wants hashes. It is answered with them, or told that it will not be. */
  answer(peer: HashClient, request: HashRequest): void {
    if (!this.#canAnswer(request)) {
      peer.sendHashReject(request);
      return;
    }
    const client = this.#client(peer);
    if (client.queue.length >= MAX_QUEUE) {
      peer.sendHashReject(request);
      return;
    }
    client.queue.push(request);
    this.#serve(client);
  }

  /** The hashes of the blocks of a piece that has just been verified: somebody may soon ask for them. */
  remember(piece: number, leaves: Uint8Array): void {
    this.#cached -= this.#cache.get(piece)?.length ?? 0;
    this.#cache.delete(piece);
    this.#cache.set(piece, leaves);
    this.#cached += leaves.length;
    for (const [oldest, bytes] of this.#cache) {
      if (this.#cached <= CACHE_BYTES || oldest === piece) break;
      this.#cache.delete(oldest);
      this.#cached -= bytes.length;
    }
  }

  removePeer(id: number): void {
    const client = this.#clients.get(id);
    if (client !== undefined) client.queue.length = 0;
    this.#clients.delete(id);
  }

  close(): void {
    this.#closed = true;
    for (const client of this.#clients.values()) client.queue.length = 0;
    this.#clients.clear();
    this.#cache.clear();
    this.#cached = 0;
  }

  #client(peer: HashClient): Client {
    const known = this.#clients.get(peer.id);
    if (known !== undefined) return known;
    const client = { peer, queue: [], busy: false };
    this.#clients.set(peer.id, client);
    return client;
  }

  /** The request is one that can be answered, as far as that is known without reading anything. */
  #canAnswer(request: HashRequest): boolean {
    const tree = this.#options.hashes.treeByRoot(request.piecesRoot);
    if (tree === undefined || !isProofRange(request, tree.length)) return false;
    if (request.baseLayer >= tree.pieceLayer) return request.length <= MAX_HASHES;
    // Clients are only required to give the leaves and the layer of the pieces.
    if (request.baseLayer !== 0 || request.length > Math.max(MAX_HASHES, tree.leavesPerPiece)) return false;
    return this.#places(tree, request) !== undefined;
  }

  #serve(client: Client): void {
    while (!client.busy && client.queue.length > 0 && !this.#closed) {
      if (!client.peer.mayUpload(() => this.#wake(client))) {
        client.busy = true;
        return;
      }
      const request = client.queue.shift()!;
      const tree = this.#options.hashes.treeByRoot(request.piecesRoot)!;
      const pieces = request.baseLayer < tree.pieceLayer ? this.#places(tree, request) : [];
      const missing = pieces?.filter((piece) => this.#leaves(piece) === undefined);
      // Whoever is choked gets no blocks; to read whole pieces for its sake would cost more.
      if (pieces === undefined || missing === undefined || (missing.length > 0 && client.peer.amChoking)) {
        client.peer.sendHashReject(request);
      } else if (missing.length === 0) {
        this.#send(client, tree, request, pieces);
      } else {
        client.busy = true;
        void this.#compute(missing).then(() => {
          client.busy = false;
          if (this.#clients.get(client.peer.id) !== client) return;
          this.#send(client, tree, request, pieces);
          this.#serve(client);
        });
      }
    }
  }

  #wake(client: Client): void {
    client.busy = false;
    this.#serve(client);
  }

  /** The verified pieces whose leaves the request is about, each wherever its content is; `undefined` if one is lacking. */
  #places(tree: HashTree, request: HashRequest): number[] | undefined {
    const first = Math.floor(request.index / tree.leavesPerPiece);
    const end = Math.min(Math.ceil((request.index + request.length) / tree.leavesPerPiece), tree.pieceCount);
    const found: number[] = [];
    for (let piece = first; piece < end; piece++) {
      const start = this.#options.hashes
        .placesOf(tree)
        .find((place) => this.#options.isVerified(place + piece));
      if (start === undefined) return undefined;
      found.push(start + piece);
    }
    return found;
  }

  #send({ peer }: Client, tree: HashTree, request: HashRequest, pieces: readonly number[]): void {
    const first = Math.floor(request.index / tree.leavesPerPiece);
    const layers = pieces.map((piece) => {
      const leaves = this.#leaves(piece);
      return leaves && merkleLayers(leaves, 0, tree.leavesPerPiece);
    });
    const hashes = buildProof(request, (layer, index) => {
      if (layer >= tree.pieceLayer) return tree.node(layer, index);
      const width = tree.leavesPerPiece / 2 ** layer;
      const piece = Math.floor(index / width);
      if (piece >= tree.pieceCount) return zeroSubtree(layer);
      const list = layers[piece - first]?.[layer];
      if (list === undefined) return undefined;
      const at = (index - piece * width) * HASH_LENGTH;
      return at < list.length ? list.subarray(at, at + HASH_LENGTH) : zeroSubtree(layer);
    });
    if (hashes === undefined) peer.sendHashReject(request);
    else peer.sendHashes(request, hashes);
  }

  #leaves(piece: number): Uint8Array | undefined {
    const leaves = this.#cache.get(piece);
    if (leaves !== undefined) {
      this.#cache.delete(piece);
      this.#cache.set(piece, leaves);
    }
    return leaves;
  }

  /** Resolves when the leaves of these pieces are in the cache, or cannot be had. */
  #compute(pieces: readonly number[]): Promise<void> {
    const work = this.#reading.then(async () => {
      for (const piece of pieces) if (this.#leaves(piece) === undefined) await this.#hashPiece(piece);
    });
    this.#reading = work;
    return work;
  }

  async #hashPiece(piece: number): Promise<void> {
    const length = this.#options.info.dataLength(piece);
    const leaves = new Uint8Array(Math.ceil(length / BLOCK_LENGTH) * HASH_LENGTH);
    for (let begin = 0; begin < length; begin += RUN) {
      if (this.#closed || !this.#options.isVerified(piece)) return;
      const views = await this.#read(piece, begin, Math.min(RUN, length - begin));
      if (views instanceof Error) return;
      const run = joined(views);
      const digests: Promise<void>[] = [];
      for (let at = 0; at < run.length; at += BLOCK_LENGTH) {
        const place = ((begin + at) / BLOCK_LENGTH) * HASH_LENGTH;
        digests.push(
          new Promise((resolve) => {
            this.#options.hasher.sha256(run.subarray(at, at + BLOCK_LENGTH), (digest) => {
              leaves.set(digest, place);
              resolve();
            });
          }),
        );
      }
      await Promise.all(digests);
    }
    if (!this.#closed && this.#options.isVerified(piece)) this.remember(piece, leaves);
  }

  #read(piece: number, begin: number, length: number): Promise<Uint8Array[] | Error> {
    return new Promise((resolve) => {
      const attempt = (): void => {
        if (this.#closed) {
          resolve(new Error('The torrent is closed.'));
          return;
        }
        const views = this.#options.read(piece, begin, length, attempt);
        if (views !== undefined) resolve(views);
      };
      attempt();
    });
  }
}

function joined(views: readonly Uint8Array[]): Uint8Array {
  if (views.length === 1) return views[0]!;
  const all = new Uint8Array(views.reduce((sum, view) => sum + view.length, 0));
  let at = 0;
  for (const view of views) {
    all.set(view, at);
    at += view.length;
  }
  return all;
}
