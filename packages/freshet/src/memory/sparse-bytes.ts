/** Bytes by address; only what was written takes memory. */

const PAGE = 64 * 1024;
/** What is set aside of a page at first. */
const SMALLEST_PAGE = 256;

/** What is left of a shared medium. */
export interface Space {
  /** Bytes that can still be taken; `Infinity` without a limit. */
  free: number;
}

export class SparseBytes {
  readonly #pages = new Map<number, Uint8Array>();
  readonly #space: Space;
  #size = 0;

  constructor(space: Space) {
    this.#space = space;
  }

  /** One more than the highest address written. */
  get size(): number {
    return this.#size;
  }

  /** Fills `into`, with zeros where nothing was written. Returns how many of its bytes lie below `size`. */
  read(offset: number, into: Uint8Array): number {
    const count = Math.max(0, Math.min(into.length, this.#size - offset));
    for (let at = 0; at < count; ) {
      const page = this.#pages.get(Math.floor((offset + at) / PAGE));
      const start = (offset + at) % PAGE;
      const length = Math.min(PAGE - start, count - at);
      const there = page?.subarray(start, start + length);
      if (there !== undefined) into.set(there, at);
      into.fill(0, at + (there?.length ?? 0), at + length);
      at += length;
    }
    return count;
  }

  /** Returns false, with nothing written, when the medium has no room for the pages that are missing. */
  write(offset: number, parts: readonly Uint8Array[]): boolean {
    let length = 0;
    for (const part of parts) length += part.length;
    if (length === 0) return true;
    let missing = 0;
    const last = Math.floor((offset + length - 1) / PAGE);
    for (let page = Math.floor(offset / PAGE); page <= last; page++) if (!this.#pages.has(page)) missing++;
    if (missing * PAGE > this.#space.free) return false;
    this.#space.free -= missing * PAGE;
    let at = offset;
    for (const part of parts) {
      for (let from = 0; from < part.length; ) {
        const start = at % PAGE;
        const take = Math.min(PAGE - start, part.length - from);
        this.#page(Math.floor(at / PAGE), start + take).set(part.subarray(from, from + take), start);
        from += take;
        at += take;
      }
    }
    this.#size = Math.max(this.#size, at);
    return true;
  }

  /** Forgets what lies at `size` and beyond. Returns whether there was anything. */
  truncate(size: number): boolean {
    if (size >= this.#size) return false;
    this.#size = size;
    for (const [index, page] of this.#pages) {
      const start = index * PAGE;
      if (start < size) {
        page.fill(0, Math.min(page.length, size - start));
        continue;
      }
      this.#pages.delete(index);
      this.#space.free += PAGE;
    }
    return true;
  }

  clear(): void {
    this.#space.free += this.#pages.size * PAGE;
    this.#pages.clear();
    this.#size = 0;
  }

  /** At least `length` bytes of a page: a short file takes little, though it counts as a whole page. */
  #page(index: number, length: number): Uint8Array {
    const page = this.#pages.get(index);
    if (page !== undefined && page.length >= length) return page;
    let size = page?.length ?? SMALLEST_PAGE;
    while (size < length) size *= 2;
    const grown = new Uint8Array(size);
    if (page !== undefined) grown.set(page);
    this.#pages.set(index, grown);
    return grown;
  }
}
