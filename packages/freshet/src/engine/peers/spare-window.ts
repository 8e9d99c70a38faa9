/** Milliseconds of queueing up to which a peer has upload to spare. */
const MAX_DELAY = 150;
/** Requests in flight up to which more is asked for, and those to a peer that has not shown yet how fast it is. */
const WINDOW = 4;
const FIRST_WINDOW = 2;
/** Milliseconds between two blocks that a busy peer is asked for to see whether it still is. */
const PROBE_INTERVAL = 1000;
/** Weight of the latest block in the average. */
const GAIN = 0.3;

/**
 * How much a peer can be asked for that is not needed soon. As background transfers do (LEDBAT, RFC 6817), it goes by delay:
 * where blocks take longer than they once did, the peer's line is busy, and what is asked for beyond that only keeps others
 * of its peers waiting, who may need something now.
 */
export class SpareWindow {
  /** By how much blocks take longer than they could, on average, in milliseconds. */
  #delay = 0;
  #probedAt = Number.NEGATIVE_INFINITY;

  /** A block came `elapsed` milliseconds after its request; the fastest took `least`, this one included. */
  onBlock(elapsed: number, least: number): void {
    this.#delay += GAIN * (elapsed - least - this.#delay);
  }

  /**
   * Blocks that may be asked for. What is granted to a busy peer as a try counts whether it is taken or not.
   * @param outstanding requests in flight.
   * @param known whether it has sent anything yet.
   */
  room(now: number, outstanding: number, known: boolean): number {
    if (!known) return Math.max(0, FIRST_WINDOW - outstanding);
    if (this.#delay < MAX_DELAY) return Math.max(0, WINDOW - outstanding);
    if (outstanding > 0 || now - this.#probedAt < PROBE_INTERVAL) return 0;
    this.#probedAt = now;
    return 1;
  }
}
