/** Torrent files and info dictionaries, version 1 (BEP 3), read. */

import {
  type BencodeDict,
  BencodeError,
  type BencodeValue,
  type ByteRange,
  decodeDictWithRanges,
  dictBytes,
  dictDict,
  dictList,
  dictNumber,
  dictString,
} from './bencode.ts';
import { utf8Decode } from './bytes.ts';
import type { InfoHash } from './ids.ts';
import { DistinctPaths, safePath } from './safe-path.ts';

export type MetainfoErrorCode =
  /** Not bencoding, or not a dictionary. */
  | 'MALFORMED'
  /** A required field is missing. */
  | 'MISSING_FIELD'
  /** A field of the wrong type or out of range. */
  | 'BAD_FIELD'
  /** Only version 2 (BEP 52) is in it. */
  | 'UNSUPPORTED_V2'
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

/** One file of a torrent. */
export interface FileEntry {
  /** Safe components below the download's folder; the torrent's name comes first if it has several files. */
  readonly path: readonly string[];
  /** `path` joined with `/`. */
  readonly pathText: string;
  /** In bytes. */
  readonly length: number;
  /** Where the file begins in the torrent's linear address space, in bytes. */
  readonly offset: number;
  /** Zeros that align the next file to a piece; never written to disk (BEP 47). */
  readonly padding: boolean;
  /** Attribute letters of BEP 47: p padding, x executable, h hidden. */
  readonly attr?: string | undefined;
  /** SHA-1 of the file (BEP 47), 20 bytes. */
  readonly sha1?: Uint8Array | undefined;
  /** Time of modification, in seconds since 1970. */
  readonly mtime?: number | undefined;
}

/** What a torrent contains: its info dictionary. Byte arrays are views of the input. */
export interface Info {
  /** Suggested name of the file, or of the folder if there are several; safe as a path component. */
  readonly name: string;
  /** Bytes in each piece but the last. */
  readonly pieceLength: number;
  readonly pieceCount: number;
  /** Bytes in the last piece; 0 if there are no pieces. */
  readonly lastPieceLength: number;
  /** Bytes of all files. */
  readonly length: number;
  /** All SHA-1 hashes one after another, 20 bytes each. */
  readonly pieces: Uint8Array;
  /** View of the SHA-1 of piece `index`, which is in 0..pieceCount - 1. */
  pieceHash(index: number): Uint8Array;
  /** In the order of their bytes; at least one. */
  readonly files: readonly FileEntry[];
  /** There is a folder of files; also when it holds only one. */
  readonly multiFile: boolean;
  /** Peers may come from the tracker only (BEP 27). */
  readonly private: boolean;
  /** It is a version 2 torrent too (BEP 52), of which only version 1 is read. */
  readonly hybrid: boolean;
  /** Where it was published; makes the info-hash differ. */
  readonly source?: string | undefined;
  /** The info dictionary's bytes as they came: what the info-hash is of. */
  readonly bytes: Uint8Array;
  /** Set when the caller knew the hash, as with a magnet link. */
  readonly infoHashV1?: InfoHash | undefined;
}

/** A torrent file. */
export interface Metainfo {
  /** The info dictionary's bytes as they came. Their SHA-1 is the info-hash. */
  readonly infoBytes: Uint8Array;
  readonly info: Info;
  /** Tracker URLs in tiers (BEP 12); `announce` alone makes one tier. No URL comes twice. */
  readonly announceTiers: string[][];
  /** Web seeds (BEP 19). */
  readonly urlList: string[];
  /** Web seeds of BEP 17. */
  readonly httpSeeds: string[];
  readonly comment?: string | undefined;
  readonly createdBy?: string | undefined;
  /** In seconds since 1970. */
  readonly creationDate?: number | undefined;
  readonly encoding?: string | undefined;
  /** DHT nodes to start from (BEP 5). */
  readonly nodes: { readonly host: string; readonly port: number }[];
}

const MAX_PIECE_LENGTH = 256 * 1024 * 1024;
const HASH_LENGTH = 20;
const MAX_PATH_DEPTH = 64;

/**
 * Reads a torrent file. Keys out of order are tolerated, as real files have them.
 * @throws {MetainfoError} if it cannot be used.
 */
