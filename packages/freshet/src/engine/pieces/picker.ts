import { Bitfield } from '../../protocol/index.ts';
import type { Random } from '../ports.ts';
import { RarityBuckets } from './rarity-buckets.ts';

/** Highest priority; 0 means not wanted. */
export const MAX_PRIORITY = 7;
export const DEFAULT_PRIORITY = 4;

/** Pieces of a priority looked at by rarity before the picker searches what the source has. */
const LOOKS = 32;
/** Pieces that one pick puts where their rarity belongs by now: less than a millisecond. */
const MAX_SETTLED = 4096;
/** Pieces that become rarer one by one when a peer leaves; when it had more, the buckets are made anew. */
const MAX_LEFT = 256;
/** Pieces that a search compares by rarity. */
const SAMPLE = 32;
/** Peers that must have each piece before runs count for more than rarity. */
const COMMON = 4;
/** Pieces that the source has and may not give now, after which a search ends. */
const MAX_REFUSED = 1024;

const OPEN = 0;
const TAKEN = 1;
const VERIFIED = 2;

/** What a source has to give. */
export interface Offer {
  /** Its pieces; `undefined` when it has all. */
  readonly have: Bitfield | undefined;
  /** Whether it may be asked for a piece that it has. Absent when it may be asked for all. */
  readonly may?: ((piece: number) => boolean) | undefined;
}

/** There may be more. */
const EXHAUSTED = -2;

/** What a pick may still look at. */
interface Budget {
  looks: number;
  settled: number;
}

interface BucketPart {
  readonly priority: number;
  readonly level: number;
  readonly from: number;
  readonly to: number;
}

/**
 * Chooses the next piece to begin, among those that are wanted and neither begun nor verified, called open. A
 * `have`, a pick and a change of one piece cost the same however many pieces there are.
 *
 * Open pieces are in bit fields by priority, and, as soon as one is asked for, in buckets by priority and rarity. There
 * a piece that has become more common stays until a pick comes upon it, so that a peer's bitfield is counted and no
 * more. One that has become rarer is moved at once, unless many have; then the buckets are made anew some picks later.
 *
 * Availability counts peers that have part of the torrent; seeds have every piece and would raise all counts
 * alike, so they are not counted at all.
 */
export class PiecePicker {
  readonly pieceCount: number;
  /** Wanted and not verified: what makes a peer interesting. Not to be changed by others. */
  readonly missing: Bitfield;
  /** How many peers have each piece, above `#base`. Absent until a peer has any. */
  #availability: Int16Array | undefined;
  /** Peers counted as having everything; what they lack is taken off `#availability`. */
  #base = 0;
  readonly #priority: Uint8Array;
  readonly #state: Uint8Array;
  /** Open pieces by priority. */
  readonly #open: (Bitfield | undefined)[] = [];
  readonly #random: Random;
  readonly #sequential: boolean;
  #buckets: RarityBuckets | undefined;
  /** Pieces that came into the buckets or left them since the last pick. */
  #moves = 0;
  /** Some pieces are rarer than their buckets say. */
  #inexact = false;
  /** Picks since the buckets were made. */
  #picks = 0;
  #openPieces = 0;
  #wantedPieces = 0;
  /** Counts pieces that became open: while it stands still, who found nothing will find nothing. */
  generation = 0;
  /** Counts pieces that became missing. */
  missingGeneration = 0;

  constructor(pieceCount: number, random: Random, strategy: 'rarest' | 'sequential') {
    this.pieceCount = pieceCount;
    this.#priority = new Uint8Array(pieceCount).fill(DEFAULT_PRIORITY);
    this.#state = new Uint8Array(pieceCount);
    this.#random = random;
    this.#sequential = strategy === 'sequential';
    const open = new Bitfield(pieceCount);
    open.setAll();
    this.#open[DEFAULT_PRIORITY] = open;
    this.missing = open.clone();
    this.#openPieces = pieceCount;
    this.#wantedPieces = pieceCount;
  }

  /** Wanted pieces that are neither begun nor verified. */
  get openPieces(): number {
    return this.#openPieces;
  }

  /** Pieces with a priority, whatever their state. */
  get wantedPieces(): number {
    return this.#wantedPieces;
  }

  priority(piece: number): number {
    return this.#priority[piece]!;
  }

  /** Peers that have the piece and not all. */
  availability(piece: number): number {
    return this.#base + this.#relative(piece);
  }

