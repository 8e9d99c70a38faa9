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

/** A timer that waits, or has fired, or was cancelled: then it has no callback any more. */
class Entry implements Timer {
  callback: (() => void) | undefined;
  readonly #clock: { onCancelled(): void };

  constructor(callback: () => void, clock: { onCancelled(): void }) {
    this.callback = callback;
    this.#clock = clock;
  }

  cancel(): void {
    if (this.callback === undefined) return;
    this.callback = undefined;
    this.#clock.onCancelled();
  }
}

const DEFAULT_EPOCH = 1_704_067_200_000;
/** The longest chain of awaits seen between a port and the engine is about ten. */
const MICROTASK_TURNS = 32;

async function microtasks(): Promise<void> {
  for (let turn = 0; turn < MICROTASK_TURNS; turn++) await undefined;
}

export class VirtualClock implements Clock {
  readonly #settle: () => Promise<void>;
  /**
   * A heap whose nodes have four children each, in three arrays: what is compared lies close together. A simulation
   * with a thousand peers has tens of thousands of timers, and most of its events are little more than a timer.
   */
  readonly #entries: Entry[] = [];
  #times: Float64Array = new Float64Array(64);
  #order: Float64Array = new Float64Array(64);
  /** What an entry tells when it is cancelled. */
  readonly #owner: { onCancelled(): void } = { onCancelled: () => this.#onCancelled() };
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
    return this.#entries.length - this.#cancelled;
  }

  setTimer(delay: number, callback: () => void): Timer {
    const entry = new Entry(callback, this.#owner);
    // Neither `NaN` nor what is negative is more than zero.
    this.#push(delay > 0 ? after(this.#now, delay) : this.#now, entry);
    return entry;
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
      const time = this.#times[0]!;
      if (this.#entries.length === 0 || time > end) return false;
      const entry = this.#pop();
      const { callback } = entry;
      if (callback === undefined) {
        this.#cancelled--;
        continue;
      }
      entry.callback = undefined;
      if (time > this.#now) this.#now = time;
      callback();
      return true;
    }
  }

  #onCancelled(): void {
    this.#cancelled++;
    // Connections set and cancel a timer for each message: the dead ones must not pile up.
    if (this.#cancelled > 64 && this.#cancelled > this.#entries.length / 2) this.#sweep();
  }

  #sweep(): void {
    const entries = this.#entries;
    let live = 0;
    for (let at = 0; at < entries.length; at++) {
      const entry = entries[at]!;
      if (entry.callback === undefined) continue;
      this.#put(live++, entry, this.#times[at]!, this.#order[at]!);
    }
    entries.length = live;
    this.#cancelled = 0;
    for (let at = (live - 2) >> 2; at >= 0; at--) {
      this.#sink(at, entries[at]!, this.#times[at]!, this.#order[at]!);
    }
  }

  #push(time: number, entry: Entry): void {
    const order = this.#sequence++;
    let at = this.#entries.length;
    if (at === this.#times.length) {
      this.#times = grown(this.#times);
      this.#order = grown(this.#order);
    }
    const times = this.#times;
    this.#entries.push(entry);
    while (at > 0) {
      const parent = (at - 1) >> 2;
      // Of two at the same time the newer one is always the later one.
      if (times[parent]! <= time) break;
      this.#put(at, this.#entries[parent]!, times[parent]!, this.#order[parent]!);
      at = parent;
    }
    this.#put(at, entry, time, order);
  }

  #pop(): Entry {
    const entries = this.#entries;
    const first = entries[0]!;
    const last = entries.pop()!;
    const end = entries.length;
    if (end > 0) this.#sink(0, last, this.#times[end]!, this.#order[end]!);
    return first;
  }

  /** Puts the entry where it belongs at or below `from`, whose own place is free. */
  #sink(from: number, entry: Entry, time: number, order: number): void {
    const entries = this.#entries;
    const times = this.#times;
    const orders = this.#order;
    const end = entries.length;
    let at = from;
    for (;;) {
      const first = 4 * at + 1;
      if (first >= end) break;
      let least = first;
      let leastTime = times[first]!;
      const until = Math.min(first + 4, end);
      for (let child = first + 1; child < until; child++) {
        const childTime = times[child]!;
        if (childTime < leastTime || (childTime === leastTime && orders[child]! < orders[least]!)) {
          least = child;
          leastTime = childTime;
        }
      }
      if (time < leastTime || (time === leastTime && order < orders[least]!)) break;
      this.#put(at, entries[least]!, leastTime, orders[least]!);
      at = least;
    }
    this.#put(at, entry, time, order);
  }

  #put(at: number, entry: Entry, time: number, order: number): void {
    this.#entries[at] = entry;
    this.#times[at] = time;
    this.#order[at] = order;
  }
}

/**
 * Later than `now` in any case: a delay that is lost in rounding would have whoever waits for the rest of a time wait for
 * it again at the same moment, for ever.
 */
function after(now: number, delay: number): number {
  const time = now + delay;
  return time > now ? time : now * (1 + Number.EPSILON);
}

function grown(array: Float64Array): Float64Array {
  const larger = new Float64Array(2 * array.length);
  larger.set(array);
  return larger;
}
