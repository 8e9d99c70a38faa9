import { type Bitfield, BLOCK_LENGTH } from '../../protocol/index.ts';
import type { Random } from '../ports.ts';
import type { BlockSource } from './block-source.ts';
import { BlockTimes } from './block-times.ts';
import { owedBlocks } from './end-game.ts';
import { drawFar } from './far-pieces.ts';
import { FREE, type PartialPiece, REQUESTED } from './partial-piece.ts';
import type { Offer } from './picker.ts';
import type { PieceStore } from './piece-store.ts';
import { NEAR, Restraint } from './restraint.ts';
import { Patience, type PeerSpeeds, urgentShare } from './urgent-share.ts';

/** A piece that somebody waits for. */
export interface UrgentPiece {
  readonly piece: number;
  /** When the reader needs it, in clock milliseconds. */
  readonly deadline: number;
  /** The first block that is waited for; those before it are of use only where blocks are not verified by themselves. */
  readonly firstBlock?: number | undefined;
}

/** Whether a request for a block stands in the way of what is needed now. */
export type GivesWay = (piece: number, block: number) => boolean;

/** A peer as the scheduler sees it. */
export interface RequestTarget extends BlockSource {
  /** The pieces that the peer has; `undefined` when it has all. */
  readonly have: Bitfield | undefined;
  /** Whether the block is asked of this peer at the moment. */
  isRequesting(piece: number, block: number): boolean;
  /** Adds the request; the scheduler has marked the block. */
  request(partial: PartialPiece, block: number): void;
  /** Milliseconds until a block that is asked for now would be here. */
  readonly queueTime: number;
  /** Bytes per second that it sends. */
  readonly rate: number;
  /** Requests in flight. */
  readonly outstanding: number;
  /** Blocks that it can be asked for now without keeping others of its peers waiting. @see SpareWindow */
  spare(now: number): number;
  /** Its bytes cost the site money: while somebody watches, it gives only what nobody else can in time. */
  readonly costly: boolean;
  /** The latest piece that it suggests (BEP 6) of those that are as good as another; -1 when there is none. */
  suggestion?(isAsGood: (piece: number) => boolean): number;
  /** The piece it was given last, to be continued. */
  currentPiece: number;
  /** The picker's generation in which it had no open piece to give; reset to -1 when it has more pieces. */
  barrenSince: number;
  /** When it was last looked whether it can help others with what is late, in clock milliseconds. */
  helpedAt: number;
  /** When it was last looked whether it can bring urgent blocks that are late, in clock milliseconds. */
  rescuedAt: number;
}

/** Pieces begun at random before rarity counts, so that a newcomer soon has something to give (BEP 3 practice). */
const RANDOM_FIRST_PIECES = 4;
/** Extra sources that one late block may be asked of. */
const MAX_EXTRA_REQUESTERS = 3;
/**
 * How near a deadline must be for a source that costs money to pre-empt the free ones, in milliseconds. The
 * scheduler of p2p-media-loader has 15 s; verified blocks and cancels let us wait longer.
 */
export const HIGH_DEMAND = 4000;
/** Milliseconds between two looks at whether an idle peer can help. */
const HELP_INTERVAL = 500;
/** Milliseconds between two looks for urgent blocks that are late, for one peer. */
const RESCUE_INTERVAL = 50;
/** Most urgent pieces, pieces in progress, and blocks that one call looks at. */
const MAX_URGENT_LOOKS = 256;
const MAX_PARTIAL_LOOKS = 64;
const MAX_BLOCK_LOOKS = 1024;
/** Fast peers are given runs of so many bytes, as libtorrent does: both ends then read and write in rows. */
const RUN_LENGTH = 4 * 1024 * 1024;
/** A peer is fast when it sends a run in so many seconds. */
const RUN_TIME = 10;
/** How near a deadline must be for a late block to be asked of another source, in milliseconds. */
const RESCUE_HORIZON = 4000;
/** v2: blocks that all peers together bring in so many milliseconds are parted among them. */
const BLOCK_RUN_TIME = 250;
const MIN_BLOCK_RUN = 4;

/**
 * Says which blocks to ask a peer for. Order: pieces with a deadline, then the piece the peer is at, then other
 * pieces in progress, then a new piece; and when nothing is left to ask for, blocks that others owe (end game).
 */
