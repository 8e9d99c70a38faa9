/** Bencoding (BEP 3): a strict, bounded decoder that can tell where each entry of a dictionary lies. */

import { BencodeError, BencodeScanner } from './bencode-scanner.ts';
import { toBinaryString, utf8Decode } from './bytes.ts';

export { BencodeError } from './bencode-scanner.ts';

/** A dictionary. Keys are byte strings, written with one character U+0000..U+00FF for each byte. */
export type BencodeDict = Map<string, BencodeValue>;

/** A decoded value. Integers beyond ±(2^53 - 1) are `bigint`; byte strings are views of the input. */
export type BencodeValue = number | bigint | Uint8Array | BencodeValue[] | BencodeDict;

export interface DecodeOptions {
  /** Refuse dictionaries whose keys are out of order. Duplicate keys are always refused. Default true. */
  readonly strict?: boolean | undefined;
  /** Ignore bytes after the value instead of refusing them. Default false. */
  readonly trailing?: boolean | undefined;
  /** Most lists and dictionaries within each other. Default 64. */
  readonly maxDepth?: number | undefined;
  /** Longest input in bytes. Default 64 MiB. */
  readonly maxLength?: number | undefined;
  /**
   * Most values, keys not counted: bounds the memory that a few bytes of input can claim. Default 100,000 and one more
   * for each four bytes of the input, 3,000,000 at most.
   */
  readonly maxValues?: number | undefined;
}

/** Where a value lies in the input: from `start` up to, not including, `end`. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
  /** Of a value that was passed over: some dictionary in it has its keys out of order. */
  readonly unordered?: boolean | undefined;
}

const CHAR_D = 0x64;
const CHAR_I = 0x69;
const CHAR_L = 0x6c;

/** A value of one byte or two can claim a map of 200: so many in any input, and one more for each so many bytes. */
const FEW_VALUES = 100_000;
const BYTES_PER_VALUE = 4;
const MANY_VALUES = 3_000_000;

class Reader {
  readonly input: Uint8Array;
  readonly scanner: BencodeScanner;
  readonly #strict: boolean;
  #valuesLeft: number;

  constructor(input: Uint8Array, options: DecodeOptions) {
    this.input = input;
    this.scanner = new BencodeScanner(input, 0, options.maxDepth);
    this.#strict = options.strict ?? true;
    this.#valuesLeft =
      options.maxValues ?? Math.min(MANY_VALUES, FEW_VALUES + Math.floor(input.length / BYTES_PER_VALUE));
    const maxLength = options.maxLength ?? 64 * 1024 * 1024;
    if (input.length > maxLength) {
      throw new BencodeError(`${input.length} bytes are more than the ${maxLength} allowed`, 0);
    }
  }

  value(depth: number): BencodeValue {
    const { scanner } = this;
    if (--this.#valuesLeft < 0) scanner.fail('too many values');
    const first = this.input[scanner.position];
    switch (first) {
      case CHAR_I:
        return scanner.integer();
      case CHAR_L:
        return this.list(depth);
      case CHAR_D:
        return this.dict(depth);
      case undefined:
        return scanner.fail('unexpected end');
      default:
        return this.string();
    }
  }

  dict(depth: number, ranges?: Map<string, ByteRange>, raw?: ReadonlySet<string>): BencodeDict {
    const { scanner } = this;
    scanner.enter(depth);
    const dict: BencodeDict = new Map();
    const passed = new Set<string>();
    let previous: string | undefined;
    while (!scanner.leave()) {
      const keyAt = scanner.position;
      const key = toBinaryString(this.string());
      // The order of such strings by code unit is the order of the bytes.
      if (previous !== undefined && key <= previous) {
        if (key === previous) throw new BencodeError('duplicate key', keyAt);
        if (this.#strict) throw new BencodeError('keys out of order', keyAt);
      }
      if (!this.#strict && (dict.has(key) || passed.has(key))) throw new BencodeError('duplicate key', keyAt);
      previous = key;
      const start = scanner.position;
      if (raw?.has(key) === true) {
        passed.add(key);
        scanner.unordered = false;
        scanner.skip(depth + 1);
        if (this.#strict && scanner.unordered) throw new BencodeError('keys out of order', start);
        ranges?.set(key, { start, end: scanner.position, unordered: scanner.unordered });
      } else {
        dict.set(key, this.value(depth + 1));
        ranges?.set(key, { start, end: scanner.position });
      }
    }
    return dict;
  }

  list(depth: number): BencodeValue[] {
    const { scanner } = this;
    scanner.enter(depth);
    const list: BencodeValue[] = [];
    while (!scanner.leave()) list.push(this.value(depth + 1));
    return list;
  }

  string(): Uint8Array {
    const { scanner } = this;
    scanner.string();
    return this.input.subarray(scanner.textStart, scanner.textEnd);
  }
}

function refuseTrailing(reader: Reader, options: DecodeOptions): void {
  const { scanner, input } = reader;
  if (options.trailing !== true && scanner.position !== input.length) scanner.fail('data after the value');
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
  return { value, end: reader.scanner.position };
}

/**
 * Decodes a dictionary and tells where the value of each of its own entries lies, so that an info-hash can be
 * taken from the original bytes.
 * @param options.raw keys whose values are checked and passed over: the dictionary is without them, the ranges have them.
 * @throws {BencodeError}
 */
export function decodeDictWithRanges(
  bytes: Uint8Array,
  options: DecodeOptions & { readonly raw?: ReadonlySet<string> | undefined } = {},
): { readonly dict: BencodeDict; readonly ranges: ReadonlyMap<string, ByteRange> } {
  const reader = new Reader(bytes, options);
  if (bytes[0] !== CHAR_D) reader.scanner.fail('not a dictionary');
  const ranges = new Map<string, ByteRange>();
  const dict = reader.dict(0, ranges, options.raw);
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
