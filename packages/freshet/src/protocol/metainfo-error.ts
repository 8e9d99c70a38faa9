/** Why a torrent cannot be used, and the fields of its dictionaries read with that in mind. */

import { type BencodeDict, dictNumber } from './bencode.ts';

export type MetainfoErrorCode =
  /** Not bencoding, or not a dictionary. */
  | 'MALFORMED'
  /** A required field is missing. */
  | 'MISSING_FIELD'
  /** A field of the wrong type or out of range. */
  | 'BAD_FIELD'
  /** Of a version that is newer than 2 (BEP 52). */
  | 'UNSUPPORTED_VERSION'
  /** A hybrid torrent whose two halves describe different files. */
  | 'INCONSISTENT'
  /** A file is a symbolic link, which could lead out of the download's folder. */
  | 'SYMLINK';

/** A torrent that cannot be used; the message is one sentence that names the field. */
export class MetainfoError extends Error {
  override readonly name: string = 'MetainfoError';
  readonly code: MetainfoErrorCode;

  constructor(code: MetainfoErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

export function requireLength(dict: BencodeDict, field: string): number {
  const length = requireNumber(dict, 'length', field);
  if (length < 0) throw bad(field, `is ${length}, which is negative`);
  return length;
}

export function requireNumber(dict: BencodeDict, key: string, field: string = key): number {
  const value = dict.get(key);
  if (value === undefined) throw missing(field);
  if (typeof value === 'bigint') throw bad(field, 'is beyond 2^53');
  if (typeof value !== 'number') throw bad(field, 'is not an integer');
  return value;
}

export function missing(field: string): MetainfoError {
  return new MetainfoError('MISSING_FIELD', `The torrent has no field "${field}".`);
}

export function bad(field: string, problem: string): MetainfoError {
  return new MetainfoError('BAD_FIELD', `The torrent's field "${field}" ${problem}.`);
}

/** The version of a torrent's metadata: 2, or 1 where nothing is said. @throws {MetainfoError} on any other. */
export function readVersion(dict: BencodeDict): 1 | 2 {
  const version = dictNumber(dict, 'meta version');
  // No number is assigned to version 1, but to say it does no harm.
  if (!dict.has('meta version') || version === 1) return 1;
  if (version === 2) return 2;
  throw new MetainfoError(
    'UNSUPPORTED_VERSION',
    version === undefined
      ? 'The torrent does not say of which version it is: its field "meta version" is not a number.'
      : `The torrent is of version ${version}, which is not known here; versions 1 and 2 are.`,
  );
}
