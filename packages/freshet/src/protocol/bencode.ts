/** Bencoding (BEP 3): a strict, bounded decoder that can tell where each entry of a dictionary lies. */

import { toBinaryString, utf8Decode } from './bytes.ts';

/** A dictionary. Keys are byte strings, written with one character U+0000..U+00FF for each byte. */
export type BencodeDict = Map<string, BencodeValue>;

/** A decoded value. Integers beyond ±(2^53 - 1) are `bigint`; byte strings are views of the input. */
export type BencodeValue = number | bigint | Uint8Array | BencodeValue[] | BencodeDict;

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

export interface DecodeOptions {
  /** Refuse dictionaries whose keys are out of order. Duplicate keys are always refused. Default true. */
  readonly strict?: boolean | undefined;
  /** Ignore bytes after the value instead of refusing them. Default false. */
  readonly trailing?: boolean | undefined;
  /** Most lists and dictionaries within each other. Default 64. */
  readonly maxDepth?: number | undefined;
  /** Longest input in bytes. Default 64 MiB. */
  readonly maxLength?: number | undefined;
  /** Most values, keys not counted: bounds the memory that a few bytes of input can claim. Default 3,000,000. */
  readonly maxValues?: number | undefined;
}

/** Where a value lies in the input: from `start` up to, not including, `end`. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
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

class Reader {
  readonly input: Uint8Array;
  position = 0;
  readonly #strict: boolean;
  readonly #maxDepth: number;
  #valuesLeft: number;

  constructor(input: Uint8Array, options: DecodeOptions) {
    this.input = input;
    this.#strict = options.strict ?? true;
    this.#maxDepth = options.maxDepth ?? 64;
    this.#valuesLeft = options.maxValues ?? 3_000_000;
    const maxLength = options.maxLength ?? 64 * 1024 * 1024;
    if (input.length > maxLength) {
      throw new BencodeError(`${input.length} bytes are more than the ${maxLength} allowed`, 0);
    }
  }

  value(depth: number): BencodeValue {
    if (--this.#valuesLeft < 0) this.fail('too many values');
    const first = this.input[this.position];
    switch (first) {
      case CHAR_I:
        return this.integer();
      case CHAR_L:
        return this.list(depth);
      case CHAR_D:
        return this.dict(depth, undefined);
      case undefined:
        return this.fail('unexpected end');
      default:
        return this.string();
    }
  }

  dict(depth: number, ranges: Map<string, ByteRange> | undefined): BencodeDict {
    if (depth >= this.#maxDepth) this.fail('nested too deeply');
    this.position++;
    const dict: BencodeDict = new Map();
    let previous: string | undefined;
    while (!this.#atEnd()) {
      const keyAt = this.position;
      const key = toBinaryString(this.string());
      // The order of such strings by code unit is the order of the bytes.
      if (previous !== undefined && key <= previous) {
        if (key === previous) throw new BencodeError('duplicate key', keyAt);
        if (this.#strict) throw new BencodeError('keys out of order', keyAt);
      }
      if (!this.#strict && dict.has(key)) throw new BencodeError('duplicate key', keyAt);
      previous = key;
      const start = this.position;
      dict.set(key, this.value(depth + 1));
      ranges?.set(key, { start, end: this.position });
    }
    return dict;
  }

  list(depth: number): BencodeValue[] {
    if (depth >= this.#maxDepth) this.fail('nested too deeply');
    this.position++;
    const list: BencodeValue[] = [];
    while (!this.#atEnd()) list.push(this.value(depth + 1));
    return list;
  }

  string(): Uint8Array {
    const { input } = this;
    const start = this.position;
    let length = 0;
    let at = start;
    for (; ; at++) {
      const code = input[at];
      if (code === undefined) return this.fail('unexpected end');
      if (code === CHAR_COLON && at > start) break;
      if (code < CHAR_0 || code > CHAR_9) return this.fail('not a bencoded value');
      length = length * 10 + (code - CHAR_0);
      if (length > input.length) return this.fail('string longer than the input');
    }
    if (input[start] === CHAR_0 && at > start + 1) this.fail('string length with a leading zero');
    const end = at + 1 + length;
    if (end > input.length) this.fail('string longer than the input');
    this.position = end;
    return input.subarray(at + 1, end);
  }

  integer(): number | bigint {
    const { input } = this;
    const negative = input[this.position + 1] === CHAR_MINUS;
    const start = this.position + (negative ? 2 : 1);
    let at = start;
    let value = 0;
    for (; ; at++) {
      const code = input[at];
      if (code === undefined) return this.fail('unexpected end');
      if (code === CHAR_E) break;
      if (code < CHAR_0 || code > CHAR_9) return this.fail('not an integer');
      if (at - start >= MAX_INTEGER_DIGITS) return this.fail('integer with too many digits');
      value = value * 10 + (code - CHAR_0);
    }
    if (at === start) this.fail('integer without digits');
    if (input[start] === CHAR_0 && (at > start + 1 || negative)) this.fail('integer with a leading zero');
    this.position = at + 1;
    if (value <= Number.MAX_SAFE_INTEGER) return negative ? -value : value;
    const digits = BigInt(toBinaryString(input.subarray(start, at)));
    return negative ? -digits : digits;
  }

  fail(reason: string): never {
    throw new BencodeError(reason, this.position);
  }

  /** Steps over the `e` that ends a list or dictionary if it is next. */
  #atEnd(): boolean {
    if (this.input[this.position] !== CHAR_E) return false;
    this.position++;
    return true;
  }
}

