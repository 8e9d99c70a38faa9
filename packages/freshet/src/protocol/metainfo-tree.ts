/** The files of a torrent as the tree of version 2 has them (BEP 52), alone or beside the list of version 1. */

import { decode, encode } from './bencode.ts';
import { BencodeScanner } from './bencode-scanner.ts';
import { utf8Decode } from './bytes.ts';
import { advance, EntryReader } from './entry-reader.ts';
import { type EntryFields, type EntryFolder, entryFolder, ListedEntry } from './file-entry.ts';
import { bad, MetainfoError, missing } from './metainfo-error.ts';
import { type FileList, type ListedFiles, MAX_PATH_DEPTH } from './metainfo-list.ts';
import { DistinctPaths, type PlacedFolder, safeComponent, safePath } from './safe-path.ts';

const ROOT_LENGTH = 32;
const CHAR_0 = 0x30;
const CHAR_COLON = 0x3a;

/** Where the tree lies, and what it is in. */
export interface TreeOptions {
  readonly input: Uint8Array;
  /** Of the tree in `input`, where all has been checked to be bencoding. */
  readonly start: number;
  readonly end: number;
  /** Some dictionary in it has its keys out of order. */
  readonly unordered: boolean;
  readonly pieceLength: number;
}

/** One file of the tree; valid while it is visited. */
interface Leaf {
  readonly fields: EntryReader;
  readonly input: Uint8Array;
  /** Where the components of its path begin and end in `input`. */
  readonly path: readonly number[];
  /** In the address space, where each file that has bytes begins at a piece. */
  readonly offset: number;
  /** Bytes before it that align it. */
  readonly gap: number;
  /** For errors. */
  where(): string;
}

/**
 * The files in the order of the tree, with padding between them that aligns each to a piece: the tree has none, but the
 * address space has (BEP 52). A torrent whose only entry is a file is that file, and is called like it.
 * @param rawName called for the torrent's name if there is a folder.
 * @throws {MetainfoError}
 */
export function readFileTree(options: TreeOptions, rawName: () => string): ListedFiles {
  const walk = new TreeWalk(options);
  const only = walk.onlyFile();
  const name = safePath([only ?? rawName()])[0]!;
  const distinct = new DistinctPaths();
  const padding = entryFolder([name, '.pad']);
  const files: ListedEntry[] = [];
  // The folders around the file before, by where their names lie.
  const open: { readonly at: number; readonly placed: PlacedFolder }[] = [];
  let folder = entryFolder([]);
  const root = only === undefined ? distinct.folder(distinct.root, name) : distinct.root;
  if (only === undefined) folder = entryFolder(root.path);
  walk.run((leaf) => {
    const { fields, input, path, offset, gap } = leaf;
    if (gap > 0) {
      const place = { folder: padding, name: `${gap}`, nameStart: 0, nameEnd: 0, offset: offset - gap };
      files.push(new ListedEntry(place, paddingOf(gap), input));
    }
    if (fields.length > 0) requireRoot(leaf);
    else fields.piecesRoot = -1;
    const add = (within: EntryFolder, free: string): void => {
      const [nameStart, nameEnd] = [path.at(-2)!, path.at(-1)!];
      files.push(new ListedEntry({ folder: within, name: free, nameStart, nameEnd, offset }, fields, input));
    };
    if (only !== undefined) {
      add(folder, name);
      return;
    }
    const depth = path.length / 2 - 1;
    let same = 0;
    while (same < depth && open[same]?.at === path[2 * same]) same++;
    if (same < depth || open.length !== depth) {
      open.length = same;
      let placed = open.at(-1)?.placed ?? root;
      for (let i = same; i < depth; i++) {
        const component = safeComponent(textAt(input, path, i));
        if (component !== undefined) placed = distinct.folder(placed, component);
        open.push({ at: path[2 * i]!, placed });
      }
      folder = entryFolder(placed.path, path.slice(0, -2));
    }
    const placed = open.at(-1)?.placed ?? root;
    const component = safeComponent(textAt(input, path, depth));
    if (fields.isPadding) {
      add(folder, component ?? '_');
    } else if (component !== undefined) {
      add(folder, distinct.file(placed, component));
    } else {
      // The folder's own name becomes the file's.
      const folders = Array.from({ length: depth }, (_, i) => textAt(input, path, i));
      const free = distinct.add([name, ...safePath(folders)]);
      add(entryFolder(free.slice(0, -1), path.slice(0, -2)), free.at(-1)!);
    }
  });
  return { name, multiFile: only === undefined, files };
}

/**
 * The files of a hybrid torrent: the list of version 1, each with the root that the tree has for it.
 * @throws {MetainfoError} unless both have the same files, in the same order and at the same places.
 */
