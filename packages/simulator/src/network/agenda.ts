import type { Clock, Timer } from 'freshet/engine';

/** Something that wants to be called at certain times. */
export interface Target {
  /**
   * It may be called at other times too, as entries cannot be taken back: it must know itself what is due.
   * @returns whether code outside of the network was called.
   */
  fire(now: number): boolean;
}

/** Times are compared with this slack, in milliseconds: a sum of many addends is not exact. */
export const EPSILON = 1e-6;

/**
 * What the network has to do, in order of time. One timer of the clock stands for all entries: they are millions, and
 * an entry here is three numbers and no garbage.
 */
export class Agenda {
  readonly clock: Clock;
  readonly #times: number[] = [];
  readonly #sequences: number[] = [];
  readonly #targets: Target[] = [];
  #sequence = 0;
  #timer: Timer | undefined;
  #armed = Number.POSITIVE_INFINITY;
  #firing = false;
  readonly #onTimer = (): void => this.#fire();

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** Calls the target at this time, in the order in which equal times were added. */
  add(time: number, target: Target): void {
    const times = this.#times;
    const sequences = this.#sequences;
    const targets = this.#targets;
    let at = times.length;
    times.push(time);
    sequences.push(0);
    targets.push(target);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (times[parent]! <= time) break;
      times[at] = times[parent]!;
      sequences[at] = sequences[parent]!;
      targets[at] = targets[parent]!;
      at = parent;
    }
    times[at] = time;
    sequences[at] = this.#sequence++;
    targets[at] = target;
    if (at === 0 && !this.#firing) this.#arm();
  }

  #arm(): void {
    const time = this.#times[0];
    if (time === undefined || time === this.#armed) return;
    this.#timer?.cancel();
    this.#armed = time;
    this.#timer = this.clock.setTimer(time - this.clock.now(), this.#onTimer);
  }

  /** All that is due, up to the first call to the outside: promises must settle before the next one. */
  #fire(): void {
    this.#timer = undefined;
    this.#armed = Number.POSITIVE_INFINITY;
    this.#firing = true;
    try {
      const now = this.clock.now();
      while (this.#times.length > 0 && this.#times[0]! <= now + EPSILON) {
        if (this.#pop().fire(now)) break;
      }
    } finally {
      this.#firing = false;
      this.#arm();
    }
  }

  #pop(): Target {
    const times = this.#times;
    const sequences = this.#sequences;
    const targets = this.#targets;
    const first = targets[0]!;
    const time = times.pop()!;
    const sequence = sequences.pop()!;
    const target = targets.pop()!;
    const { length } = times;
    if (length === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= length) break;
      const right = child + 1;
      if (right < length && isBefore(times, sequences, right, times[child]!, sequences[child]!))
        child = right;
      if (!isBefore(times, sequences, child, time, sequence)) break;
      times[at] = times[child]!;
      sequences[at] = sequences[child]!;
      targets[at] = targets[child]!;
      at = child;
    }
    times[at] = time;
    sequences[at] = sequence;
    targets[at] = target;
    return first;
  }
}

function isBefore(
  times: readonly number[],
  sequences: readonly number[],
  at: number,
  time: number,
  sequence: number,
): boolean {
  return times[at]! < time || (times[at]! === time && sequences[at]! < sequence);
}
