import { EPSILON } from './agenda.ts';
import { PACKET, QUANTUM } from './train.ts';

/** RFC 6928. */
const INITIAL_WINDOW = 10 * PACKET;
/** What kernels and browsers buffer of a fast stream. */
const MAX_WINDOW = 4 * 1024 * 1024;
/** What a retransmission waits for besides the round trip, at least. */
const MIN_RTO_MS = 200;

/**
 * How much a sender may have under way: slow start, then one packet more in each round trip, half of it after a loss
 * (RFC 5681; SCTP does the same, RFC 9260). Acknowledgements are written down when their time is known and taken into
 * account when somebody asks.
 */
export class CongestionWindow {
  /** Bytes that are not acknowledged yet. */
  underWay = 0;
  window: number = INITIAL_WINDOW;
  #threshold: number = MAX_WINDOW;
  /** Pairs of time and bytes; negative when some of them were lost first. */
  #acks: number[] | undefined;
  #first = 0;
  #end = 0;
  /** Losses before this time belong to one that the window was halved for. */
  #recoveredAt = 0;
  #lastSentAt = 0;
  #limited = false;

  /** When the next acknowledgement comes. */
  get nextAck(): number {
    return this.#first < this.#end ? this.#acks![this.#first]! : Number.POSITIVE_INFINITY;
  }

  get lastSentAt(): number {
    return this.#lastSentAt;
  }

  /** Bytes that may be sent now, of `wanted` ones; 0: none before the next acknowledgement. */
  room(now: number, roundTrip: number, wanted: number): number {
    this.#takeAcks(now, roundTrip);
    if (this.underWay === 0) this.#afterIdle(now, roundTrip);
    const { window, underWay } = this;
    const room = Math.floor(window - underWay);
    const enough = window >= 4 * QUANTUM ? Math.min(wanted, QUANTUM) : Math.min(wanted, PACKET);
    this.#limited = room < wanted;
    return room >= enough || underWay === 0 ? Math.max(Math.floor(room), PACKET) : 0;
  }

  onSent(now: number, bytes: number): void {
    this.underWay += bytes;
    this.#lastSentAt = now;
  }

  acknowledge(time: number, bytes: number, lost: boolean): void {
    this.#acks ??= [];
    this.#acks[this.#end++] = time;
    this.#acks[this.#end++] = lost ? -bytes : bytes;
  }

  /** A queue on the way is full. */
  onCongestion(now: number, roundTrip: number): void {
    if (now < this.#recoveredAt) return;
    this.#recoveredAt = now + roundTrip;
    this.#threshold = Math.max(this.window / 2, 2 * PACKET);
    this.window = this.#threshold;
  }

  #takeAcks(now: number, roundTrip: number): void {
    const acks = this.#acks;
    if (acks === undefined) return;
    let at = this.#first;
    while (at < this.#end && acks[at]! <= now + EPSILON) {
      const bytes = acks[at + 1]!;
      if (bytes < 0) this.onCongestion(acks[at]!, roundTrip);
      this.#grow(Math.abs(bytes));
      this.underWay -= Math.abs(bytes);
      at += 2;
    }
    this.#first = at;
    if (at === this.#end) {
      this.#first = 0;
      this.#end = 0;
    } else if (at > 64) {
      acks.copyWithin(0, at, this.#end);
      this.#end -= at;
      this.#first = 0;
    }
  }

  /** Not while it is not used: what was never tried says nothing about the path (RFC 7661). */
  #grow(bytes: number): void {
    if (!this.#limited && this.underWay * 2 < this.window) return;
    if (this.window < this.#threshold) this.window += bytes;
    else this.window += (PACKET * bytes) / this.window;
    if (this.window > MAX_WINDOW) this.window = MAX_WINDOW;
  }

  /** What was known of the path is out of date by half for each time-out that passes (RFC 2861). */
  #afterIdle(now: number, roundTrip: number): void {
    if (this.window <= INITIAL_WINDOW) return;
    const timeout = roundTrip + MIN_RTO_MS;
    for (let idle = now - this.#lastSentAt; idle > timeout; idle -= timeout) {
      this.#threshold = Math.max(this.#threshold, (3 * this.window) / 4);
      this.window = Math.max(INITIAL_WINDOW, this.window / 2);
      if (this.window === INITIAL_WINDOW) return;
    }
  }
}