export class Scheduler {
  readonly #store: PieceStore;
  readonly #random: Random;
  readonly #urgent: () => readonly UrgentPiece[];
  readonly #isStreaming: () => boolean;
  /** Pieces in a run. */
  readonly #run: number;
  /** What the peers are worth, as of the last tick or seek: who may take the most urgent pieces. */
  speeds: PeerSpeeds = { total: 0, best: 0, bestQueueTime: 0 };
  readonly #patience = new Patience();
  /** A free peer has everything and would send it, as of the last tick. */
  hasFreeSeed = false;
  /** Connected peers that want what we want, as of the last tick. */
  rivals = 0;
  readonly #times = new BlockTimes();
  readonly #restraint = new Restraint();
  readonly #demand: () => number;

  constructor(
    store: PieceStore,
    random: Random,
    urgent: () => readonly UrgentPiece[],
    isStreaming: () => boolean,
    demand: () => number = () => 0,
  ) {
    this.#demand = demand;
    this.#isStreaming = isStreaming;
    this.#store = store;
    this.#random = random;
    this.#urgent = urgent;
    this.#run = Math.floor(RUN_LENGTH / store.info.pieceLength);
  }

  /** Milliseconds after which a block counts as late. */
  get lateAfter(): number {
    return this.#times.lateAfter;
  }

  /** A block took this long, in milliseconds. */
  observe(elapsed: number): void {
    this.#times.observe(elapsed);
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
    const rate = this.#sharedRate();
    const far = (): number =>
      rate === undefined
        ? Number.POSITIVE_INFINITY
        : Math.min(this.#restraint.room(rate, now), peer.spare(now));
    const urgent = this.#assignUrgent(peer, room, far(), now);
    const background = Math.min(urgent, far());
    let left = background;
    if (left > 0) left = this.#continuePiece(peer, left, now);
    if (left > 0) left = this.#joinPartials(peer, left, now);
    while (left > 0) {
      const given = this.#beginPiece(peer, left, now);
      if (given === 0) break;
      left -= given;
    }
    this.#restraint.take(background - left);
    if (background < urgent) return;
    if (left === 0 || peer.outstanding > 0) return;
    if (this.#store.picker.openPieces === 0) {
      this.#assignEndGame(peer, left, now, 0);
    } else if (now - peer.helpedAt >= HELP_INTERVAL) {
      // While others have pieces to begin, an idle peer helps with what is late only.
      peer.helpedAt = now;
      this.#assignEndGame(peer, left, now, this.lateAfter);
    }
  }

  /** Bytes per second that deadlines count with, where viewers have only each other; else `undefined`. */
  #sharedRate(): number | undefined {
    if (this.rivals === 0 || this.hasFreeSeed || !this.streaming) return undefined;
    const rate = this.#demand();
    return rate > 0 ? rate : undefined;
  }

