import { type HashRequest, toHex } from '../../protocol/index.ts';
import { LazyMap, LazySet } from '../../protocol/lazy-collections.ts';
import type { MerkleStore } from './merkle-store.ts';

/** A peer that speaks v2 (BEP 52), as the exchange sees it. */
export interface HashPeer {
  readonly id: number;
  has(piece: number): boolean;
  sendHashRequest(request: HashRequest): void;
  ban(reason: string): void;
}

export interface HashExchangeOptions {
  readonly hashes: MerkleStore;
  /** Clock milliseconds. */
  now(): number;
  /** Pieces that readers need, soonest first. */
  urgent(): readonly { readonly piece: number }[];
  isWanted(piece: number): boolean;
  /** The hashes of the piece's blocks are of use. */
  wantsLeaves(piece: number): boolean;
  /** The roots of these pieces have become known. */
  onRoots(pieces: readonly number[]): void;
  /** Hashes of blocks of the piece have become known. */
  onLeaves(piece: number): void;
  /** Nobody gives the hashes of the piece's blocks that `seekLeaves` was called for. */
  onNoLeaves(piece: number): void;
}

/** Milliseconds until a request without an answer is made to somebody else. */
const PATIENCE = 5000;
/** Milliseconds until a peer is asked again for what it has refused. */
const REFUSED = 60_000;
/** A peer that leaves so many requests in a row without hashes is left alone for some milliseconds. */
const MAX_FAILURES = 4;
const REST = 60_000;
/** Most requests for pieces' roots to one peer at a time: 16 KiB each. */
const MAX_LAYER_REQUESTS = 4;
/** Most requests for leaves to one peer at a time. */
const MAX_LEAF_REQUESTS = 64;
/** Answers that came too late and would still be taken, for one peer. */
const MAX_LATE = 64;
/** Chunks looked at for one that may be asked for. */
const MAX_LOOKS = 256;

interface Asked {
  readonly key: string;
  readonly request: HashRequest;
  readonly isLayer: boolean;
  readonly at: number;
}

interface PeerState {
  readonly peer: HashPeer;
  readonly asked: Map<string, Asked>;
  /** What it was asked for and somebody else then was. */
  readonly late: Map<string, HashRequest>;
  /** What it has refused, and when it may be asked again. */
  readonly refused: Map<string, number>;
  layerRequests: number;
  failures: number;
  restUntil: number;
}

/**
 * Fetches what is not known of the files' trees from peers that speak v2 (BEP 52): the roots of pieces, what readers
 * need first, and the hashes of the blocks of pieces in progress.
 */
export class HashExchange {
  readonly #options: HashExchangeOptions;
  readonly #hashes: MerkleStore;
  readonly #peers = new LazyMap<number, PeerState>();
  /** What is asked for, of whom. */
  readonly #asked = new LazyMap<string, PeerState>();
  /** Pieces that are wrong and wait for the hashes of their blocks. */
  readonly #sought = new LazySet<number>();
  /** No piece before this one is without a root and wanted. */
  #cursor = 0;

  constructor(options: HashExchangeOptions) {
    this.#options = options;
    this.#hashes = options.hashes;
  }

