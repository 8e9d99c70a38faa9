import type { Random } from '../ports.ts';

/** Availabilities from this on count as equally common. */
const LEVELS = 64;
/** Highest priority; 0 means not wanted. */
export const MAX_PRIORITY = 7;
export const DEFAULT_PRIORITY = 4;

/** Candidates looked at in a row before the picker changes its way of searching. */
const SCAN_LIMIT = 256;

/**
 * Chooses the next piece to begin. It knows the pieces that are wanted and neither begun nor verified, called
 * open, in one bucket for each pair of priority and availability, so that a `have`, a change of priority and
 * the removal of a piece each cost the same however many pieces there are.
 *
 * Availability counts peers that have part of the torrent; seeds have every piece and would raise all counts
 * alike, so they are not counted at all.
 */
export class PiecePicker {
  readonly pieceCount: number;
  readonly #availability: Uint16Array;
  readonly #priority: Uint8Array;
  /** 1 while the piece is begun or verified. */
  readonly #taken: Uint8Array;
  readonly #buckets: number[][] = [];
  /** Place of an open piece in its bucket. */
  readonly #place: Uint32Array;
  readonly #random: Random;
  readonly #sequential: boolean;
  #openPieces = 0;
  #wantedPieces = 0;
  /** Counts pieces that became open: while it stands still, who found nothing will find nothing. */
  generation = 0;
  /** Sequential order: no piece before this one is open. */
  #firstOpen = 0;

  constructor(pieceCount: number, random: Random, strategy: 'rarest' | 'sequential') {
    this.pieceCount = pieceCount;
    this.#availability = new Uint16Array(pieceCount);
    this.#priority = new Uint8Array(pieceCount).fill(DEFAULT_PRIORITY);
    this.#taken = new Uint8Array(pieceCount);
    this.#place = new Uint32Array(pieceCount);
    this.#random = random;
    this.#sequential = strategy === 'sequential';
    for (let i = 0; i <= MAX_PRIORITY * LEVELS; i++) this.#buckets.push([]);
    const order = new Uint32Array(pieceCount);
    for (let i = 0; i < pieceCount; i++) order[i] = i;
    // Shuffled once; what moves between buckets later keeps them mixed.
    for (let i = pieceCount - 1; i > 0; i--) {
      const j = random.below(i + 1);
      const swapped = order[i]!;
      order[i] = order[j]!;
      order[j] = swapped;
    }
    for (let i = 0; i < pieceCount; i++) this.#insert(order[i]!);
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

  availability(piece: number): number {
    return this.#availability[piece]!;
  }

  /** @param priority 0 (not wanted) to 7. */
  setPriority(piece: number, priority: number): void {
    const before = this.#priority[piece]!;
    if (before === priority) return;
    this.#remove(piece);
    this.#priority[piece] = priority;
    this.#insert(piece);
    this.generation++;
    if (before === 0) this.#wantedPieces++;
    else if (priority === 0) this.#wantedPieces--;
  }

  /** A peer that is no seed has the piece. */
  addAvailability(piece: number): void {
    if (this.#availability[piece] === 0xffff) return;
    this.#remove(piece);
    this.#availability[piece] = this.#availability[piece]! + 1;
    this.#insert(piece);
  }

  removeAvailability(piece: number): void {
    if (this.#availability[piece] === 0) return;
    this.#remove(piece);
    this.#availability[piece] = this.#availability[piece]! - 1;
    this.#insert(piece);
  }

  /** The piece is begun or verified. */
  take(piece: number): void {
    this.#remove(piece);
    this.#taken[piece] = 1;
  }

  /** The piece is open again. */
  putBack(piece: number): void {
    if (this.#taken[piece] === 0) return;
    this.#taken[piece] = 0;
    this.#insert(piece);
    this.generation++;
  }

  isOpen(piece: number): boolean {
    return this.#taken[piece] === 0 && this.#priority[piece] !== 0;
  }

  /**
   * The best open piece that `has` says yes to: by priority, then by rarity, or by index when sequential. Among
   * equals the one behind `after`, so that both ends read and write runs; else a random one, so that peers are at
   * different places. -1 when there is none.
   */
  pick(has: (piece: number) => boolean, after = -1): number {
    if (this.#openPieces === 0) return -1;
    return this.#sequential ? this.#pickInOrder(has) : this.#pickRarest(has, after);
  }

  /** Any open piece that `has` says yes to, whatever its rarity; -1 when none was found. */
  pickRandom(has: (piece: number) => boolean): number {
    if (this.#openPieces === 0) return -1;
    for (let tries = 0; tries < 32; tries++) {
      const piece = this.#random.below(this.pieceCount);
      if (this.isOpen(piece) && has(piece)) return piece;
    }
    return this.pick(has);
  }

  #pickRarest(has: (piece: number) => boolean, after: number): number {
    const next = after + 1;
    const nextBucket =
      after >= 0 && next < this.pieceCount && this.isOpen(next) && has(next)
        ? this.#bucketOf(next)
        : undefined;
    for (const bucket of this.#buckets) {
      const length = bucket.length;
      if (length === 0) continue;
      if (bucket === nextBucket) return next;
      // A random start when the bucket is long: peers that hold little of it then find theirs sooner or later. The
      // first of a short one is a random piece too, another each time, so peers begin their runs in different places.
      const start = length > SCAN_LIMIT ? this.#random.below(length) : 0;
      for (let i = 0; i < length; i++) {
        const piece = bucket[start + i < length ? start + i : start + i - length]!;
        if (has(piece)) return piece;
      }
    }
    return -1;
  }

  #pickInOrder(has: (piece: number) => boolean): number {
    while (this.#firstOpen < this.pieceCount && !this.isOpen(this.#firstOpen)) this.#firstOpen++;
    let best = -1;
    for (let piece = this.#firstOpen; piece < this.pieceCount; piece++) {
      if (!this.isOpen(piece) || !has(piece)) continue;
      const priority = this.#priority[piece]!;
      if (best < 0 || priority > this.#priority[best]!) best = piece;
      if (priority >= DEFAULT_PRIORITY || piece - this.#firstOpen > SCAN_LIMIT) break;
    }
    return best;
  }

  #bucketOf(piece: number): number[] {
    const rarity = Math.min(this.#availability[piece]!, LEVELS - 1);
    return this.#buckets[(MAX_PRIORITY - this.#priority[piece]!) * LEVELS + rarity]!;
  }

  #insert(piece: number): void {
    if (this.#taken[piece] === 1 || this.#priority[piece] === 0) return;
    const bucket = this.#bucketOf(piece);
    this.#place[piece] = bucket.length;
    bucket.push(piece);
    this.#openPieces++;
    if (piece < this.#firstOpen) this.#firstOpen = piece;
  }

  #remove(piece: number): void {
    if (this.#taken[piece] === 1 || this.#priority[piece] === 0) return;
    const bucket = this.#bucketOf(piece);
    const last = bucket.pop()!;
    if (last !== piece) {
      const place = this.#place[piece]!;
      bucket[place] = last;
      this.#place[last] = place;
    }
    this.#openPieces--;
  }
}
