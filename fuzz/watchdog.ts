/** Notices an execution that does not end: a thread of its own still runs when nothing else does. */

import { Worker } from 'node:worker_threads';
import { CRASHES } from './crashes.ts';

/** Milliseconds that an execution may take at most. */
const PATIENCE = 60_000;
/** Longest input that is kept. */
const MOST = 64 * 1024;

export class Watchdog {
  readonly #buffer = new SharedArrayBuffer(80 + MOST);
  /** Number of executions, length of the target's name, length of the input. */
  readonly #state = new Int32Array(this.#buffer, 0, 4);
  readonly #name = new Uint8Array(this.#buffer, 16, 64);
  readonly #input = new Uint8Array(this.#buffer, 80, MOST);
  readonly #worker: Worker;

  constructor() {
    this.#worker = new Worker(new URL('watchdog-thread.mjs', import.meta.url), {
      workerData: { buffer: this.#buffer, crashes: CRASHES, patience: PATIENCE },
    });
    this.#worker.unref();
  }

  /** An execution begins. */
  watch(target: string, input: Uint8Array): void {
    const part = input.subarray(0, MOST);
    this.#input.set(part);
    this.#state[2] = part.length;
    const name = Buffer.from(target).subarray(0, 64);
    this.#name.set(name);
    this.#state[1] = name.length;
    Atomics.add(this.#state, 0, 1);
  }

  close(): void {
    void this.#worker.terminate();
  }
}
