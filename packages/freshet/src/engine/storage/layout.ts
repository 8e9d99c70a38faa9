/** Where a torrent's files lie in its linear address space. */

/** What storage must know of a file; `FileEntry` has it. */
export interface LayoutFile {
  /** Safe names from the download's folder down. */
  readonly path: readonly string[];
  /** In bytes. */
  readonly length: number;
  /** In bytes from the start of the torrent. */
  readonly offset: number;
  /** Zeros that are never stored (BEP 47). */
  readonly padding: boolean;
}

/**
 * Index of the file that has the byte at `offset`, which is below the torrent's length; of the last file
 * otherwise. Never an empty file unless nothing else is there.
 */
export function locateFile(files: readonly LayoutFile[], offset: number): number {
  let low = 0;
  let high = files.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if (files[middle]!.offset <= offset) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Hands out a row of views in pieces of any length, without copying. */
export class PartsCursor {
  readonly #parts: readonly Uint8Array[];
  #index = 0;
  #offset = 0;

  constructor(parts: readonly Uint8Array[]) {
    this.#parts = parts;
  }

  /** The next `length` bytes; there are that many. */
  take(length: number): readonly Uint8Array[] {
    const taken: Uint8Array[] = [];
    for (let left = length; left > 0; ) {
      const part = this.#parts[this.#index]!;
      const size = Math.min(left, part.length - this.#offset);
      if (size > 0) taken.push(part.subarray(this.#offset, this.#offset + size));
      left -= size;
      this.#offset += size;
      if (this.#offset === part.length) {
        this.#index++;
        this.#offset = 0;
      }
    }
    return taken;
  }
}
