/** Promises for what a torrent reaches once: handed out before, kept or broken later. */

import { LazySet } from '../protocol/lazy-collections.ts';
import { abortedBy, onAbort } from './abort.ts';
import type { Lifetime } from './lifetime.ts';

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
  readonly #lifetime: Lifetime;

  constructor(lifetime: Lifetime) {
    this.#lifetime = lifetime;
  }

  /**
   * Resolves with what `reached` is given; rejects when nothing is reached any more, at the end of the torrent with its
   * reason, or with an `AbortedError` when the signal fires.
   */
  until(milestone: Milestone, signal: AbortSignal | undefined): Promise<T> {
    if (this.#lifetime.reason !== undefined) return Promise.reject(this.#lifetime.reason);
    if (signal?.aborted === true) return Promise.reject(abortedBy(signal));
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        for (const unlisten of forget) unlisten();
        this.#waiting.delete(waiting);
      };
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
      const forget = [onAbort(this.#lifetime.signal, () => waiting.reject(this.#lifetime.reason!))];
      if (signal !== undefined) forget.push(onAbort(signal, () => waiting.reject(abortedBy(signal))));
    });
  }

  reached(milestone: Milestone, value: T): void {
    for (const waiting of [...this.#waiting]) if (waiting.milestone === milestone) waiting.resolve(value);
  }

  /** It has failed, and may be resumed. Whoever asks afterwards waits anew. */
  giveUp(reason: Error): void {
    for (const waiting of [...this.#waiting]) waiting.reject(reason);
  }
}
