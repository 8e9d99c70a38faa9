/** What all that is kept in a state store has in common: one dictionary that says what it is and of which version. */

import {
  type BencodeDict,
  BencodeError,
  type BencodeValue,
  decode,
  dictBytes,
  dictNumber,
  utf8DecodeStrict,
} from '../../protocol/index.ts';

/** The dictionary of this format and version; `undefined` for anything else, as after a torn write. */
export function decodeStoredRecord(
  bytes: Uint8Array,
  format: string,
  version: number,
): BencodeDict | undefined {
  let dict: BencodeValue;
  try {
    dict = decode(bytes, { maxLength: 512 * 1024 * 1024 });
  } catch (error) {
    if (error instanceof BencodeError) return undefined;
    throw error;
  }
  if (!(dict instanceof Map) || dictNumber(dict, 'version') !== version) return undefined;
  const named = dictBytes(dict, 'format');
  return named !== undefined && utf8DecodeStrict(named) === format ? dict : undefined;
}
