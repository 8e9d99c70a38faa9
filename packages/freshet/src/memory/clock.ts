/** Time that moves only when it is told to, so that hours of a swarm run in a second and always alike. */

import type { Clock, Timer } from '../engine/ports.ts';

export interface VirtualClockOptions {
  /** `wallTime()` at the start, in milliseconds since 1970. Default 2024-01-01. */
  readonly epoch?: number | undefined;
  /**
   * What `advanceAsync` awaits after each timer. By default a few dozen turns of the microtask queue, which is
   * enough for chains of promises that are settled already; hand in a macrotask where real I/O takes part.
   */
  readonly settle?: (() => Promise<void>) | undefined;
}

interface Entry {
  readonly time: number;
  readonly sequence: number;
  callback: (() => void) | undefined;
}

const DEFAULT_EPOCH = 1_704_067_200_000;
/** The longest chain of awaits seen between a port and the engine is about ten. */
const MICROTASK_TURNS = 32;

async function microtasks(): Promise<void> {
  for (let turn = 0; turn < MICROTASK_TURNS; turn++) await undefined;
}

export class VirtualClock implements Clock {
  readonly #settle: () => Promise<void>;
  readonly #heap: Entry[] = [];
  #now = 0;
  #sequence = 0;
  #epoch: number;
  #cancelled = 0;

  constructor(options: VirtualClockOptions = {}) {
    this.#epoch = options.epoch ?? DEFAULT_EPOCH;
    this.#settle = options.settle ?? microtasks;
  }

  now(): number {
    return this.#now;
  }

  wallTime(): number {
    return this.#epoch + this.#now;
  }

  /** Makes the wall clock jump, as people and NTP do. `now()` is not touched. */
  setWallTime(milliseconds: number): void {
    this.#epoch = milliseconds - this.#now;
  }

  /** Timers that wait to fire. */
  get pending(): number {
    return this.#heap.length - this.#cancelled;
  }

  setTimer(delay: number, callback: () => void): Timer {
    const entry: Entry = {
      time: this.#now + (Number.isNaN(delay) ? 0 : Math.max(0, delay)),
      sequence: this.#sequence++,
      callback,
    };
    this.#push(entry);
    return {
      cancel: () => {
        if (entry.callback === undefined) return;
        entry.callback = undefined;
        this.#cancelled++;
        // Connections set and cancel a timer for each message: the dead ones must not pile up.
        if (this.#cancelled > 64 && this.#cancelled > this.#heap.length / 2) this.#sweep();
      },
    };
  }

  /** Moves time by `ms` and fires what falls due, timers set meanwhile included. */
  advance(ms: number): void {
    const end = this.#now + ms;
    while (this.step(end));
    this.#now = Math.max(this.#now, end);
  }

  /** Like `advance`, with promises given time to settle before the first timer and after each. */
  async advanceAsync(ms: number): Promise<void> {
    const end = this.#now + ms;
    await this.#settle();
    while (this.step(end)) await this.#settle();
    this.#now = Math.max(this.#now, end);
  }

  /**
   * Fires timers in their order until none is left or the next one lies more than `maxMs` ahead of the start.
   * Time stops at the last one fired. Returns the milliseconds that passed.
   */
  runUntilIdle(maxMs: number): number {
    const start = this.#now;
    while (this.step(start + maxMs));
    return this.#now - start;
  }

  /** Like `runUntilIdle`, with promises given time to settle. */
  async runUntilIdleAsync(maxMs: number): Promise<number> {
    const start = this.#now;
    await this.#settle();
    while (this.step(start + maxMs)) await this.#settle();
    return this.#now - start;
  }

  /**
   * Fires the next timer if it is due at `end` or before; returns whether there was one. For who runs the loop himself
   * and lets promises settle in between.
   */
  step(end: number): boolean {
    for (;;) {
      const next = this.#heap[0];
      if (next === undefined || next.time > end) return false;
      this.#pop();
      const { callback } = next;
      if (callback === undefined) {
        this.#cancelled--;
        continue;
      }
      next.callback = undefined;
      this.#now = Math.max(this.#now, next.time);
      callback();
      return true;
    }
  }

  #sweep(): void {
    const live = this.#heap.filter((entry) => entry.callback !== undefined);
    live.sort((a, b) => (before(a, b) ? -1 : 1));
    for (let i = 0; i < live.length; i++) this.#heap[i] = live[i]!;
    this.#heap.length = live.length;
    this.#cancelled = 0;
  }

  #push(entry: Entry): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(entry);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (before(heap[parent]!, entry)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = entry;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++;
      if (before(last, heap[child]!)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
  }
}

function before(a: Entry, b: Entry): boolean {
  return a.time < b.time || (a.time === b.time && a.sequence < b.sequence);
}
