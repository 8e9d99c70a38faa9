/** Counts verified bytes by file and by piece, from what a session reports. */

import { Bitfield } from '../protocol/index.ts';
import { LazyMap } from '../protocol/lazy-collections.ts';
import type { MetadataSnapshot } from '../session/protocol.ts';

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
  /** Verified bytes of each file. */
  #downloaded: Float64Array;
  #partial: Map<number, number> = new LazyMap<number, number>();
  /** Made when somebody first looks, and kept up from then on. */
  #pieces: (Piece | null)[] | undefined;

  constructor(metadata: MetadataSnapshot) {
    this.#metadata = metadata;
    this.#downloaded = new Float64Array(metadata.files.length);
    this.bitfield = new Bitfield(metadata.pieceCount);
  }

  /** Verified bytes of a file. */
  downloaded(file: number): number {
    return this.#downloaded[file]!;
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
  reset(verified: Uint8Array): number[] {
    const { files, pieceCount } = this.#metadata;
    const before = this.#downloaded;
    this.#downloaded = new Float64Array(files.length);
    this.bitfield = Bitfield.fromBytes(verified, pieceCount) ?? new Bitfield(pieceCount);
    this.#pieces = undefined;
    this.#partial.clear();
    const done: number[] = [];
    let next = 0;
    for (const index of this.bitfield.indexes()) next = this.#count(index, next, done);
    return done.filter((file) => before[file]! < files[file]!.length);
  }

  setPartial(partial: readonly (readonly [number, number])[]): void {
    this.#partial = new LazyMap(partial);
  }

  /** Marks a piece as verified. Returns the files that it completes. */
  verify(index: number): number[] {
    if (!this.bitfield.set(index)) return [];
    if (this.#pieces !== undefined) this.#pieces[index] = null;
    const done: number[] = [];
    this.#count(index, this.#firstFile(index * this.#metadata.pieceLength), done);
    return done;
  }

  /** Adds a piece's bytes to its files, the first of which is at or after `from`. Returns the last one's place. */
  #count(index: number, from: number, done: number[]): number {
    const { files, pieceLength } = this.#metadata;
    const start = index * pieceLength;
    const end = start + this.pieceLengthOf(index);
    let at = from;
    for (; at < files.length; at++) {
      const { offset, length } = files[at]!;
      if (offset >= end) break;
      const bytes = Math.min(end, offset + length) - Math.max(start, offset);
      if (bytes <= 0) continue;
      this.#downloaded[at]! += bytes;
      if (this.#downloaded[at] === length) done.push(at);
    }
    return Math.max(from, at - 1);
  }

  /** Place of the first file that ends after `offset`. */
  #firstFile(offset: number): number {
    let low = 0;
    const { files } = this.#metadata;
    let high = files.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const file = files[middle]!;
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
