import type { Clock, Timer } from './ports.ts';

/** Something with files that other programs may change. */
export interface Watched {
  /** Looks at up to `limit` files. Never rejects. */
  look(limit: number): Promise<void>;
}

/** Milliseconds between two rounds. */
const INTERVAL = 10_000;
/** Files looked at in a round, over all torrents; what is opened is looked at anyway. */
const FILES_PER_ROUND = 64;
/** And of one torrent, so that each has its turn. */
const FILES_PER_TURN = 16;

/**
 * Looks now and then whether somebody else has changed files of open torrents: a few in each round, whatever their
 * number, so that a client with ten thousand torrents or a torrent with a million files costs no more than another.
 */
export class FileWatcher {
  readonly #clock: Clock;
  /** In the order in which their turn comes. */
  readonly #watched = new Set<Watched>();
  #timer: Timer | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Returns what ends it. */
  add(watched: Watched): () => void {
    this.#watched.add(watched);
    this.#schedule();
    return () => {
      this.#watched.delete(watched);
      if (this.#watched.size > 0) return;
      this.#timer?.cancel();
      this.#timer = undefined;
    };
  }

  #schedule(): void {
    this.#timer ??= this.#clock.setTimer(INTERVAL, () => void this.#round());
  }

  async #round(): Promise<void> {
    const turns = [...this.#watched].slice(0, Math.ceil(FILES_PER_ROUND / FILES_PER_TURN));
    for (const watched of turns) {
      if (!this.#watched.delete(watched)) continue;
      this.#watched.add(watched);
      await watched.look(FILES_PER_TURN);
    }
    this.#timer = undefined;
    if (this.#watched.size > 0) this.#schedule();
  }
}
