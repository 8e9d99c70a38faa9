/** What several clients want of one torrent, put together: a file or piece is wanted as much as by who wants it most. */

import type { PiecesAndFiles } from './file-selection.ts';
import type { AddSettings } from './protocol.ts';
import {
  type FileWish,
  type PieceWish,
  priorityOfPieces,
  runsOf,
  type SelectionWishes,
} from './selection-wishes.ts';

/** What one of them has said. */
export interface Wisher {
  readonly settings: AddSettings;
  readonly wishes: SelectionWishes;
}

/** What the engine is to be told, files first. */
export interface SelectionChange {
  readonly files: readonly FileWish[];
  readonly pieces: readonly PieceWish[];
}

const SAME = 255;

export class SharedSelection {
  #files: readonly number[] | undefined;
  #pieces: Uint8Array | undefined;

  /** What has to be said for the selection to be that of all of them; `undefined` when it is already. */
  update(wishers: readonly Wisher[], metadata: PiecesAndFiles): SelectionChange | undefined {
    const files = metadata.files.map(() => 0);
    const pieces = new Uint8Array(metadata.pieceCount);
    for (const { settings, wishes } of wishers) {
      const own = wishes.filePriorities(settings, metadata);
      for (const [index, priority] of own.entries()) files[index] = Math.max(files[index]!, priority);
      const ownPieces = wishes.piecePriorities(own, metadata);
      for (const [piece, priority] of ownPieces.entries()) {
        if (priority > pieces[piece]!) pieces[piece] = priority;
      }
    }
    if (this.#isSame(files, pieces)) return undefined;
    this.#files = files;
    this.#pieces = pieces;
    // A choice of files sets all pieces; what differs from that is said afterwards.
    const byFiles = priorityOfPieces(files, metadata);
    const differing = pieces.map((priority, piece) => (priority === byFiles[piece] ? SAME : priority));
    return {
      files: files.map((priority, index) => ({ index, priority })),
      pieces: runsOf(differing).filter(({ priority }) => priority !== SAME),
    };
  }

  /** Whether any piece is wanted that is not there. */
  isMissingAny(has: (piece: number) => boolean): boolean {
    return this.#pieces?.some((priority, piece) => priority > 0 && !has(piece)) ?? false;
  }

  #isSame(files: readonly number[], pieces: Uint8Array): boolean {
    return (
      this.#files !== undefined &&
      files.every((priority, index) => priority === this.#files?.[index]) &&
      pieces.every((priority, piece) => priority === this.#pieces?.[piece])
    );
  }
}
