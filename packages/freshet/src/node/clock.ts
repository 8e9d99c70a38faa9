import type { Clock, Timer } from '../engine/ports.ts';

/** Longest delay Node's timers take; a longer one would fire at once. */
const LONGEST_DELAY = 2 ** 31 - 1;

/** The machine's own time. A timer keeps the process alive until it fires or is cancelled. */
export class NodeClock implements Clock {
  now(): number {
    return performance.now();
  }

  wallTime(): number {
    return Date.now();
  }

  setTimer(delay: number, callback: () => void): Timer {
    return new NodeTimer(performance.now() + delay, callback);
  }
}

class NodeTimer implements Timer {
  readonly #due: number;
  readonly #callback: () => void;
  #handle: NodeJS.Timeout;

  constructor(due: number, callback: () => void) {
    this.#due = due;
    this.#callback = callback;
    this.#handle = this.#arm(due - performance.now());
  }

  cancel(): void {
    clearTimeout(this.#handle);
  }

  #arm(delay: number): NodeJS.Timeout {
    // Node counts whole milliseconds, at both ends, which would let a timer fire up to one too early.
    return setTimeout(this.#fire, Math.min(Math.max(0, Math.ceil(delay) + 1), LONGEST_DELAY));
  }

  readonly #fire = (): void => {
    // Node counts from the start of the loop's turn, so after a long turn it is early all the same.
    const left = this.#due - performance.now();
    if (left > 0) this.#handle = this.#arm(left);
    else this.#callback();
  };
}
