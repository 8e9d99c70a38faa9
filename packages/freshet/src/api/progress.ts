/** Counts verified bytes by file and by piece, from what a session reports. */

import { Bitfield } from '../protocol/index.ts';
import { LazyMap } from '../protocol/lazy-collections.ts';
import type { MetadataSnapshot } from '../session/protocol.ts';
import type { File } from './file.ts';

/** A piece that is not complete. */
export interface Piece {
  /** In bytes. */
  readonly length: number;
  /** Bytes not yet received. */
  readonly missing: number;
}

export class Progress {
  bitfield: Bitfield;
  readonly #metadata: MetadataSnapshot;
  readonly #files: readonly File[];
  #partial: Map<number, number> = new LazyMap<number, number>();
  /** Made when somebody first looks, and kept up from then on. */
  #pieces: (Piece | null)[] | undefined;

  constructor(metadata: MetadataSnapshot, files: readonly File[]) {
    this.#metadata = metadata;
    this.#files = files;
    this.bitfield = new Bitfield(metadata.pieceCount);
  }

  pieceLengthOf(index: number): number {
    const { pieceCount, pieceLength, lastPieceLength } = this.#metadata;
    return index === pieceCount - 1 ? lastPieceLength : pieceLength;
  }

  get pieces(): readonly (Piece | null)[] {
    if (this.#pieces === undefined) {
      this.#pieces = Array.from({ length: this.bitfield.length }, (_, index) =>
        this.bitfield.get(index) ? null : this.#piece(index),
      );
    }
    return this.#pieces;
  }

  /** Starts anew from a bitfield. Returns the files that are complete and were not before. */
  reset(verified: Uint8Array): File[] {
    const before = new Set(this.#files.filter((file) => file.done && file.length > 0));
    this.bitfield =
      Bitfield.fromBytes(verified, this.#metadata.pieceCount) ?? new Bitfield(this.#metadata.pieceCount);
    this.#pieces = undefined;
    this.#partial.clear();
    for (const file of this.#files) file.resetVerified();
    const done = new Set<File>();
    let next = 0;
    for (const index of this.bitfield.indexes()) next = this.#count(index, next, done);
    return [...done].filter((file) => !before.has(file));
  }

  setPartial(partial: readonly (readonly [number, number])[]): void {
    this.#partial = new LazyMap(partial);
  }

  /** Marks a piece as verified. Returns the files that it completes. */
  verify(index: number): File[] {
    if (!this.bitfield.set(index)) return [];
    if (this.#pieces !== undefined) this.#pieces[index] = null;
    const done = new Set<File>();
    this.#count(index, this.#firstFile(index * this.#metadata.pieceLength), done);
    return [...done];
  }

  /** Adds a piece's bytes to its files, the first of which is at or after `from`. Returns the last one's place. */
  #count(index: number, from: number, done: Set<File>): number {
    const start = index * this.#metadata.pieceLength;
    const end = start + this.pieceLengthOf(index);
    let at = from;
    for (; at < this.#files.length; at++) {
      const file = this.#files[at]!;
      if (file.offset >= end) break;
      const bytes = Math.min(end, file.offset + file.length) - Math.max(start, file.offset);
      if (bytes > 0 && file.addVerified(bytes)) done.add(file);
    }
    return Math.max(from, at - 1);
  }

  /** Place of the first file that ends after `offset`. */
  #firstFile(offset: number): number {
    let low = 0;
    let high = this.#files.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const file = this.#files[middle]!;
      if (file.offset + file.length <= offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #piece(index: number): Piece {
    const length = this.pieceLengthOf(index);
    const received = (): number => this.#partial.get(index) ?? 0;
    return {
      length,
      get missing() {
        return length - received();
      },
    };
  }
}
