/** Torrent files and info dictionaries, version 1 (BEP 3), version 2 (BEP 52) and both at once, read. */

import {
  type BencodeDict,
  BencodeError,
  type BencodeValue,
  type ByteRange,
  decodeDictWithRanges,
  dictBytes,
  dictList,
  dictNumber,
  dictString,
} from './bencode.ts';
import { toBinaryString, toHex, utf8Decode } from './bytes.ts';
import type { FileEntry } from './file-entry.ts';
import type { TorrentHashes } from './ids.ts';
import { isPieceLayer, LEAF_LENGTH } from './merkle.ts';
import { bad, MetainfoError, missing, readVersion, requireNumber } from './metainfo-error.ts';
import { type ListedFiles, readFileList, readSingleFile } from './metainfo-list.ts';
import { mergeFileTree, readFileTree, type TreeOptions } from './metainfo-tree.ts';

export type { FileEntry } from './file-entry.ts';
export { MetainfoError, type MetainfoErrorCode } from './metainfo-error.ts';

/** What a torrent contains: its info dictionary. Byte arrays are views of the input. */
export interface Info {
  /** Suggested name of the file, or of the folder if there are several; safe as a path component. */
  readonly name: string;
  /** The name as the torrent has it, unsafe as it is; `undefined` where it is that of the only file of version 2. */
  readonly rawName: Uint8Array | undefined;
  /** Bytes in each piece but the last. */
  readonly pieceLength: number;
  readonly pieceCount: number;
  /** Bytes in the last piece; 0 if there are no pieces. */
  readonly lastPieceLength: number;
  /** Bytes of all files. */
  readonly length: number;
  /** It is a torrent of version 1 (BEP 3): its pieces have SHA-1 hashes. */
  readonly hasV1: boolean;
  /** It is a torrent of version 2 (BEP 52): its files have roots, and begin at a piece each. */
  readonly hasV2: boolean;
  /** All SHA-1 hashes one after another, 20 bytes each; `undefined` without version 1. */
  readonly pieces: Uint8Array | undefined;
  /** View of the SHA-1 of piece `index`, which is in 0..pieceCount - 1; `undefined` without version 1. */
  pieceHash(index: number): Uint8Array | undefined;
  /**
   * Bytes of piece `index` up to the end of the file in it; what follows are zeros that nobody need send. Without
   * version 2 all bytes of the piece.
   */
  dataLength(index: number): number;
  /** The file that piece `index` is part of, and no other; `undefined` without version 2. */
  fileOfPiece(index: number): FileEntry | undefined;
  /**
   * In the order of their bytes; at least one. Where version 2 aligns files to pieces there is padding between them,
   * also where only the address space has it.
   */
  readonly files: readonly FileEntry[];
  /** There is a folder of files; also when it holds only one. */
  readonly multiFile: boolean;
  /** Peers may come from the tracker only (BEP 27). */
  readonly private: boolean;
  /** It is of version 1 and 2 at once. */
  readonly hybrid: boolean;
  /** Where it was published; makes the info-hash differ. */
  readonly source?: string | undefined;
  /** The info dictionary's bytes as they came: what the info-hash is of. */
  readonly bytes: Uint8Array;
  /** Set when the caller knew a hash, as with a magnet link. */
  readonly hashes?: TorrentHashes | undefined;
}

