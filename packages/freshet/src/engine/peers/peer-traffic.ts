import { RateMeter } from '../rate-meter.ts';

/** Payload that nobody asked for, in bytes: beyond this, and beyond what was useful, it is an attack. */
const MAX_WASTE = 16 * 1024 * 1024;
/** What was received is forgotten when less than so many bytes of it are left. */
const MIN_CREDIT = 1024;

/** Payload exchanged with one peer, in bytes: in all, as rates, and as the choker counts it. */
export class PeerTraffic {
  readonly downloaded: RateMeter = new RateMeter();
  readonly uploaded: RateMeter = new RateMeter();
  #receivedInRound = 0;
  #receivedBefore = 0;
  #sentInRound = 0;
  #sentSinceUnchoke = 0;
  #wasted = 0;
  #unthanked = 0;
  #receivedAt: number | undefined;
  #sentAt: number | undefined;

  /**
   * Received lately: in the choker's current round, and half as much for each round that it lies back. By one round
   * alone two peers that happen to take turns would each find that the other gives nothing, and go on taking turns.
   */
  get receivedLately(): number {
    return this.#receivedInRound + this.#receivedBefore;
  }

  /** Sent in the choker's current round. */
  get sentInRound(): number {
    return this.#sentInRound;
  }

  get sentSinceUnchoke(): number {
    return this.#sentSinceUnchoke;
  }

  /** Sent since it last gave us anything. */
  get unthanked(): number {
    return this.#unthanked;
  }

  /** When it last gave us anything, in clock milliseconds. */
  get receivedAt(): number | undefined {
    return this.#receivedAt;
  }

  /** When anything was last sent to it, in clock milliseconds. */
  get sentAt(): number | undefined {
    return this.#sentAt;
  }

  /** It sends more that nobody wants than can be bad luck. */
  get isFlood(): boolean {
    return this.#wasted > MAX_WASTE && this.#wasted > this.downloaded.total;
  }

  onReceived(bytes: number, now: number): void {
    this.downloaded.add(bytes, now);
    this.#receivedInRound += bytes;
    this.#unthanked = 0;
    this.#receivedAt = now;
  }

  onWasted(bytes: number): void {
    this.#wasted += bytes;
  }

  onSent(bytes: number, now: number): void {
    this.uploaded.add(bytes, now);
    this.#sentInRound += bytes;
    this.#sentSinceUnchoke += bytes;
    this.#unthanked += bytes;
    this.#sentAt = now;
  }

  onUnchoked(): void {
    this.#sentSinceUnchoke = 0;
  }

  /** The choker has decided. */
  nextRound(): void {
    this.#receivedBefore = Math.floor(this.receivedLately / 2);
    if (this.#receivedBefore < MIN_CREDIT) this.#receivedBefore = 0;
    this.#receivedInRound = 0;
    this.#sentInRound = 0;
  }
}
