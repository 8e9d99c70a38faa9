import type { Clock, Link } from '../ports.ts';

/**
 * Small messages to one peer. What is said while the box is corked leaves as one write when it is uncorked: a
 * packet for each would cost more than all of them together.
 */
export class Outbox {
  readonly #link: Link;
  readonly #clock: Clock;
  #messages: Uint8Array[] = [];
  #bytes = 0;
  #corks = 0;
  #closed = false;
  /** When something was sent last, in clock milliseconds. */
  lastSent: number;

  constructor(link: Link, clock: Clock) {
    this.#link = link;
    this.#clock = clock;
    this.lastSent = clock.now();
  }

  /** Bytes that wait here or in the link. */
  get backlog(): number {
    return this.#bytes + this.#link.queuedBytes;
  }

  send(message: Uint8Array): void {
    if (this.#closed) return;
    this.#messages.push(message);
    this.#bytes += message.length;
    if (this.#corks === 0) this.#flush();
  }

  /** Runs `action`; what it sends leaves together afterwards. */
  together(action: () => void): void {
    this.cork();
    try {
      action();
    } finally {
      this.uncork();
    }
  }

  /** What is sent from now on leaves together at `uncork`, which is called as often. */
  cork(): void {
    this.#corks++;
  }

  uncork(): void {
    if (--this.#corks === 0) this.#flush();
  }

  /** Sends what waits, corked or not, and nothing more afterwards. */
  close(): void {
    this.#flush();
    this.#closed = true;
  }

  #flush(): void {
    if (this.#messages.length === 0 || this.#closed) return;
    const messages = this.#messages;
    this.#messages = [];
    this.#bytes = 0;
    this.lastSent = this.#clock.now();
    this.#link.send(messages);
  }
}
