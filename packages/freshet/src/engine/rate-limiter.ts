import type { Clock, Timer } from './ports.ts';

/** Tokens never exceed this many milliseconds of the rate, so that a pause is not followed by a burst. */
const BURST = 250;
/** Shortest sleep between two wake-ups, in milliseconds. */
const MIN_SLEEP = 5;
/** What one user is taken to use when it is woken, in bytes: a block. */
const TURN = 16_384;

/**
 * A token bucket in bytes. Users that find it empty queue up and are woken in turn, as many at a time as there are
 * tokens for, so that they share the rate fairly.
 */
export class RateLimiter {
  readonly #clock: Clock;
  #rate: number | undefined;
  #tokens = 0;
  #updatedAt: number;
  #waiting = new Set<() => void>();
  #timer: Timer | undefined;

  /** @param rate bytes per second; `undefined` for no limit, 0 for nothing at all. */
  constructor(clock: Clock, rate: number | undefined) {
    this.#clock = clock;
    this.#rate = rate;
    this.#updatedAt = clock.now();
  }

  get rate(): number | undefined {
    return this.#rate;
  }

  setRate(rate: number | undefined): void {
    this.#refill();
    this.#rate = rate;
    this.#tokens = rate === 0 ? Math.min(this.#tokens, 0) : Math.min(this.#tokens, this.#capacity());
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#wake();
  }

  /** Whether anything may pass now. What passes is then taken with `take`, even if it overdraws. */
  get open(): boolean {
    if (this.#rate === undefined) return true;
    this.#refill();
    return this.#tokens > 0;
  }

  take(bytes: number): void {
    if (this.#rate === undefined) return;
    this.#refill();
    this.#tokens -= bytes;
  }

  /** Calls `wake` once, when something may pass again. The same function waits only once. */
  wait(wake: () => void): void {
    this.#waiting.add(wake);
    this.#arm();
  }

  forget(wake: () => void): void {
    this.#waiting.delete(wake);
    if (this.#waiting.size === 0) this.close();
  }

  close(): void {
    this.#waiting.clear();
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #capacity(): number {
    return Math.max(16_384, ((this.#rate ?? 0) * BURST) / 1000);
  }

  #refill(): void {
    const now = this.#clock.now();
    const elapsed = now - this.#updatedAt;
    this.#updatedAt = now;
    if (this.#rate !== undefined) {
      this.#tokens = Math.min(this.#capacity(), this.#tokens + (this.#rate * elapsed) / 1000);
    }
  }

  #arm(): void {
    if (this.#timer !== undefined || this.#waiting.size === 0 || this.#rate === 0) return;
    const rate = this.#rate;
    const missing = rate === undefined ? 0 : Math.max(0, 1 - this.#tokens);
    const delay = rate === undefined ? 0 : Math.max(MIN_SLEEP, (missing * 1000) / rate);
    this.#timer = this.#clock.setTimer(delay, () => {
      this.#timer = undefined;
      this.#wake();
    });
  }

  #wake(): void {
    // Some take their bytes at once, others when these arrive, which must not let everybody else go first.
    let promised = 0;
    for (const wake of [...this.#waiting]) {
      if (!this.open || (this.#rate !== undefined && promised > 0 && promised >= this.#tokens)) break;
      const before = this.#tokens;
      this.#waiting.delete(wake);
      wake();
      promised += Math.max(0, TURN - Math.max(0, before - this.#tokens));
    }
    this.#arm();
  }
}
