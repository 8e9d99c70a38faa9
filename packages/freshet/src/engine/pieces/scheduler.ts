import type { Random } from '../ports.ts';
import type { BlockSource } from './block-source.ts';
import { FREE, type PartialPiece, RECEIVED, REQUESTED } from './partial-piece.ts';
import type { PieceStore } from './piece-store.ts';

/** A piece that somebody waits for. */
export interface UrgentPiece {
  readonly piece: number;
  /** When the reader needs it, in clock milliseconds. */
  readonly deadline: number;
}

/** A peer as the scheduler sees it. */
export interface RequestTarget extends BlockSource {
  has(piece: number): boolean;
  /** Whether the block is asked of this peer at the moment. */
  isRequesting(piece: number, block: number): boolean;
  /** Adds the request; the scheduler has marked the block. */
  request(partial: PartialPiece, block: number): void;
  /** Milliseconds until a block that is asked for now would be here. */
  readonly queueTime: number;
  /** Requests in flight. */
  readonly outstanding: number;
  /** Its bytes cost the site money: while somebody watches, it gives only what nobody else can in time. */
  readonly costly: boolean;
  /** The piece it was given last, to be continued. */
  currentPiece: number;
  /** The picker's generation in which it had no open piece to give; reset to -1 when it has more pieces. */
  barrenSince: number;
  /** When it was last looked whether it can help others with what is late, in clock milliseconds. */
  helpedAt: number;
}

/** Pieces begun at random before rarity counts, so that a newcomer soon has something to give (BEP 3 practice). */
const RANDOM_FIRST_PIECES = 4;
/** Extra sources that one late block may be asked of. */
const MAX_EXTRA_REQUESTERS = 3;
/** A block is late when it takes longer than mean + 4 deviations, but not before this many milliseconds. */
const MIN_LATE = 400;
const MAX_LATE = 8000;
/**
 * How near a deadline must be for a source that costs money to pre-empt the free ones, in milliseconds. The
 * scheduler of p2p-media-loader has 15 s; verified blocks and cancels let us wait longer.
 */
export const HIGH_DEMAND = 4000;
/** Milliseconds between two looks at whether an idle peer can help: each goes through all blocks in progress. */
const HELP_INTERVAL = 500;
/** How near a deadline must be for a late block to be asked of another source, in milliseconds. */
const RESCUE_HORIZON = 4000;

/**
 * Says which blocks to ask a peer for. Order: pieces with a deadline, then the piece the peer is at, then other
 * pieces in progress, then a new piece; and when nothing is left to ask for, blocks that others owe (end game).
 */
export class Scheduler {
  readonly #store: PieceStore;
  readonly #random: Random;
  readonly #urgent: () => readonly UrgentPiece[];
  readonly #isStreaming: () => boolean;
  /** Smallest queue time of all peers, as of the last tick: who may take the most urgent pieces. */
  bestQueueTime = 0;
  /** A free peer has everything and would send it, as of the last tick. */
  hasFreeSeed = false;
  /** Time from request to arrival, its mean and deviation, over all peers. */
  #meanTime = 1000;
  #deviation = 500;

  constructor(
    store: PieceStore,
    random: Random,
    urgent: () => readonly UrgentPiece[],
    isStreaming: () => boolean,
  ) {
    this.#isStreaming = isStreaming;
    this.#store = store;
    this.#random = random;
    this.#urgent = urgent;
  }

