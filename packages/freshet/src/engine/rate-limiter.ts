import { LazySet } from '../protocol/lazy-collections.ts';
import type { Clock, Timer } from './ports.ts';

/** What nobody used is kept for this many milliseconds of the rate, so that a pause is not followed by a burst. */
const IDLE_BURST = 50;
/** While somebody waits it is kept longer: a late timer must not cost throughput. */
const BUSY_BURST = 500;
/** Shortest sleep between two wake-ups, in milliseconds. */
const MIN_SLEEP = 5;
/** A turn that is not used within so many milliseconds goes to somebody else. */
const TURN_TIME = 100;
/** Bytes of a turn: a block, and more at high rates, where a turn costs more than its bytes. */
const MIN_TURN = 16_384;
const MAX_TURN = 262_144;
const TURNS_PER_SECOND = 400;
/** Turns given in one go: whoever misuses them must not stop the world. */
const MAX_TURNS = 4096;

/** Whoever waits in a limiter: a share, or a torrent's limiter in that of the client. */
interface Member {
  /** Bytes served, as far as they count in who comes next. */
  served: number;
  /** Its turn has come. Returns whether it waits for another one at once. */
  serve(): boolean;
}

/** Those who wait at one level. Next comes who was served least. */
class FairQueue {
  readonly #waiting = new LazySet<Member>();
  /** How far those have come who are served at the moment: nobody saves up turns by staying away. */
  #front = 0;

  get size(): number {
    return this.#waiting.size;
  }

