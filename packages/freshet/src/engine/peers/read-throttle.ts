import type { Link } from '../ports.ts';
import type { RateShare } from '../rate-limiter.ts';

/**
 * Holds one connection to the download limit. While the limit is used up nothing is asked for, and if something is on
 * its way the link is not read: the transport's own flow control slows the peer down.
 */
export class ReadThrottle {
  readonly #link: Link;
  readonly #onResumed: () => void;
  /** The limit that is waited for. */
  #waiting: RateShare | undefined;
  #paused = false;
  readonly #resume = (): void => {
    // Whoever was woken before us may have ended the connection.
    if (this.#waiting === undefined) return;
    this.#waiting = undefined;
    if (this.#paused) {
      this.#paused = false;
      this.#link.resumeReading();
    }
    this.#onResumed();
  };

  constructor(link: Link, onResumed: () => void) {
    this.#link = link;
    this.#onResumed = onResumed;
  }

  /** The limit is used up: nothing more is to be asked for. */
  get waiting(): boolean {
    return this.#waiting !== undefined;
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
    if (!expecting || this.#paused) return;
    this.#paused = true;
    this.#link.pauseReading();
  }

  close(): void {
    this.#waiting?.forget();
    this.#waiting = undefined;
  }
}
