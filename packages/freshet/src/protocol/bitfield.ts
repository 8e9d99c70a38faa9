/** Which pieces somebody has. One bit for each piece, the high bit of the first byte first (BEP 3). */

const ALL = 0xffffffff;
const HIGH = 0x80000000;

/**
 * The bits lie in words of 32, the first in the high bit. Over them lie two levels of summaries, a bit for each word
 * below that is not zero, so that a search passes over 32,768 clear bits in one step.
 */
export class Bitfield {
  /** Number of bits, that is of pieces. */
  readonly length: number;
  /** The words, the first summary, the second. */
  readonly #words: Uint32Array<ArrayBuffer>;
  /** Where the first summary begins, which is the number of words. */
  readonly #some: number;
  /** Where the second summary begins. */
  readonly #any: number;
  #count = 0;

  /** All bits clear. `length` is a whole number from 0. */
  constructor(length: number) {
    this.length = length;
    const words = (length + 31) >>> 5;
    const some = (words + 31) >>> 5;
    this.#some = words;
    this.#any = words + some;
    this.#words = new Uint32Array(words + some + ((some + 31) >>> 5));
  }

  /**
   * A copy of the bits in a peer's message; `undefined` if the number of bytes does not fit `length` or a
   * spare bit at the end is set, for which BEP 3 wants the connection dropped.
   */
  static fromBytes(bytes: Uint8Array, length: number): Bitfield | undefined {
    if (bytes.length !== (length + 7) >>> 3) return undefined;
    if (length % 8 !== 0 && (bytes[bytes.length - 1]! & (0xff >>> (length % 8))) !== 0) return undefined;
    const field = new Bitfield(length);
    const words = field.#words;
    const whole = bytes.length >>> 2;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    for (let word = 0; word < whole; word++) words[word] = view.getUint32(4 * word);
    for (let at = 4 * whole; at < bytes.length; at++) words[whole]! |= bytes[at]! << (24 - 8 * (at & 3));
    field.#summarise();
    return field;
  }