  /** Milliseconds after which a block counts as late. */
  get lateAfter(): number {
    return Math.min(MAX_LATE, Math.max(MIN_LATE, this.#meanTime + 4 * this.#deviation));
  }

  /** A block took this long, in milliseconds. */
  observe(elapsed: number): void {
    this.#deviation += 0.1 * (Math.abs(elapsed - this.#meanTime) - this.#deviation);
    this.#meanTime += 0.1 * (elapsed - this.#meanTime);
  }

  /**
   * Whether a source that costs money should leave the piece to free ones: while somebody watches, when a free
   * peer has it and no deadline is near.
   */
  leaveToFree(piece: number, slack: number): boolean {
    if (!this.streaming || slack < HIGH_DEMAND) return false;
    return this.hasFreeSeed || this.#store.picker.availability(piece) > 0;
  }

  /** Somebody watches. */
  get streaming(): boolean {
    return this.#isStreaming();
  }

  /** Asks the peer for up to `room` blocks. */
  assign(peer: RequestTarget, room: number, now: number): void {
    let left = this.#assignUrgent(peer, room, now);
    if (left > 0) left = this.#continuePiece(peer, left, now);
    if (left > 0) left = this.#joinPartials(peer, left, now);
    while (left > 0) {
      const given = this.#beginPiece(peer, left, now);
      if (given === 0) break;
      left -= given;
    }
    if (left === 0 || peer.outstanding > 0) return;
    if (this.#store.picker.openPieces === 0) {
      this.#assignEndGame(peer, left, now, 0);
    } else if (now - peer.helpedAt >= HELP_INTERVAL) {
      // While others have pieces to begin, an idle peer helps with what is late only.
      peer.helpedAt = now;
      this.#assignEndGame(peer, left, now, this.lateAfter);
    }
  }

  /** Whether a piece without a deadline may be asked of the peer. */
  #mayTake(peer: RequestTarget, piece: number): boolean {
    if (!peer.has(piece) || this.#store.picker.priority(piece) === 0) return false;
    return !peer.costly || !this.leaveToFree(piece, Number.POSITIVE_INFINITY);
  }

  /** Returns how much room is left. */
  #assignUrgent(peer: RequestTarget, room: number, now: number): number {
    let left = room;
    for (const { piece, deadline } of this.#urgent()) {
      if (left === 0) break;
      if (!this.#store.isMissing(piece) || !peer.has(piece)) continue;
      const slack = deadline - now;
      if (peer.costly && this.leaveToFree(piece, slack)) continue;
      // A peer that would deliver too late leaves the piece to those who can make it.
      if (peer.queueTime > Math.max(1000, slack) && peer.queueTime > 2 * this.bestQueueTime) continue;
      const partial = this.#store.begin(piece, true);
      if (partial === undefined) continue;
      left -= this.#requestFree(peer, partial, left, now);
      if (left > 0 && slack < RESCUE_HORIZON) left -= this.#rescue(peer, partial, left, now);
    }
    return left;
  }

  /** Asks for blocks of an urgent piece that others are late with. */
  #rescue(peer: RequestTarget, partial: PartialPiece, room: number, now: number): number {
    const late = this.lateAfter;
    let given = 0;
    for (let block = 0; block < partial.blockCount && given < room; block++) {
      if (partial.state(block) !== REQUESTED) continue;
      const allowed = Math.min(MAX_EXTRA_REQUESTERS, Math.floor((now - partial.requestedAt(block)) / late));
      if (partial.requesters(block) > allowed || peer.isRequesting(partial.index, block)) continue;
      this.#request(peer, partial, block, now);
      given++;
    }
    return given;
  }

  #continuePiece(peer: RequestTarget, room: number, now: number): number {
    const partial = this.#store.partials.get(peer.currentPiece);
    if (partial === undefined || partial.freeBlocks === 0 || !this.#mayTake(peer, partial.index)) return room;
    return room - this.#requestFree(peer, partial, room, now);
  }

  #joinPartials(peer: RequestTarget, room: number, now: number): number {
    let left = room;
    for (const partial of this.#store.partials.values()) {
      if (left === 0) break;
      if (partial.freeBlocks === 0 || !this.#mayTake(peer, partial.index)) continue;
      left -= this.#requestFree(peer, partial, left, now);
      peer.currentPiece = partial.index;
    }
    return left;
  }

  #beginPiece(peer: RequestTarget, room: number, now: number): number {
    const { picker, verified } = this.#store;
    // Searching all open pieces again for each message would cost more than the messages.
    if (peer.barrenSince === picker.generation) return 0;
    const has = (piece: number): boolean => this.#mayTake(peer, piece);
    const piece =
      verified.count < RANDOM_FIRST_PIECES && this.#random.below(2) === 0
        ? picker.pickRandom(has)
        : picker.pick(has, peer.currentPiece);
    if (piece < 0) {
      // What a costly source may give changes with time.
      if (!peer.costly) peer.barrenSince = picker.generation;
      return 0;
    }
    const partial = this.#store.begin(piece, false);
    if (partial === undefined) return 0;
    peer.currentPiece = piece;
    return this.#requestFree(peer, partial, room, now);
  }

  /** Asks an idle peer for the oldest blocks that others owe too, one extra source a block. */
  #assignEndGame(peer: RequestTarget, room: number, now: number, minAge: number): void {
    const candidates: { partial: PartialPiece; block: number }[] = [];
    for (const partial of this.#store.partials.values()) {
      if (!this.#mayTake(peer, partial.index)) continue;
      for (let block = 0; block < partial.blockCount; block++) {
        if (partial.state(block) === RECEIVED || partial.requesters(block) > 1) continue;
        if (now - partial.requestedAt(block) < minAge) continue;
        if (!peer.isRequesting(partial.index, block)) candidates.push({ partial, block });
      }
    }
    candidates.sort((a, b) => a.partial.requestedAt(a.block) - b.partial.requestedAt(b.block));
    for (const { partial, block } of candidates.slice(0, room)) this.#request(peer, partial, block, now);
  }

  #requestFree(peer: RequestTarget, partial: PartialPiece, room: number, now: number): number {
    let given = 0;
    while (given < room) {
      const block = partial.firstFree();
      if (block < 0) break;
      this.#request(peer, partial, block, now);
      given++;
    }
    return given;
  }

  #request(peer: RequestTarget, partial: PartialPiece, block: number, now: number): void {
    if (partial.state(block) !== FREE && partial.state(block) !== REQUESTED) return;
    partial.request(block, now);
    peer.request(partial, block);
  }
}
