/** The WebRTC offers and answers of one torrent at one tracker, from gathering to the open link. */

import {
  type OfferId,
  type PeerId,
  toBinaryString,
  utf8Encode,
  type WsOfferItem,
} from '../../protocol/index.ts';
import type { Clock, Link, Random, RtcAttempt, Timer } from '../ports.ts';
import type { OfferBudget, OfferHandler, OfferRequester } from './offer-budget.ts';

export interface WsOffersOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly rtc: OfferBudget;
  /** Whether offers are of use now; asked when a place for one is free, which may be long after it was wanted. */
  wantsOffers(): boolean;
  /** Sends offers in one message; `false` if that is not possible. */
  sendOffers(offers: readonly WsOfferItem[]): boolean;
  sendAnswer(to: PeerId, offerId: OfferId, sdp: string): void;
  /** @param incoming the peer made the offer, and we answered it. */
  onLink(link: Link, peerId: PeerId | undefined, incoming: boolean): void;
  /** @see OfferRequester.owner */
  readonly owner?: object | undefined;
}

/** Offers in the making for one torrent at one tracker. */
const MAX_OFFERS = 10;
/** Answers in the making for one torrent at one tracker: a tracker must not fill a client's whole budget. */
const MAX_ANSWERS = 8;
/** First wait, in milliseconds, before an offer that failed after its answer is replaced; doubles each time. */
const RETRY_DELAY = 250;
const MAX_RETRIES = 6;
/** Milliseconds that a gathered offer waits for others, so that they share a message. */
const BATCH = 50;
/** Bytes: aquatic drops connections over frames above 16 KiB. */
const MAX_FRAME = 15_000;
/** Bytes of an announce beside its offers; three ids with every character escaped are 360. */
const ANNOUNCE_OVERHEAD = 1_200;
/** Bytes of an offer beside its SDP. */
const OFFER_OVERHEAD = 200;
/** Characters. Ours have 1 to 3 thousand; trackers accept 64 KiB for a message. */
const MAX_SDP = 32_768;

interface Offer {
  readonly offerId: OfferId;
  attempt: RtcAttempt | undefined;
  /** Who answered it. */
  peerId: PeerId | undefined;
  state: 'gathering' | 'gathered' | 'sent' | 'answered';
  sdp: string;
}

export class WsOffers implements OfferRequester {
  readonly #options: WsOffersOptions;
  /** By offer id, in order of age. */
  readonly #offers = new Map<string, Offer>();
  /** By sender and offer id. */
  readonly #answers = new Map<string, RtcAttempt>();
  #batchTimer: Timer | undefined;
  #retryTimer: Timer | undefined;
  /** Answered offers that failed, since the last link. */
  #failures = 0;
  #linkCount = 0;

  constructor(options: WsOffersOptions) {
    this.#options = options;
  }

  get owner(): object | undefined {
    return this.#options.owner;
  }

  /** Links opened so far. */
  get linkCount(): number {
    return this.#linkCount;
  }

  /** Asks for as many offers as are still missing to `count`. They are sent as they are gathered. */
  want(count: number): void {
    this.#options.rtc.request(this, Math.min(count, MAX_OFFERS) - this.#offers.size);
  }

  /** The swarm has only so many other peers: offers beyond them reach nobody and give up their places. */
  limit(others: number): void {
    const excess = this.#offers.size - Math.min(others, MAX_OFFERS);
    if (excess >= 0) this.#options.rtc.request(this, 0);
    // Of those that were sent it is not known which were passed on, unless there was nobody at all.
    const candidates = [...this.#offers.values()].filter(
      ({ state }) => state === 'gathering' || state === 'gathered' || (state === 'sent' && others <= 0),
    );
    for (const offer of candidates.reverse().slice(0, Math.max(0, excess))) this.#drop(offer);
  }

  /** Sends what is gathered, in as many messages as it takes. */
  flush(): void {
    this.#batchTimer?.cancel();
    this.#batchTimer = undefined;
    let batch: Offer[] = [];
    let size = ANNOUNCE_OVERHEAD;
    for (const offer of this.#offers.values()) {
      if (offer.state !== 'gathered') continue;
      const offerSize = OFFER_OVERHEAD + utf8Encode(JSON.stringify(offer.sdp)).length;
      if (batch.length > 0 && size + offerSize > MAX_FRAME) {
        this.#send(batch);
        batch = [];
        size = ANNOUNCE_OVERHEAD;
      }
      batch.push(offer);
      size += offerSize;
    }
    if (batch.length > 0) this.#send(batch);
  }

