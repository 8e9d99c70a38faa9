/** How many WebRTC connections may be in the making at once, for a whole client. */

import type { Clock, Link, RtcAttempt, RtcConnector, Timer } from '../ports.ts';

export interface OfferBudgetOptions {
  readonly clock: Clock;
  readonly rtc: RtcConnector;
  /**
   * Whether one more WebRTC connection may be opened now. Count `OfferBudget.halfOpen` in: those are on their
   * way. Default: always.
   */
  readonly mayConnect?: (() => boolean) | undefined;
  /** Offers that are gathering or wait for their answers, for all torrents together. Default 10. */
  readonly maxOffers?: number | undefined;
  /** Answers that are gathering or wait for their links to open, for all torrents together. Default 10. */
  readonly maxAnswers?: number | undefined;
  /** Milliseconds from an offer or answer to its link; then it is given up. Default 50,000. */
  readonly lifetime?: number | undefined;
}

export interface BudgetedRtcHandler {
  /** Our complete session description. */
  onDescription(sdp: string): void;
  onLink(link: Link): void;
  /** The attempt is over without a link: failed or expired. Not called after `onLink` or `cancel()`. */
  onEnd(): void;
}

/** One who wants to make offers: a torrent at a tracker, by one of its hashes. */
export interface OfferRequester {
  /** Requesters of one owner have the share of one: a hybrid torrent (BEP 52) makes offers to two swarms. Default the requester. */
  readonly owner?: object | undefined;
  /** A place is free: make one offer by calling `makeOffer`, or return `undefined` if it is not wanted any more. */
  handlerForOffer(): OfferHandler | undefined;
}

export interface OfferHandler extends BudgetedRtcHandler {
  /** The attempt that this handler serves, before any other call. */
  onStart(attempt: RtcAttempt): void;
}

interface Waiting {
  /** Offers still wanted. */
  count: number;
}

/**
 * Browsers refuse peer connections beyond some hundreds and each costs memory, so that a client with many
 * torrents cannot make ten offers for each of them on each announce. Offers are made one at a time for whoever
 * has the fewest in the making; who finds no place waits without holding up its announce. A client without a
 * free place for an answer ignores the offer: the other side makes new ones.
 */
export class OfferBudget {
  readonly #clock: Clock;
  readonly #rtc: RtcConnector;
  readonly #mayConnect: () => boolean;
  readonly #maxOffers: number;
  readonly #maxAnswers: number;
  readonly #lifetime: number;
  /** Those whose last turn is longest ago come first. */
  readonly #waiting = new Map<OfferRequester, Waiting>();
  /** Offers in the making, by requester and by owner. */
  readonly #held = new Map<object, number>();
  #offers = 0;
  #answers = 0;

  constructor(options: OfferBudgetOptions) {
    this.#clock = options.clock;
    this.#rtc = options.rtc;
    this.#mayConnect = options.mayConnect ?? ((): boolean => true);
    this.#maxOffers = options.maxOffers ?? 10;
    this.#maxAnswers = options.maxAnswers ?? 10;
    this.#lifetime = options.lifetime ?? 50_000;
  }

  /** Offers and answers whose links have not opened yet. */
  get halfOpen(): number {
    return this.#offers + this.#answers;
  }

  /** Half-open offers. */
  get offers(): number {
    return this.#offers;
  }

  /** Half-open answers. */
  get answers(): number {
    return this.#answers;
  }

  /** Requesters without a free place. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /**
   * Sets how many more offers `requester` wants; 0 withdraws. Those that have a place start during the call,
   * the others when places become free, and when anybody asks again after `mayConnect` has refused.
   */
  request(requester: OfferRequester, count: number): void {
    if (count <= 0) {
      this.#waiting.delete(requester);
      return;
    }
    const waiting = this.#waiting.get(requester);
    if (waiting === undefined) this.#waiting.set(requester, { count });
    else waiting.count = count;
    this.#grant();
  }

