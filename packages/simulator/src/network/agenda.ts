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
 * an entry here is three numbers and no garbage. A heap with four children a node, so that what is compared lies in one
 * line of the processor's cache.
 */
export class Agenda {
  readonly clock: Clock;
  #times: Float64Array = new Float64Array(256);
  /** In which order equal times were added. */
  #sequences: Float64Array = new Float64Array(256);
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
    const targets = this.#targets;
    let at = targets.length;
    targets.push(target);
    if (at === this.#times.length) {
      this.#times = grown(this.#times);
      this.#sequences = grown(this.#sequences);
    }
    const times = this.#times;
    const sequences = this.#sequences;
    while (at > 0) {
      const parent = (at - 1) >> 2;
      // Of two at the same time the newer one is always the later one.
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
    if (this.#targets.length === 0) return;
    const time = this.#times[0]!;
    if (time === this.#armed) return;
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
      while (this.#targets.length > 0 && this.#times[0]! <= now + EPSILON) {
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
    const target = targets.pop()!;
    const { length } = targets;
    if (length === 0) return first;
    const time = times[length]!;
    const sequence = sequences[length]!;
    let at = 0;
    for (;;) {
      const begin = 4 * at + 1;
      if (begin >= length) break;
      const end = Math.min(begin + 4, length);
      let least = begin;
      let leastTime = times[begin]!;
      for (let child = begin + 1; child < end; child++) {
        const childTime = times[child]!;
        if (childTime < leastTime || (childTime === leastTime && sequences[child]! < sequences[least]!)) {
          least = child;
          leastTime = childTime;
        }
      }
      if (time < leastTime || (time === leastTime && sequence < sequences[least]!)) break;
      times[at] = leastTime;
      sequences[at] = sequences[least]!;
      targets[at] = targets[least]!;
      at = least;
    }
    times[at] = time;
    sequences[at] = sequence;
    targets[at] = target;
    return first;
  }
}

function grown(array: Float64Array): Float64Array {
  const larger = new Float64Array(2 * array.length);
  larger.set(array);
  return larger;
}
