/**
 * What one client wants of a torrent, as far as it has said so: kept to be said again to another engine, and to be put
 * together with what others want.
 */

import { LazyMap } from '../protocol/lazy-collections.ts';
import { filesWithin, type PiecesAndFiles } from './file-selection.ts';
import type { AddSettings } from './protocol.ts';

/** Pieces `first` to `last`, both inclusive, with a priority of 1..7; 0 for those that are not wanted. */
export interface PieceWish {
  readonly first: number;
  readonly last: number;
  readonly priority: number;
}

export interface FileWish {
  readonly index: number;
  readonly priority: number;
}

/** From so many wishes on, what they come to is kept in their place. */
const MANY = 200;
/** Most wishes that are kept while the pieces are not known. */
const MOST = 2000;
const MOST_CRITICAL = 32;
/** Of a piece that nothing was said about. */
const UNSAID = 255;
/** The usual priority. */
const USUAL = 1;

export class SelectionWishes {
  readonly #files = new LazyMap<number, number>();
  #pieces: PieceWish[] = [];
  #critical: PieceWish[] = [];
  #metadata: PiecesAndFiles | undefined;
  /** The storage is open: from now on a choice of files replaces what was said of pieces, as in the engine. */
  #open = false;

  get isEmpty(): boolean {
    return this.#files.size === 0 && this.#pieces.length === 0;
  }

  /** @param metadata with `files` as `MetadataSnapshot` has them. */
  onMetadata(metadata: PiecesAndFiles): void {
    if (this.#metadata !== undefined) return;
    this.#metadata = metadata;
    for (const { first, last, priority } of this.#pieces) if (priority === 0) this.#dropFiles(first, last);
  }

  onReady(): void {
    this.#open = true;
  }

  selectFiles(files: readonly FileWish[]): void {
    for (const { index, priority } of files) {
      if (Number.isSafeInteger(index) && index >= 0) this.#files.set(index, priority);
    }
    if (this.#open) this.#pieces = [];
  }

  selectPieces(wish: PieceWish): void {
    if (!this.#isPossible(wish)) return;
    this.#pieces = this.#pieces.filter(({ first, last }) => first < wish.first || last > wish.last);
    this.#pieces.push(wish);
    if (wish.priority === 0) this.#dropFiles(wish.first, wish.last);
    if (this.#pieces.length > MANY) this.#shorten();
  }

  criticalPieces(first: number, last: number): void {
    const wish = { first, last, priority: USUAL };
    if (!this.#isPossible(wish)) return;
    this.#critical.push(wish);
    if (this.#critical.length > MOST_CRITICAL) this.#critical.shift();
  }

  /** To be said in this order. */
  get files(): FileWish[] {
    return [...this.#files].map(([index, priority]) => ({ index, priority }));
  }

  get pieces(): readonly PieceWish[] {
    return this.#pieces;
  }

  get critical(): readonly PieceWish[] {
    return this.#critical;
  }

  /** A priority for each file. @param settings what the torrent was added with. */
  filePriorities(settings: AddSettings, metadata: PiecesAndFiles): number[] {
    const only = settings.selectOnly && new Set(settings.selectOnly);
    return metadata.files.map((_, index) => {
      const wish = this.#files.get(index);
      if (wish !== undefined) return wish;
      if (settings.deselect === true) return 0;
      return only === undefined || only.has(index) ? USUAL : 0;
    });
  }

  /** A priority for each piece, given those of the files. */
  piecePriorities(files: readonly number[], metadata: PiecesAndFiles): Uint8Array {
    const priorities = priorityOfPieces(files, metadata);
    for (const { first, last, priority } of this.#pieces) priorities.fill(priority, first, last + 1);
    return priorities;
  }

  #isPossible({ first, last }: PieceWish): boolean {
    if (!Number.isSafeInteger(first) || !Number.isSafeInteger(last) || first < 0 || last < first)
      return false;
    return this.#metadata === undefined || last < this.#metadata.pieceCount;
  }

  /** Files of which no piece is wanted are not wanted themselves. */
  #dropFiles(first: number, last: number): void {
    const metadata = this.#metadata;
    if (metadata === undefined || last >= metadata.pieceCount) return;
    const all = metadata.files.map((_, index) => index);
    for (const index of filesWithin(metadata, first, last, all)) this.#files.set(index, 0);
  }

  #shorten(): void {
    const count = this.#metadata?.pieceCount;
    if (count === undefined) {
      if (this.#pieces.length > MOST) this.#pieces.shift();
      return;
    }
    const said = new Uint8Array(count).fill(UNSAID);
    for (const { first, last, priority } of this.#pieces) said.fill(priority, first, last + 1);
    this.#pieces = runsOf(said).filter(({ priority }) => priority !== UNSAID);
  }
}

/** What pieces have by their files: each the highest of the files that it has bytes of. */
export function priorityOfPieces(files: readonly number[], metadata: PiecesAndFiles): Uint8Array {
  const { pieceLength, pieceCount } = metadata;
  const priorities = new Uint8Array(pieceCount);
  for (const [index, { offset, length }] of metadata.files.entries()) {
    const priority = files[index] ?? USUAL;
    if (priority === 0 || length === 0) continue;
    const last = Math.min(pieceCount - 1, Math.floor((offset + length - 1) / pieceLength));
    for (let piece = Math.floor(offset / pieceLength); piece <= last; piece++) {
      if (priorities[piece]! < priority) priorities[piece] = priority;
    }
  }
  return priorities;
}

/** Neighbours of the same priority as one range. */
export function runsOf(priorities: Uint8Array): PieceWish[] {
  const runs: PieceWish[] = [];
  for (let first = 0; first < priorities.length; ) {
    const priority = priorities[first]!;
    let last = first;
    while (priorities[last + 1] === priority) last++;
    runs.push({ first, last, priority });
    first = last + 1;
  }
  return runs;
}