  handlerForOffer(): OfferHandler | undefined {
    if (this.#offers.size >= MAX_OFFERS || !this.#options.wantsOffers()) return undefined;
    const offerId = new Uint8Array(20);
    this.#options.random.fill(offerId);
    const key = toBinaryString(offerId);
    const offer: Offer = { offerId, attempt: undefined, peerId: undefined, state: 'gathering', sdp: '' };
    this.#offers.set(key, offer);
    return {
      onStart: (attempt) => {
        offer.attempt = attempt;
      },
      onDescription: (sdp) => {
        if (offer.state !== 'gathering') return;
        offer.sdp = sdp;
        offer.state = 'gathered';
        if (sdp.length > MAX_SDP) this.#drop(offer);
        else this.#batchTimer ??= this.#options.clock.setTimer(BATCH, () => this.flush());
      },
      onLink: (link) => {
        this.#offers.delete(key);
        this.#linkCount++;
        this.#failures = 0;
        this.#options.onLink(link, offer.peerId, false);
      },
      onEnd: () => {
        this.#offers.delete(key);
        if (offer.state === 'answered') this.#tryAgain();
      },
    };
  }

  /** A peer's answer has come in. Ignored unless it is to an offer of ours that was sent and waits for one. */
  answered(peerId: PeerId, offerId: OfferId, sdp: string): boolean {
    const offer = this.#offers.get(toBinaryString(offerId));
    if (offer?.state !== 'sent') return false;
    offer.state = 'answered';
    offer.peerId = peerId;
    offer.attempt?.accept(sdp);
    return true;
  }

  /** A peer's offer has come in. Ignored if there is no place for it, or if it is being answered already. */
  offered(peerId: PeerId, offerId: OfferId, sdp: string): void {
    const key = toBinaryString(peerId) + toBinaryString(offerId);
    if (this.#answers.size >= MAX_ANSWERS || this.#answers.has(key)) return;
    const attempt = this.#options.rtc.answer(sdp, {
      onDescription: (answer) => this.#options.sendAnswer(peerId, offerId, answer),
      onLink: (link) => {
        this.#answers.delete(key);
        this.#linkCount++;
        this.#options.onLink(link, peerId, true);
      },
      onEnd: () => this.#answers.delete(key),
    });
    if (attempt !== undefined) this.#answers.set(key, attempt);
  }

  /** The way over the tracker is gone: what waits for an answer has waited in vain, the rest may still connect. */
  disconnected(): void {
    this.#withdraw();
    for (const offer of [...this.#offers.values()]) if (offer.state !== 'answered') this.#drop(offer);
  }

  /** Gives up all attempts. */
  close(): void {
    this.#withdraw();
    for (const offer of [...this.#offers.values()]) this.#drop(offer);
    const answers = [...this.#answers.values()];
    this.#answers.clear();
    for (const attempt of answers) attempt.cancel();
  }

  /**
   * Somebody answered and the connection failed all the same, as happens now and then with peers that can be
   * reached: another offer is worth it, and need not wait for the next announce.
   */
  #tryAgain(): void {
    if (this.#retryTimer !== undefined || this.#failures >= MAX_RETRIES) return;
    this.#retryTimer = this.#options.clock.setTimer(RETRY_DELAY * 2 ** this.#failures, () => {
      this.#retryTimer = undefined;
      if (this.#options.wantsOffers()) this.want(this.#offers.size + 1);
    });
    this.#failures++;
  }

  #withdraw(): void {
    this.#options.rtc.request(this, 0);
    this.#retryTimer?.cancel();
    this.#retryTimer = undefined;
    this.#batchTimer?.cancel();
    this.#batchTimer = undefined;
  }

  #send(batch: readonly Offer[]): void {
    const items = batch.map(({ offerId, sdp }): WsOfferItem => ({ offerId, offer: { type: 'offer', sdp } }));
    const isSent = this.#options.sendOffers(items);
    for (const offer of batch) {
      offer.state = 'sent';
      offer.sdp = '';
      if (!isSent) this.#drop(offer);
    }
  }

  #drop(offer: Offer): void {
    this.#offers.delete(toBinaryString(offer.offerId));
    offer.attempt?.cancel();
  }
}
