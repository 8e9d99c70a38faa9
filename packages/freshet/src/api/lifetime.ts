/** One end for all that goes on in a torrent. */

import type { FreshetError } from '../session/errors.ts';
import { onAbort } from './abort.ts';

export class Lifetime {
  #controller: AbortController | undefined;
  #reason: FreshetError | undefined;

  /** Fires with the reason when it ends. Made when somebody first looks: it costs as much as all else of an idle torrent. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#reason !== undefined) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }

  /** Why it has ended; `undefined` while it lasts. */
  get reason(): FreshetError | undefined {
    return this.#reason;
  }

  /** Ends it, once. */
  end(reason: FreshetError): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    this.#controller?.abort(reason);
  }

  /** What the promise comes to; rejects with the reason if the end is first. */
  within<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const forget = onAbort(this.signal, () => reject(this.#reason));
      if (this.#reason !== undefined) reject(this.#reason);
      promise.then(resolve, reject).finally(forget);
    });
  }
}