export function parseTorrent(bytes: Uint8Array): Metainfo {
  const { dict, ranges } = decodeTop(bytes, 'The torrent file', true);
  const range = ranges.get('info');
  if (range === undefined) throw missing('info');
  if (!(dict.get('info') instanceof Map)) throw bad('info', 'is not a dictionary');
  const infoBytes = bytes.subarray(range.start, range.end);
  return {
    infoBytes,
    info: readInfo(dictDict(dict, 'info')!, infoBytes, undefined),
    announceTiers: readTiers(dict),
    urlList: readUrls(dict.get('url-list')),
    httpSeeds: readUrls(dict.get('httpseeds')),
    comment: dictString(dict, 'comment.utf-8') ?? dictString(dict, 'comment'),
    createdBy: dictString(dict, 'created by'),
    creationDate: dictNumber(dict, 'creation date'),
    encoding: dictString(dict, 'encoding'),
    nodes: readNodes(dict),
  };
}

/**
 * Reads an info dictionary by itself, as peers send it for a magnet link (BEP 9). The caller has checked that
 * its SHA-1 is `infoHashV1`.
 * @throws {MetainfoError} if it cannot be used.
 */
export function parseInfo(infoBytes: Uint8Array, infoHashV1?: InfoHash): Info {
  return readInfo(decodeTop(infoBytes, 'The info dictionary', false).dict, infoBytes, infoHashV1);
}

function decodeTop(
  bytes: Uint8Array,
  what: string,
  trailing: boolean,
): { dict: BencodeDict; ranges: ReadonlyMap<string, ByteRange> } {
  try {
    return decodeDictWithRanges(bytes, { strict: false, trailing });
  } catch (error) {
    if (!(error instanceof BencodeError)) throw error;
    throw new MetainfoError('MALFORMED', `${what} is damaged or is none: ${error.message}.`, {
      cause: error,
    });
  }
}

function readInfo(dict: BencodeDict, bytes: Uint8Array, infoHashV1: InfoHash | undefined): Info {
  const version2 = dict.has('meta version') || dict.has('file tree');
  if (!dict.has('pieces') && version2) {
    throw new MetainfoError(
      'UNSUPPORTED_V2',
      'The torrent is of version 2 only (BEP 52), which is not supported yet; a hybrid one would be.',
    );
  }
  const pieceLength = requireNumber(dict, 'piece length');
  if (pieceLength < 1 || pieceLength > MAX_PIECE_LENGTH) {
    throw bad('piece length', `is ${pieceLength}, not within 1 and ${MAX_PIECE_LENGTH}`);
  }
  const pieces = dict.get('pieces');
  if (pieces === undefined) throw missing('pieces');
  if (!(pieces instanceof Uint8Array)) throw bad('pieces', 'is not a string');
  if (pieces.length % HASH_LENGTH !== 0) {
    throw bad('pieces', `has ${pieces.length} bytes, which is not a multiple of ${HASH_LENGTH}`);
  }

  const nameBytes = dictBytes(dict, 'name.utf-8') ?? dictBytes(dict, 'name');
  if (nameBytes === undefined) throw dict.has('name') ? bad('name', 'is not a string') : missing('name');
  const name = safePath([utf8Decode(nameBytes)])[0]!;
  const multiFile = dict.has('files');
  const files = multiFile ? readFiles(dict, name) : [readSingleFile(dict, name)];
  const last = files[files.length - 1]!;
  const length = last.offset + last.length;
  const pieceCount = Math.ceil(length / pieceLength);
  if (pieces.length !== pieceCount * HASH_LENGTH) {
    throw bad(
      'pieces',
      `has ${pieces.length / HASH_LENGTH} hashes where ${length} bytes in pieces of ${pieceLength} need ${pieceCount}`,
    );
  }
  return {
    name,
    pieceLength,
    pieceCount,
    lastPieceLength: pieceCount === 0 ? 0 : length - (pieceCount - 1) * pieceLength,
    length,
    pieces,
    pieceHash: (index) => pieces.subarray(index * HASH_LENGTH, (index + 1) * HASH_LENGTH),
    files,
    multiFile,
    private: dict.get('private') === 1,
    hybrid: version2,
    source: dictString(dict, 'source'),
    bytes,
    infoHashV1,
  };
}

function readSingleFile(dict: BencodeDict, name: string): FileEntry {
  return fileEntry(dict, [name], requireLength(dict, 'length'), 0, 'info');
}

