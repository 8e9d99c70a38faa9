/** Starts the OPFS worker and carries requests to it. */

import type { OpfsReply, OpfsRequest, OpfsResults } from './opfs-worker.ts';
import { opfsWorkerMain } from './opfs-worker.ts';

/** A worker that says nothing for this long at start was kept from starting. */
const START_LIMIT = 5_000;

export interface OpfsHostOptions {
  /**
   * Makes the worker. Default: one from a `blob:` address, which a page with a Content-Security-Policy must allow
   * (`worker-src blob:`). A page that may not can host `freshet-opfs-worker.js` and give
   * `() => new Worker('/freshet-opfs-worker.js')`.
   */
  readonly createWorker?: (() => Worker) | undefined;
}

interface Pending {
  resolve(result: OpfsResults[keyof OpfsResults]): void;
  reject(error: Error): void;
}

/** One worker for all that a page stores. */
export class OpfsHost {
  readonly #worker: Worker;
  readonly #pending = new Map<number, Pending>();
  #nextId = 1;
  #ended: Error | undefined;

  private constructor(worker: Worker) {
    this.#worker = worker;
    worker.onmessage = ({ data }: MessageEvent<OpfsReply>) => {
      const pending = this.#pending.get(data.id);
      this.#pending.delete(data.id);
      if ('error' in data) pending?.reject(named(data.error.name, data.error.message));
      else pending?.resolve(data.result);
    };
    worker.onerror = (event) => {
      event.preventDefault();
      this.#end(new Error(event.message || 'the storage worker could not start'));
    };
  }

  /** Rejects with a sentence where OPFS is not to be had: an insecure page, a private window, an old browser. */
  static async start(options: OpfsHostOptions = {}): Promise<OpfsHost> {
    if (typeof navigator === 'undefined' || navigator.storage?.getDirectory === undefined) {
      throw new Error(
        'This page has no private file system: it needs https: or localhost and a current browser.',
      );
    }
    const host = new OpfsHost((options.createWorker ?? blobWorker)());
    const limit = setTimeout(() => host.#end(new Error('the storage worker does not start')), START_LIMIT);
    try {
      if (await host.request({ op: 'probe' })) return host;
      throw new Error('it has no synchronous access handles');
    } catch (error) {
      host.close();
      const reason = error instanceof Error ? error.message : String(error);
      throw new Error(`The browser's private file system cannot be used: ${reason}.`);
    } finally {
      clearTimeout(limit);
    }
  }

  /** Rejects with an `Error` that has the name of the browser's exception. */
  request<R extends OpfsRequest>(request: R, transfer: Transferable[] = []): Promise<OpfsResults[R['op']]> {
    if (this.#ended) return Promise.reject(this.#ended);
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve: resolve as Pending['resolve'], reject });
      this.#worker.postMessage({ ...request, id }, transfer);
    });
  }

  /** Ends the worker, which releases its handles; requests that are not answered are rejected. Idempotent. */
  close(): void {
    this.#end(new Error('the storage worker has been closed'));
  }

  #end(error: Error): void {
    if (this.#ended) return;
    this.#ended = error;
    this.#worker.terminate();
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
  }
}

function named(name: string, message: string): Error {
  const error = new Error(message);
  error.name = name;
  return error;
}

function blobWorker(): Worker {
  // Some bundlers wrap functions in a call of `__name` to keep their names.
  const source = `const __name = (f) => f; (${opfsWorkerMain.toString()})(self);`;
  const url = URL.createObjectURL(new Blob([source], { type: 'text/javascript' }));
  try {
    return new Worker(url, { name: 'freshet-opfs' });
  } finally {
    // The worker has its address already; the text is freed once it is read.
    URL.revokeObjectURL(url);
  }
}