  /** Answers an offer; `undefined` if there is no place for that, and the offer is to be ignored. */
  answer(offerSdp: string, handler: BudgetedRtcHandler): RtcAttempt | undefined {
    if (this.#answers >= this.#maxAnswers || !this.#mayConnect()) return undefined;
    this.#answers++;
    const attempt = new BudgetedAttempt(this.#clock, this.#lifetime, handler, () => {
      this.#answers--;
      this.#grant();
    });
    attempt.attempt = this.#rtc.answer(offerSdp, attempt);
    return attempt;
  }

  #grant(): void {
    while (this.#offers < this.#maxOffers && this.#waiting.size > 0 && this.#mayConnect()) {
      const requester = this.#next();
      const waiting = this.#waiting.get(requester)!;
      const handler = requester.handlerForOffer();
      this.#waiting.delete(requester);
      if (handler !== undefined && --waiting.count > 0) this.#waiting.set(requester, waiting);
      if (handler === undefined) continue;
      this.#offers++;
      this.#hold(requester, 1);
      const attempt = new BudgetedAttempt(this.#clock, this.#lifetime, handler, () =>
        this.#release(requester),
      );
      attempt.attempt = this.#rtc.offer(attempt);
      handler.onStart(attempt);
    }
  }

  #release(requester: OfferRequester): void {
    this.#offers--;
    this.#hold(requester, -1);
    this.#grant();
  }

  #hold(requester: OfferRequester, change: number): void {
    for (const key of new Set<object>([requester, requester.owner ?? requester])) {
      const held = this.#heldBy(key) + change;
      if (held > 0) this.#held.set(key, held);
      else this.#held.delete(key);
    }
  }

  #heldBy(key: object): number {
    return this.#held.get(key) ?? 0;
  }

  /**
   * Of those that wait, the one whose owner has the fewest offers in the making, and of one owner's the one with the
   * fewest itself; of several, the one whose turn is longest ago.
   */
  #next(): OfferRequester {
    let best: OfferRequester | undefined;
    let fewest = Number.POSITIVE_INFINITY;
    let fewestOwn = Number.POSITIVE_INFINITY;
    for (const requester of this.#waiting.keys()) {
      const held = this.#heldBy(requester.owner ?? requester);
      const own = this.#heldBy(requester);
      if (held > fewest || (held === fewest && own >= fewestOwn)) continue;
      fewest = held;
      fewestOwn = own;
      best = requester;
      if (held === 0) break;
    }
    return best!;
  }
}

/** An attempt that gives its place back exactly once, whatever ends it, time included. */
class BudgetedAttempt implements RtcAttempt {
  attempt: RtcAttempt | undefined;
  readonly #handler: BudgetedRtcHandler;
  readonly #release: () => void;
  readonly #expiry: Timer;
  #isOver = false;

  constructor(clock: Clock, lifetime: number, handler: BudgetedRtcHandler, release: () => void) {
    this.#handler = handler;
    this.#release = release;
    this.#expiry = clock.setTimer(lifetime, () => {
      this.attempt?.cancel();
      this.onError();
    });
  }

  accept(answerSdp: string): void {
    if (!this.#isOver) this.attempt?.accept(answerSdp);
  }

  cancel(): void {
    if (!this.#over()) return;
    this.attempt?.cancel();
    this.#release();
  }

  onDescription(sdp: string): void {
    if (!this.#isOver) this.#handler.onDescription(sdp);
  }

  onLink(link: Link): void {
    if (!this.#over()) {
      link.close();
      return;
    }
    // Before the place is set free: whoever asks `mayConnect` for it must find the link counted.
    this.#handler.onLink(link);
    this.#release();
  }

  onError(): void {
    if (!this.#over()) return;
    this.#handler.onEnd();
    this.#release();
  }

  /** Marks the end; `false` if it had come before. */
  #over(): boolean {
    if (this.#isOver) return false;
    this.#isOver = true;
    this.#expiry.cancel();
    return true;
  }
}
