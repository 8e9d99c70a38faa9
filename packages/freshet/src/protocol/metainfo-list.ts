/** The files of a torrent as version 1 lists them (BEP 3, BEP 47). */

import { BencodeScanner } from './bencode-scanner.ts';
import { utf8Decode } from './bytes.ts';
import { advance, EntryReader } from './entry-reader.ts';
import { type EntryFolder, entryFolder, ListedEntry } from './file-entry.ts';
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
    files: [new ListedEntry(entryFolder([]), name, 0, reader, input)],
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
    const { folder, name } = paths.read(where, reader.isPadding);
    scanner.position = next;
    reader.piecesRoot = -1;
    rawPaths.push(reader.pathAt);
    files.push(new ListedEntry(folder, name, offset, reader, input));
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

interface EntryPath {
  readonly folder: EntryFolder;
  readonly name: string;
}

/** Reads paths of which most have the folder of the one before. */
class PathReader {
  readonly torrentName: string;
  readonly #scanner: BencodeScanner;
  readonly #distinct = new DistinctPaths();
  /** Where the components of the path lie: each one's begin and end. */
  #path: number[] = [];
  #previous: number[] = [];
  /** Of the path before; made when it is needed. */
  #folder: EntryFolder | undefined;
  #placed: PlacedFolder | undefined;
  readonly #paddingFolders = new Map<string, EntryFolder>();

  constructor(scanner: BencodeScanner, torrentName: string) {
    this.#scanner = scanner;
    this.torrentName = torrentName;
  }

  /** Reads the list of components that comes next. @throws {MetainfoError} */
  read(where: () => string, padding: boolean): EntryPath {
    this.#readComponents(where);
    // Padding is never stored, so it cannot stand in the way of a file.
    if (padding) return this.#padding();
    if (!this.#inPreviousFolder()) this.#enterFolder();
    [this.#path, this.#previous] = [this.#previous, this.#path];
    const path = this.#previous;
    const name = safeComponent(this.#text(path, path.length - 2));
    if (name !== undefined) return { folder: this.#folder!, name: this.#distinct.file(this.#placed!, name) };
    // The folder's own name becomes the file's.
    const safe = [this.torrentName, ...safePath(this.#rawPath(path))];
    const free = this.#distinct.add(safe);
    return { folder: entryFolder(free.slice(0, -1)), name: free.at(-1)! };
  }

  #readComponents(where: () => string): void {
    const scanner = this.#scanner;
    const field = (): string => `${where()}.path`;
    if (scanner.position < 0) throw missing(field());
    if (!scanner.atList) throw bad(field(), 'is not a list');
    this.#path.length = 0;
    let odd = false;
    scanner.enter(0);
    while (!scanner.leave()) {
      if (!scanner.atString) odd = true;
      scanner.skip(0);
      this.#path.push(scanner.textStart, scanner.textEnd);
    }
    if (this.#path.length === 0) throw bad(field(), 'is empty');
    if (this.#path.length > 2 * MAX_PATH_DEPTH) throw bad(field(), `has more than ${MAX_PATH_DEPTH} entries`);
    if (odd) throw bad(field(), 'has an entry that is not a string');
  }

  /** The path lies in the same folder as the one before, by its bytes. */
  #inPreviousFolder(): boolean {
    const [now, before] = [this.#path, this.#previous];
    const { input } = this.#scanner;
    if (this.#folder === undefined || now.length !== before.length) return false;
    for (let i = 0; i < now.length - 2; i += 2) {
      const [a, b] = [now[i]!, before[i]!];
      const length = now[i + 1]! - a;
      if (before[i + 1]! - b !== length) return false;
      for (let at = 0; at < length; at++) if (input[a + at] !== input[b + at]) return false;
    }
    return true;
  }

  #enterFolder(): void {
    let placed = this.#distinct.folder(this.#distinct.root, this.torrentName);
    for (let i = 0; i < this.#path.length - 2; i += 2) {
      const name = safeComponent(this.#text(this.#path, i));
      if (name !== undefined) placed = this.#distinct.folder(placed, name);
    }
    this.#placed = placed;
    this.#folder = entryFolder(placed.path);
  }

  #padding(): EntryPath {
    const safe = [this.torrentName, ...safePath(this.#rawPath(this.#path))];
    const folder = safe.slice(0, -1);
    const text = folder.join('/');
    let known = this.#paddingFolders.get(text);
    if (known === undefined) {
      known = entryFolder(folder);
      this.#paddingFolders.set(text, known);
    }
    return { folder: known, name: safe.at(-1)! };
  }

  #rawPath(path: readonly number[]): string[] {
    return Array.from({ length: path.length / 2 }, (_, i) => this.#text(path, 2 * i));
  }

  #text(path: readonly number[], at: number): string {
    return utf8Decode(this.#scanner.input.subarray(path[at], path[at + 1]));
  }
}
