import { Bitfield } from '../../protocol/index.ts';
import type { PiecePicker } from './picker.ts';

/** v2: missing pieces that cannot be begun, as their hash is not known yet (BEP 52). The picker is kept from them. */
export class SealedPieces {
  readonly #pieces: Bitfield;
  readonly #picker: PiecePicker;
  readonly #canJudge: (piece: number) => boolean;

  /** @param canJudge whether the piece's hash is known. */
  constructor(pieceCount: number, picker: PiecePicker, canJudge: (piece: number) => boolean) {
    this.#pieces = new Bitfield(pieceCount);
    this.#picker = picker;
    this.#canJudge = canJudge;
  }

  get isEmpty(): boolean {
    return this.#pieces.isEmpty;
  }

  has(piece: number): boolean {
    return this.#pieces.get(piece);
  }

  /** The piece is open: keeps the picker from it when nobody could verify it. */
  seal(piece: number): void {
    if (this.#canJudge(piece)) return;
    this.#pieces.set(piece);
    this.#picker.take(piece);
  }

  /** Opens those of the pieces whose hash has become known. Returns whether there were any. */
  open(pieces: Iterable<number>, verified: Bitfield): boolean {
    let opened = false;
    for (const piece of pieces) {
      if (!this.#pieces.get(piece) || !this.#canJudge(piece)) continue;
      this.#pieces.unset(piece);
      if (!verified.get(piece)) this.#picker.putBack(piece);
      opened = true;
    }
    return opened;
  }
}