function readFiles(dict: BencodeDict, name: string): FileEntry[] {
  const list = dictList(dict, 'files');
  if (list === undefined) throw bad('files', 'is not a list');
  if (list.length === 0) throw bad('files', 'is empty');
  const distinct = new DistinctPaths();
  const files: FileEntry[] = [];
  let offset = 0;
  for (const [index, item] of list.entries()) {
    const where = `files[${index}]`;
    if (!(item instanceof Map)) throw bad(where, 'is not a dictionary');
    const components = pathOf(item, where);
    const length = requireLength(item, `${where}.length`);
    // Padding is never stored, so it cannot stand in the way of a file.
    const safe = [name, ...safePath(components)];
    const path = isPadding(item) ? safe : distinct.add(safe);
    files.push(fileEntry(item, path, length, offset, where));
    offset += length;
    if (!Number.isSafeInteger(offset)) throw bad('files', 'add up to more than 2^53 bytes');
  }
  return files;
}

function fileEntry(
  dict: BencodeDict,
  path: readonly string[],
  length: number,
  offset: number,
  where: string,
): FileEntry {
  const attr = dictString(dict, 'attr');
  if (attr?.includes('l') === true || dict.has('symlink path')) {
    throw new MetainfoError('SYMLINK', `The torrent has a symbolic link in ${where}, which is refused.`);
  }
  const sha1 = dictBytes(dict, 'sha1');
  return {
    path,
    pathText: path.join('/'),
    length,
    offset,
    padding: isPadding(dict),
    attr,
    sha1: sha1?.length === HASH_LENGTH ? sha1 : undefined,
    mtime: dictNumber(dict, 'mtime'),
  };
}

function isPadding(dict: BencodeDict): boolean {
  return dictString(dict, 'attr')?.includes('p') === true;
}

function pathOf(dict: BencodeDict, where: string): string[] {
  const list = dictList(dict, 'path.utf-8') ?? dictList(dict, 'path');
  if (list === undefined)
    throw dict.has('path') ? bad(`${where}.path`, 'is not a list') : missing(`${where}.path`);
  if (list.length === 0) throw bad(`${where}.path`, 'is empty');
  if (list.length > MAX_PATH_DEPTH) throw bad(`${where}.path`, `has more than ${MAX_PATH_DEPTH} entries`);
  return list.map((component) => {
    if (!(component instanceof Uint8Array)) throw bad(`${where}.path`, 'has an entry that is not a string');
    return utf8Decode(component);
  });
}

function readTiers(dict: BencodeDict): string[][] {
  const seen = new Set<string>();
  const isNew = (url: string): boolean => url !== '' && !seen.has(url) && seen.add(url).size > 0;
  const tiers: string[][] = [];
  for (const tier of dictList(dict, 'announce-list') ?? []) {
    // Some writers give a tier of one URL as that URL.
    const urls = (Array.isArray(tier) ? tier : [tier]).map(urlText).filter(isNew);
    if (urls.length > 0) tiers.push(urls);
  }
  if (tiers.length > 0) return tiers;
  const announce = urlText(dict.get('announce'));
  return announce === '' ? [] : [[announce]];
}

function readUrls(value: BencodeValue | undefined): string[] {
  const list = Array.isArray(value) ? value : [value];
  return [...new Set(list.map(urlText))].filter((url) => url !== '');
}

function urlText(value: BencodeValue | undefined): string {
  return value instanceof Uint8Array ? utf8Decode(value).trim() : '';
}

function readNodes(dict: BencodeDict): { host: string; port: number }[] {
  const nodes: { host: string; port: number }[] = [];
  for (const item of dictList(dict, 'nodes') ?? []) {
    if (!Array.isArray(item)) continue;
    const [host, port] = item;
    if (!(host instanceof Uint8Array) || typeof port !== 'number' || port < 1 || port > 65535) continue;
    nodes.push({ host: utf8Decode(host), port });
  }
  return nodes;
}

function requireLength(dict: BencodeDict, field: string): number {
  const length = requireNumber(dict, 'length', field);
  if (length < 0) throw bad(field, `is ${length}, which is negative`);
  return length;
}

function requireNumber(dict: BencodeDict, key: string, field: string = key): number {
  const value = dict.get(key);
  if (value === undefined) throw missing(field);
  if (typeof value === 'bigint') throw bad(field, 'is beyond 2^53');
  if (typeof value !== 'number') throw bad(field, 'is not an integer');
  return value;
}

function missing(field: string): MetainfoError {
  return new MetainfoError('MISSING_FIELD', `The torrent has no field "${field}".`);
}

function bad(field: string, problem: string): MetainfoError {
  return new MetainfoError('BAD_FIELD', `The torrent's field "${field}" ${problem}.`);
}
