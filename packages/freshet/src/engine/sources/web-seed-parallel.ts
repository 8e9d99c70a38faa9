/** Milliseconds that a try lasts: longer than the window over which the rate is measured. */
const TRY = 5000;
/** Milliseconds from one try to the next, at least and at most. */
const MIN_PAUSE = 5000;
const MAX_PAUSE = 80_000;
/** How much faster one run more must make it all. */
const GAIN = 1.15;

/**
 * How many runs a web seed should have at a time. More of them share what one connection fills alone; they help
 * where it cannot: with long round trips, or when the server limits each. So one more is tried now and then, and
 * kept if it brought something.
 */
export class Parallelism {
  #count = 1;
  #trying = false;
  #rateBefore = 0;
  #nextAt = -1;
  #pause = MIN_PAUSE;

  get count(): number {
    return this.#count;
  }

  /** Called every second or so while there is work. @param rate bytes per second of all runs together. */
  update(now: number, rate: number, max: number): void {
    if (this.#nextAt < 0) this.#nextAt = now + TRY;
    this.#count = Math.min(this.#count, Math.max(1, max));
    if (now < this.#nextAt || rate <= 0) return;
    if (this.#trying) this.#judge(now, rate);
    else if (this.#count < max) this.#try(now, rate);
  }

  /** Nothing runs any more; what was measured does not hold for later. */
  reset(): void {
    this.#count = 1;
    this.#trying = false;
    this.#nextAt = -1;
    this.#pause = MIN_PAUSE;
  }

  #try(now: number, rate: number): void {
    this.#trying = true;
    this.#rateBefore = rate;
    this.#count++;
    this.#nextAt = now + TRY;
  }

  #judge(now: number, rate: number): void {
    this.#trying = false;
    if (rate >= this.#rateBefore * GAIN) {
      this.#pause = MIN_PAUSE;
    } else {
      this.#count = Math.max(1, this.#count - 1);
      this.#pause = Math.min(MAX_PAUSE, this.#pause * 4);
    }
    this.#nextAt = now + this.#pause;
  }
}
