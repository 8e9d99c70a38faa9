/** What is said over a port in one turn, sent together at its end. */

import type { SessionPort } from './messages.ts';

export class Outbox<M extends object> {
  readonly #port: SessionPort;
  readonly #onRefused: (message: M, error: unknown) => void;
  #messages: M[] = [];
  #transfer: unknown[] = [];
  #closed = false;

  /** @param onRefused the port could not clone the message, or is closed. */
  constructor(port: SessionPort, onRefused: (message: M, error: unknown) => void) {
    this.#port = port;
    this.#onRefused = onRefused;
  }

  send(message: M, transfer?: readonly unknown[]): void {
    if (this.#closed) return;
    if (this.#messages.length === 0) void Promise.resolve().then(() => this.flush());
    this.#messages.push(message);
    if (transfer !== undefined) this.#transfer.push(...transfer);
  }

  /** Sends at once what there is. */
  flush(): void {
    if (this.#messages.length === 0) return;
    const messages = this.#messages;
    const transfer = this.#transfer;
    this.#messages = [];
    this.#transfer = [];
    try {
      this.#port.post(messages, transfer);
    } catch {
      // One of them cannot be cloned: the others shall not suffer for it. Nothing was transferred.
      for (const message of messages) this.#sendAlone(message);
    }
  }

  /** What is said from now on is not sent. */
  close(): void {
    this.flush();
    this.#closed = true;
  }

  #sendAlone(message: M): void {
    try {
      this.#port.post([message]);
    } catch (error) {
      this.#onRefused(message, error);
    }
  }
}
