import { compareBytes, equalBytes, type FileEntry, type Info } from '../../protocol/index.ts';

/** Bits of whole numbers that a double holds exactly. */
const KEY_BITS = 53;
const WORD_BITS = 32;

/**
 * Finds files of at most one piece by their roots (BEP 52). There can be millions of them, so there are eight bytes for
 * each: the first bits of the root and the file's number in one key, in the order of the roots.
 */
export class RootIndex {
  readonly #files: readonly FileEntry[];
  readonly #pieceLength: number;
  /** What the first bits of the root are multiplied by in a key; the number of the file is below that. */
  readonly #unit: number;
  /** What the first 32 bits of a root are divided by where there is no room for all. */
  readonly #coarse: number;
  readonly #keys: Float64Array;
  /** Where in `#keys` files of one root and length begin, of which there are several. */
  readonly #shared: number[] = [];
  /** What was found last: where it begins in `#keys`, and the pieces. */
  #last: { readonly start: number; readonly pieces: readonly number[] } | undefined;

  constructor({ files, pieceLength }: Info) {
    this.#files = files;
    this.#pieceLength = pieceLength;
    const numberBits = Math.ceil(Math.log2(files.length + 1));
    this.#unit = 2 ** numberBits;
    this.#coarse = 2 ** Math.max(0, WORD_BITS + numberBits - KEY_BITS);
    const keys = new Float64Array(files.reduce((count, file) => count + (this.#isSmall(file) ? 1 : 0), 0));
    let count = 0;
    for (let i = 0; i < files.length; i++) {
      const root = this.#isSmall(files[i]!) ? files[i]!.piecesRoot : undefined;
      if (root !== undefined) keys[count++] = this.#prefix(root) * this.#unit + i;
    }
    // Padding has no root.
    this.#keys = (count === keys.length ? keys : keys.slice(0, count)).sort();
    this.#arrange();
  }

  /** There are files of the same content. */
  get hasTwins(): boolean {
    return this.#shared.length > 0;
  }

  /** The first file with this root. */
  fileOf(root: Uint8Array): FileEntry | undefined {
    const start = this.#find(root);
    return start < 0 ? undefined : this.#fileAt(start);
  }

  /** The pieces of the files with this root that are as long as the first one, in the torrent's order. */
  piecesOf(root: Uint8Array): readonly number[] {
    const start = this.#find(root);
    return start < 0 ? [] : this.#piecesAt(start);
  }

  /** For each content that several files have, their pieces. */
  *twins(): Generator<readonly number[]> {
    for (const start of this.#shared) yield this.#piecesAt(start);
  }

  #isSmall({ length }: FileEntry): boolean {
    return length > 0 && length <= this.#pieceLength;
  }

  #prefix(root: Uint8Array): number {
    const word = ((root[0]! << 24) | (root[1]! << 16) | (root[2]! << 8) | root[3]!) >>> 0;
    return Math.floor(word / this.#coarse);
  }

  #prefixAt(at: number): number {
    return Math.floor(this.#keys[at]! / this.#unit);
  }

  #fileAt(at: number): FileEntry {
    return this.#files[this.#keys[at]! % this.#unit]!;
  }

  #rootAt(at: number): Uint8Array {
    return this.#fileAt(at).piecesRoot!;
  }

  /** Roots that begin alike are brought in their order too, and files of the same content are noted. */
  #arrange(): void {
    for (let start = 0, end = 0; start < this.#keys.length; start = end) {
      end = start + 1;
      const prefix = this.#prefixAt(start);
      while (end < this.#keys.length && this.#prefixAt(end) === prefix) end++;
      if (end > start + 1) this.#arrangeAlike(start, end);
    }
  }

  #arrangeAlike(start: number, end: number): void {
    if (this.#endOf(start) < end) {
      const entries = Array.from({ length: end - start }, (_, i) => ({
        key: this.#keys[start + i]!,
        root: this.#rootAt(start + i),
      }));
      // Files of one root stay in the order of the torrent.
      entries.sort((a, b) => compareBytes(a.root, b.root));
      for (let i = 0; i < entries.length; i++) this.#keys[start + i] = entries[i]!.key;
    }
    for (let first = start, next = start; first < end; first = next) {
      next = this.#endOf(first);
      const { length } = this.#fileAt(first);
      for (let at = first + 1; at < next; at++) {
        if (this.#fileAt(at).length !== length) continue;
        this.#shared.push(first);
        break;
      }
    }
  }

  /** Behind the last one in a row with the root of the one at `start`. */
  #endOf(start: number): number {
    const root = this.#rootAt(start);
    const prefix = this.#prefixAt(start);
    let end = start + 1;
    while (end < this.#keys.length && this.#prefixAt(end) === prefix && equalBytes(this.#rootAt(end), root))
      end++;
    return end;
  }

  #piecesAt(start: number): readonly number[] {
    if (this.#last?.start === start) return this.#last.pieces;
    const end = this.#endOf(start);
    // The same root for files of different lengths is a lie about one of them; which, their data will show.
    const { length } = this.#fileAt(start);
    const pieces: number[] = [];
    for (let at = start; at < end; at++) {
      const file = this.#fileAt(at);
      if (file.length === length) pieces.push(file.offset / this.#pieceLength);
    }
    this.#last = { start, pieces };
    return pieces;
  }

  /** Where the root is first; -1 when it is nowhere. */
  #find(root: Uint8Array): number {
    const prefix = this.#prefix(root);
    let low = 0;
    let high = this.#keys.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const order = this.#prefixAt(middle) - prefix || compareBytes(this.#rootAt(middle), root);
      if (order < 0) low = middle + 1;
      else high = middle;
    }
    return low < this.#keys.length && equalBytes(this.#rootAt(low), root) ? low : -1;
  }
}
