import type { Info } from '../protocol/index.ts';
import { LazyMap } from '../protocol/lazy-collections.ts';
import { DEFAULT_PRIORITY, MAX_PRIORITY } from './pieces/picker.ts';
import type { PieceStore } from './pieces/piece-store.ts';

/** What somebody chose, to be put in force again when the storage is reopened. */
export interface SelectionState {
  readonly files: readonly number[];
  /** Absent when all have the default one. */
  readonly pieces: Uint8Array | undefined;
}

/** Which pieces are wanted, how much, and how many of their bytes are there. The only truth about it. */
export class Selection {
  readonly #info: Info;
  readonly #store: PieceStore;
  /** Absent while none has another than the default one. */
  #files: number[] | undefined;
  /** Priority that was chosen for each piece, likewise; what the picker has may be raised by readers. */
  #selected: Uint8Array | undefined;
  /** Readers of pieces that are not selected themselves: how many need each one. */
  readonly #lent = new LazyMap<number, number>();
  #wantedBytes = 0;
  #wantedVerifiedBytes = 0;
  #verifiedBytes = 0;

  constructor(info: Info, store: PieceStore) {
    this.#info = info;
    this.#store = store;
    this.#wantedBytes = info.length;
    this.recount();
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

  get state(): SelectionState {
    return { files: this.filePriorities(), pieces: this.#selected?.slice() };
  }

  filePriorities(): number[] {
    return this.#files === undefined ? this.#info.files.map(() => DEFAULT_PRIORITY) : [...this.#files];
  }

  wantedFiles(): boolean[] {
    return this.filePriorities().map((priority) => priority > 0);
  }

  onVerified(piece: number): void {
    const length = this.#store.pieceLength(piece);
    this.#verifiedBytes += length;
    if (this.#selectedPriority(piece) > 0) this.#wantedVerifiedBytes += length;
  }

  /** One priority per file, 0 to 7. A piece takes the highest of the files that it has bytes of. */
  setFiles(priorities: readonly number[]): void {
    const { files, pieceLength, pieceCount } = this.#info;
    const chosen = files.map((_, i) => clamp(priorities[i] ?? DEFAULT_PRIORITY));
    this.#files = chosen;
    // Files lie in the order of their bytes, so one walk over them passes the pieces in their order too.
    let piece = 0;
    let highest = 0;
    for (let i = 0; i < files.length; i++) {
      const file = files[i]!;
      if (file.length === 0 || file.padding) continue;
      const priority = chosen[i]!;
      const first = Math.floor(file.offset / pieceLength);
      const last = Math.floor((file.offset + file.length - 1) / pieceLength);
      for (; piece < first; piece++, highest = 0) this.#select(piece, highest);
      highest = Math.max(highest, priority);
      for (; piece < last; piece++, highest = priority) this.#select(piece, highest);
    }
    for (; piece < pieceCount; piece++, highest = 0) this.#select(piece, highest);
  }

  /** @param priority 1 to 7, or 0 to deselect. */
  setPieces(first: number, last: number, priority: number): void {
    const end = Math.min(last, this.#info.pieceCount - 1);
    const clamped = clamp(priority);
    for (let piece = Math.max(0, first); piece <= end; piece++) this.#select(piece, clamped);
  }

  /** Puts in force what was chosen before the storage was reopened. */
  restore(state: SelectionState): void {
    this.#files = [...state.files];
    const { pieces } = state;
    if (pieces === undefined) return;
    for (let piece = 0; piece < pieces.length; piece++) this.#select(piece, pieces[piece]!);
  }

  /**
   * Has the unselected pieces of a byte range fetched for as long as somebody reads there; they do not count as
   * wanted. Returns what takes that back, and whether pieces are fetched now that were not.
   */
  lend(start: number, end: number): { readonly changed: boolean; release(): boolean } {
    const { pieceLength } = this.#info;
    const first = Math.floor(start / pieceLength);
    const last = end > start ? Math.floor((end - 1) / pieceLength) : -1;
    let changed = false;
    for (let piece = first; piece <= last; piece++) {
      const readers = this.#lent.get(piece) ?? 0;
      this.#lent.set(piece, readers + 1);
      if (this.#apply(piece)) changed = true;
    }
    let released = false;
    return {
      changed,
      release: () => {
        if (released) return false;
        released = true;
        let ended = false;
        for (let piece = first; piece <= last; piece++) {
          const readers = this.#lent.get(piece)! - 1;
          if (readers > 0) this.#lent.set(piece, readers);
          else this.#lent.delete(piece);
          if (this.#apply(piece)) ended = true;
        }
        return ended;
      },
    };
  }

  /** Counts anew, after pieces were lost. */
  recount(): void {
    const { verified } = this.#store;
    this.#wantedVerifiedBytes = 0;
    this.#verifiedBytes = 0;
    for (let piece = verified.firstSet(); piece >= 0; piece = verified.firstSet(piece + 1)) {
      const length = this.#store.pieceLength(piece);
      this.#verifiedBytes += length;
      if (this.#selectedPriority(piece) !== 0) this.#wantedVerifiedBytes += length;
    }
  }

  #selectedPriority(piece: number): number {
    return this.#selected === undefined ? DEFAULT_PRIORITY : this.#selected[piece]!;
  }

  #select(piece: number, priority: number): void {
    const before = this.#selectedPriority(piece);
    if (before === priority) return;
    this.#selected ??= new Uint8Array(this.#info.pieceCount).fill(DEFAULT_PRIORITY);
    this.#selected[piece] = priority;
    this.#apply(piece);
    if (before !== 0 && priority !== 0) return;
    const length = priority === 0 ? -this.#store.pieceLength(piece) : this.#store.pieceLength(piece);
    this.#wantedBytes += length;
    if (this.#store.verified.get(piece)) this.#wantedVerifiedBytes += length;
  }

  /** Tells the picker what is in force for the piece. Returns whether it begins or ceases to be fetched. */
  #apply(piece: number): boolean {
    const { picker } = this.#store;
    const before = picker.priority(piece);
    const lent = this.#lent.size > 0 && this.#lent.has(piece);
    const priority = this.#selectedPriority(piece) || (lent ? 1 : 0);
    picker.setPriority(piece, priority);
    return (before === 0) !== (priority === 0);
  }
}

function clamp(priority: number): number {
  return Math.max(0, Math.min(MAX_PRIORITY, Math.round(priority)));
}
