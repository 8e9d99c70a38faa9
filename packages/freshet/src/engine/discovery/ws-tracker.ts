/** One torrent's announces to a WebSocket tracker, and the WebRTC links that come of them. */

import {
  type AnnounceEvent,
  encodeWsAnnounce,
  encodeWsAnswer,
  equalBytes,
  type InfoHash,
  type PeerId,
  type WsAnnounceReply,
  type WsFailure,
  type WsOfferItem,
} from '../../protocol/index.ts';
import type { Clock, Link, Random, Timer } from '../ports.ts';
import { ASK_OPERATOR, CHECK_ADDRESS } from './advice.ts';
import type { OfferBudget } from './offer-budget.ts';
import type { SessionEvents } from './tracker-group.ts';
import type { TorrentMessage, TrackerSocketSeat, TrackerSockets } from './tracker-sockets.ts';
import { quoted, refusalSentence, trackerName } from './tracker-url.ts';
import type { AnnounceOutcome, AnnounceStats, TrackerSession } from './types.ts';
import { WsOffers } from './ws-offers.ts';

export interface WsTrackerOptions {
  readonly url: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly sockets: TrackerSockets;
  /** Absent where there is no WebRTC: then the torrent is counted, and meets nobody. */
  readonly rtc: OfferBudget | undefined;
  readonly infoHash: InfoHash;
  readonly peerId: PeerId;
  readonly stats: () => AnnounceStats;
  readonly events: SessionEvents;
  /** `incoming`: the peer made the offer. */
  readonly onLink: (link: Link, peerId: PeerId | undefined, incoming: boolean) => void;
  /** Whose share of the offers this torrent takes. @see OfferRequester.owner */
  readonly owner?: object | undefined;
  /** Whether a connection to this peer would be of use. */
  readonly wantsPeer: (peerId: PeerId) => boolean;
}

const REPLY_TIMEOUT = 15_000;
const MAX_TRACKER_ID = 512;
const MAX_NUMWANT = 50;

interface Pending {
  readonly event: AnnounceEvent | undefined;
  readonly done: (outcome: AnnounceOutcome) => void;
}

/**
 * The first announce leaves at once, without offers, so that offers of others can come to us; ours follow in
 * further announces as each is gathered, since gathering the slowest one can take seconds.
 */
export class WsTracker implements TrackerSession {
  readonly #options: WsTrackerOptions;
  readonly #offers: WsOffers | undefined;
  #seat: TrackerSocketSeat | undefined;
  #pending: Pending | undefined;
  /** For the reply, or for telling about a failure later rather than now. */
  #timer: Timer | undefined;
  /** An announce has been sent on the socket as it is now, and none that says we leave. */
  #isMember = false;
  /** Other peers in the swarm that may want us, `undefined` until the tracker tells. */
  #others: number | undefined;
  #trackerId: string | undefined;
  /** Few offers were made while it was not known who is met elsewhere. */
  #heldBack = false;

  constructor(options: WsTrackerOptions) {
    this.#options = options;
    const { clock, random, rtc } = options;
    this.#offers =
      rtc &&
      new WsOffers({
        clock,
        random,
        rtc,
        wantsOffers: () => this.#isMember && options.stats().wantPeers > 0 && this.#others !== 0,
        sendOffers: (offers) => this.#isMember && this.#sendAnnounce(undefined, offers.length, offers),
        sendAnswer: (toPeerId, offerId, sdp) => {
          const { infoHash, peerId } = options;
          const answer = { type: 'answer', sdp } as const;
          this.#seat?.send(encodeWsAnswer({ infoHash, peerId, toPeerId, offerId, answer }));
        },
        onLink: options.onLink,
        owner: options.owner,
      });
  }

  get linkCount(): number {
    return this.#offers?.linkCount ?? 0;
  }

  announce(event: AnnounceEvent | undefined, done: (outcome: AnnounceOutcome) => void): void {
    this.cancel();
    const pending: Pending = { event, done };
    this.#pending = pending;
    if (event === 'stopped') {
      this.#offers?.close();
      if (this.#seat?.state === 'open') this.#sendAnnounce('stopped', 0, []);
      this.#isMember = false;
      // Sent is all it has to be; this tracker's reply is of no use to anybody.
      this.#timer = this.#options.clock.setTimer(0, () => this.#finish(this.#goodbye()));
      return;
    }
    this.#seat ??= this.#join();
    const { state, lastError } = this.#seat;
    if (state === 'open') this.#sendPending();
    else if (state === 'waiting') {
      const sentence = lastError ?? `The tracker ${trackerName(this.#options.url)} is not connected.`;
      this.#timer = this.#options.clock.setTimer(0, () =>
        this.#finish({ ok: false, sentence, retry: 'when-ready' }),
      );
    }
  }

  cancel(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#pending = undefined;
  }

  reconnect(): void {
    this.#disconnected();
    this.#seat?.reconnect();
  }

  retryIn(): number | undefined {
    return this.#seat?.retryIn();
  }

  close(): void {
    this.cancel();
    this.#isMember = false;
    this.#others = undefined;
    this.#offers?.close();
    this.#seat?.leave();
    this.#seat = undefined;
  }

