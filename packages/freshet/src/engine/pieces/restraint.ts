import { BLOCK_LENGTH } from '../../protocol/index.ts';

/** What is needed within so many milliseconds is asked for at any rate. */
export const NEAR = 6000;
/** What lies farther ahead, at this part of the rate that deadlines count with, which is a quarter above the film's. */
const FAR_RATE = 1;
/** Milliseconds' worth of it that may be asked for at once. */
const BURST = 2000;

/**
 * Viewers who have only each other hold back with what they need later: what it has ahead when its tab is closed was sent for
 * nothing. A token bucket, in blocks. How much of it one peer is asked for is up to that peer's line. @see SpareWindow
 */
export class Restraint {
  #tokens = Number.POSITIVE_INFINITY;
  #filledAt = 0;

  /**
   * Blocks that may be asked for far ahead now.
   * @param rate bytes per second that the deadlines count with; `undefined` when there is no reason to hold back.
   */
  room(rate: number | undefined, now: number): number {
    if (rate === undefined) {
      this.#tokens = Number.POSITIVE_INFINITY;
      return this.#tokens;
    }
    const perMillisecond = (FAR_RATE * rate) / (1000 * BLOCK_LENGTH);
    this.#tokens = Math.min(perMillisecond * BURST, this.#tokens + (now - this.#filledAt) * perMillisecond);
    this.#filledAt = now;
    return Math.max(0, Math.floor(this.#tokens));
  }

  /** Blocks were asked for. */
  take(blocks: number): void {
    this.#tokens -= blocks;
  }
}
