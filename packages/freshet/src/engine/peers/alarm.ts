import type { Clock, Timer } from '../ports.ts';

/** One timer for whoever asks first: it is set to the earliest of the times asked for until it rings. */
export class Alarm {
  readonly #clock: Clock;
  readonly #ring: () => void;
  #timer: Timer | undefined;
  /** When the timer fires, in clock milliseconds. */
  #at = 0;

  constructor(clock: Clock, ring: () => void) {
    this.#clock = clock;
    this.#ring = ring;
  }

  /** Rings at that time or before. @param at clock milliseconds; infinite asks for nothing. */
  ringBy(at: number): void {
    if (!Number.isFinite(at) || (this.#timer !== undefined && this.#at <= at)) return;
    this.#timer?.cancel();
    this.#at = at;
    this.#timer = this.#clock.setTimer(at - this.#clock.now(), () => {
      this.#timer = undefined;
      this.#ring();
    });
  }

  cancel(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}
