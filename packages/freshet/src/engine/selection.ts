import type { Info } from '../protocol/index.ts';
import { DEFAULT_PRIORITY, MAX_PRIORITY } from './pieces/picker.ts';
import type { PieceStore } from './pieces/piece-store.ts';

/** Which pieces are wanted, how much, and how many of their bytes are there. The only truth about it. */
export class Selection {
  readonly #info: Info;
  readonly #store: PieceStore;
  #files: number[];
  #wantedBytes = 0;
  #wantedVerifiedBytes = 0;
  #verifiedBytes = 0;
  /** Readers of pieces that are not selected: how many need each one. */
  readonly #lent = new Map<number, number>();

  constructor(info: Info, store: PieceStore) {
    this.#info = info;
    this.#store = store;
    this.#files = info.files.map(() => DEFAULT_PRIORITY);
    this.#recount();
  }

  get wantedBytes(): number {
    return this.#wantedBytes;
  }

  get wantedVerifiedBytes(): number {
    return this.#wantedVerifiedBytes;
  }

  get verifiedBytes(): number {
    return this.#verifiedBytes;
  }

  /** Every wanted piece is verified, and something is wanted at all. */
  get complete(): boolean {
    if (this.#wantedBytes === 0 && this.#info.length > 0) return false;
    return this.#wantedVerifiedBytes === this.#wantedBytes;
  }

  filePriorities(): number[] {
    return [...this.#files];
  }

  wantedFiles(): boolean[] {
    return this.#files.map((priority) => priority > 0);
  }

  onVerified(piece: number): void {
    const length = this.#store.pieceLength(piece);
    this.#verifiedBytes += length;
    if (this.#store.picker.priority(piece) > 0) this.#wantedVerifiedBytes += length;
  }

  /** One priority per file, 0 to 7. A piece takes the highest of the files that it has bytes of. */
  setFiles(priorities: readonly number[]): void {
    const { files, pieceLength, pieceCount } = this.#info;
    this.#files = files.map((_, i) => clamp(priorities[i] ?? DEFAULT_PRIORITY));
    const pieces = new Uint8Array(pieceCount);
    for (const [i, file] of files.entries()) {
      const priority = this.#files[i]!;
      if (priority === 0 || file.length === 0 || file.padding) continue;
      const last = Math.floor((file.offset + file.length - 1) / pieceLength);
      for (let piece = Math.floor(file.offset / pieceLength); piece <= last; piece++) {
        pieces[piece] = Math.max(pieces[piece]!, priority);
      }
    }
    for (let piece = 0; piece < pieceCount; piece++) {
      this.#store.picker.setPriority(piece, this.#lend(piece, pieces[piece]!));
    }
    this.#recount();
  }

  /** @param priority 1 to 7, or 0 to deselect. */
  setPieces(first: number, last: number, priority: number): void {
    const end = Math.min(last, this.#info.pieceCount - 1);
    for (let piece = Math.max(0, first); piece <= end; piece++) {
      this.#store.picker.setPriority(piece, this.#lend(piece, clamp(priority)));
    }
    this.#recount();
  }

  /**
   * Selects the unselected pieces of a byte range for as long as somebody reads there. Returns what takes that
   * back, or `undefined` when all of them were selected anyway.
   */
  lend(start: number, end: number): (() => void) | undefined {
    const { picker } = this.#store;
    const lent: number[] = [];
    const last = Math.ceil(end / this.#info.pieceLength);
    for (let piece = Math.floor(start / this.#info.pieceLength); piece < last; piece++) {
      const readers = this.#lent.get(piece) ?? 0;
      if (readers === 0 && picker.priority(piece) > 0) continue;
      this.#lent.set(piece, readers + 1);
      picker.setPriority(piece, 1);
      lent.push(piece);
    }
    if (lent.length === 0) return undefined;
    this.#recount();
    return () => {
      for (const piece of lent) {
        const readers = (this.#lent.get(piece) ?? 1) - 1;
        if (readers > 0) this.#lent.set(piece, readers);
        else if (this.#lent.delete(piece)) picker.setPriority(piece, 0);
      }
      this.#recount();
    };
  }

  /** Counts anew, after pieces were lost. */
  recount(): void {
    this.#recount();
  }

  /** The priority in force for a piece whose selected one is `priority`. */
  #lend(piece: number, priority: number): number {
    if (priority > 0) {
      // Selected for good now: the readers' claim is not needed, nor to be taken back.
      this.#lent.delete(piece);
      return priority;
    }
    return this.#lent.has(piece) ? 1 : 0;
  }

  #recount(): void {
    const { picker, verified } = this.#store;
    this.#wantedBytes = 0;
    this.#wantedVerifiedBytes = 0;
    this.#verifiedBytes = 0;
    for (let piece = 0; piece < this.#info.pieceCount; piece++) {
      const length = this.#store.pieceLength(piece);
      const has = verified.get(piece);
      if (has) this.#verifiedBytes += length;
      if (picker.priority(piece) === 0) continue;
      this.#wantedBytes += length;
      if (has) this.#wantedVerifiedBytes += length;
    }
  }
}

function clamp(priority: number): number {
  return Math.max(0, Math.min(MAX_PRIORITY, Math.round(priority)));
}