  addPeer(peer: HashPeer): void {
    if (this.#peers.has(peer.id)) return;
    this.#peers.set(peer.id, {
      peer,
      asked: new Map(),
      late: new Map(),
      refused: new Map(),
      layerRequests: 0,
      failures: 0,
      restUntil: Number.NEGATIVE_INFINITY,
    });
    this.update();
  }

  removePeer(id: number): void {
    const state = this.#peers.get(id);
    if (state === undefined) return;
    this.#peers.delete(id);
    for (const asked of [...state.asked.values()]) this.#forget(state, asked);
    this.#settleSought();
    this.update();
  }

  /** The peer was just asked for blocks of the piece: this is when it must give their hashes (BEP 52). */
  onRequested(id: number, piece: number): void {
    const state = this.#peers.get(id);
    if (state === undefined || this.#hashes.hasLeaves(piece)) return;
    for (const request of this.#hashes.leafRequests(piece)) this.#ask(state, request, false);
  }

  /** The piece is wrong: asks for the hashes of its blocks. Returns whether anybody may give them. */
  seekLeaves(piece: number): boolean {
    if (this.#hashes.hasLeaves(piece)) return false;
    if (!this.#askAnyone(piece)) return false;
    this.#sought.add(piece);
    return true;
  }

  /** The peer has answered. Returns false if nobody asked for that. */
  onHashes(id: number, request: HashRequest, hashes: Uint8Array): boolean {
    const state = this.#peers.get(id);
    const key = keyOf(request);
    const asked = state?.asked.get(key);
    if (state === undefined || (asked === undefined && !state.late.delete(key))) return false;
    if (asked !== undefined) this.#forget(state, asked);
    const adopted = this.#hashes.adopt(request, hashes);
    if (adopted === undefined) {
      state.peer.ban('sent hashes that are not those of the file');
      return true;
    }
    state.failures = 0;
    for (const piece of adopted.leaves) if (this.#hashes.hasLeaves(piece)) this.#sought.delete(piece);
    if (adopted.roots.length > 0) this.#options.onRoots(adopted.roots);
    for (const piece of adopted.leaves) this.#options.onLeaves(piece);
    // What came too late to be of use is not kept.
    if (!adopted.leaves.some((piece) => this.#options.wantsLeaves(piece))) {
      for (const piece of adopted.leaves) this.#hashes.dropLeaves(piece);
    }
    this.update();
    return true;
  }

  /** The peer will not answer. */
  onReject(id: number, request: HashRequest): void {
    const state = this.#peers.get(id);
    const asked = state?.asked.get(keyOf(request));
    if (state === undefined || asked === undefined) return;
    this.#fail(state, asked);
    this.#settleSought();
    this.update();
  }

  /** Asks for the roots of pieces that are not known, as far as peers have room. */
  update(): void {
    if (this.#peers.size === 0) return;
    for (const piece of this.#missingRoots()) {
      const request = this.#hashes.layerRequest(piece);
      if (request === undefined || this.#asked.has(keyOf(request))) continue;
      const state = this.#bestFor(request, piece);
      if (state !== undefined) this.#ask(state, request, true);
    }
  }

  /** Once a second. */
  tick(): void {
    const now = this.#options.now();
    for (const state of this.#peers.values()) {
      for (const asked of [...state.asked.values()]) {
        if (now - asked.at < PATIENCE) continue;
        state.late.set(asked.key, asked.request);
        for (const oldest of state.late.keys()) {
          if (state.late.size <= MAX_LATE) break;
          state.late.delete(oldest);
        }
        this.#fail(state, asked);
      }
      for (const [key, until] of state.refused) if (until <= now) state.refused.delete(key);
    }
    // The selection may have changed.
    this.#cursor = 0;
    this.#settleSought();
    this.update();
  }

  close(): void {
    this.#peers.clear();
    this.#asked.clear();
    this.#sought.clear();
  }

  /** Pieces whose root is not known, one for each request: those that readers need, then the others that are wanted. */
  *#missingRoots(): Generator<number> {
    if (this.#hashes.complete) return;
    for (const { piece } of this.#options.urgent()) {
      if (this.#hashes.pieceRoot(piece) === undefined) yield piece;
    }
    let looks = MAX_LOOKS;
    let settled = true;
    for (let piece = this.#hashes.firstUnknown(this.#cursor); piece >= 0 && looks-- > 0; ) {
      const range = this.#hashes.piecesOf(this.#hashes.layerRequest(piece)!);
      // Of files of the same content only the first one is known by its pieces.
      const end = range !== undefined && range.first <= piece && piece <= range.last ? range.last : piece;
      let wanted = piece;
      while (wanted <= end && !this.#options.isWanted(wanted)) wanted++;
      if (wanted <= end) {
        settled = false;
        if (!this.#hasRoom()) return;
        yield wanted;
      } else if (settled) {
        this.#cursor = end + 1;
      }
      piece = this.#hashes.firstUnknown(end + 1);
    }
  }

  #hasRoom(): boolean {
    const now = this.#options.now();
    for (const state of this.#peers.values()) {
      if (state.layerRequests < MAX_LAYER_REQUESTS && state.restUntil <= now) return true;
    }
    return false;
  }

  /** The peer with the fewest requests that must be able to answer. */
  #bestFor(request: HashRequest, piece: number): PeerState | undefined {
    const now = this.#options.now();
    const key = keyOf(request);
    let best: PeerState | undefined;
    for (const state of this.#peers.values()) {
      if (state.layerRequests >= MAX_LAYER_REQUESTS || !mayAsk(state, key, now)) continue;
      if (best !== undefined && state.layerRequests >= best.layerRequests) continue;
      if (this.#covers(state.peer, request, piece)) best = state;
    }
    return best;
  }

  /** Peers must answer for pieces that they have; for others they may have nothing to prove them by. */
  #covers(peer: HashPeer, request: HashRequest, piece: number): boolean {
    if (peer.has(piece)) return true;
    const range = this.#hashes.piecesOf(request);
    if (range === undefined) return false;
    for (let other = range.first; other <= range.last; other++) if (peer.has(other)) return true;
    return false;
  }

  #ask(state: PeerState, request: HashRequest, isLayer: boolean): boolean {
    const key = keyOf(request);
    if (this.#asked.has(key)) return true;
    const at = this.#options.now();
    if (!mayAsk(state, key, at)) return false;
    if (!isLayer && state.asked.size - state.layerRequests >= MAX_LEAF_REQUESTS) return false;
    state.asked.set(key, { key, request, isLayer, at });
    state.late.delete(key);
    if (isLayer) state.layerRequests++;
    this.#asked.set(key, state);
    state.peer.sendHashRequest(request);
    return true;
  }

  /** Asks for the leaves of the piece. Returns whether all that is not known is asked for. */
  #askAnyone(piece: number): boolean {
    return this.#hashes.leafRequests(piece).every((request) => {
      if (this.#asked.has(keyOf(request))) return true;
      for (const state of this.#peers.values()) {
        if (state.peer.has(piece) && this.#ask(state, request, false)) return true;
      }
      return false;
    });
  }

  /** Pieces that wait for leaves: asks others, or tells that nobody is left. */
  #settleSought(): void {
    for (const piece of [...this.#sought]) {
      if (this.#hashes.hasLeaves(piece) || !this.#options.wantsLeaves(piece)) {
        this.#sought.delete(piece);
      } else if (!this.#askAnyone(piece)) {
        this.#sought.delete(piece);
        this.#options.onNoLeaves(piece);
      }
    }
  }

  #fail(state: PeerState, asked: Asked): void {
    const now = this.#options.now();
    this.#forget(state, asked);
    state.refused.set(asked.key, now + REFUSED);
    if (++state.failures < MAX_FAILURES) return;
    state.failures = 0;
    state.restUntil = now + REST;
  }

  #forget(state: PeerState, asked: Asked): void {
    state.asked.delete(asked.key);
    if (asked.isLayer) state.layerRequests--;
    if (this.#asked.get(asked.key) === state) this.#asked.delete(asked.key);
  }
}

function mayAsk(state: PeerState, key: string, now: number): boolean {
  return state.restUntil <= now && (state.refused.get(key) ?? Number.NEGATIVE_INFINITY) <= now;
}

function keyOf({ piecesRoot, baseLayer, index, length, proofLayers }: HashRequest): string {
  return `${toHex(piecesRoot)} ${baseLayer} ${index} ${length} ${proofLayers}`;
}
