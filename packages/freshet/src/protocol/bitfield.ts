/** Which pieces somebody has. One bit for each piece, the high bit of the first byte first (BEP 3). */

export class Bitfield {
  /** Number of bits, that is of pieces. */
  readonly length: number;
  readonly #bytes: Uint8Array<ArrayBuffer>;
  #count = 0;

  /** All bits clear. `length` is a whole number from 0. */
  constructor(length: number) {
    this.length = length;
    this.#bytes = new Uint8Array((length + 7) >>> 3);
  }

  /**
   * A copy of the bits in a peer's message; `undefined` if the number of bytes does not fit `length` or a
   * spare bit at the end is set, for which BEP 3 wants the connection dropped.
   */
  static fromBytes(bytes: Uint8Array, length: number): Bitfield | undefined {
    const field = new Bitfield(length);
    if (bytes.length !== field.#bytes.length) return undefined;
    if (length % 8 !== 0 && (bytes[bytes.length - 1]! & (0xff >>> (length % 8))) !== 0) return undefined;
    field.#bytes.set(bytes);
    let count = 0;
    for (let i = 0; i < bytes.length; i++) count += ONES[bytes[i]!]!;
    field.#count = count;
    return field;
  }

  /** Whether the bit is set; false outside 0..length - 1. */
  get(index: number): boolean {
    return index >= 0 && index < this.length && (this.#bytes[index >>> 3]! & (0x80 >>> (index & 7))) !== 0;
  }

  /** Sets a bit. Returns whether that changed anything; an index outside the field changes nothing. */
  set(index: number): boolean {
    if (!(index >= 0 && index < this.length) || this.get(index)) return false;
    this.#bytes[index >>> 3]! |= 0x80 >>> (index & 7);
    this.#count++;
    return true;
  }

  /** Clears a bit. Returns whether that changed anything. */
  unset(index: number): boolean {
    if (!this.get(index)) return false;
    this.#bytes[index >>> 3]! &= ~(0x80 >>> (index & 7));
    this.#count--;
    return true;
  }

  setAll(): void {
    this.#bytes.fill(0xff);
    if (this.length % 8 !== 0) this.#bytes[this.#bytes.length - 1] = 0xff << (8 - (this.length % 8));
    this.#count = this.length;
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
    return this.#bytes.slice();
  }

  clone(): Bitfield {
    const copy = new Bitfield(this.length);
    copy.#bytes.set(this.#bytes);
    copy.#count = this.#count;
    return copy;
  }

  /** The indexes of the bits that are set, upward. */
  *indexes(): IterableIterator<number> {
    for (let byte = 0; byte < this.#bytes.length; byte++) {
      if (this.#bytes[byte] === 0) continue;
      const end = Math.min(8 * byte + 8, this.length);
      for (let index = 8 * byte; index < end; index++) if (this.get(index)) yield index;
    }
  }

  /** The first clear bit at or after `from` (default 0), or -1 if there is none. */
  firstUnset(from = 0): number {
    for (let index = Math.max(0, from); index < this.length; index++) {
      if ((index & 7) === 0 && this.#bytes[index >>> 3] === 0xff) index += 7;
      else if (!this.get(index)) return index;
    }
    return -1;
  }
}

const ONES: Uint8Array = Uint8Array.from({ length: 256 }, (_, byte) => {
  let ones = 0;
  for (let rest = byte; rest !== 0; rest &= rest - 1) ones++;
  return ones;
});
