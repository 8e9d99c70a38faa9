/** Bytes of which nearly all are zero, in little memory that all who look at them share. */

/** The longest view, from any place: what a read cache reads at a time, and pieces of usual lengths. */
const LONGEST_VIEW = 4 * 1024 * 1024;
/** Zeros so far apart have the same memory; nearer ones have not, so that a byte lies in the same place in all views. */
const PERIOD = 256 * 1024;

/** A stretch whose bytes are not all zero, and zeros behind and before it for views that reach beyond. */
interface Island {
  readonly start: number;
  readonly end: number;
  /** What is in it, kept apart. */
  readonly real: Uint8Array;
  /** Memory of what is lent: `before` zeros, the real bytes, zeros. */
  readonly bytes: Uint8Array;
  readonly before: number;
}

export class PhantomBytes {
  readonly length: number;
  readonly #longest: number;
  readonly #zeros: Uint8Array;
  /** By place and length, so that the same view is given again. */
  readonly #zeroViews = new Map<number, Uint8Array>();
  readonly #islands: readonly Island[];

  /** @param real what is not zero: ranges that do not overlap, each with its bytes. */
  constructor(length: number, real: readonly { readonly offset: number; readonly bytes: Uint8Array }[]) {
    this.length = length;
    this.#longest = Math.min(length, LONGEST_VIEW);
    this.#zeros = new Uint8Array(PERIOD + this.#longest);
    this.#islands = real.map(({ offset, bytes }) => {
      const before = Math.min(offset, this.#longest);
      const whole = new Uint8Array(before + bytes.length + this.#longest);
      whole.set(bytes, before);
      return { start: offset, end: offset + bytes.length, real: bytes.slice(), bytes: whole, before };
    });
  }

  /** A view of these bytes; `undefined` when it would be longer than there are views, or reach over two real ranges. */
  view(offset: number, length: number): Uint8Array | undefined {
    if (length > this.#longest || offset < 0 || offset + length > this.length) return undefined;
    let found: Island | undefined;
    for (const island of this.#islands) {
      if (island.start >= offset + length || island.end <= offset) continue;
      if (found !== undefined) return undefined;
      found = island;
    }
    if (found !== undefined) {
      const at = offset - found.start + found.before;
      return at < 0 || at + length > found.bytes.length ? undefined : found.bytes.subarray(at, at + length);
    }
    const start = offset % PERIOD;
    const key = start * 2 * LONGEST_VIEW + length;
    let view = this.#zeroViews.get(key);
    if (view === undefined) {
      view = this.#zeros.subarray(start, start + length);
      this.#zeroViews.set(key, view);
    }
    return view;
  }

  /**
   * Fills `into` with the bytes from `offset`; nothing is copied to where they are already.
   * @throws when `into` is a view that was given for another place: it is not the caller's to write to.
   */
  copy(offset: number, into: Uint8Array): void {
    if (this.#isAt(offset, into)) return;
    if (this.origin(into) !== undefined) throw new Error('Shared zeros would have been written to.');
    into.fill(0);
    for (const { start, real, end } of this.#islands) {
      const from = Math.max(start, offset);
      const to = Math.min(end, offset + into.length);
      if (from < to) into.set(real.subarray(from - start, to - start), from - offset);
    }
  }

  /** Whether these are the bytes from `offset`. Those of a view that was given for there are not looked at. */
  matches(offset: number, bytes: Uint8Array): boolean {
    if (this.#isAt(offset, bytes)) return true;
    const right = new Uint8Array(bytes.length);
    this.copy(offset, right);
    return Buffer.compare(right, bytes) === 0;
  }

  /** What lies behind a view: zeros, or the bytes from an offset; `undefined` when it is none of ours. */
  origin(view: Uint8Array): 'zeros' | number | undefined {
    if (view.buffer === this.#zeros.buffer) return 'zeros';
    const island = this.#islands.find(({ bytes }) => bytes.buffer === view.buffer);
    return island && island.start - island.before + view.byteOffset;
  }

  /** Whether nobody has written other bytes into the memory that is lent. */
  get intact(): boolean {
    return (
      isZero(this.#zeros) &&
      this.#islands.every(
        ({ before, real, bytes }) =>
          isZero(bytes.subarray(0, before)) &&
          Buffer.compare(bytes.subarray(before, before + real.length), real) === 0 &&
          isZero(bytes.subarray(before + real.length)),
      )
    );
  }

  #isAt(offset: number, view: Uint8Array): boolean {
    const origin = this.origin(view);
    if (origin !== 'zeros') return origin === offset;
    const end = offset + view.length;
    return this.#islands.every((island) => island.start >= end || island.end <= offset);
  }
}

function isZero(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}