  /** Asks the peer for up to `room` blocks of these pieces and no others. */
  assignFrom(peer: RequestTarget, pieces: Iterable<number>, room: number, now: number): void {
    let left = room;
    for (const piece of pieces) {
      if (left === 0) break;
      // They may be any numbers that the peer named.
      if (!this.#store.picker.isOpen(piece) && !this.#store.partials.has(piece)) continue;
      if (!this.#mayTake(peer, piece)) continue;
      const partial = this.#store.begin(piece, false);
      if (partial === undefined) break;
      left -= this.#requestFree(peer, partial, left, now);
    }
  }

  /** Whether a piece without a deadline may be asked of the peer. */
  #mayTake(peer: RequestTarget, piece: number): boolean {
    if (!has(peer, piece) || this.#store.picker.priority(piece) === 0) return false;
    return !peer.costly || !this.leaveToFree(piece, Number.POSITIVE_INFINITY);
  }

  /** Returns how much room is left. @param far blocks that may be asked for of what is not needed soon. */
  #assignUrgent(peer: RequestTarget, room: number, far: number, now: number): number {
    const urgent = this.#urgent();
    if (urgent.length === 0) return room;
    const { unasked, picker } = this.#store;
    const { have } = peer;
    const rescuing = now - peer.rescuedAt >= RESCUE_INTERVAL;
    if (rescuing) peer.rescuedAt = now;
    let left = room;
    let blockLooks = MAX_BLOCK_LOOKS;
    const end = Math.min(urgent.length, MAX_URGENT_LOOKS);
    for (let i = 0; i < end && left > 0; i++) {
      const { piece, deadline, firstBlock = 0 } = urgent[i]!;
      const slack = deadline - now;
      if (slack > NEAR && Number.isFinite(far)) {
        left -= this.#assignFar(peer, i, Math.min(left, far), now);
        break;
      }
      const rescue = rescuing && blockLooks > 0 && slack < RESCUE_HORIZON;
      // Most are passed over here, each time that a peer says anything: they have no block that nobody is asked for.
      if (!rescue && !unasked.get(piece) && !picker.isOpen(piece)) continue;
      if (have !== undefined && !have.get(piece)) continue;
      if (peer.costly && this.leaveToFree(piece, slack)) continue;
      // A peer that would deliver too late leaves the piece to those who can make it.
      if (peer.queueTime > Math.max(1000, slack) && peer.queueTime > 2 * this.speeds.bestQueueTime) continue;
      const partial = this.#store.isMissing(piece) ? this.#store.begin(piece, true) : undefined;
      if (partial === undefined) continue;
      if (rescue) blockLooks -= partial.blockCount;
      left -= this.#requestUrgent(peer, partial, firstBlock, slack, rescue, left, now);
    }
    return left;
  }

  /**
   * Asks for up to `room` blocks of the urgent pieces from place `from` on, which are needed later: first of the one that
   * the peer has begun. Returns how many.
   */
  #assignFar(peer: RequestTarget, from: number, room: number, now: number): number {
    if (room <= 0) return 0;
    const { unasked, picker } = this.#store;
    const pieces = this.#urgent();
    const may = (piece: number): boolean =>
      (unasked.get(piece) || picker.isOpen(piece)) && this.#mayTake(peer, piece);
    const begun =
      pieces.findIndex(({ piece }) => piece === peer.currentPiece) >= from && may(peer.currentPiece);
    let next = begun ? peer.currentPiece : -1;
    let left = room;
    while (left > 0) {
      if (next < 0) {
        const below = (bound: number): number => this.#random.below(bound);
        next = drawFar(pieces, from, may, (piece) => picker.availability(piece), below);
      }
      const partial = next >= 0 && this.#store.isMissing(next) ? this.#store.begin(next, true) : undefined;
      const given = partial === undefined ? 0 : this.#requestFree(peer, partial, left, now);
      if (given === 0) break;
      peer.currentPiece = next;
      next = -1;
      left -= given;
    }
    this.#restraint.take(room - left);
    return room - left;
  }

