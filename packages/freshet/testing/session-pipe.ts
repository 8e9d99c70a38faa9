/** Pipes for sessions in one process: they clone what they carry, and take their time. */

import type { Clock } from '../src/engine/ports.ts';
import type { SessionPort } from '../src/session/messages.ts';

export interface SessionPipe {
  /** The client's end. */
  readonly client: SessionPort;
  /** The host's end. */
  readonly host: SessionPort;
  /** Nothing arrives any more, and nobody is told: as when a process is gone. */
  cut(): void;
  /** Messages that each end has posted. */
  readonly posted: { client: unknown[]; host: unknown[] };
}

/** @param delay milliseconds that each message takes; order is kept. */
export function sessionPipe(
  clock: Pick<Clock, 'now' | 'setTimer'>,
  delay: () => number = () => 1,
): SessionPipe {
  const posted: SessionPipe['posted'] = { client: [], host: [] };
  let isCut = false;
  const client = new PipeEnd(clock, delay, posted.client, () => isCut);
  const host = new PipeEnd(clock, delay, posted.host, () => isCut);
  client.other = host;
  host.other = client;
  return {
    client,
    host,
    posted,
    cut: () => {
      isCut = true;
    },
  };
}

class PipeEnd implements SessionPort {
  other: PipeEnd | undefined;
  readonly #clock: Pick<Clock, 'now' | 'setTimer'>;
  readonly #delay: () => number;
  readonly #posted: unknown[];
  readonly #isCut: () => boolean;
  #lastDue = 0;
  #onMessage: ((message: unknown) => void) | undefined;
  #early: unknown[] = [];
  #closed = false;

  constructor(
    clock: Pick<Clock, 'now' | 'setTimer'>,
    delay: () => number,
    posted: unknown[],
    isCut: () => boolean,
  ) {
    this.#clock = clock;
    this.#delay = delay;
    this.#posted = posted;
    this.#isCut = isCut;
  }

  get onMessage(): ((message: unknown) => void) | undefined {
    return this.#onMessage;
  }

  set onMessage(listener: ((message: unknown) => void) | undefined) {
    this.#onMessage = listener;
    if (listener !== undefined) for (const message of this.#early.splice(0)) listener(message);
  }

  post(message: unknown, transfer: readonly unknown[] = []): void {
    const copy: unknown = structuredClone(message, { transfer: transfer as ArrayBuffer[] });
    if (this.#closed || this.#isCut()) return;
    this.#posted.push(copy);
    const due = Math.max(this.#lastDue, this.#clock.now() + this.#delay());
    this.#lastDue = due;
    this.#clock.setTimer(due - this.#clock.now(), () => {
      if (!this.#isCut()) this.other?.deliver(copy);
    });
  }

  close(): void {
    this.#closed = true;
    this.#onMessage = undefined;
    this.#early = [];
  }

  deliver(message: unknown): void {
    if (this.#closed) return;
    if (this.#onMessage === undefined) this.#early.push(message);
    else this.#onMessage(message);
  }
}
