/** A `BroadcastChannel` as a pipe. What is posted is cloned: channels cannot transfer. */

import type { Port } from './port.ts';

/** Opens the channel of this name. Messages that come before there is a listener are lost. */
export function broadcastPort(name: string): Port {
  return new BroadcastPort(name);
}

/** Whether there are channels. */
export const hasBroadcast: boolean = typeof BroadcastChannel !== 'undefined';

class BroadcastPort implements Port {
  onMessage: ((message: unknown) => void) | undefined;
  readonly #channel: BroadcastChannel;
  #closed = false;

  constructor(name: string) {
    this.#channel = new BroadcastChannel(name);
    this.#channel.onmessage = ({ data }: MessageEvent<unknown>) => this.onMessage?.(data);
  }

  post(message: unknown): void {
    // A closed channel would throw.
    if (!this.#closed) this.#channel.postMessage(message);
  }

  close(): void {
    this.#closed = true;
    this.#channel.close();
  }
}