  #join(): TrackerSocketSeat {
    const { sockets, url, infoHash, events } = this.#options;
    return sockets.join(url, {
      infoHash,
      onOpen: () => {
        this.#disconnected();
        if (this.#pending === undefined) events.onReady();
        else this.#sendPending();
      },
      onDown: (sentence) => {
        this.#disconnected();
        if (this.#pending === undefined) events.onDown(sentence);
        else this.#finish({ ok: false, sentence, retry: 'when-ready' });
      },
      onMessage: (message) => this.#received(message),
      onIdle: () => events.onIdle(),
    });
  }

  #disconnected(): void {
    this.#isMember = false;
    this.#others = undefined;
    this.#offers?.disconnected();
  }

  #sendPending(): void {
    const { clock, url, stats } = this.#options;
    const { wantPeers } = stats();
    const event = this.#pending?.event;
    if (!this.#sendAnnounce(event, wantPeers, [])) {
      const sentence = `The tracker ${trackerName(url)} does not read what is sent to it.`;
      this.#timer = clock.setTimer(0, () => this.#finish({ ok: false, sentence, retry: undefined }));
      return;
    }
    this.#isMember = true;
    const seat = this.#seat;
    const ignored = seat?.ignored;
    this.#timer = clock.setTimer(REPLY_TIMEOUT, () => {
      const name = trackerName(url);
      // Something did come: whoever looks for the fault should not look for it in the network.
      const babbles = seat !== undefined && seat.ignored !== ignored;
      this.#finish(
        babbles
          ? {
              ok: false,
              sentence: `The tracker ${name} cannot be understood: what it sends is no reply to an announce.`,
              retry: undefined,
              advice: CHECK_ADDRESS,
            }
          : {
              ok: false,
              sentence: `The tracker ${name} did not reply within ${REPLY_TIMEOUT / 1000} s.`,
              retry: undefined,
            },
      );
    });
    if (event === 'completed') return;
    this.#offers?.want(this.#offersTo(Math.min(wantPeers, this.#others ?? wantPeers)));
    this.#heldBack = stats().metElsewhere === Number.POSITIVE_INFINITY;
  }

  /** Offers to make to so many peers: one at least is for those that are in this swarm only. */
  #offersTo(peers: number): number {
    const { metElsewhere = 0 } = this.#options.stats();
    return Math.min(peers, Math.max(1, peers - metElsewhere));
  }

  #sendAnnounce(event: AnnounceEvent | undefined, numwant: number, offers: readonly WsOfferItem[]): boolean {
    const { infoHash, peerId, stats } = this.#options;
    const { uploaded, downloaded, left } = stats();
    const text = encodeWsAnnounce({
      infoHash,
      peerId,
      uploaded,
      downloaded,
      left,
      event,
      // Some trackers give nothing for a number that is not whole.
      numwant: Math.max(0, Math.min(MAX_NUMWANT, Math.floor(numwant))),
      offers,
      trackerId: this.#trackerId,
    });
    return this.#seat?.send(text) ?? false;
  }

  #received(message: TorrentMessage): void {
    // After `stopped` others may not have heard of it yet; we answer nobody any more.
    if (!this.#isMember) return;
    switch (message.kind) {
      case 'announceReply':
        this.#replied(message);
        return;
      case 'failure':
        this.#refused(message);
        return;
      case 'offer': {
        const { peerId } = message;
        if (equalBytes(peerId, this.#options.peerId) || !this.#options.wantsPeer(peerId)) return;
        this.#offers?.offered(peerId, message.offerId, message.offer.sdp);
        return;
      }
      case 'answer':
        this.#offers?.answered(message.peerId, message.offerId, message.answer.sdp);
        return;
    }
  }

  #replied(reply: WsAnnounceReply): void {
    const { url } = this.#options;
    const { complete, incomplete, trackerId, warning, interval, minInterval } = reply;
    if (trackerId !== undefined && trackerId.length <= MAX_TRACKER_ID) this.#trackerId = trackerId;
    if (complete !== undefined && incomplete !== undefined) {
      // Seeds have nothing for each other: who is complete offers to those that are not.
      const isSeed = this.#options.stats().left === 0;
      this.#others = isSeed ? incomplete : Math.max(0, complete + incomplete - 1);
      this.#offers?.limit(this.#offersTo(this.#others));
      if (this.#heldBack)
        this.#offers?.want(this.#offersTo(Math.min(this.#options.stats().wantPeers, this.#others)));
      this.#heldBack = false;
    }
    this.#finish({
      ok: true,
      minInterval: minInterval === undefined ? undefined : minInterval * 1000,
      peers: [],
      warning:
        warning === undefined ? undefined : `The tracker ${trackerName(url)} warns: ${quoted(warning)}.`,
      summary: {
        seeds: complete,
        leechers: incomplete,
        peers: 0,
        externalIp: undefined,
        interval: interval === undefined ? undefined : interval * 1000,
      },
    });
  }

  /** Whoever waits for a reply takes it personally; it never ends the socket, which others use too. */
  #refused(failure: WsFailure): void {
    if (this.#pending === undefined) return;
    this.#isMember = false;
    this.#offers?.disconnected();
    this.#finish({
      ok: false,
      sentence: refusalSentence(this.#options.url, failure.reason),
      retry: undefined,
      advice: ASK_OPERATOR,
    });
  }

  #goodbye(): AnnounceOutcome {
    const summary = {
      seeds: undefined,
      leechers: undefined,
      peers: 0,
      externalIp: undefined,
      interval: undefined,
    };
    return { ok: true, minInterval: undefined, peers: [], warning: undefined, summary };
  }

  #finish(outcome: AnnounceOutcome): void {
    const pending = this.#pending;
    this.cancel();
    pending?.done(outcome);
  }
}
