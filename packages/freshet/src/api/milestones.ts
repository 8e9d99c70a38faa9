/** Promises for what a torrent reaches once: handed out before, kept or broken later. */

import { LazySet } from '../protocol/lazy-collections.ts';
import { AbortedError } from '../session/errors.ts';

export type Milestone = 'ready' | 'done';

interface Waiting<T> {
  readonly milestone: Milestone;
  resolve(value: T): void;
  reject(error: Error): void;
}

/**
 * Who waits for a milestone. Nothing is remembered of milestones that were reached: a torrent that is done may get
 * more to do, so whoever asks looks first whether there is anything to wait for.
 */
export class Milestones<T> {
  readonly #waiting = new LazySet<Waiting<T>>();

  /**
   * Resolves with what `reached` is given; rejects when nothing is reached any more, or with an `AbortedError` when
   * the signal fires.
   */
  until(milestone: Milestone, signal: AbortSignal | undefined): Promise<T> {
    const aborted = (): AbortedError => new AbortedError(undefined, { cause: signal?.reason });
    if (signal?.aborted === true) return Promise.reject(aborted());
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        signal?.removeEventListener('abort', onAbort);
        this.#waiting.delete(waiting);
      };
      const onAbort = (): void => waiting.reject(aborted());
      const waiting: Waiting<T> = {
        milestone,
        resolve: (value) => {
          settle();
          resolve(value);
        },
        reject: (error) => {
          settle();
          reject(error);
        },
      };
      this.#waiting.add(waiting);
      signal?.addEventListener('abort', onAbort);
    });
  }

  reached(milestone: Milestone, value: T): void {
    for (const waiting of [...this.#waiting]) if (waiting.milestone === milestone) waiting.resolve(value);
  }

  /** It has failed or ended. Whoever asks afterwards waits anew. */
  giveUp(reason: Error): void {
    for (const waiting of [...this.#waiting]) waiting.reject(reason);
  }
}