function refuseTrailing(reader: Reader, options: DecodeOptions): void {
  if (options.trailing !== true && reader.position !== reader.input.length)
    reader.fail('data after the value');
}

/**
 * Decodes one value that fills all of `bytes`. Byte strings in the result are views of `bytes`, not copies.
 * @throws {BencodeError} on anything that is not canonical bencoding within the bounds.
 */
export function decode(bytes: Uint8Array, options: DecodeOptions = {}): BencodeValue {
  const reader = new Reader(bytes, options);
  const value = reader.value(0);
  refuseTrailing(reader, options);
  return value;
}

/**
 * Decodes the value at the start of `bytes`, for messages where raw data follows (BEP 9).
 * @throws {BencodeError}
 */
export function decodePrefix(
  bytes: Uint8Array,
  options: DecodeOptions = {},
): { readonly value: BencodeValue /** Offset of the first byte after the value. */; readonly end: number } {
  const reader = new Reader(bytes, options);
  const value = reader.value(0);
  return { value, end: reader.position };
}

/**
 * Decodes a dictionary and tells where the value of each of its own entries lies, so that an info-hash can be
 * taken from the original bytes.
 * @throws {BencodeError}
 */
export function decodeDictWithRanges(
  bytes: Uint8Array,
  options: DecodeOptions = {},
): { readonly dict: BencodeDict; readonly ranges: ReadonlyMap<string, ByteRange> } {
  const reader = new Reader(bytes, options);
  if (bytes[0] !== CHAR_D) reader.fail('not a dictionary');
  const ranges = new Map<string, ByteRange>();
  const dict = reader.dict(0, ranges);
  refuseTrailing(reader, options);
  return { dict, ranges };
}

export function dictBytes(dict: BencodeDict, key: string): Uint8Array | undefined {
  const value = dict.get(key);
  return value instanceof Uint8Array ? value : undefined;
}

/** The entry as text; bytes that are not UTF-8 become U+FFFD. */
export function dictString(dict: BencodeDict, key: string): string | undefined {
  const value = dictBytes(dict, key);
  return value === undefined ? undefined : utf8Decode(value);
}

/** The entry if it is an integer of at most 53 bits. */
export function dictNumber(dict: BencodeDict, key: string): number | undefined {
  const value = dict.get(key);
  return typeof value === 'number' ? value : undefined;
}

export function dictList(dict: BencodeDict, key: string): BencodeValue[] | undefined {
  const value = dict.get(key);
  return Array.isArray(value) ? value : undefined;
}

export function dictDict(dict: BencodeDict, key: string): BencodeDict | undefined {
  const value = dict.get(key);
  return value instanceof Map ? value : undefined;
}

export { type Encodable, encode } from './bencode-encode.ts';
