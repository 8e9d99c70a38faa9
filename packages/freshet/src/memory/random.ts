/** Randomness that can be repeated: sfc32, a small fast generator that passes the usual statistical tests. */

import type { Random } from '../engine/ports.ts';

export class SeededRandom implements Random {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  /** `seed` is a whole number; the same one gives the same run. */
  constructor(seed: number) {
    this.#a = seed | 0;
    this.#b = Math.floor(seed / 2 ** 32) | 0;
    this.#c = 0x9e3779b9 | 0;
    // Seeds that differ in one bit only must have parted before the first number is taken.
    for (let i = 0; i < 15; i++) this.next();
  }

  /** A uniformly distributed integer in [0, 2^32). */
  next(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }

  below(bound: number): number {
    // What lies above the last whole multiple of `bound` would make small results likelier.
    const limit = 2 ** 32 - (2 ** 32 % bound);
    let value = this.next();
    while (value >= limit) value = this.next();
    return value % bound;
  }

  fill(bytes: Uint8Array): void {
    for (let i = 0; i < bytes.length; i++) bytes[i] = this.next() >>> 24;
  }

  /** A generator of its own whose numbers have nothing to do with what is taken from this one later. */
  fork(): SeededRandom {
    return new SeededRandom(this.next() * 2 ** 20 + (this.next() >>> 12));
  }
}
