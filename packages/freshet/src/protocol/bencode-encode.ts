/** The writing half of bencoding (BEP 3). */

import { toBinaryString, utf8Encode } from './bytes.ts';

/**
 * What can be encoded. Text is written as UTF-8. The keys of a `Map` are byte strings (one character
 * U+0000..U+00FF for each byte), as the decoder gives them; the keys of a plain object are text.
 * Entries whose value is `undefined` are left out.
 */
export type Encodable =
  | string
  | number
  | bigint
  | Uint8Array
  | readonly Encodable[]
  | ReadonlyMap<string, Encodable | undefined>
  | { readonly [key: string]: Encodable | undefined };

/**
 * The canonical encoding: dictionaries sorted by the raw bytes of their keys, integers without fraction.
 * @throws {TypeError} on a number that is not a safe integer, or a `Map` key that is not a byte string.
 */
export function encode(value: Encodable): Uint8Array<ArrayBuffer> {
  const writer = new Writer();
  write(value, writer);
  return writer.finish();
}

/** Bytes that grow: a torrent of 100,000 files has a million values, and an array for each would cost seconds. */
class Writer {
  #bytes = new Uint8Array(256);
  #length = 0;

  byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = value;
  }

  /** Text of characters U+0000..U+00FF, one byte each. */
  latin1(text: string): void {
    this.#reserve(text.length);
    for (let i = 0; i < text.length; i++) this.#bytes[this.#length++] = text.charCodeAt(i);
  }

  bytes(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  finish(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.#length);
  }

  #reserve(more: number): void {
    const needed = this.#length + more;
    if (needed <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, 2 * this.#bytes.length));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }
}

function write(value: Encodable, writer: Writer): void {
  if (value instanceof Uint8Array) {
    writer.latin1(`${value.length}:`);
    writer.bytes(value);
  } else if (typeof value === 'string') {
    writeByteString(byteString(value), writer);
  } else if (typeof value === 'number' || typeof value === 'bigint') {
    if (typeof value === 'number' && !Number.isSafeInteger(value)) {
      throw new TypeError(`${value} cannot be bencoded: it is not a whole number of at most 53 bits`);
    }
    // Zero is added because -0 must become 0.
    writer.latin1(`i${typeof value === 'number' ? value + 0 : value}e`);
  } else if (Array.isArray(value)) {
    writer.byte(LIST);
    for (const item of value as readonly Encodable[]) write(item, writer);
    writer.byte(END);
  } else {
    writeDict(value as Exclude<typeof value, readonly Encodable[]>, writer);
  }
}

const LIST = 0x6c;
const DICT = 0x64;
const END = 0x65;

/** UTF-8 of a text, one character for each byte. */
function byteString(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: all of ASCII is meant
  return /^[\u0000-\u007f]*$/.test(text) ? text : toBinaryString(utf8Encode(text));
}

function writeByteString(text: string, writer: Writer): void {
  writer.latin1(`${text.length}:`);
  writer.latin1(text);
}

type EncodableDict =
  | ReadonlyMap<string, Encodable | undefined>
  | { readonly [key: string]: Encodable | undefined };

function writeDict(dict: EncodableDict, writer: Writer): void {
  if (dict instanceof Map) {
    writeMap(dict as ReadonlyMap<string, Encodable | undefined>, writer);
    return;
  }
  const fields = dict as { readonly [key: string]: Encodable | undefined };
  const keys = Object.keys(fields);
  if (keys.some((key) => byteString(key) !== key)) {
    writeMap(new Map(keys.map((key) => [byteString(key), fields[key]])), writer);
    return;
  }
  writer.byte(DICT);
  for (const key of inOrder(keys)) {
    const item = fields[key];
    if (item === undefined) continue;
    writeByteString(key, writer);
    write(item, writer);
  }
  writer.byte(END);
}

function writeMap(map: ReadonlyMap<string, Encodable | undefined>, writer: Writer): void {
  writer.byte(DICT);
  for (const key of inOrder([...map.keys()])) {
    const item = map.get(key);
    if (item === undefined) continue;
    // biome-ignore lint/suspicious/noControlCharactersInRegex: all that one byte can be is meant
    if (!/^[\u0000-\u00ff]*$/.test(key)) {
      throw new TypeError(`The Map key ${JSON.stringify(key)} is not a byte string`);
    }
    writeByteString(key, writer);
    write(item, writer);
  }
  writer.byte(END);
}

/** Sorted by code unit. Most come in order: those of files, of which there can be a million. */
function inOrder(keys: string[]): string[] {
  for (let i = 1; i < keys.length; i++) if (keys[i - 1]! > keys[i]!) return keys.sort();
  return keys;
}
