/** The files of a torrent as version 1 lists them (BEP 3, BEP 47). */

import { BencodeScanner } from './bencode-scanner.ts';
import { utf8Decode } from './bytes.ts';
import { advance, EntryReader } from './entry-reader.ts';
import { type EntryFolder, type EntryPlace, entryFolder, ListedEntry } from './file-entry.ts';
import { bad, missing } from './metainfo-error.ts';
import { DistinctPaths, type PlacedFolder, safeComponent, safePath } from './safe-path.ts';

export const MAX_PATH_DEPTH = 64;

export interface ListedFiles {
  readonly name: string;
  readonly multiFile: boolean;
  readonly files: readonly ListedEntry[];
}

/** The list of version 1, whose paths can be looked up as they are written. */
export interface FileList extends ListedFiles {
  /**
   * The path of file `index`, below the torrent's folder, is this one as it is written.
   * @param path offsets in `input` where each component begins and ends, the first `length` of them.
   */
  hasPath(index: number, input: Uint8Array, path: readonly number[], length: number): boolean;
}

/** The only file of a torrent, in no folder: its fields are those of the info dictionary itself. @throws {MetainfoError} */
export function readSingleFile(input: Uint8Array, rawName: string): FileList {
  const scanner = new BencodeScanner(input);
  const reader = new EntryReader(scanner);
  reader.read(
    () => 'info',
    () => 'length',
  );
  reader.piecesRoot = -1;
  const name = safePath([rawName])[0]!;
  return {
    name,
    multiFile: false,
    files: [
      new ListedEntry({ folder: entryFolder([]), name, nameStart: 0, nameEnd: 0, offset: 0 }, reader, input),
    ],
    hasPath: (_, bytes, path, length) =>
      length === 2 && utf8Decode(bytes.subarray(path[0], path[1])) === rawName,
  };
}

/**
 * The files one after another.
 * @param start of the list in `input`, where all has been checked to be bencoding.
 * @throws {MetainfoError}
 */
export function readFileList(input: Uint8Array, start: number, rawName: string): FileList {
  const scanner = new BencodeScanner(input, start);
  if (!scanner.atList) throw bad('files', 'is not a list');
  const paths = new PathReader(scanner, safePath([rawName])[0]!);
  const reader = new EntryReader(scanner);
  const files: ListedEntry[] = [];
  const rawPaths: number[] = [];
  const where = (): string => `files[${files.length}]`;
  const lengthName = (): string => `${where()}.length`;
  let offset = 0;
  scanner.enter(0);
  while (!scanner.leave()) {
    if (!scanner.atDict) throw bad(where(), 'is not a dictionary');
    reader.read(where, lengthName);
    const next = scanner.position;
    scanner.position = reader.pathAt;
    const place = paths.read(where, reader.isPadding, offset);
    scanner.position = next;
    reader.piecesRoot = -1;
    rawPaths.push(reader.pathAt);
    files.push(new ListedEntry(place, reader, input));
    offset = advance(offset, reader.length, 'files');
  }
  if (files.length === 0) throw bad('files', 'is empty');
  return {
    name: paths.torrentName,
    multiFile: true,
    files,
    hasPath: (index, bytes, path, length) => {
      scanner.position = rawPaths[index]!;
      return isPath(scanner, bytes, path, length);
    },
  };
}

function isPath(
  scanner: BencodeScanner,
  bytes: Uint8Array,
  path: readonly number[],
  length: number,
): boolean {
  scanner.enter(0);
  for (let i = 0; i < length; i += 2) {
    if (scanner.leave()) return false;
    scanner.string();
    const begin = path[i]!;
    if (!sameBytes(scanner, bytes, begin, path[i + 1]! - begin)) return false;
  }
  return scanner.leave();
}

/** The string that was read last is the same as these bytes. */
function sameBytes(scanner: BencodeScanner, bytes: Uint8Array, begin: number, length: number): boolean {
  const { input, textStart } = scanner;
  if (scanner.textEnd - textStart !== length) return false;
  for (let i = 0; i < length; i++) if (input[textStart + i] !== bytes[begin + i]) return false;
  return true;
}

/** The folder that was read last, and where its path lies, each component's begin and end. */
class LastFolder {
  components: number[] = [];
  /** How many of `components` count. */
  count = -1;
  folder: EntryFolder = entryFolder([]);
}

