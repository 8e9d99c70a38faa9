/** The files of a torrent as its info dictionary lists them: v1's list (BEP 3, BEP 47) and v2's tree (BEP 52). */

import { type BencodeDict, dictBytes, dictList, dictNumber, dictString } from './bencode.ts';
import { fromBinaryString, utf8Decode } from './bytes.ts';
import { bad, MetainfoError, missing, requireLength } from './metainfo-error.ts';
import { DistinctPaths, safePath } from './safe-path.ts';

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
  /** Root of the file's Merkle tree (BEP 52), 32 bytes; empty files, padding and v1 torrents have none. */
  readonly piecesRoot?: Uint8Array | undefined;
}

/** A file and the path that the torrent gives it, below its folder and as it is written there. */
export interface ListedFile {
  readonly entry: FileEntry;
  readonly rawPath: readonly string[];
}

export interface ListedFiles {
  readonly name: string;
  readonly multiFile: boolean;
  readonly files: readonly ListedFile[];
}

const SHA1_LENGTH = 20;
const ROOT_LENGTH = 32;
const MAX_PATH_DEPTH = 64;

/** The torrent's name as it is written. @throws {MetainfoError} if there is none. */
export function readName(dict: BencodeDict): string {
  const bytes = dictBytes(dict, 'name.utf-8') ?? dictBytes(dict, 'name');
  if (bytes === undefined) throw dict.has('name') ? bad('name', 'is not a string') : missing('name');
  return utf8Decode(bytes);
}

