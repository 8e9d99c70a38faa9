/** A `BroadcastChannel` as a pipe. What is posted is cloned: channels cannot transfer. */

import type { Port } from './port.ts';

/** Opens the channel of this name. */
export function broadcastPort(name: string): Port {
  return new BroadcastPort(name);
}

/** Whether there are channels. */
export const hasBroadcast: boolean = typeof BroadcastChannel !== 'undefined';

class BroadcastPort implements Port {
  readonly #channel: BroadcastChannel;
  /** What came before there was a listener. */
  readonly #kept: unknown[] = [];
  #onMessage: ((message: unknown) => void) | undefined;
  #closed = false;

  constructor(name: string) {
    this.#channel = new BroadcastChannel(name);
    this.#channel.onmessage = ({ data }: MessageEvent<unknown>) => {
      this.#kept.push(data);
      this.#deliver();
    };
  }

  get onMessage(): ((message: unknown) => void) | undefined {
    return this.#onMessage;
  }

  set onMessage(listener: ((message: unknown) => void) | undefined) {
    this.#onMessage = listener;
    if (this.#kept.length > 0) queueMicrotask(() => this.#deliver());
  }

  post(message: unknown): void {
    // A closed channel would throw.
    if (!this.#closed) this.#channel.postMessage(message);
  }

  close(): void {
    this.#closed = true;
    this.#onMessage = undefined;
    this.#kept.length = 0;
    this.#channel.close();
  }

  #deliver(): void {
    while (this.#kept.length > 0 && this.#onMessage !== undefined) this.#onMessage(this.#kept.shift());
  }
}