  /** Asks for blocks of a piece with a deadline. Returns how many. */
  #requestUrgent(
    peer: RequestTarget,
    partial: PartialPiece,
    firstBlock: number,
    slack: number,
    rescue: boolean,
    room: number,
    now: number,
  ): number {
    let left = room;
    if (partial.digests === undefined) {
      left -= this.#requestShare(peer, partial, slack, left, now);
      if (rescue && left > 0) left -= this.#rescue(peer, partial, firstBlock, slack, left, now);
      return room - left;
    }
    // Where blocks are of use by themselves, a late one keeps the reader waiting however much is free behind it.
    if (rescue) left -= this.#rescue(peer, partial, firstBlock, slack, left, now);
    left -= this.#requestRuns(peer, partial, firstBlock, slack, left, now);
    // All of the piece is needed as long as no block of it is known to be right.
    if (partial.digests.right === 0) left -= this.#requestShare(peer, partial, slack, left, now);
    return room - left;
  }

  /** Asks for what the peer should bring of an urgent piece. */
  #requestShare(
    peer: RequestTarget,
    partial: PartialPiece,
    slack: number,
    room: number,
    now: number,
  ): number {
    if (partial.freeBlocks === 0 || room === 0) return 0;
    const share = urgentShare(peer, this.speeds, partial.blockCount - partial.receivedBlocks, slack);
    if (share === 0 && this.#patience.waits(partial.index, now)) return 0;
    return this.#requestFree(peer, partial, share === 0 ? room : Math.min(room, share), now);
  }

  /**
   * v2: readers get each block as it comes. So that they come in order though several peers bring them, each peer gets
   * its share of every short run from the first block on.
   */
  #requestRuns(
    peer: RequestTarget,
    partial: PartialPiece,
    firstBlock: number,
    slack: number,
    room: number,
    now: number,
  ): number {
    const { total } = this.speeds;
    const perSecond = total / BLOCK_LENGTH;
    const run = Math.max(MIN_BLOCK_RUN, Math.round((perSecond * BLOCK_RUN_TIME) / 1000));
    let left = room;
    let block = partial.nextFree(firstBlock);
    while (block >= 0 && left > 0 && partial.admits(peer.id)) {
      const ahead = Math.floor((block - firstBlock) / run) * run;
      const end = Math.min(firstBlock + ahead + run, partial.blockCount);
      const later = total > 0 ? (1000 * ahead) / perSecond : 0;
      let share = urgentShare(peer, this.speeds, end - firstBlock - ahead, slack + later);
      const place = partial.index * partial.blockCount + firstBlock;
      if (share === 0 && ahead === 0 && !this.#patience.waits(place, now)) share = left;
      for (; share > 0 && left > 0 && block >= 0 && block < end; share--, left--) {
        this.#request(peer, partial, block, now);
        block = partial.nextFree(block + 1);
      }
      if (block >= 0 && block < end) block = partial.nextFree(end);
    }
    return room - left;
  }

  /** Asks for blocks of an urgent piece that others are late with. */
  #rescue(
    peer: RequestTarget,
    partial: PartialPiece,
    firstBlock: number,
    slack: number,
    room: number,
    now: number,
  ): number {
    if (!partial.admits(peer.id)) return 0;
    const late = this.#times.lateWithin(slack, peer.queueTime);
    let given = 0;
    for (let i = 0; i < partial.blockCount && given < room; i++) {
      const block = (firstBlock + i) % partial.blockCount;
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
    const { unasked, partials } = this.#store;
    const have = peer.have ?? unasked;
    let left = room;
    let looks = MAX_PARTIAL_LOOKS;
    for (
      let piece = unasked.firstCommon(have);
      piece >= 0 && left > 0 && looks-- > 0;
      piece = unasked.firstCommon(have, piece + 1)
    ) {
      if (!this.#mayTake(peer, piece) || this.#patience.keeps(piece, now)) continue;
      const given = this.#requestFree(peer, partials.get(piece)!, left, now);
      left -= given;
      if (given > 0) peer.currentPiece = piece;
    }
    return left;
  }

  #beginPiece(peer: RequestTarget, room: number, now: number): number {
    const { picker, verified } = this.#store;
    // Searching the open pieces again for each message would cost more than the messages.
    if (peer.barrenSince === picker.generation) return 0;
    const offer: Offer = peer.costly
      ? { have: peer.have, may: (piece) => !this.leaveToFree(piece, Number.POSITIVE_INFINITY) }
      : peer;
    const run = peer.rate * RUN_TIME >= RUN_LENGTH ? this.#run : 0;
    const piece =
      verified.count < RANDOM_FIRST_PIECES && this.#random.below(2) === 0
        ? picker.pickRandom(offer)
        : picker.pick(offer, peer.currentPiece, run);
    if (piece < 0) {
      // What a costly source may give changes with time.
      if (!peer.costly) peer.barrenSince = picker.generation;
      return 0;
    }
    const suggested = this.#suggested(peer, piece);
    const begun = suggested >= 0 ? suggested : piece;
    const partial = this.#store.begin(begun, false);
    if (partial === undefined) return 0;
    peer.currentPiece = begun;
    return this.#requestFree(peer, partial, room, now);
  }

  /** A piece that the peer suggests and that is as good as the one that was picked; -1 when there is none. */
  #suggested(peer: RequestTarget, picked: number): number {
    const { picker } = this.#store;
    // Runs are worth more than what the other side saves.
    if (peer.suggestion === undefined || picker.sequential || picked === peer.currentPiece + 1) return -1;
    const [priority, availability] = [picker.priority(picked), picker.availability(picked)];
    return peer.suggestion(
      (piece) =>
        picker.isOpen(piece) &&
        this.#mayTake(peer, piece) &&
        picker.priority(piece) >= priority &&
        picker.availability(piece) <= availability,
    );
  }

  /** Asks an idle peer for the oldest blocks that others owe too, one extra source a block. */
  #assignEndGame(peer: RequestTarget, room: number, now: number, minAge: number): void {
    const mayTake = (piece: number): boolean => this.#mayTake(peer, piece);
    const owed = owedBlocks(this.#store.partials, peer, mayTake, now, minAge);
    for (const { partial, block } of owed.slice(0, room)) this.#request(peer, partial, block, now);
  }

  #requestFree(peer: RequestTarget, partial: PartialPiece, room: number, now: number): number {
    let given = 0;
    while (given < room && partial.admits(peer.id)) {
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

function has({ have }: RequestTarget, piece: number): boolean {
  return have === undefined || have.get(piece);
}