/** Reads paths of which most have the folder of the one before. */
class PathReader {
  readonly torrentName: string;
  readonly #scanner: BencodeScanner;
  readonly #distinct = new DistinctPaths();
  /** Where the path lies, as in `LastFolder`, its last component included. */
  #path: number[] = [];
  #count = 0;
  readonly #ofFiles = new LastFolder();
  readonly #ofPadding = new LastFolder();
  #placed: PlacedFolder;

  constructor(scanner: BencodeScanner, torrentName: string) {
    this.#scanner = scanner;
    this.torrentName = torrentName;
    this.#placed = this.#distinct.root;
  }

  /** Reads the list of components that comes next. @throws {MetainfoError} */
  read(where: () => string, padding: boolean, offset: number): EntryPlace {
    this.#readComponents(where);
    const nameStart = this.#path[this.#count - 2]!;
    const nameEnd = this.#path[this.#count - 1]!;
    const name = safeComponent(this.#text(this.#count - 2));
    if (name === undefined) return { ...this.#nameless(padding), nameStart, nameEnd, offset };
    const last = padding ? this.#ofPadding : this.#ofFiles;
    if (!this.#isIn(last)) {
      last.folder = padding ? entryFolder(this.#safeFolders(), this.#rawFolders()) : this.#enterFolder();
      last.count = this.#count - 2;
      [this.#path, last.components] = [last.components, this.#path];
    }
    // Padding is never stored, so it cannot stand in the way of a file.
    const free = padding ? name : this.#distinct.file(this.#placed, name);
    return { folder: last.folder, name: free, nameStart, nameEnd, offset };
  }

  #readComponents(where: () => string): void {
    const scanner = this.#scanner;
    if (scanner.position < 0) throw missing(`${where()}.path`);
    if (!scanner.atList) throw bad(`${where()}.path`, 'is not a list');
    let count = 0;
    let odd = false;
    scanner.enter(0);
    while (!scanner.leave()) {
      if (!scanner.atString) odd = true;
      scanner.skip(0);
      if (count < 2 * MAX_PATH_DEPTH) {
        this.#path[count] = scanner.textStart;
        this.#path[count + 1] = scanner.textEnd;
      }
      count += 2;
    }
    if (count === 0) throw bad(`${where()}.path`, 'is empty');
    if (count > 2 * MAX_PATH_DEPTH) throw bad(`${where()}.path`, `has more than ${MAX_PATH_DEPTH} entries`);
    if (odd) throw bad(`${where()}.path`, 'has an entry that is not a string');
    this.#count = count;
  }

  /** The path lies in this folder, by its bytes. */
  #isIn({ components, count }: LastFolder): boolean {
    const path = this.#path;
    const { input } = this.#scanner;
    if (count !== this.#count - 2) return false;
    for (let i = 0; i < count; i += 2) {
      const now = path[i]!;
      const before = components[i]!;
      const length = path[i + 1]! - now;
      if (components[i + 1]! - before !== length) return false;
      for (let at = 0; at < length; at++) if (input[now + at] !== input[before + at]) return false;
    }
    return true;
  }

  #enterFolder(): EntryFolder {
    let placed = this.#distinct.root;
    for (const name of this.#safeFolders()) placed = this.#distinct.folder(placed, name);
    this.#placed = placed;
    return entryFolder(placed.path, this.#rawFolders());
  }

  /** The names of the folders around the file, made safe. */
  #safeFolders(): string[] {
    const safe = [this.torrentName];
    for (let i = 0; i < this.#count - 2; i += 2) {
      const name = safeComponent(this.#text(i));
      if (name !== undefined) safe.push(name);
    }
    return safe;
  }

  /** Nothing is left of the last component: the name of the folder becomes the file's. */
  #nameless(padding: boolean): Pick<EntryPlace, 'folder' | 'name'> {
    const [, ...folders] = this.#safeFolders();
    const safe = [this.torrentName, ...safePath(folders)];
    const path = padding ? safe : this.#distinct.add(safe);
    return { folder: entryFolder(path.slice(0, -1), this.#rawFolders()), name: path.at(-1)! };
  }

  #rawFolders(): number[] {
    return this.#path.slice(0, this.#count - 2);
  }

  #text(at: number): string {
    return utf8Decode(this.#scanner.input.subarray(this.#path[at], this.#path[at + 1]));
  }
}
