/** A pipe that goes on through a better one while it is used, with every message in its place. */

import type { Port } from './port.ts';

/** The last message on the first pipe. */
const SWITCH = 'freshet: switch';

/**
 * Begins on one pipe and changes to another when both ends have an end of that: each says on the first pipe that nothing
 * more comes there. The second pipe must keep what comes before it has a listener, as message ports do.
 */
export class SwitchingPort implements Port {
  readonly #first: Port;
  #second: Port | undefined;
  /** What is sent goes through this one. */
  #out: Port;
  /** Nothing more comes on the first pipe. */
  #switched = false;
  #onMessage: ((message: unknown) => void) | undefined;

  constructor(first: Port) {
    this.#first = first;
    this.#out = first;
  }

  get onMessage(): ((message: unknown) => void) | undefined {
    return this.#onMessage;
  }

  set onMessage(listener: ((message: unknown) => void) | undefined) {
    this.#onMessage = listener;
    if (this.#switched) this.#listen(this.#second);
    else this.#first.onMessage = (message) => this.#receive(message);
  }

  /**
   * Gives it another pipe; the first one counts.
   * @param speaks this end knows that the other one has its end of it. That one waits until it is told so.
   */
  adopt(second: Port, speaks: boolean): void {
    if (this.#second !== undefined) {
      second.close();
      return;
    }
    this.#second = second;
    if (speaks) this.#speak(second);
  }

  post(message: unknown, transfer?: readonly unknown[]): void {
    this.#out.post(message, transfer);
  }

  close(): void {
    this.#onMessage = undefined;
    this.#first.close();
    this.#second?.close();
  }

  #receive(message: unknown): void {
    if (message !== SWITCH) {
      this.#onMessage?.(message);
      return;
    }
    const second = this.#second;
    if (second === undefined || this.#switched) return;
    this.#switched = true;
    this.#speak(second);
    this.#listen(second);
  }

  #speak(second: Port): void {
    if (this.#out === second) return;
    this.#first.post(SWITCH);
    this.#out = second;
  }

  #listen(second: Port | undefined): void {
    if (second !== undefined) second.onMessage = (message) => this.#onMessage?.(message);
  }
}
