/** Walks over bencoded bytes (BEP 3) without making anything of them but numbers. */

import { toBinaryString } from './bytes.ts';

/** Why decoding failed, and the offset in bytes where. */
export class BencodeError extends Error {
  override readonly name: string = 'BencodeError';
  readonly code: string = 'BENCODE';
  /** Offset in the input, in bytes. */
  readonly position: number;

  constructor(reason: string, position: number) {
    super(`${reason} at byte ${position}`);
    this.position = position;
  }
}

// The longest integer anyone writes is a 64-bit one: 20 digits. More digits cost time in BigInt().
const MAX_INTEGER_DIGITS = 32;

const CHAR_0 = 0x30;
const CHAR_9 = 0x39;
const CHAR_COLON = 0x3a;
const CHAR_MINUS = 0x2d;
const CHAR_D = 0x64;
const CHAR_E = 0x65;
const CHAR_I = 0x69;
const CHAR_L = 0x6c;

/** Every method throws `BencodeError` where the bytes are not what it is for. */
export class BencodeScanner {
  readonly input: Uint8Array;
  /** Of the value that comes next. */
  position: number;
  /** Where the string lies that was read last. */
  textStart = 0;
  textEnd = 0;
  /** A dictionary that was skipped had keys out of order. */
  unordered = false;
  readonly #maxDepth: number;
  /** Where the keys lie of the dictionaries that are being skipped, those of an inner one after the outer ones'. */
  readonly #keys: number[] = [];
  #keysEnd = 0;

  constructor(input: Uint8Array, position = 0, maxDepth = 64) {
    this.input = input;
    this.position = position;
    this.#maxDepth = maxDepth;
  }

  get atList(): boolean {
    return this.input[this.position] === CHAR_L;
  }

  get atDict(): boolean {
    return this.input[this.position] === CHAR_D;
  }

  get atInteger(): boolean {
    return this.input[this.position] === CHAR_I;
  }

  get atString(): boolean {
    const first = this.input[this.position];
    return first !== undefined && first >= CHAR_0 && first <= CHAR_9;
  }

  /** Steps into the list or dictionary that comes next, `depth` others being around it. */
  enter(depth: number): void {
    if (depth >= this.#maxDepth) this.fail('nested too deeply');
    this.position++;
  }

  /** Steps out of a list or dictionary if this is its end. */
  leave(): boolean {
    if (this.input[this.position] !== CHAR_E) return false;
    this.position++;
    return true;
  }

  /** Steps over a string; `textStart` and `textEnd` tell where it lies. */
  string(): void {
    const { input } = this;
    const start = this.position;
    let length = 0;
    let at = start;
    for (; ; at++) {
      const code = input[at];
      if (code === undefined) this.fail('unexpected end');
      if (code === CHAR_COLON && at > start) break;
      if (code < CHAR_0 || code > CHAR_9) this.fail('not a bencoded value');
      length = length * 10 + (code - CHAR_0);
      if (length > input.length) this.fail('string longer than the input');
    }
    if (input[start] === CHAR_0 && at > start + 1) this.fail('string length with a leading zero');
    const end = at + 1 + length;
    if (end > input.length) this.fail('string longer than the input');
    this.textStart = at + 1;
    this.textEnd = end;
    this.position = end;
  }

  /** Reads an integer, which is a `bigint` beyond ±(2^53 - 1). */
  integer(): number | bigint {
    const { input } = this;
    const negative = input[this.position + 1] === CHAR_MINUS;
    const start = this.position + (negative ? 2 : 1);
    let at = start;
    let value = 0;
    for (; ; at++) {
      const code = input[at];
      if (code === undefined) this.fail('unexpected end');
      if (code === CHAR_E) break;
      if (code < CHAR_0 || code > CHAR_9) this.fail('not an integer');
      if (at - start >= MAX_INTEGER_DIGITS) this.fail('integer with too many digits');
      value = value * 10 + (code - CHAR_0);
    }
    if (at === start) this.fail('integer without digits');
    if (input[start] === CHAR_0 && (at > start + 1 || negative)) this.fail('integer with a leading zero');
    this.position = at + 1;
    if (value <= Number.MAX_SAFE_INTEGER) return negative ? -value : value;
    const digits = BigInt(toBinaryString(input.subarray(start, at)));
    return negative ? -digits : digits;
  }

  /** Steps over any value, which is checked like one that is decoded, `depth` others being around it. */
  skip(depth: number): void {
    switch (this.input[this.position]) {
      case CHAR_I:
        this.integer();
        break;
      case CHAR_L:
        this.enter(depth);
        while (!this.leave()) this.skip(depth + 1);
        break;
      case CHAR_D:
        this.#skipDict(depth);
        break;
      case undefined:
        this.fail('unexpected end');
        break;
      default:
        this.string();
    }
  }

  /** The string that was read last is this one, of characters U+0000..U+007F. */
  textIs(text: string): boolean {
    const { input, textStart } = this;
    if (this.textEnd - textStart !== text.length) return false;
    for (let i = 0; i < text.length; i++) if (input[textStart + i] !== text.charCodeAt(i)) return false;
    return true;
  }

  fail(reason: string): never {
    throw new BencodeError(reason, this.position);
  }

  #skipDict(depth: number): void {
    this.enter(depth);
    const first = this.#keysEnd;
    let seen: Set<string> | undefined;
    while (!this.leave()) {
      const keyAt = this.position;
      this.string();
      const { textStart: start, textEnd: end } = this;
      const before = this.#keysEnd > first ? this.#orderOfLast(start, end) : -1;
      if (before === 0) throw new BencodeError('duplicate key', keyAt);
      // Only where keys are out of order can the same one come twice with others between.
      if (before > 0 && seen === undefined) seen = this.#keysFrom(first);
      if (seen !== undefined) {
        const key = this.#text(start, end);
        if (seen.has(key)) throw new BencodeError('duplicate key', keyAt);
        seen.add(key);
      }
      this.#keys[this.#keysEnd++] = start;
      this.#keys[this.#keysEnd++] = end;
      this.skip(depth + 1);
    }
    this.#keysEnd = first;
  }

  /** How the last key compares to the one at `start`. */
  #orderOfLast(start: number, end: number): number {
    const { input } = this;
    const lastStart = this.#keys[this.#keysEnd - 2]!;
    const lastLength = this.#keys[this.#keysEnd - 1]! - lastStart;
    const shared = Math.min(lastLength, end - start);
    for (let i = 0; i < shared; i++) {
      const difference = input[lastStart + i]! - input[start + i]!;
      if (difference !== 0) return difference;
    }
    return lastLength - (end - start);
  }

  #keysFrom(first: number): Set<string> {
    this.unordered = true;
    const seen = new Set<string>();
    for (let i = first; i < this.#keysEnd; i += 2) seen.add(this.#text(this.#keys[i]!, this.#keys[i + 1]!));
    return seen;
  }

  #text(start: number, end: number): string {
    return toBinaryString(this.input.subarray(start, end));
  }
}
