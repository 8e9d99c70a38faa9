/** Randomness from the platform's generator. */

import type { Random } from '../engine/ports.ts';

/** `getRandomValues` refuses more bytes at a time. */
const MAX_BYTES_PER_CALL = 65_536;
/** Values drawn at a time: a call into the browser costs more than the numbers it brings. */
const POOL_SIZE = 256;

const RANGE = 0x1_0000_0000;

class BrowserRandom implements Random {
  readonly #pool = new Uint32Array(POOL_SIZE);
  #next = POOL_SIZE;

  below(bound: number): number {
    // What lies above the last whole multiple of `bound` would make the low results likelier.
    const limit = RANGE - (RANGE % bound);
    for (;;) {
      if (this.#next === POOL_SIZE) {
        crypto.getRandomValues(this.#pool);
        this.#next = 0;
      }
      const value = this.#pool[this.#next++]!;
      if (value < limit) return value % bound;
    }
  }

  fill(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; at += MAX_BYTES_PER_CALL) {
      crypto.getRandomValues(bytes.subarray(at, at + MAX_BYTES_PER_CALL) as Uint8Array<ArrayBuffer>);
    }
  }
}

export const browserRandom: Random = new BrowserRandom();
