/** Torrent files and info dictionaries, version 1 (BEP 3), version 2 (BEP 52) and both at once, written. */

import { type Encodable, encode } from './bencode.ts';
import { compareBytes, concatBytes, fromHex, toBinaryString, utf8Encode } from './bytes.ts';
import { HASH_LENGTH, LEAF_LENGTH } from './merkle.ts';

/** What a torrent is made for: clients of version 1, of version 2, or both. */
export type TorrentVersion = 1 | 2 | 'hybrid';

export interface InfoFields {
  /** Default 1. */
  readonly version?: TorrentVersion | undefined;
  /** Name of the file, or of the folder if `files` is a list. */
  readonly name: string;
  /** In bytes; a power of two from 16 KiB in version 2. */
  readonly pieceLength: number;
  /**
   * The single file, by its length or with what else is known of it, or the files of a folder with their paths below
   * it. In version 2 as `arrangeFiles` gives them.
   */
  readonly files: number | SingleFile | readonly BuildFile[];
  /** SHA-1 of every piece, 20 bytes each; of no use in version 2. */
  readonly pieces?: Uint8Array | undefined;
  /** Peers may come from the tracker only (BEP 27). */
  readonly private?: boolean | undefined;
  /** Where it is published; makes the info-hash differ. */
  readonly source?: string | undefined;
}

/** A file of a torrent, without its path. */
export interface SingleFile {
  /** In bytes. */
  readonly length: number;
  /** Attribute letters of BEP 47: x executable, h hidden, p padding. */
  readonly attr?: string | undefined;
  /** In seconds since 1970. */
  readonly mtime?: number | undefined;
  /** Root of the file's Merkle tree, 32 bytes; what version 2 needs of each file that is not empty or padding. */
  readonly piecesRoot?: Uint8Array | undefined;
}

export interface BuildFile extends SingleFile {
  /** Components below the torrent's folder, at least one. */
  readonly path: readonly string[];
}

/**
 * The files of a folder in the order of version 2, that of the raw bytes of their paths' components, with padding
 * between them (BEP 47), so that each begins at a piece. Properties beside the path, length and attributes stay.
 *
 * The last file's last piece is as long as the file leaves it. `tailPadding` fills it as well and puts each padding
 * right behind its file, also where empty files follow: the way of libtorrent 2.0.
 */
export function arrangeFiles<T extends BuildFile>(
  files: readonly T[],
  pieceLength: number,
  options: { readonly tailPadding?: boolean | undefined } = {},
): (T | BuildFile)[] {
  const arranged: (T | BuildFile)[] = [];
  let filled = 0;
  const pad = (): void => {
    const length = filled === 0 ? 0 : pieceLength - filled;
    if (length > 0) arranged.push({ path: ['.pad', `${length}`], length, attr: 'p' });
    filled = 0;
  };
  for (const file of inTreeOrder(files)) {
    if (file.length > 0) pad();
    arranged.push(file);
    filled = (filled + file.length) % pieceLength;
    if (options.tailPadding === true && files.length > 1) pad();
  }
  return arranged;
}

function inTreeOrder<T extends BuildFile>(files: readonly T[]): T[] {
  return files
    .map((file) => ({ file, key: file.path.map(utf8Encode) }))
    .sort((a, b) => comparePaths(a.key, b.key))
    .map(({ file }) => file);
}

