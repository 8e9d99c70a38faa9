import type { Link } from '../ports.ts';
import type { RateShare } from '../rate-limiter.ts';

/** Where too much lies in memory: a piece store. */
export interface Congestible {
  readonly congested: boolean;
  whenRelieved(wake: () => void): void;
  forgetRelief(wake: () => void): void;
}

/**
 * Decides when one connection is read and when more is asked for. While the download limit is used up nothing is asked
 * for, and if something is on its way the link is not read; nor is it while memory is full of what waits for the disk.
 * The transport's own flow control then slows the peer down.
 */
export class ReadThrottle {
  readonly #link: Link;
  readonly #onResumed: () => void;
  /** The limit that is waited for. */
  #waiting: RateShare | undefined;
  /** The link is not read because of it. */
  #limited = false;
  /** Where memory must become free first. */
  #held: Congestible | undefined;
  #paused = false;
  readonly #resume = (): void => {
    // Whoever was woken before us may have ended the connection.
    if (this.#waiting === undefined) return;
    this.#waiting = undefined;
    this.#limited = false;
    this.#update();
    this.#onResumed();
  };
  readonly #relieve = (): void => {
    if (this.#held === undefined) return;
    this.#held = undefined;
    this.#update();
    this.#onResumed();
  };

  constructor(link: Link, onResumed: () => void) {
    this.#link = link;
    this.#onResumed = onResumed;
  }

  /** Nothing more is to be asked for. */
  get waiting(): boolean {
    return this.#waiting !== undefined || this.#held !== undefined;
  }

  /** The link is not read at the moment. */
  get paused(): boolean {
    return this.#paused;
  }

  /**
   * Waits until the limit allows more, if it does not.
   * @param expecting something is on its way that counts: then the link is not read meanwhile. Else it is, so that
   * small talk goes on.
   */
  apply(share: RateShare, expecting: boolean): void {
    if (share.open) return;
    if (this.#waiting === undefined) {
      this.#waiting = share;
      share.wait(this.#resume);
    }
    if (expecting) this.#limited = true;
    this.#update();
  }

  /** Waits until there is memory again, if there is none. */
  hold(where: Congestible): void {
    if (this.#held !== undefined || !where.congested) return;
    this.#held = where;
    where.whenRelieved(this.#relieve);
    this.#update();
  }

  close(): void {
    this.#waiting?.forget();
    this.#waiting = undefined;
    this.#held?.forgetRelief(this.#relieve);
    this.#held = undefined;
  }

  #update(): void {
    const pause = this.#limited || this.#held !== undefined;
    if (pause === this.#paused) return;
    this.#paused = pause;
    if (pause) this.#link.pauseReading();
    else this.#link.resumeReading();
  }
}