/** The files of v1, one after another. @throws {MetainfoError} */
export function readFileList(dict: BencodeDict): ListedFiles {
  const rawName = readName(dict);
  const name = safePath([rawName])[0]!;
  if (!dict.has('files')) {
    refuseLink(dict, 'info');
    const length = requireLength(dict, 'length');
    const entry = fileEntry(dict, { path: [name], length, offset: 0 });
    return { name, multiFile: false, files: [{ entry, rawPath: [rawName] }] };
  }
  const list = dictList(dict, 'files');
  if (list === undefined) throw bad('files', 'is not a list');
  if (list.length === 0) throw bad('files', 'is empty');
  const distinct = new DistinctPaths();
  const files: ListedFile[] = [];
  let offset = 0;
  for (const [index, item] of list.entries()) {
    const where = `files[${index}]`;
    if (!(item instanceof Map)) throw bad(where, 'is not a dictionary');
    refuseLink(item, where);
    const rawPath = pathOf(item, where);
    const length = requireLength(item, `${where}.length`);
    // Padding is never stored, so it cannot stand in the way of a file.
    const safe = [name, ...safePath(rawPath)];
    const path = isPadding(item) ? safe : distinct.add(safe);
    files.push({ entry: fileEntry(item, { path, length, offset }), rawPath });
    offset = advance(offset, length, 'files');
  }
  return { name, multiFile: true, files };
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

/**
 * The files of v2 in the order of the tree, with padding between them that aligns each to a piece: the tree has none,
 * but the address space has (BEP 52). A torrent whose only entry is a file is that file, and is called like it.
 * @throws {MetainfoError}
 */
export function readFileTree(dict: BencodeDict, pieceLength: number): ListedFiles {
  const tree = dict.get('file tree');
  if (tree === undefined) throw missing('file tree');
  if (!(tree instanceof Map)) throw bad('file tree', 'is not a dictionary');
  const leaves: Leaf[] = [];
  collect(tree, [], leaves);
  if (leaves.length === 0) throw bad('file tree', 'is empty');
  const single = leaves.length === 1 && leaves[0]!.rawPath.length === 1;
  const rawName = single ? leaves[0]!.rawPath[0]! : readName(dict);
  const name = safePath([rawName])[0]!;
  const distinct = new DistinctPaths();
  const files: ListedFile[] = [];
  let offset = 0;
  for (const { rawPath, dict: leaf } of leaves) {
    const where = `file tree: ${rawPath.join('/')}`;
    refuseLink(leaf, where);
    const length = requireLength(leaf, `${where}: length`);
    const gap = length === 0 ? 0 : (pieceLength - (offset % pieceLength)) % pieceLength;
    if (gap > 0) {
      files.push({ entry: virtualPadding(name, gap, offset), rawPath: ['.pad', `${gap}`] });
      offset = advance(offset, gap, 'file tree');
    }
    const safe = single ? [name] : [name, ...safePath(rawPath)];
    const path = isPadding(leaf) ? safe : distinct.add(safe);
    const piecesRoot = length === 0 ? undefined : readRoot(leaf, where);
    files.push({ entry: fileEntry(leaf, { path, length, offset, piecesRoot }), rawPath });
    offset = advance(offset, length, 'file tree');
  }
  return { name, multiFile: !single, files };
}

interface Leaf {
  readonly rawPath: readonly string[];
  readonly dict: BencodeDict;
}

/** Depth first, each folder in the order of the raw bytes of its names, also where the input is not. */
function collect(folder: BencodeDict, above: readonly string[], leaves: Leaf[]): void {
  if (above.length > MAX_PATH_DEPTH) throw bad('file tree', `is more than ${MAX_PATH_DEPTH} folders deep`);
  // Keys are byte strings, so their order by code unit is that of the bytes.
  const names = [...folder.keys()].sort();
  for (const key of names) {
    const value = folder.get(key);
    if (key === '') throw bad('file tree', 'has a file without a name, or beside other entries');
    const rawPath = [...above, utf8Decode(fromBinaryString(key)!)];
    const where = `file tree: ${rawPath.join('/')}`;
    if (!(value instanceof Map)) throw bad(where, 'is not a dictionary');
    const leaf = value.get('');
    if (leaf === undefined) {
      collect(value, rawPath, leaves);
    } else {
      if (!(leaf instanceof Map)) throw bad(where, 'is not a dictionary');
      if (value.size > 1) throw bad(where, 'is a file and a folder at once');
      leaves.push({ rawPath, dict: leaf });
    }
  }
}

function readRoot(leaf: BencodeDict, where: string): Uint8Array {
  const root = dictBytes(leaf, 'pieces root');
  if (root === undefined) throw missing(`${where}: pieces root`);
  if (root.length !== ROOT_LENGTH) throw bad(`${where}: pieces root`, `has ${root.length} bytes, not 32`);
  return root;
}

function virtualPadding(name: string, length: number, offset: number): FileEntry {
  const path = [name, '.pad', `${length}`];
  return { path, pathText: path.join('/'), length, offset, padding: true, attr: 'p' };
}

/**
 * The files of a hybrid torrent: the list of v1, each with the root that the tree of v2 has for it.
 * @throws {MetainfoError} unless both have the same files, in the same order and at the same places.
 */
export function mergeFiles(v1: ListedFiles, v2: ListedFiles, pieceLength: number): ListedFiles {
  const expected = v2.files.filter(({ entry }) => !entry.padding || entry.piecesRoot !== undefined);
  let next = 0;
  const files = v1.files.map((file): ListedFile => {
    const twin = expected[next];
    if (twin !== undefined && sameFile(file, twin)) {
      next++;
      const { piecesRoot } = twin.entry;
      return piecesRoot === undefined ? file : { ...file, entry: { ...file.entry, piecesRoot } };
    }
    if (file.entry.padding) return file;
    throw differ(file);
  });
  if (next < expected.length) throw differ(expected[next]!);
  const end = endOf(v1);
  const dataEnd = endOf(v2);
  // What follows the last file may fill its piece, as libtorrent makes it.
  if (end < dataEnd || end > Math.ceil(dataEnd / pieceLength) * pieceLength) {
    throw inconsistent(`their ends, byte ${end} and byte ${dataEnd}`);
  }
  return { ...v1, files };
}

function sameFile({ entry: a, rawPath: path }: ListedFile, { entry: b, rawPath }: ListedFile): boolean {
  if (a.length !== b.length || a.padding !== b.padding || path.length !== rawPath.length) return false;
  // An empty file is nowhere in particular.
  return (a.length === 0 || a.offset === b.offset) && path.every((component, i) => component === rawPath[i]);
}

function differ({ entry }: ListedFile): MetainfoError {
  return inconsistent(`"${entry.pathText}"`);
}

function inconsistent(where: string): MetainfoError {
  return new MetainfoError(
    'INCONSISTENT',
    `The torrent is of version 1 and 2 at once, but its two file lists differ at ${where}.`,
  );
}

function endOf({ files }: ListedFiles): number {
  const { offset, length } = files.at(-1)!.entry;
  return offset + length;
}

function advance(offset: number, length: number, field: string): number {
  const end = offset + length;
  if (!Number.isSafeInteger(end)) throw bad(field, 'add up to more than 2^53 bytes');
  return end;
}

function fileEntry(
  dict: BencodeDict,
  place: {
    readonly path: readonly string[];
    readonly length: number;
    readonly offset: number;
    readonly piecesRoot?: Uint8Array | undefined;
  },
): FileEntry {
  const { path, length, offset, piecesRoot } = place;
  const sha1 = dictBytes(dict, 'sha1');
  return {
    path,
    pathText: path.join('/'),
    length,
    offset,
    padding: isPadding(dict),
    attr: dictString(dict, 'attr'),
    sha1: sha1?.length === SHA1_LENGTH ? sha1 : undefined,
    mtime: dictNumber(dict, 'mtime'),
    ...(piecesRoot === undefined ? {} : { piecesRoot }),
  };
}

/** A link has no length of its own, and could lead out of the download's folder. */
function refuseLink(dict: BencodeDict, where: string): void {
  if (dictString(dict, 'attr')?.includes('l') === true || dict.has('symlink path')) {
    throw new MetainfoError('SYMLINK', `The torrent has a symbolic link in ${where}, which is refused.`);
  }
}

function isPadding(dict: BencodeDict): boolean {
  return dictString(dict, 'attr')?.includes('p') === true;
}