  /** @param priority 0 (not wanted) to 7. */
  setPriority(piece: number, priority: number): void {
    const before = this.#priority[piece]!;
    if (before === priority) return;
    if (this.#state[piece] === OPEN) this.#leave(piece);
    this.#priority[piece] = priority;
    if (this.#state[piece] === OPEN) this.#enter(piece);
    this.generation++;
    if (before === 0) this.#wantedPieces++;
    else if (priority === 0) this.#wantedPieces--;
    this.#setMissing(piece);
  }

  /** A peer that is no seed has the piece. */
  addAvailability(piece: number): void {
    this.#counts()[piece]!++;
  }

  removeAvailability(piece: number): void {
    const rarer = --this.#counts()[piece]!;
    if (this.#buckets !== undefined && this.isOpen(piece)) {
      this.#buckets.settle(piece, this.#priority[piece]!, rarer);
    }
  }

  /** A peer that is no seed has these pieces. */
  addPieces(have: Bitfield): void {
    have.addTo(this.#counts(), 1);
  }

  removePieces(have: Bitfield): void {
    if (have.count > MAX_LEFT) {
      have.addTo(this.#counts(), -1);
      this.#inexact = true;
    } else {
      for (const piece of have.indexes()) this.removeAvailability(piece);
    }
  }

  /** A peer is counted as having all pieces; those that it lacks are then removed one by one. */
  addToAll(): void {
    this.#base++;
  }

  removeFromAll(): void {
    this.#base--;
  }

  /** The piece is begun. */
  take(piece: number): void {
    if (this.#state[piece] !== OPEN) return;
    this.#leave(piece);
    this.#state[piece] = TAKEN;
  }

  /** The piece is verified. */
  finish(piece: number): void {
    this.take(piece);
    this.#state[piece] = VERIFIED;
    this.missing.unset(piece);
  }

  /** The piece is open again. */
  putBack(piece: number): void {
    if (this.#state[piece] === OPEN) return;
    this.#state[piece] = OPEN;
    this.#enter(piece);
    this.#setMissing(piece);
    this.generation++;
  }

  /** Pieces are picked in order. */
  get sequential(): boolean {
    return this.#sequential;
  }

  isOpen(piece: number): boolean {
    return this.#state[piece] === OPEN && this.#priority[piece] !== 0;
  }

  /**
   * The best open piece on offer: by priority, then by rarity, or by index when sequential. Rarity is exact among
   * the rarest few pieces of the torrent and among sources with few pieces; otherwise it is the rarest of a sample.
   * Among equals the one behind `after`, so that both ends read and write runs; else a random one, so that peers are at
   * different places. -1 when there is none.
   * @param run up to the next multiple of so many pieces, the one behind `after` comes before rarer ones unless those
   * are rare indeed; and a new run begins at such a multiple where it can. 0 or 1 for no such runs.
   */
  pick(offer: Offer, after = -1, run = 0): number {
    if (this.#openPieces === 0) return -1;
    this.#moves = 0;
    for (let priority = MAX_PRIORITY; priority > 0; priority--) {
      const open = this.#open[priority];
      if (open === undefined || open.isEmpty) continue;
      const piece = this.#sequential
        ? this.#search(open, offer, 0, 1)
        : this.#pickRarest(priority, open, offer, after, run);
      if (piece >= 0) return piece;
    }
    return -1;
  }

  /** Any open piece on offer of the highest priority, whatever its rarity; -1 when there is none. */
  pickRandom(offer: Offer): number {
    for (let priority = MAX_PRIORITY; priority > 0; priority--) {
      const open = this.#open[priority];
      if (open === undefined || open.isEmpty) continue;
      const piece = this.#search(open, offer, this.#random.below(this.pieceCount), 1);
      if (piece >= 0) return piece;
    }
    return -1;
  }

  #pickRarest(priority: number, open: Bitfield, offer: Offer, after: number, run: number): number {
    const next = after + 1;
    const hasNext = after >= 0 && open.get(next) && offers(offer, next);
    const buckets = this.#upToDate();
    if (hasNext && run > 1 && next % run !== 0) {
      const rarest = buckets.rarest(priority, 0);
      if (rarest >= buckets.level(COMMON - this.#base)) return next;
    }
    const nextLevel = hasNext ? buckets.level(this.#relative(next)) : -1;
    const budget: Budget = { looks: LOOKS, settled: MAX_SETTLED };
    for (let level = buckets.rarest(priority, 0); level >= 0; level = buckets.rarest(priority, level + 1)) {
      if (level === nextLevel) return next;
      const length = buckets.length(priority, level);
      const start = length > 1 ? this.#random.below(length) : 0;
      let piece = this.#look(buckets, { priority, level, from: start, to: length }, offer, budget);
      if (piece === -1) piece = this.#look(buckets, { priority, level, from: 0, to: start }, offer, budget);
      if (piece === EXHAUSTED) return this.#sample(open, offer, hasNext ? next : -1);
      if (piece >= 0) return run > 1 ? this.#runStart(piece, priority, offer, run) : piece;
    }
    return -1;
  }

  /** The first piece on offer in part of a bucket; -1 when there is none, `EXHAUSTED` when that is not worth finding out. */
  #look(
    buckets: RarityBuckets,
    { priority, level, from, to }: BucketPart,
    offer: Offer,
    budget: Budget,
  ): number {
    let at = from;
    while (at < Math.min(to, buckets.length(priority, level))) {
      const piece = buckets.at(priority, level, at);
      if (buckets.settle(piece, priority, this.#relative(piece))) {
        // Another piece has taken its place.
        if (--budget.settled === 0) return EXHAUSTED;
        continue;
      }
      if (offers(offer, piece)) return piece;
      if (--budget.looks === 0) return EXHAUSTED;
      at++;
    }
    return -1;
  }

  /** The source has none of the rarest pieces. */
  #sample(open: Bitfield, offer: Offer, next: number): number {
    const found = this.#search(open, offer, this.#random.below(this.pieceCount), SAMPLE);
    if (found < 0 || next < 0) return found;
    return this.#relative(next) <= this.#relative(found) ? next : found;
  }

  /** The rarest of the first `count` pieces that are on offer, from `from` and round; -1 when there is none. */
  #search(open: Bitfield, { have, may }: Offer, from: number, count: number): number {
    const other = have ?? open;
    let best = -1;
    let seen = 0;
    let refused = 0;
    let wrapped = from === 0;
    let piece = open.firstCommon(other, from);
    for (;;) {
      if (piece < 0 || (wrapped && from > 0 && piece >= from)) {
        if (wrapped) return best;
        wrapped = true;
        piece = open.firstCommon(other, 0);
        continue;
      }
      if (may === undefined || may(piece)) {
        if (best < 0 || this.#relative(piece) < this.#relative(best)) best = piece;
        if (++seen === count) return best;
      } else if (++refused === MAX_REFUSED) {
        return best;
      }
      piece = open.firstCommon(other, piece + 1);
    }
  }

  /** Where its run begins, when all from there to the piece are as good; else the piece, as another may be at work there. */
  #runStart(piece: number, priority: number, offer: Offer, run: number): number {
    const rarity = this.#relative(piece);
    const open = this.#open[priority]!;
    let first = piece;
    while (
      first % run !== 0 &&
      open.get(first - 1) &&
      this.#relative(first - 1) === rarity &&
      offers(offer, first - 1)
    ) {
      first--;
    }
    return first % run === 0 ? first : piece;
  }

  #relative(piece: number): number {
    return this.#availability === undefined ? 0 : this.#availability[piece]!;
  }

  #counts(): Int16Array {
    this.#availability ??= new Int16Array(this.pieceCount);
    return this.#availability;
  }

  #setMissing(piece: number): void {
    if (this.#priority[piece] === 0 || this.#state[piece] === VERIFIED) this.missing.unset(piece);
    else if (this.missing.set(piece)) this.missingGeneration++;
  }

  #moved(): void {
    // More of them cost more than making the buckets anew.
    if (++this.#moves > Math.max(1024, this.#openPieces >>> 3)) this.#buckets = undefined;
  }

  /** The piece is open now. */
  #enter(piece: number): void {
    const priority = this.#priority[piece]!;
    if (priority === 0) return;
    this.#open[priority] ??= new Bitfield(this.pieceCount);
    this.#open[priority].set(piece);
    this.#openPieces++;
    if (this.#buckets === undefined) return;
    this.#buckets.add(piece, priority, this.#relative(piece));
    this.#moved();
  }

  /** The piece is not open any more. */
  #leave(piece: number): void {
    const priority = this.#priority[piece]!;
    if (priority === 0) return;
    this.#open[priority]!.unset(piece);
    this.#openPieces--;
    if (this.#buckets === undefined) return;
    this.#buckets.remove(piece, priority);
    this.#moved();
    // Whoever seeds keeps no buckets.
    if (this.#openPieces === 0) this.#buckets = undefined;
  }

  #upToDate(): RarityBuckets {
    // When there are many pieces, not after each of several peers that leave.
    const worthIt = this.#openPieces <= MAX_SETTLED || this.#picks > this.#openPieces >>> 6;
    if (this.#inexact && worthIt) this.#buckets = undefined;
    this.#buckets ??= this.#build();
    this.#picks++;
    return this.#buckets;
  }

  #build(): RarityBuckets {
    this.#inexact = false;
    this.#picks = 0;
    const buckets = new RarityBuckets(this.pieceCount, MAX_PRIORITY);
    for (const [priority, open] of this.#open.entries()) {
      if (open === undefined) continue;
      for (let piece = open.firstSet(); piece >= 0; piece = open.firstSet(piece + 1)) {
        buckets.add(piece, priority, this.#relative(piece));
      }
    }
    return buckets;
  }
}

function offers({ have, may }: Offer, piece: number): boolean {
  return (have === undefined || have.get(piece)) && (may === undefined || may(piece));
}