  add(member: Member): void {
    if (this.#waiting.has(member)) return;
    member.served = Math.max(member.served, this.#front);
    this.#waiting.add(member);
  }

  delete(member: Member): void {
    this.#waiting.delete(member);
  }

  shift(): Member | undefined {
    let next: Member | undefined;
    for (const member of this.#waiting) if (next === undefined || member.served < next.served) next = member;
    if (next === undefined) return undefined;
    this.#front = Math.max(this.#front, next.served);
    this.#waiting.delete(next);
    return next;
  }
}

/**
 * A token bucket in bytes. There are two levels, the client's and below it one for each torrent; what passes must pass
 * both. Users hold a `share`. Those that find no tokens wait and are given turns, so that the torrents share the
 * client's rate equally, and the connections of a torrent what the torrent has.
 */
export class RateLimiter implements Member {
  served = 0;
  readonly #clock: Clock;
  readonly #parent: RateLimiter | undefined;
  readonly #queue = new FairQueue();
  /** At the top only: turns that were given and not used up yet, in the order in which they were given. */
  readonly #granted = new LazySet<RateShare>();
  #rate: number | undefined;
  #tokens = 0;
  /** Tokens that belong to turns that were given. */
  #promised = 0;
  #updatedAt: number;
  /** Shares that wait or have a turn. */
  #users = 0;
  #timer: Timer | undefined;

  /**
   * @param rate bytes per second; `undefined` for no limit, 0 for nothing at all.
   * @param parent what passes here must pass there too.
   */
  constructor(clock: Clock, rate: number | undefined, parent?: RateLimiter) {
    this.#clock = clock;
    this.#rate = rate;
    this.#parent = parent;
    this.#updatedAt = clock.now();
  }

  /** The lowest rate that applies here. */
  get rate(): number | undefined {
    const above = this.#parent?.rate;
    if (this.#rate === undefined || above === undefined) return this.#rate ?? above;
    return Math.min(this.#rate, above);
  }

  /** What each of those who want something at the moment may expect, in bytes per second. */
  get fairRate(): number | undefined {
    let fair: number | undefined;
    for (let level: RateLimiter | undefined = this; level !== undefined; level = level.#parent) {
      if (level.#rate === undefined) continue;
      fair = Math.min(fair ?? Number.POSITIVE_INFINITY, level.#rate / Math.max(1, level.#users));
    }
    return fair;
  }

  /** In force at once. What was overdrawn at a higher rate does not take longer to make up for at a lower one. */
  setRate(rate: number | undefined): void {
    if (rate === this.#rate) return;
    this.#refill();
    const old = this.#rate;
    this.#rate = rate;
    if (old === undefined || old === 0 || rate === undefined) this.#tokens = 0;
    else if (this.#tokens < 0) this.#tokens = Math.max(this.#tokens, (this.#tokens * rate) / old);
    else this.#tokens = Math.min(this.#tokens, this.#capacity);
    this.#disarm();
    this.#attend();
  }

  /** For one connection. */
  share(): RateShare {
    return new RateShare(this);
  }

  /** Nobody waits any more. */
  close(): void {
    for (let member = this.#queue.shift(); member !== undefined; member = this.#queue.shift()) {
      if (member instanceof RateShare) this.#setBusy(member, false);
    }
    this.#rest();
  }

  /** The parent gives a turn. It goes to whoever was served least here. */
  serve(): boolean {
    if (!this.#open) this.#arm();
    else this.#serveNext();
    return this.#queue.size > 0 && this.#open;
  }

  // For shares

  /** @internal Whoever is admitted has a turn: what it lets in may take time to arrive. */
  admits(share: RateShare): boolean {
    if (this.rate === undefined) return true;
    if (share.turn > 0) return this.#hasTokens;
    if (this.#contended || !this.#levels().every((level) => level.#open)) return false;
    this.grant(share);
    return true;
  }

  /** @internal */
  take(share: RateShare, bytes: number): void {
    share.served += bytes;
    this.#use(share, Math.min(share.turn, bytes));
    for (let level: RateLimiter | undefined = this; level !== undefined; level = level.#parent) {
      level.served += bytes;
      if (level.#rate === undefined) continue;
      level.#refill();
      level.#tokens -= bytes;
    }
  }

  /** @internal */
  enqueue(share: RateShare): void {
    this.#use(share, share.turn);
    this.#queue.add(share);
    this.#setBusy(share, true);
    this.#attend();
  }

  /** @internal */
  withdraw(share: RateShare): void {
    this.#use(share, share.turn);
    this.#queue.delete(share);
    this.#setBusy(share, false);
    if (this.#queue.size === 0) this.#rest();
  }

  /** @internal */
  grant(share: RateShare): void {
    const rate = this.rate;
    if (rate === undefined) {
      this.#setBusy(share, false);
      return;
    }
    share.turn = Math.max(MIN_TURN, Math.min(MAX_TURN, rate / TURNS_PER_SECOND));
    share.turnEndsAt = this.#clock.now() + TURN_TIME;
    this.#setBusy(share, true);
    this.#top.#granted.add(share);
    for (const level of this.#levels()) level.#promised += share.turn;
  }

  /** So much of the share's turn is over. */
  #use(share: RateShare, bytes: number): void {
    if (share.turn === 0) return;
    share.turn -= bytes;
    for (const level of this.#levels()) level.#promised -= bytes;
    if (share.turn > 0) return;
    this.#top.#granted.delete(share);
    this.#setBusy(share, false);
  }

  #setBusy(share: RateShare, busy: boolean): void {
    if (share.busy === busy) return;
    share.busy = busy;
    for (const level of this.#levels()) level.#users += busy ? 1 : -1;
  }

  get #top(): RateLimiter {
    return this.#parent ?? this;
  }

  #levels(): readonly RateLimiter[] {
    return this.#parent === undefined ? [this] : [this, this.#parent];
  }

  get #hasTokens(): boolean {
    return this.#levels().every((level) => {
      level.#refill();
      return level.#rate === undefined || level.#tokens > 0;
    });
  }

  /** Somebody waits who would be passed over. */
  get #contended(): boolean {
    return this.#levels().some((level) => level.#queue.size > 0);
  }

  /** It has tokens that nobody was promised. */
  get #open(): boolean {
    this.#refill();
    return this.#rate === undefined || this.#tokens > this.#promised;
  }

  get #capacity(): number {
    const rate = this.#rate ?? 0;
    if (this.#timer !== undefined) return (rate * BUSY_BURST) / 1000;
    // Who waits for the parent's tokens keeps what a turn there would need.
    return Math.max((rate * IDLE_BURST) / 1000, this.#queue.size > 0 ? MIN_TURN : 0);
  }

  #refill(): void {
    const now = this.#clock.now();
    const elapsed = now - this.#updatedAt;
    this.#updatedAt = now;
    if (this.#rate === undefined || elapsed === 0) return;
    const full = Math.max(this.#tokens, this.#capacity);
    this.#tokens = Math.min(full, this.#tokens + (this.#rate * elapsed) / 1000);
  }

  /** Those who wait are seen to: here if tokens are lacking here, else at the top. */
  #attend(): void {
    if (this.#queue.size === 0) return;
    if (this.#parent === undefined || !this.#open) {
      this.#arm();
    } else {
      this.#parent.#queue.add(this);
      this.#parent.#arm();
    }
  }

  #arm(): void {
    if (this.#timer !== undefined || this.#queue.size === 0 || this.#rate === 0) return;
    let delay = 0;
    if (this.#rate !== undefined) {
      this.#refill();
      const missing = Math.max(0, this.#promised + 1 - this.#tokens);
      delay = Math.max(MIN_SLEEP, (missing * 1000) / this.#rate);
      // Turns that nobody uses are taken back meanwhile.
      if (this.#promised > 0) delay = Math.min(delay, TURN_TIME);
    }
    this.#timer = this.#clock.setTimer(delay, () => {
      this.#refill();
      this.#timer = undefined;
      this.#top.#takeBackTurns();
      if (this.#parent === undefined) {
        for (let turns = 0; turns < MAX_TURNS && this.#open && this.#serveNext(); turns++);
      }
      this.#attend();
    });
  }

  #disarm(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** Returns whether there was anybody to serve. */
  #serveNext(): boolean {
    const next = this.#queue.shift();
    if (next === undefined) return false;
    if (next.serve()) this.#queue.add(next);
    return true;
  }

  #takeBackTurns(): void {
    const now = this.#clock.now();
    for (const share of this.#granted) {
      if (share.turnEndsAt > now) break;
      share.limiter.#use(share, share.turn);
    }
  }

  /** Nobody waits here. */
  #rest(): void {
    this.#disarm();
    if (this.#parent === undefined) return;
    this.#parent.#queue.delete(this);
    if (this.#parent.#queue.size === 0) this.#parent.#disarm();
  }
}

/** One connection's part in a limit. */
export class RateShare implements Member {
  served = 0;
  /** Bytes left of the turn that it was given, and when that ends. The limiter's. @internal */
  turn = 0;
  turnEndsAt = 0;
  /** It waits or has a turn. The limiter's. @internal */
  busy = false;
  readonly limiter: RateLimiter;
  #wake: (() => void) | undefined;

  /** Made by `RateLimiter.share`. */
  constructor(limiter: RateLimiter) {
    this.limiter = limiter;
  }

  /** Whether anything may pass now. What passes is then taken with `take`, even if it overdraws. */
  get open(): boolean {
    return this.limiter.admits(this);
  }

  take(bytes: number): void {
    this.limiter.take(this, bytes);
  }

  /** Calls `wake` once, when something may pass again. It replaces the one before. */
  wait(wake: () => void): void {
    this.#wake = wake;
    this.limiter.enqueue(this);
  }

  /** Waits no more. */
  forget(): void {
    this.#wake = undefined;
    this.limiter.withdraw(this);
  }

  serve(): boolean {
    const wake = this.#wake;
    this.#wake = undefined;
    this.limiter.grant(this);
    wake?.();
    return false;
  }
}