export function mergeFileTree(list: FileList, options: TreeOptions): ListedFiles {
  const { files } = list;
  let next = 0;
  const end = new TreeWalk(options).run((leaf) => {
    const { fields, input, path, offset } = leaf;
    const { length, isPadding } = fields;
    if (length > 0) requireRoot(leaf);
    // Padding of the tree is none of its files.
    if (isPadding && length === 0) return;
    for (; ; next++) {
      const file = files[next];
      if (file === undefined) throw differ(leaf.where().slice('file tree: '.length));
      const same =
        file.length === length &&
        file.padding === isPadding &&
        // An empty file is nowhere in particular.
        (length === 0 || file.offset === offset) &&
        list.hasPath(next, input, path, path.length);
      if (same) {
        if (length > 0) file.setRoot(input, fields.piecesRoot);
        next++;
        return;
      }
      if (!file.padding) throw differ(file.pathText);
    }
  });
  for (; next < files.length; next++) if (!files[next]!.padding) throw differ(files[next]!.pathText);
  const last = files.at(-1)!;
  const listEnd = last.offset + last.length;
  const { pieceLength } = options;
  // What follows the last file may fill its piece, as libtorrent makes it.
  if (listEnd < end || listEnd > Math.ceil(end / pieceLength) * pieceLength) {
    throw inconsistent(`their ends, byte ${listEnd} and byte ${end}`);
  }
  return list;
}

function differ(pathText: string): MetainfoError {
  return inconsistent(`"${pathText}"`);
}

function inconsistent(where: string): MetainfoError {
  return new MetainfoError(
    'INCONSISTENT',
    `The torrent is of version 1 and 2 at once, but its two file lists differ at ${where}.`,
  );
}

function requireRoot({ fields, where }: Leaf): void {
  if (fields.piecesRoot < 0) throw missing(`${where()}: pieces root`);
  if (fields.rootLength !== ROOT_LENGTH) {
    throw bad(`${where()}: pieces root`, `has ${fields.rootLength} bytes, not 32`);
  }
}

function paddingOf(length: number): EntryFields {
  return { length, attr: 'p', mtime: undefined, sha1: -1, piecesRoot: -1 };
}

function textAt(input: Uint8Array, path: readonly number[], component: number): string {
  return utf8Decode(input.subarray(path[2 * component], path[2 * component + 1]));
}

/** Depth first, each folder in the order of the raw bytes of its names. */
class TreeWalk {
  readonly #scanner: BencodeScanner;
  readonly #start: number;
  readonly #pieceLength: number;
  readonly #fields: EntryReader;
  readonly #path: number[] = [];
  readonly #where = (): string => {
    const { input } = this.#scanner;
    const path = this.#path;
    return `file tree: ${Array.from({ length: path.length / 2 }, (_, i) => textAt(input, path, i)).join('/')}`;
  };
  readonly #lengthName = (): string => `${this.#where()}: length`;
  #count = 0;
  #offset = 0;

  constructor({ input, start, end, unordered, pieceLength }: TreeOptions) {
    // Few are out of order; they are put into it first.
    const bytes = unordered ? encode(decode(input.subarray(start, end), { strict: false })) : input;
    this.#start = unordered ? 0 : start;
    this.#scanner = new BencodeScanner(bytes, this.#start);
    this.#fields = new EntryReader(this.#scanner);
    this.#pieceLength = pieceLength;
    if (!this.#scanner.atDict) throw bad('file tree', 'is not a dictionary');
  }

  /** The name of the only entry, if that is a file. */
  onlyFile(): string | undefined {
    const scanner = this.#scanner;
    scanner.position = this.#start;
    scanner.enter(0);
    if (scanner.leave()) return undefined;
    scanner.string();
    const { textStart, textEnd } = scanner;
    if (textStart === textEnd || !scanner.atDict || !this.#atLeaf()) return undefined;
    scanner.skip(0);
    return scanner.leave() ? utf8Decode(scanner.input.subarray(textStart, textEnd)) : undefined;
  }

  /** Tells of each file. Returns where the last one ends. */
  run(visit: (leaf: Leaf) => void): number {
    this.#scanner.position = this.#start;
    this.#folder(0, visit);
    if (this.#count === 0) throw bad('file tree', 'is empty');
    return this.#offset;
  }

  #folder(depth: number, visit: (leaf: Leaf) => void): void {
    if (depth > MAX_PATH_DEPTH) throw bad('file tree', `is more than ${MAX_PATH_DEPTH} folders deep`);
    const scanner = this.#scanner;
    const path = this.#path;
    scanner.enter(0);
    while (!scanner.leave()) {
      scanner.string();
      const { textStart, textEnd } = scanner;
      if (textStart === textEnd) throw bad('file tree', 'has a file without a name, or beside other entries');
      path.push(textStart, textEnd);
      if (!scanner.atDict) throw bad(this.#where(), 'is not a dictionary');
      if (this.#atLeaf()) this.#file(visit);
      else this.#folder(depth + 1, visit);
      path.length -= 2;
    }
  }

  /** The dictionary that comes next has an entry without a name, which is always the first one. */
  #atLeaf(): boolean {
    const { input, position } = this.#scanner;
    return input[position + 1] === CHAR_0 && input[position + 2] === CHAR_COLON;
  }

  #file(visit: (leaf: Leaf) => void): void {
    const scanner = this.#scanner;
    const fields = this.#fields;
    scanner.enter(0);
    scanner.string();
    if (!scanner.atDict) throw bad(this.#where(), 'is not a dictionary');
    fields.read(this.#where, this.#lengthName);
    if (!scanner.leave()) throw bad(this.#where(), 'is a file and a folder at once');
    const { length } = fields;
    const filled = this.#offset % this.#pieceLength;
    const space = length === 0 || filled === 0 ? 0 : this.#pieceLength - filled;
    const offset = advance(this.#offset, space, 'file tree');
    this.#count++;
    visit({ fields, input: scanner.input, path: this.#path, offset, gap: space, where: this.#where });
    this.#offset = advance(offset, length, 'file tree');
  }
}