/** A torrent file. */
export interface Metainfo {
  /** The info dictionary's bytes as they came. Their SHA-1, their SHA-256 or both are the info-hash. */
  readonly infoBytes: Uint8Array;
  readonly info: Info;
  /**
   * For each file that is longer than a piece the hashes of its pieces, 32 bytes each, by the file's root in
   * hexadecimal (BEP 52). They have been checked against the roots. Empty without version 2.
   */
  readonly pieceLayers: ReadonlyMap<string, Uint8Array>;
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
const SHA1_LENGTH = 20;
/** Longest torrent file, in bytes: several million files, whose list takes some times as much memory. */
export const MAX_TORRENT_LENGTH: number = 256 * 1024 * 1024;
const DICT = 0x64;
// What there can be much of is read in place.
const TORRENT_RAW: ReadonlySet<string> = new Set(['info']);
const INFO_RAW: ReadonlySet<string> = new Set(['files', 'file tree']);

/**
 * Reads a torrent file. Keys out of order are tolerated, as real files have them.
 * @throws {MetainfoError} if it cannot be used.
 */
export function parseTorrent(bytes: Uint8Array): Metainfo {
  const { dict, ranges } = decodeTop(bytes, 'The torrent file', { trailing: true, raw: TORRENT_RAW });
  const range = ranges.get('info');
  if (range === undefined) throw missing('info');
  if (bytes[range.start] !== DICT) throw bad('info', 'is not a dictionary');
  const infoBytes = bytes.subarray(range.start, range.end);
  const info = parseInfo(infoBytes);
  return {
    infoBytes,
    info,
    pieceLayers: readPieceLayers(dict, info),
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
 * Reads an info dictionary by itself, as peers send it for a magnet link (BEP 9). The caller has checked that it has
 * the given hashes.
 * @throws {MetainfoError} if it cannot be used.
 */
export function parseInfo(infoBytes: Uint8Array, hashes?: TorrentHashes): Info {
  const { dict, ranges } = decodeTop(infoBytes, 'The info dictionary', { trailing: false, raw: INFO_RAW });
  return readInfo({ dict, ranges, bytes: infoBytes }, hashes);
}

function decodeTop(
  bytes: Uint8Array,
  what: string,
  options: { readonly trailing: boolean; readonly raw: ReadonlySet<string> },
): { dict: BencodeDict; ranges: ReadonlyMap<string, ByteRange> } {
  try {
    return decodeDictWithRanges(bytes, { strict: false, maxLength: MAX_TORRENT_LENGTH, ...options });
  } catch (error) {
    if (!(error instanceof BencodeError)) throw error;
    throw new MetainfoError('MALFORMED', `${what} is damaged or is none: ${error.message}.`, {
      cause: error,
    });
  }
}

/** An info dictionary without its files, and where they lie. */
interface RawInfo {
  readonly dict: BencodeDict;
  readonly ranges: ReadonlyMap<string, ByteRange>;
  readonly bytes: Uint8Array;
}

function readInfo(raw: RawInfo, hashes: TorrentHashes | undefined): Info {
  const { dict, bytes } = raw;
  const hasV2 = readVersion(dict) === 2;
  const hasV1 = !hasV2 || dict.has('pieces');
  const pieceLength = readPieceLength(dict, hasV2);
  const { name, multiFile, files } = readAllFiles(raw, { hasV1, hasV2, pieceLength });
  const last = files[files.length - 1]!;
  const length = last.offset + last.length;
  const pieceCount = Math.ceil(length / pieceLength);
  const pieces = hasV1 ? readPieces(dict, { length, pieceLength, pieceCount }) : undefined;
  const fileOfPiece = hasV2 ? fileFinder(files, pieceLength) : () => undefined;
  return {
    name,
    rawName: hasV1 || multiFile ? rawName(dict) : undefined,
    pieceLength,
    pieceCount,
    lastPieceLength: pieceCount === 0 ? 0 : length - (pieceCount - 1) * pieceLength,
    length,
    hasV1,
    hasV2,
    pieces,
    pieceHash: (index) => pieces?.subarray(index * SHA1_LENGTH, (index + 1) * SHA1_LENGTH),
    dataLength: (index) => {
      const file = fileOfPiece(index);
      const end = file === undefined ? length : file.offset + file.length;
      return Math.min(pieceLength, end - index * pieceLength);
    },
    fileOfPiece,
    files,
    multiFile,
    private: dict.get('private') === 1,
    hybrid: hasV1 && hasV2,
    source: dictString(dict, 'source'),
    bytes,
    hashes,
  };
}

function readPieceLength(dict: BencodeDict, hasV2: boolean): number {
  const pieceLength = requireNumber(dict, 'piece length');
  if (pieceLength < 1 || pieceLength > MAX_PIECE_LENGTH) {
    throw bad('piece length', `is ${pieceLength}, not within 1 and ${MAX_PIECE_LENGTH}`);
  }
  if (hasV2 && (pieceLength < LEAF_LENGTH || !Number.isInteger(Math.log2(pieceLength)))) {
    throw bad('piece length', `is ${pieceLength}, which is no power of two from ${LEAF_LENGTH}`);
  }
  return pieceLength;
}

function readAllFiles(
  { dict, ranges, bytes }: RawInfo,
  versions: { readonly hasV1: boolean; readonly hasV2: boolean; readonly pieceLength: number },
): ListedFiles {
  const { hasV1, hasV2, pieceLength } = versions;
  const listAt = ranges.get('files');
  const list =
    hasV1 && listAt === undefined
      ? readSingleFile(bytes, readName(dict))
      : hasV1
        ? readFileList(bytes, listAt!.start, readName(dict))
        : undefined;
  if (!hasV2) return list!;
  const range = ranges.get('file tree');
  if (range === undefined) throw missing('file tree');
  const { start, end, unordered = false } = range;
  const tree: TreeOptions = { input: bytes, start, end, unordered, pieceLength };
  return list === undefined ? readFileTree(tree, () => readName(dict)) : mergeFileTree(list, tree);
}

function rawName(dict: BencodeDict): Uint8Array | undefined {
  return dictBytes(dict, 'name.utf-8') ?? dictBytes(dict, 'name');
}

/** The torrent's name as it is written. @throws {MetainfoError} if there is none. */
function readName(dict: BencodeDict): string {
  const bytes = rawName(dict);
  if (bytes === undefined) throw dict.has('name') ? bad('name', 'is not a string') : missing('name');
  return utf8Decode(bytes);
}

function readPieces(
  dict: BencodeDict,
  size: { readonly length: number; readonly pieceLength: number; readonly pieceCount: number },
): Uint8Array {
  const pieces = dict.get('pieces');
  if (pieces === undefined) throw missing('pieces');
  if (!(pieces instanceof Uint8Array)) throw bad('pieces', 'is not a string');
  if (pieces.length % SHA1_LENGTH !== 0) {
    throw bad('pieces', `has ${pieces.length} bytes, which is not a multiple of ${SHA1_LENGTH}`);
  }
  const { length, pieceLength, pieceCount } = size;
  if (pieces.length !== pieceCount * SHA1_LENGTH) {
    throw bad(
      'pieces',
      `has ${pieces.length / SHA1_LENGTH} hashes where ${length} bytes in pieces of ${pieceLength} need ${pieceCount}`,
    );
  }
  return pieces;
}

/** Finds the file with a root in which a piece lies; each begins at a piece, and padding fills the last one. */
function fileFinder(
  files: ListedFiles['files'],
  pieceLength: number,
): (piece: number) => FileEntry | undefined {
  const rooted = files.filter((file) => file.hasRoot);
  return (piece) => {
    const start = piece * pieceLength;
    let low = 0;
    let high = rooted.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (rooted[middle]!.offset <= start) low = middle + 1;
      else high = middle;
    }
    return rooted[low - 1];
  };
}

function readPieceLayers(dict: BencodeDict, info: Info): ReadonlyMap<string, Uint8Array> {
  const layers = new Map<string, Uint8Array>();
  if (!info.hasV2) return layers;
  const given = dict.get('piece layers');
  if (given !== undefined && !(given instanceof Map)) throw bad('piece layers', 'is not a dictionary');
  for (const file of info.files) {
    const fileLength = file.length;
    const root = fileLength <= info.pieceLength ? undefined : file.piecesRoot;
    if (root === undefined) continue;
    const layer = given?.get(toBinaryString(root));
    const problem = `has no hashes of the pieces of "${file.pathText}"`;
    if (layer === undefined) throw bad('piece layers', problem);
    const hex = toHex(root);
    if (layers.get(hex) === layer) continue;
    if (
      !(layer instanceof Uint8Array) ||
      !isPieceLayer(layer, { root, fileLength, pieceLength: info.pieceLength })
    ) {
      throw bad('piece layers', `has hashes for "${file.pathText}" that do not lead to its root`);
    }
    layers.set(hex, layer);
  }
  return layers;
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
