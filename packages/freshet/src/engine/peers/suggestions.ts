/** Pieces that we would like a peer to ask for, and those that it would like us to (BEP 6). */

import { LazySet } from '../../protocol/lazy-collections.ts';

/** Pieces lately sent, which lie in the read cache still, that are remembered. */
const MAX_RECENT = 8;
/** Pieces suggested at a time: a hint for the newcomer, not an order that would make everybody have the same. */
const MAX_SUGGESTED = 2;
/** What a peer suggests that is remembered: the latest. */
const MAX_RECEIVED = 16;

/** The pieces that were sent last: to send them again costs no read. */
export class RecentPieces {
  readonly #recent = new LazySet<number>();
  /** Bytes that the read cache holds for all torrents: what is beyond is not in it any more. */
  readonly #most: number;

  /** @param pieceLength in bytes. @param cache bytes of the read cache. */
  constructor(pieceLength: number, cache: number) {
    this.#most = Math.min(MAX_RECENT, Math.floor(cache / 2 / pieceLength));
  }

  note(piece: number): void {
    this.#recent.delete(piece);
    this.#recent.add(piece);
    if (this.#recent.size > this.#most) this.#recent.delete(this.#recent.values().next().value!);
  }

  /** What to suggest to a peer, the latest first. */
  suggest(lacks: (piece: number) => boolean): number[] {
    return [...this.#recent].reverse().filter(lacks).slice(0, MAX_SUGGESTED);
  }
}

/** What a peer suggests. It breaks ties when a piece is picked, and no more: rarity is what keeps a swarm alive. */
export class SuggestedByPeer {
  readonly #pieces = new Set<number>();

  get size(): number {
    return this.#pieces.size;
  }

  add(piece: number): void {
    this.#pieces.delete(piece);
    this.#pieces.add(piece);
    if (this.#pieces.size > MAX_RECEIVED) this.#pieces.delete(this.#pieces.values().next().value!);
  }

  /** Takes out the latest one that is as good as what would be asked for otherwise; -1 when there is none. */
  take(isAsGood: (piece: number) => boolean): number {
    for (const piece of [...this.#pieces].reverse()) {
      if (!isAsGood(piece)) continue;
      this.#pieces.delete(piece);
      return piece;
    }
    return -1;
  }
}