  /** Whether the bit is set; false outside 0..length - 1. */
  get(index: number): boolean {
    return index >= 0 && index < this.length && (this.#words[index >>> 5]! & (HIGH >>> (index & 31))) !== 0;
  }

  /** Sets a bit. Returns whether that changed anything; an index outside the field changes nothing. */
  set(index: number): boolean {
    if (!(index >= 0 && index < this.length) || this.get(index)) return false;
    const words = this.#words;
    const word = index >>> 5;
    if (words[word] === 0) {
      words[this.#some + (word >>> 5)]! |= HIGH >>> (word & 31);
      words[this.#any + (word >>> 10)]! |= HIGH >>> ((word >>> 5) & 31);
    }
    words[word]! |= HIGH >>> (index & 31);
    this.#count++;
    return true;
  }

  /** Clears a bit. Returns whether that changed anything. */
  unset(index: number): boolean {
    if (!this.get(index)) return false;
    const words = this.#words;
    const word = index >>> 5;
    words[word]! &= ~(HIGH >>> (index & 31));
    this.#count--;
    if (words[word] !== 0) return true;
    const some = this.#some + (word >>> 5);
    words[some]! &= ~(HIGH >>> (word & 31));
    if (words[some] === 0) words[this.#any + (word >>> 10)]! &= ~(HIGH >>> ((word >>> 5) & 31));
    return true;
  }

  setAll(): void {
    if (this.length === 0) return;
    this.#words.fill(ALL, 0, this.#some);
    if (this.length % 32 !== 0) this.#words[this.#some - 1] = (ALL << (32 - (this.length % 32))) >>> 0;
    this.#summarise();
  }

  /** Number of bits set; kept as they change, so it costs nothing to read. */
  get count(): number {
    return this.#count;
  }

  /** Every bit is set. True of a field without bits. */
  get isFull(): boolean {
    return this.#count === this.length;
  }

  get isEmpty(): boolean {
    return this.#count === 0;
  }

  /** A copy in the form of the wire. */
  toBytes(): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array((this.length + 7) >>> 3);
    const whole = bytes.length >>> 2;
    const view = new DataView(bytes.buffer);
    for (let word = 0; word < whole; word++) view.setUint32(4 * word, this.#words[word]!);
    for (let at = 4 * whole; at < bytes.length; at++) bytes[at] = this.#words[whole]! >>> (24 - 8 * (at & 3));
    return bytes;
  }

  clone(): Bitfield {
    const copy = new Bitfield(this.length);
    copy.#words.set(this.#words);
    copy.#count = this.#count;
    return copy;
  }

  /** Adds `change` to the entry of each bit that is set. `counts` has one for each bit. */
  addTo(counts: Int16Array, change: number): void {
    for (let word = 0; word < this.#some; word++) {
      for (let bits = this.#words[word]!; bits !== 0; ) {
        const bit = Math.clz32(bits);
        counts[32 * word + bit]! += change;
        bits &= ~(HIGH >>> bit);
      }
    }
  }

  /** The indexes of the bits that are set, upward. Bits may change meanwhile. */
  *indexes(): IterableIterator<number> {
    for (let index = this.firstSet(); index >= 0; index = this.firstSet(index + 1)) yield index;
  }

  /** The first set bit at or after `from` (default 0), or -1 if there is none. */
  firstSet(from = 0): number {
    return this.firstCommon(this, from);
  }

  /** The first bit at or after `from` that is set here and in `other`, a field of the same length, or -1. */
  firstCommon(other: Bitfield, from = 0): number {
    const start = Math.max(0, from);
    if (start >= this.length) return -1;
    const ours = this.#words;
    const theirs = other.#words;
    const [some, any] = [this.#some, this.#any];
    const first = start >>> 5;
    const here = ours[first]! & theirs[first]! & (ALL >>> (start & 31));
    if (here !== 0) return 32 * first + Math.clz32(here);
    const next = first + 1;
    if (next >= some) return -1;
    let group = next >>> 5;
    let words = ours[some + group]! & theirs[some + group]! & (ALL >>> (next & 31));
    for (;;) {
      while (words !== 0) {
        const bit = Math.clz32(words);
        const word = 32 * group + bit;
        const common = ours[word]! & theirs[word]!;
        if (common !== 0) return 32 * word + Math.clz32(common);
        words &= ~(HIGH >>> bit);
      }
      group++;
      if (some + group >= any) return -1;
      let top = group >>> 5;
      let groups = ours[any + top]! & theirs[any + top]! & (ALL >>> (group & 31));
      while (groups === 0) {
        top++;
        if (any + top >= ours.length) return -1;
        groups = ours[any + top]! & theirs[any + top]!;
      }
      group = 32 * top + Math.clz32(groups);
      words = ours[some + group]! & theirs[some + group]!;
    }
  }

  /** The first clear bit at or after `from` (default 0), or -1 if there is none. */
  firstUnset(from = 0): number {
    const start = Math.max(0, from);
    if (start >= this.length || this.isFull) return -1;
    let word = start >>> 5;
    let clear = ~this.#words[word]! & (ALL >>> (start & 31));
    while (clear === 0) {
      word++;
      if (word >= this.#some) return -1;
      clear = ~this.#words[word]!;
    }
    const index = 32 * word + Math.clz32(clear);
    return index < this.length ? index : -1;
  }

  /** Counts the bits and makes both summaries. */
  #summarise(): void {
    const words = this.#words;
    words.fill(0, this.#some);
    let count = 0;
    for (let word = 0; word < this.#some; word++) {
      const bits = words[word]!;
      if (bits === 0) continue;
      count += ones(bits);
      words[this.#some + (word >>> 5)]! |= HIGH >>> (word & 31);
      words[this.#any + (word >>> 10)]! |= HIGH >>> ((word >>> 5) & 31);
    }
    this.#count = count;
  }
}

/** Number of bits set in 32, summed in pairs, in fours, in eights. */
function ones(word: number): number {
  let sum = word - ((word >>> 1) & 0x55555555);
  sum = (sum & 0x33333333) + ((sum >>> 2) & 0x33333333);
  sum = (sum + (sum >>> 4)) & 0x0f0f0f0f;
  return Math.imul(sum, 0x01010101) >>> 24;
}
