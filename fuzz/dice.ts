/** Choices: the numbers behind everything that is made at random here, from a seed or from an input's own bytes. */

/** Whole numbers in [0, bound). */
export interface Numbers {
  below(bound: number): number;
}

/**
 * An input read as a row of choices. What changes, shortens or joins such inputs changes, shortens or joins what they
 * choose, so that a session of many steps can be fuzzed and minimised like any other input. Behind its end all choices
 * are 0.
 */
export class Tape implements Numbers {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get ended(): boolean {
    return this.#at >= this.#bytes.length;
  }

  below(bound: number): number {
    let value = 0;
    for (let most = 1; most < bound && !this.ended; most *= 256)
      value = value * 256 + this.#bytes[this.#at++]!;
    return value % bound;
  }
}

/** Numbers at which things go wrong. */
const EDGES: readonly number[] = [
  0, 1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 100, 127, 128, 129, 255, 256, 257, 511, 512, 513,
  1000, 1023, 1024, 4095, 4096, 16_383, 16_384, 16_385, 32_767, 32_768, 65_535, 65_536, 131_072, 131_073,
  1_048_576, 2_097_152, 16_777_215, 16_777_216, 268_435_456, 2_147_483_647, 2_147_483_648, 4_294_967_295,
  4_294_967_296, 1_099_511_627_776, 9_007_199_254_740_991,
];

export class Dice implements Numbers {
  readonly #numbers: Numbers;

  constructor(numbers: Numbers) {
    this.#numbers = numbers;
  }

  below(bound: number): number {
    return this.#numbers.below(bound);
  }

  /** A whole number from `low` to `high`, both included. */
  between(low: number, high: number): number {
    return low + this.below(high - low + 1);
  }

  /** True `times` of `of`. Of a tape that has ended: never, where `times` is less than `of`. */
  chance(times: number, of: number): boolean {
    return this.below(of) >= of - times;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }

  byte(): number {
    return this.below(256);
  }

  bytes(length: number): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(length);
    for (let i = 0; i < length; i++) bytes[i] = this.byte();
    return bytes;
  }

  /** A number from 0 to 2^53 - 1, mostly one at which something ends. */
  edge(): number {
    switch (this.below(4)) {
      case 0:
        return this.below(16);
      case 1:
        return this.below(2 ** 32);
      default:
        return this.pick(EDGES);
    }
  }

  /** 32 bits that are often an edge. */
  uint32(): number {
    return this.edge() % 2 ** 32;
  }

  /** `most` things at most, fewer being likelier. */
  several<T>(most: number, make: (index: number) => T): T[] {
    return Array.from({ length: Math.min(this.below(most + 1), this.below(most + 1)) }, (_, i) => make(i));
  }

  maybe<T>(make: () => T): T | undefined {
    return this.chance(1, 2) ? make() : undefined;
  }
}