function comparePaths(a: readonly Uint8Array[], b: readonly Uint8Array[]): number {
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i++) {
    const order = compareBytes(a[i]!, b[i]!);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

/**
 * The bytes of an info dictionary, whose SHA-1, SHA-256 or both are the info-hash.
 * @throws {RangeError} if `pieces` does not fit the files, a path is empty, or version 2 does not get what it needs.
 */
export function buildInfo(fields: InfoFields): Uint8Array<ArrayBuffer> {
  const { version = 1, pieceLength, pieces } = fields;
  const given = fields.files;
  const files: SingleFile | readonly BuildFile[] = typeof given === 'number' ? { length: given } : given;
  const v1 = version === 2 ? {} : listFields(files, pieceLength, pieces);
  const v2 = version === 1 ? {} : treeFields(files, fields.name, pieceLength);
  return encode({
    ...v1,
    ...v2,
    name: fields.name,
    'piece length': pieceLength,
    private: fields.private === true ? 1 : undefined,
    source: fields.source,
  });
}

type Fields = { readonly [key: string]: Encodable | undefined };

function isList(files: SingleFile | readonly BuildFile[]): files is readonly BuildFile[] {
  return Array.isArray(files);
}

function listFields(
  files: SingleFile | readonly BuildFile[],
  pieceLength: number,
  pieces: Uint8Array | undefined,
): Fields {
  const total = isList(files) ? files.reduce((sum, file) => sum + file.length, 0) : files.length;
  if (pieces?.length !== 20 * Math.ceil(total / pieceLength)) {
    throw new RangeError(
      `${pieces?.length ?? 0} bytes of hashes do not fit ${total} bytes in pieces of ${pieceLength}`,
    );
  }
  if (isList(files)) return { files: files.map(fileDict), pieces };
  const { attr, length, mtime } = files;
  return { attr, length, mtime, pieces };
}

function fileDict({ attr, length, mtime, path }: BuildFile): Encodable {
  if (path.length === 0) throw new RangeError('A file of a torrent needs a path');
  return { attr, length, mtime, path };
}

function treeFields(files: SingleFile | readonly BuildFile[], name: string, pieceLength: number): Fields {
  if (pieceLength < LEAF_LENGTH || !Number.isInteger(Math.log2(pieceLength))) {
    throw new RangeError(`A piece length of ${pieceLength} is no power of two from ${LEAF_LENGTH}`);
  }
  const list = isList(files) ? files : [{ ...files, path: [name] }];
  return { 'file tree': fileTree(list, pieceLength), 'meta version': 2 };
}

type Folder = Map<string, Encodable>;

function fileTree(files: readonly BuildFile[], pieceLength: number): Folder {
  const tree: Folder = new Map();
  let offset = 0;
  let previous: Uint8Array[] = [];
  for (const file of files) {
    const start = offset;
    offset += file.length;
    // Padding follows from the lengths.
    if (file.attr?.includes('p') === true) continue;
    const path = file.path.map(utf8Encode);
    if (path.length === 0) throw new RangeError('A file of a torrent needs a path');
    if (comparePaths(previous, path) >= 0) throw new RangeError('Files are out of order: arrangeFiles first');
    previous = path;
    if (file.length > 0 && start % pieceLength !== 0) {
      throw new RangeError('A file begins within a piece: arrangeFiles first');
    }
    folderOf(tree, path.slice(0, -1)).set(toBinaryString(path.at(-1)!), new Map([['', leaf(file)]]));
  }
  return tree;
}

function folderOf(tree: Folder, path: readonly Uint8Array[]): Folder {
  let folder = tree;
  for (const component of path) {
    const key = toBinaryString(component);
    let next = folder.get(key);
    if (next === undefined) {
      next = new Map<string, Encodable>();
      folder.set(key, next);
    }
    if (!(next instanceof Map) || next.has('')) throw new RangeError('A file is a folder too');
    folder = next as Folder;
  }
  return folder;
}

function leaf({ attr, length, mtime, piecesRoot }: BuildFile): Encodable {
  if (length > 0 && piecesRoot?.length !== HASH_LENGTH) {
    throw new RangeError('A file of version 2 needs the root of its tree, 32 bytes');
  }
  return { attr, length, mtime, 'pieces root': length === 0 ? undefined : piecesRoot };
}

export interface TorrentFields {
  /** The info dictionary, encoded; goes in as it is. */
  readonly infoBytes: Uint8Array;
  /**
   * The hashes of the pieces of each file that is longer than a piece, by the file's root in hexadecimal. What version
   * 2 needs, also if it is empty; absent for version 1.
   */
  readonly pieceLayers?: ReadonlyMap<string, Uint8Array> | undefined;
  /** Tracker URLs in tiers (BEP 12). */
  readonly announceTiers?: readonly (readonly string[])[] | undefined;
  /** Web seeds (BEP 19). */
  readonly urlList?: readonly string[] | undefined;
  /** Web seeds that are scripts (BEP 17). */
  readonly httpSeeds?: readonly string[] | undefined;
  readonly comment?: string | undefined;
  readonly createdBy?: string | undefined;
  /** In seconds since 1970. */
  readonly creationDate?: number | undefined;
}

/**
 * A torrent file's bytes.
 * @throws {RangeError} if a key of `pieceLayers` is no root.
 */
export function encodeTorrent(fields: TorrentFields): Uint8Array<ArrayBuffer> {
  const tiers = (fields.announceTiers ?? []).filter((tier) => tier.length > 0);
  const urlList = fields.urlList ?? [];
  const before: { [key: string]: Encodable | undefined } = {
    announce: tiers[0]?.[0],
    // Redundant for one tracker, but some clients read nothing else.
    'announce-list': tiers.length > 0 ? tiers : undefined,
    comment: fields.comment,
    'created by': fields.createdBy,
    'creation date': fields.creationDate,
    httpseeds: fields.httpSeeds !== undefined && fields.httpSeeds.length > 0 ? fields.httpSeeds : undefined,
  };
  // The info dictionary must go in byte for byte, so it is spliced in; every other key sorts before or after it.
  const head = encode(before).subarray(0, -1);
  const tail = encode({
    'piece layers': fields.pieceLayers === undefined ? undefined : layersDict(fields.pieceLayers),
    'url-list': urlList.length > 0 ? urlList : undefined,
  }).subarray(1);
  return concatBytes([head, utf8Encode('4:info'), fields.infoBytes, tail]);
}

function layersDict(layers: ReadonlyMap<string, Uint8Array>): Encodable {
  const dict = new Map<string, Uint8Array>();
  for (const [root, layer] of layers) {
    const bytes = fromHex(root);
    if (bytes?.length !== HASH_LENGTH) throw new RangeError(`"${root}" is no root in hexadecimal`);
    dict.set(toBinaryString(bytes), layer);
  }
  return dict;
}

const MIN_PIECE_LENGTH = 16 * 1024;
const MAX_PIECE_LENGTH = 16 * 1024 * 1024;
// A piece is what can be verified, shown and shared, so a film wants many; but each costs 20 bytes of metadata.
const MAX_PIECES = 2048;

/**
 * The piece length for new torrents: the smallest power of two, from 16 KiB to 16 MiB, that makes at most 2048
 * pieces of `totalBytes`.
 */
export function choosePieceLength(totalBytes: number): number {
  let length = MIN_PIECE_LENGTH;
  while (length < MAX_PIECE_LENGTH && totalBytes / length > MAX_PIECES) length *= 2;
  return length;
}
