/** Which stretches of the torrent lie where in another file. Sorted, without overlap. */

export interface Extent {
  /** Stretch [start, end) of the torrent's address space. */
  readonly start: number;
  readonly end: number;
  /** Position of the first byte in the other file. */
  readonly at: number;
}

export class ExtentMap {
  readonly #extents: Extent[] = [];

  get isEmpty(): boolean {
    return this.#extents.length === 0;
  }

  /** The parts of extents that lie in [start, end), in order. */
  within(start: number, end: number): Extent[] {
    const found: Extent[] = [];
    for (let i = this.#firstEndingAfter(start); i < this.#extents.length; i++) {
      const extent = this.#extents[i]!;
      if (extent.start >= end) break;
      found.push(cut(extent, Math.max(start, extent.start), Math.min(end, extent.end)));
    }
    return found;
  }

  /** Nothing may be there yet. */
  add(extent: Extent): void {
    if (extent.start >= extent.end) return;
    this.#extents.splice(this.#firstEndingAfter(extent.start), 0, extent);
  }

  remove(start: number, end: number): void {
    const first = this.#firstEndingAfter(start);
    let last = first;
    const rest: Extent[] = [];
    for (; last < this.#extents.length; last++) {
      const extent = this.#extents[last]!;
      if (extent.start >= end) break;
      if (extent.start < start) rest.push(cut(extent, extent.start, start));
      if (extent.end > end) rest.push(cut(extent, end, extent.end));
    }
    if (last > first) this.#extents.splice(first, last - first, ...rest);
  }

  clear(): void {
    this.#extents.length = 0;
  }

  #firstEndingAfter(offset: number): number {
    let low = 0;
    let high = this.#extents.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#extents[middle]!.end <= offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function cut(extent: Extent, start: number, end: number): Extent {
  return { start, end, at: extent.at + start - extent.start };
}
