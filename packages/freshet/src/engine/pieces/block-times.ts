/** A block is late when it takes longer than mean + 4 deviations, but not before this many milliseconds. */
const MIN_LATE = 400;
const MAX_LATE = 8000;
/** What is needed within so many milliseconds is late already when another peer could have it sooner. */
const SOON = 1000;
const MIN_LATE_SOON = 250;
/** How much sooner, in milliseconds: what a round trip may take. */
const SOONER = 100;

/** How long blocks take from the request to their arrival, over all peers, and when one is therefore late. */
export class BlockTimes {
  #mean = 1000;
  #deviation = 500;

  /** Milliseconds after which a block counts as late. */
  get lateAfter(): number {
    return Math.min(MAX_LATE, Math.max(MIN_LATE, this.#mean + 4 * this.#deviation));
  }

  /** A block took this long, in milliseconds. */
  observe(elapsed: number): void {
    this.#deviation += 0.1 * (Math.abs(elapsed - this.#mean) - this.#deviation);
    this.#mean += 0.1 * (elapsed - this.#mean);
  }

  /**
   * Milliseconds after which a block that somebody waits for counts as late.
   * @param slack milliseconds to its deadline.
   * @param elsewhere milliseconds in which another peer could have it here.
   */
  lateWithin(slack: number, elsewhere: number): number {
    if (slack >= SOON) return this.lateAfter;
    return Math.min(this.lateAfter, Math.max(MIN_LATE_SOON, elsewhere + SOONER));
  }
}
