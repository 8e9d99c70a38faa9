/** WebRTC connections for an engine that has them made by the page, which may be another thread. */

import type { RtcAttempt, RtcConnector, RtcHandler } from '../engine/ports.ts';
import { linkChannel } from './data-channel.ts';
import { ForwardedChannel } from './forwarded-channel.ts';
import type { Port } from './port.ts';
import { PREPARED, type RtcReport, type RtcRequest, type WithoutId } from './rtc-messages.ts';
import { type LinkConnection, WebRtcLink } from './webrtc-link.ts';

/** A STUN server that does not answer would hold the description back for ten seconds and more. */
const GATHERING_LIMIT = 2_000;
/** From both descriptions known to an open channel. Browsers give up on a pair of candidates after about 30 s. */
const CONNECT_LIMIT = 30_000;
/** What was gathered longer ago may be out of date: the device may be on another network. */
const PREPARED_LIMIT = 30_000;

type Ask = (request: WithoutId<RtcRequest>, transfer?: readonly unknown[]) => void;

/** One connection of the page: an attempt until its channel is open, then what the link closes. */
class BridgedConnection implements RtcAttempt, LinkConnection {
  onState: ((state: 'failed' | 'closed') => void) | undefined;
  readonly #ask: Ask;
  readonly #initiator: boolean;
  #handler: RtcHandler | undefined;
  #forwarded: ForwardedChannel | undefined;
  #gathering: ReturnType<typeof setTimeout> | undefined;
  #limit: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  constructor(offer: string | undefined, handler: RtcHandler, ask: Ask) {
    this.#ask = ask;
    this.#handler = handler;
    this.#initiator = offer === undefined;
    ask(offer === undefined ? { op: 'offer' } : { op: 'answer', sdp: offer });
    this.#gathering = setTimeout(() => ask({ op: 'describe' }), GATHERING_LIMIT);
  }

  accept(answerSdp: string): void {
    // Trackers may bring an answer twice: the first one counts.
    if (!this.#initiator || !this.#handler || this.#limit !== undefined) return;
    this.#limitConnecting();
    this.#ask({ op: 'accept', sdp: answerSdp });
  }

  cancel(): void {
    if (!this.#handler) return;
    this.#handler = undefined;
    this.close();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#settle();
    this.#ask({ op: 'close' });
  }

  hear(report: RtcReport): void {
    // It may have been on its way when the connection was closed; its channel then closes with it.
    if (this.#closed) return;
    switch (report.type) {
      case 'description':
        clearTimeout(this.#gathering);
        if (!this.#initiator) this.#limitConnecting();
        this.#handler?.onDescription(report.sdp);
        return;
      case 'channel':
        this.#open(linkChannel(report.channel));
        return;
      case 'forwarding':
        this.#forwarded = new ForwardedChannel(this.#ask);
        this.#open(this.#forwarded);
        return;
      case 'state':
        this.#fail('no way to the peer was found');
        this.onState?.(report.state);
        return;
      case 'refused':
        this.#fail(report.reason);
        return;
      default:
        this.#forwarded?.hear(report);
    }
  }

  #open(channel: ReturnType<typeof linkChannel>): void {
    // Made before the channel opens, because messages can come right behind it, and in Chromium before it.
    const link = new WebRtcLink(this, channel, () => opened());
    const opened = (): void => {
      const handler = this.#handler;
      if (!handler) return;
      this.#handler = undefined;
      this.#settle();
      handler.onLink(link);
    };
    if (channel.isOpen) queueMicrotask(opened);
  }

  #limitConnecting(): void {
    this.#limit ??= setTimeout(() => this.#fail('the peer does not answer'), CONNECT_LIMIT);
  }

  #fail(reason: string): void {
    const handler = this.#handler;
    this.#handler = undefined;
    if (!handler) return;
    this.close();
    handler.onError(new Error(`The WebRTC connection failed: ${reason}.`));
  }

  #settle(): void {
    clearTimeout(this.#gathering);
    clearTimeout(this.#limit);
  }
}

/** What the page tells of the connection that it has made unasked, until an offer is wanted. */
class PreparedConnection {
  readonly #close: () => void;
  #told: RtcReport[] | undefined = [];
  #limit: ReturnType<typeof setTimeout> | undefined;

  constructor(close: () => void) {
    this.#close = close;
  }

  hear(report: RtcReport): void {
    if (this.#told === undefined) return;
    this.#told.push(report);
    if (report.type === 'refused') this.#giveUp();
    else this.#limit ??= setTimeout(() => this.#giveUp(), PREPARED_LIMIT);
  }

  /** What it has told so far, if it can be used: once. */
  take(): readonly RtcReport[] | undefined {
    const told = this.#told;
    if (told === undefined || told.length === 0) return undefined;
    clearTimeout(this.#limit);
    this.#told = undefined;
    return told;
  }

  #giveUp(): void {
    clearTimeout(this.#limit);
    this.#told = undefined;
    this.#close();
  }
}

/**
 * Makes WebRTC connections that understand simple-peer (WebTorrent) and node-datachannel at the other end.
 * @param port leads to the `RtcPeers` of a page.
 */
export function createBrowserRtc(port: Port): RtcConnector {
  const connections = new Map<number, BridgedConnection>();
  let lastId = PREPARED;
  const prepared = new PreparedConnection(() => port.post({ id: PREPARED, op: 'close' }));
  port.onMessage = (message) => {
    const report = message as RtcReport;
    const connection = connections.get(report.id);
    if (connection) connection.hear(report);
    else if (report.id === PREPARED) prepared.hear(report);
  };
  const start = (offer: string | undefined, handler: RtcHandler): RtcAttempt => {
    const told = offer === undefined ? prepared.take() : undefined;
    const id = told === undefined ? ++lastId : PREPARED;
    const ask: Ask = (request, transfer) => {
      if (request.op === 'close') connections.delete(id);
      port.post({ ...request, id }, transfer);
    };
    const connection = new BridgedConnection(offer, handler, ask);
    connections.set(id, connection);
    if (told !== undefined) {
      // Later, as from any other connection.
      queueMicrotask(() => {
        for (const report of told) connection.hear(report);
      });
    }
    return connection;
  };
  return {
    offer: (handler) => start(undefined, handler),
    answer: (offerSdp, handler) => start(offerSdp, handler),
  };
}
