import { BLOCK_LENGTH } from '../../protocol/index.ts';

/** Requests at the first unchoke: half a megabyte, so that no round trip is spent on a single block. */
const INITIAL = 32;
/** The same while somebody watches: more of a slow peer would keep the start of the film waiting. */
const CAREFUL_INITIAL = 8;
const MIN = 4;
/** Most requests whatever the peer allows: 32 MiB in flight. */
const MAX = 2000;
/** What a peer that does not say is taken to queue; libtorrent's old default. */
const DEFAULT_REQQ = 250;
/** How long requests may wait at the peer beyond the round trip, in seconds: slack against a late refill. */
const QUEUE_TIME = 1;
/** The same while somebody watches: a seek waits behind what is queued and cannot be cancelled any more. */
const STREAMING_QUEUE_TIME = 0.4;
/** Slow start ends when a second brings less growth than this factor. */
const GROWTH = 1.15;

/**
 * How many requests a peer should have in flight: the product of its rate and its round trip, with some queue on
 * top. Slow start at first: one more with each block, which doubles the window every round trip.
 */
export class RequestWindow {
  #size = INITIAL;
  #slowStart = true;
  #snubbed = false;
  #lastRate = 0;
  #limit = DEFAULT_REQQ;
  #allowed = MAX;
  #minRoundTrip = Number.POSITIVE_INFINITY;

  get size(): number {
    return this.#snubbed ? 1 : Math.min(this.#size, this.#limit, this.#allowed);
  }

  get snubbed(): boolean {
    return this.#snubbed;
  }

  /** Smallest time from request to block seen so far, in milliseconds; infinite before the first. */
  get minRoundTrip(): number {
    return this.#minRoundTrip;
  }

  /** The peer told how many requests it queues (`reqq`, BEP 10). */
  setLimit(reqq: number): void {
    this.#limit = Math.max(1, Math.min(reqq, MAX));
  }

  /**
   * A download limit is in force: no more is on its way than it allows within a second, and one block.
   * @param rate what this peer may expect of it, in bytes per second; `undefined` without a limit.
   */
  allow(rate: number | undefined): void {
    this.#allowed = rate === undefined ? MAX : Math.max(1, Math.floor(rate / BLOCK_LENGTH));
  }

  onUnchoke(): void {
    this.#slowStart = true;
    this.#lastRate = 0;
    this.#size = Math.max(this.#size, INITIAL);
  }

  /** Somebody watches: the peer is not asked for much before its first block shows how fast it is. */
  beCareful(): void {
    if (!Number.isFinite(this.#minRoundTrip)) this.#size = Math.min(this.#size, CAREFUL_INITIAL);
  }

  /** A block arrived `elapsed` milliseconds after its request. */
  onBlock(elapsed: number): void {
    this.#snubbed = false;
    if (elapsed < this.#minRoundTrip) this.#minRoundTrip = elapsed;
    if (this.#slowStart && this.#size < this.#limit) this.#size++;
  }

  /** Nothing came for too long: one request at a time until something does. */
  snub(): void {
    this.#snubbed = true;
    this.#slowStart = false;
    this.#size = MIN;
  }

  /** Once a second, while unchoked with requests in flight. @param rate bytes per second. */
  tick(rate: number, streaming: boolean): void {
    if (this.#slowStart && rate > this.#lastRate * GROWTH) {
      this.#lastRate = rate;
      return;
    }
    this.#slowStart = false;
    this.#lastRate = rate;
    const roundTrip = Number.isFinite(this.#minRoundTrip) ? this.#minRoundTrip / 1000 : 0;
    const seconds = roundTrip + (streaming ? STREAMING_QUEUE_TIME : QUEUE_TIME);
    this.#size = Math.max(MIN, Math.ceil((rate * seconds) / BLOCK_LENGTH));
  }
}
