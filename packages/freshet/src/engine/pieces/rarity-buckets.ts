/** Degrees of rarity that are told apart. */
const LEVELS = 64;
/** The level of availability 0. Less is possible, when peers that are counted as having everything lack pieces. */
const ZERO = 8;
const WORDS = LEVELS / 32;

/**
 * Pieces in one bucket for each pair of priority and rarity. To add, move or remove one costs the same however many
 * there are; the rarest of a priority is found without looking at empty buckets.
 */
export class RarityBuckets {
  readonly #buckets: number[][];
  /** Place of each piece in its bucket. */
  readonly #place: Uint32Array;
  /** A bit for each bucket that is not empty, the rarest level in the high bit. */
  readonly #filled: Uint32Array;

  /** @param priorities the highest priority; 0 is the lowest. */
  constructor(pieceCount: number, priorities: number) {
    this.#buckets = Array.from({ length: (priorities + 1) * LEVELS }, () => []);
    this.#place = new Uint32Array(pieceCount);
    this.#filled = new Uint32Array((priorities + 1) * WORDS);
  }

  /** Level of an availability, 0 for the rarest; what is very common counts as equally so. */
  level(availability: number): number {
    return Math.max(0, Math.min(LEVELS - 1, availability + ZERO));
  }

  bucket(priority: number, level: number): readonly number[] {
    return this.#buckets[priority * LEVELS + level]!;
  }

  /** The first level at or after `from` with a piece of the priority, or -1. */
  rarest(priority: number, from: number): number {
    for (let level = from; level < LEVELS; level = (level | 31) + 1) {
      const filled = this.#filled[priority * WORDS + (level >>> 5)]! & (0xffffffff >>> (level & 31));
      if (filled !== 0) return (level & ~31) + Math.clz32(filled);
    }
    return -1;
  }

  add(piece: number, priority: number, availability: number): void {
    const level = this.level(availability);
    const bucket = this.#buckets[priority * LEVELS + level]!;
    this.#place[piece] = bucket.length;
    bucket.push(piece);
    if (bucket.length === 1) this.#filled[priority * WORDS + (level >>> 5)]! |= 0x80000000 >>> (level & 31);
  }

  remove(piece: number, priority: number, availability: number): void {
    const level = this.level(availability);
    const bucket = this.#buckets[priority * LEVELS + level]!;
    const last = bucket.pop()!;
    if (last !== piece) {
      const place = this.#place[piece]!;
      bucket[place] = last;
      this.#place[last] = place;
    }
    if (bucket.length === 0)
      this.#filled[priority * WORDS + (level >>> 5)]! &= ~(0x80000000 >>> (level & 31));
  }

  move(piece: number, priority: number, from: number, to: number): void {
    if (this.level(from) === this.level(to)) return;
    this.remove(piece, priority, from);
    this.add(piece, priority, to);
  }
}
