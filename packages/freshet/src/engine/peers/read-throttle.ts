import type { Link } from '../ports.ts';
import type { RateLimiter } from '../rate-limiter.ts';

/**
 * Holds one connection to the download limit: while the limit is used up its link is not read, and the transport's
 * own flow control slows the peer down.
 */
export class ReadThrottle {
  readonly #link: Link;
  readonly #onResumed: () => void;
  /** The limit that is waited for. */
  #waiting: RateLimiter | undefined;
  readonly #resume = (): void => {
    // Whoever was woken before us may have ended the connection.
    if (this.#waiting === undefined) return;
    this.#waiting = undefined;
    this.#link.resumeReading();
    this.#onResumed();
  };

  constructor(link: Link, onResumed: () => void) {
    this.#link = link;
    this.#onResumed = onResumed;
  }

  /** The link is not read at the moment. */
  get paused(): boolean {
    return this.#waiting !== undefined;
  }

  /** Stops reading until the limit allows more. */
  apply(limiter: RateLimiter): void {
    if (this.paused || limiter.open) return;
    this.#waiting = limiter;
    this.#link.pauseReading();
    limiter.wait(this.#resume);
  }

  close(): void {
    this.#waiting?.forget(this.#resume);
    this.#waiting = undefined;
  }
}
