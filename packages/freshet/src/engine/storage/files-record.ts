/** What is remembered of a torrent's files beside their content: other names than the torrent's, and a move under way. */

import {
  type BencodeValue,
  dictBytes,
  dictList,
  dictNumber,
  type Encodable,
  encode,
  utf8DecodeStrict,
} from '../../protocol/index.ts';
import { unsafePathReason } from './file-store.ts';
import { decodeStoredRecord } from './stored-record.ts';

export interface FilesRecord {
  /** Paths of files that are not where the torrent has them, by index. */
  readonly paths: ReadonlyMap<number, readonly string[]>;
  /** Paths that files were about to get. */
  readonly pending: ReadonlyMap<number, readonly string[]>;
  /** Folder that the files are being moved to. */
  readonly to?: string | undefined;
  /** With `to`: they are copied, and this folder's are the ones that count. Else they are renamed one by one. */
  readonly copying?: boolean | undefined;
  /** Folder that the files come from; some may still be there. */
  readonly from?: string | undefined;
}

export const NO_RECORD: FilesRecord = { paths: new Map(), pending: new Map() };

const FORMAT = 'freshet files';
const VERSION = 1;

/** Nothing in it is worth keeping. */
export function isEmptyRecord(record: FilesRecord): boolean {
  const { paths, pending, to, from } = record;
  return paths.size === 0 && pending.size === 0 && to === undefined && from === undefined;
}

export function encodeFilesRecord(record: FilesRecord): Uint8Array<ArrayBuffer> {
  const dict: { [key: string]: Encodable | undefined } = {
    format: FORMAT,
    version: VERSION,
    paths: encodePaths(record.paths),
    pending: encodePaths(record.pending),
    to: record.to,
    copying: record.copying === true ? 1 : undefined,
    from: record.from,
  };
  return encode(dict);
}

/** `undefined` for anything that is not whole. */
export function decodeFilesRecord(bytes: Uint8Array): FilesRecord | undefined {
  const dict = decodeStoredRecord(bytes, FORMAT, VERSION);
  if (dict === undefined) return undefined;
  const text = (key: string): string | undefined => {
    const value = dictBytes(dict, key);
    return value === undefined ? undefined : utf8DecodeStrict(value);
  };
  const paths = readPaths(dictList(dict, 'paths'));
  const pending = readPaths(dictList(dict, 'pending'));
  if (paths === undefined || pending === undefined) return undefined;
  return { paths, pending, to: text('to'), copying: dictNumber(dict, 'copying') === 1, from: text('from') };
}

function encodePaths(paths: ReadonlyMap<number, readonly string[]>): Encodable {
  return [...paths].map(([index, path]) => [index, [...path]]);
}

function readPaths(list: BencodeValue[] | undefined): Map<number, string[]> | undefined {
  const paths = new Map<number, string[]>();
  for (const entry of list ?? []) {
    if (!Array.isArray(entry)) return undefined;
    const [index, names] = entry;
    if (typeof index !== 'number' || index < 0 || !Array.isArray(names)) return undefined;
    const path = names.map((name) => (name instanceof Uint8Array ? utf8DecodeStrict(name) : undefined));
    if (path.some((name) => name === undefined)) return undefined;
    // Somebody may have written this who wants us to leave the folder.
    if (unsafePathReason(path as string[]) !== undefined) return undefined;
    paths.set(index, path as string[]);
  }
  return paths;
}
