/** One file of a torrent. */

export interface FileEntry {
  /** Safe components below the download's folder; the torrent's name comes first if it has several files. */
  readonly path: readonly string[];
  /** `path` joined with `/`. */
  readonly pathText: string;
  /** The last component of `path`. */
  readonly name: string;
  /** The path below the torrent's folder as the torrent has it, unsafe as it is; empty for padding that it has not. */
  readonly rawPath: readonly Uint8Array[];
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

/** A folder of a torrent, one for all its files: most of a path is the same for thousands of them. */
export interface EntryFolder {
  readonly path: readonly string[];
  /** `path` joined, with `/` behind each component. */
  readonly text: string;
  /** Where the components begin and end of its path below the torrent's folder, in the input. */
  readonly raw: readonly number[];
}

export function entryFolder(path: readonly string[], raw: readonly number[] = []): EntryFolder {
  return { path, text: path.map((name) => `${name}/`).join(''), raw };
}

/** Where a file lies, and what it is called there. */
export interface EntryPlace {
  readonly folder: EntryFolder;
  readonly name: string;
  /** Where the name begins and ends as it is written, in the input; 0 twice if it is not written. */
  readonly nameStart: number;
  readonly nameEnd: number;
  readonly offset: number;
}

/** What a dictionary says of a file. `sha1` and `piecesRoot` are offsets in the input, or -1. */
export interface EntryFields {
  readonly length: number;
  readonly attr: string | undefined;
  readonly mtime: number | undefined;
  readonly sha1: number;
  readonly piecesRoot: number;
}

const SHA1_LENGTH = 20;
const ROOT_LENGTH = 32;

/** There can be millions of them, so they hold offsets where others hold views, and share their folder. */
export class ListedEntry implements FileEntry {
  readonly name: string;
  readonly length: number;
  readonly offset: number;
  readonly padding: boolean;
  readonly attr: string | undefined;
  readonly mtime: number | undefined;
  readonly #folder: EntryFolder;
  readonly #nameStart: number;
  readonly #nameEnd: number;
  readonly #input: Uint8Array;
  readonly #sha1: number;
  #rootInput: Uint8Array | undefined;
  #root: number;

  constructor(place: EntryPlace, fields: EntryFields, input: Uint8Array) {
    this.#folder = place.folder;
    this.name = place.name;
    this.#nameStart = place.nameStart;
    this.#nameEnd = place.nameEnd;
    this.length = fields.length;
    this.offset = place.offset;
    this.padding = fields.attr?.includes('p') === true;
    this.attr = fields.attr;
    this.mtime = fields.mtime;
    this.#input = input;
    this.#sha1 = fields.sha1;
    this.#rootInput = fields.piecesRoot < 0 ? undefined : input;
    this.#root = fields.piecesRoot;
  }

  get path(): readonly string[] {
    return [...this.#folder.path, this.name];
  }

  get pathText(): string {
    return this.#folder.text + this.name;
  }

  get rawPath(): readonly Uint8Array[] {
    if (this.#nameEnd === 0) return [];
    const { raw } = this.#folder;
    const path: Uint8Array[] = [];
    for (let i = 0; i < raw.length; i += 2) path.push(this.#input.subarray(raw[i], raw[i + 1]));
    path.push(this.#input.subarray(this.#nameStart, this.#nameEnd));
    return path;
  }

  get sha1(): Uint8Array | undefined {
    return this.#sha1 < 0 ? undefined : this.#input.subarray(this.#sha1, this.#sha1 + SHA1_LENGTH);
  }

  get piecesRoot(): Uint8Array | undefined {
    return this.#rootInput?.subarray(this.#root, this.#root + ROOT_LENGTH);
  }

  /** `piecesRoot` is there; it costs a view to be had. */
  get hasRoot(): boolean {
    return this.#rootInput !== undefined;
  }

  /** The tree of version 2 has the file too, and says what its root is: 32 bytes at `root` of `input`. */
  setRoot(input: Uint8Array, root: number): void {
    this.#rootInput = input;
    this.#root = root;
  }
}
