import type { Clock, Timer } from './ports.ts';

/** Milliseconds of one slot: long timers fire so much late at most. */
const SLOT = 1000;
/** Shorter timers are kept as they are. */
const COARSE_FROM = 5000;

/**
 * A clock whose long timers share one of the clock below: thousands of torrents that announce every half hour need no
 * timer each.
 */
export class CoarseClock implements Clock {
  readonly #clock: Clock;
  /** Callbacks by the slot in which they are due. */
  readonly #slots = new Map<number, Set<{ callback: () => void }>>();
  #timer: Timer | undefined;
  #armedFor = Number.POSITIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  now(): number {
    return this.#clock.now();
  }

  wallTime(): number {
    return this.#clock.wallTime();
  }

  setTimer(delay: number, callback: () => void): Timer {
    if (!(delay >= COARSE_FROM)) return this.#clock.setTimer(delay, callback);
    const slot = Math.ceil((this.#clock.now() + delay) / SLOT);
    const entry = { callback };
    const entries = this.#slots.get(slot);
    if (entries === undefined) this.#slots.set(slot, new Set([entry]));
    else entries.add(entry);
    if (slot < this.#armedFor) this.#arm(slot);
    return {
      cancel: () => {
        const due = this.#slots.get(slot);
        if (due?.delete(entry) !== true || due.size > 0) return;
        this.#slots.delete(slot);
        if (slot === this.#armedFor) this.#armNext();
      },
    };
  }

  #arm(slot: number): void {
    this.#timer?.cancel();
    this.#armedFor = slot;
    this.#timer = this.#clock.setTimer(slot * SLOT - this.#clock.now(), () => this.#fire());
  }

  #armNext(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#armedFor = Number.POSITIVE_INFINITY;
    let next = Number.POSITIVE_INFINITY;
    for (const slot of this.#slots.keys()) next = Math.min(next, slot);
    if (Number.isFinite(next)) this.#arm(next);
  }

  #fire(): void {
    const slot = this.#armedFor;
    const due = this.#slots.get(slot) ?? new Set();
    try {
      for (const entry of due) {
        // Whoever is called may cancel others of the same slot.
        due.delete(entry);
        entry.callback();
      }
    } finally {
      if (due.size === 0) this.#slots.delete(slot);
      this.#armNext();
    }
  }
}
