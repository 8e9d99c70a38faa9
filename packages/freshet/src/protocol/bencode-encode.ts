/** The writing half of bencoding (BEP 3). */

import { concatBytes, fromBinaryString, toBinaryString, utf8Encode } from './bytes.ts';

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
  const parts: Uint8Array[] = [];
  write(value, parts);
  return concatBytes(parts);
}

function write(value: Encodable, parts: Uint8Array[]): void {
  if (value instanceof Uint8Array) {
    writeBytes(value, parts);
  } else if (typeof value === 'string') {
    writeBytes(utf8Encode(value), parts);
  } else if (typeof value === 'number' || typeof value === 'bigint') {
    if (typeof value === 'number' && !Number.isSafeInteger(value)) {
      throw new TypeError(`${value} cannot be bencoded: it is not a whole number of at most 53 bits`);
    }
    // Through BigInt because -0 must become 0.
    parts.push(utf8Encode(`i${BigInt(value)}e`));
  } else if (Array.isArray(value)) {
    parts.push(LIST);
    for (const item of value as readonly Encodable[]) write(item, parts);
    parts.push(END);
  } else {
    writeDict(value as Exclude<typeof value, readonly Encodable[]>, parts);
  }
}

const LIST: Uint8Array = utf8Encode('l');
const DICT: Uint8Array = utf8Encode('d');
const END: Uint8Array = utf8Encode('e');

function writeBytes(bytes: Uint8Array, parts: Uint8Array[]): void {
  parts.push(utf8Encode(`${bytes.length}:`), bytes);
}

type EncodableDict =
  | ReadonlyMap<string, Encodable | undefined>
  | { readonly [key: string]: Encodable | undefined };

function writeDict(dict: EncodableDict, parts: Uint8Array[]): void {
  const entries: [string, Encodable | undefined][] =
    dict instanceof Map
      ? [...(dict as ReadonlyMap<string, Encodable | undefined>)]
      : Object.entries(dict).map(([key, item]) => [toBinaryString(utf8Encode(key)), item]);
  entries.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  parts.push(DICT);
  for (const [key, item] of entries) {
    if (item === undefined) continue;
    const keyBytes = fromBinaryString(key);
    if (keyBytes === undefined)
      throw new TypeError(`The Map key ${JSON.stringify(key)} is not a byte string`);
    writeBytes(keyBytes, parts);
    write(item, parts);
  }
  parts.push(END);
}
