/** Degrees of rarity that are told apart. */
const LEVELS = 64;
/** The level of availability 0. Less is possible, when peers that are counted as having everything lack pieces. */
const ZERO = 8;
const WORDS = LEVELS / 32;
const NONE: Uint32Array = new Uint32Array();

/**
 * Pieces in one bucket for each pair of priority and rarity. To add, move or remove one costs the same however many
 * there are; the rarest of a priority is found without looking at empty buckets. A piece stays where it was put until
 * it is settled anew.
 */
export class RarityBuckets {
  readonly #buckets: Uint32Array[];
  readonly #lengths: Uint32Array;
  /** Place of each piece in its bucket, and the level of that. */
  readonly #place: Uint32Array;
  readonly #level: Uint8Array;
  /** A bit for each bucket that is not empty, the rarest level in the high bit. */
  readonly #filled: Uint32Array;

  /** @param priorities the highest priority; 0 is the lowest. */
  constructor(pieceCount: number, priorities: number) {
    const count = (priorities + 1) * LEVELS;
    this.#buckets = Array.from({ length: count }, () => NONE);
    this.#lengths = new Uint32Array(count);
    this.#place = new Uint32Array(pieceCount);
    this.#level = new Uint8Array(pieceCount);
    this.#filled = new Uint32Array((priorities + 1) * WORDS);
  }

  /** Level of an availability, 0 for the rarest; what is very common counts as equally so. */
  level(availability: number): number {
    return Math.max(0, Math.min(LEVELS - 1, availability + ZERO));
  }

  length(priority: number, level: number): number {
    return this.#lengths[priority * LEVELS + level]!;
  }

  at(priority: number, level: number, index: number): number {
    return this.#buckets[priority * LEVELS + level]![index]!;
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
    const bucket = priority * LEVELS + level;
    const length = this.#lengths[bucket]!;
    let items = this.#buckets[bucket]!;
    if (length === items.length) items = this.#resize(bucket, Math.max(16, 2 * length));
    items[length] = piece;
    this.#place[piece] = length;
    this.#level[piece] = level;
    this.#lengths[bucket] = length + 1;
    if (length === 0) this.#filled[priority * WORDS + (level >>> 5)]! |= 0x80000000 >>> (level & 31);
  }

  remove(piece: number, priority: number): void {
    const level = this.#level[piece]!;
    const bucket = priority * LEVELS + level;
    const items = this.#buckets[bucket]!;
    const length = this.#lengths[bucket]! - 1;
    const last = items[length]!;
    const place = this.#place[piece]!;
    items[place] = last;
    this.#place[last] = place;
    this.#lengths[bucket] = length;
    if (length === 0) this.#filled[priority * WORDS + (level >>> 5)]! &= ~(0x80000000 >>> (level & 31));
    // Pieces may all pass from one level to the next.
    if (items.length > 1024 && length < items.length >>> 2) this.#resize(bucket, items.length >>> 1);
  }

  /** Puts the piece where its availability belongs. Returns whether it was elsewhere. */
  settle(piece: number, priority: number, availability: number): boolean {
    if (this.level(availability) === this.#level[piece]) return false;
    this.remove(piece, priority);
    this.add(piece, priority, availability);
    return true;
  }

  #resize(bucket: number, capacity: number): Uint32Array {
    const items = new Uint32Array(capacity);
    items.set(this.#buckets[bucket]!.subarray(0, this.#lengths[bucket]!));
    this.#buckets[bucket] = items;
    return items;
  }
}
