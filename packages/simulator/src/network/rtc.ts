/** WebRTC connections of a simulated network: descriptions are text with a number in it, given from hand to hand. */

import type { RtcAttempt, RtcConnector, RtcHandler, Timer } from 'freshet/engine';
import { draw, type Fabric } from './fabric.ts';
import { LinkConnection, type SimLink } from './link.ts';
import { canConnectRtc } from './nat.ts';
import type { SimHost } from './sim-host.ts';

/** Besides the question to a STUN server in the middle of the network. */
const GATHERING_MS = 5;
/** A data channel is open after ICE, DTLS and SCTP: about four round trips. */
const ROUND_TRIPS = 4;
/** What browsers wait before they call a connection failed. */
const CONNECT_TIMEOUT_MS = 30_000;

/** As long as a browser's for one data channel, as it travels through trackers: fingerprint, credentials, candidates. */
function description(kind: 'offer' | 'answer', id: number, address: string): string {
  const fingerprint = new Array(32).fill(id.toString(16).padStart(2, '0').slice(-2).toUpperCase()).join(':');
  return [
    'v=0',
    `o=- ${id} 2 IN IP4 127.0.0.1`,
    's=-',
    't=0 0',
    'a=group:BUNDLE 0',
    'm=application 9 UDP/DTLS/SCTP webrtc-datachannel',
    'c=IN IP4 0.0.0.0',
    `a=candidate:1 1 udp 2113937151 ${address} 50000 typ host generation 0 network-cost 999`,
    `a=candidate:2 1 udp 1677729535 ${address} 50000 typ srflx raddr 0.0.0.0 rport 0 generation 0`,
    `a=ice-ufrag:${String(id).padStart(4, '0')}`,
    `a=ice-pwd:${String(id).padStart(24, '0')}`,
    `a=fingerprint:sha-256 ${fingerprint}`,
    `a=setup:${kind === 'offer' ? 'actpass' : 'active'}`,
    'a=mid:0',
    'a=sctp-port:5000',
    'a=max-message-size:262144',
    `a=x-simulated-${kind}:${id}`,
    '',
  ].join('\r\n');
}

const LAST_LINE = /\r\na=x-simulated-(offer|answer):([0-9]{1,9})\r\n$/;

function parse(kind: 'offer' | 'answer', sdp: string): number | undefined {
  const match = LAST_LINE.exec(sdp);
  return sdp.startsWith('v=0\r\n') && match?.[1] === kind ? Number(match[2]) : undefined;
}

class Attempt implements RtcAttempt {
  readonly host: SimHost;
  readonly kind: 'offer' | 'answer';
  readonly id: number;
  handler: RtcHandler | undefined;
  /** Of an answer: the offer it answers. */
  readonly partner: Attempt | undefined;
  readonly #exchange: RtcExchange;
  #accepted = false;
  #timer: Timer;

  constructor(
    exchange: RtcExchange,
    host: SimHost,
    kind: 'offer' | 'answer',
    id: number,
    handler: RtcHandler,
    partner: Attempt | undefined,
  ) {
    this.#exchange = exchange;
    this.host = host;
    this.kind = kind;
    this.id = id;
    this.handler = handler;
    this.partner = partner;
    const { clock } = exchange.fabric.agenda;
    this.#timer = clock.setTimer(GATHERING_MS + 2 * host.latencyMs, () => {
      this.#timer = clock.setTimer(CONNECT_TIMEOUT_MS, () =>
        this.#fail('The WebRTC connection was not established within 30 s.'),
      );
      this.handler?.onDescription(description(kind, id, host.address));
    });
  }

  accept(answerSdp: string): void {
    if (this.handler === undefined || this.#accepted) return;
    const answer = this.#exchange.find('answer', answerSdp);
    if (this.kind !== 'offer' || answer === undefined || answer.partner !== this) {
      // The answer of somebody who has given up meanwhile looks like any other; no description does.
      const id = parse('answer', answerSdp);
      if (this.kind === 'offer' && id !== undefined && this.#exchange.hasEnded(id)) return;
      this.failSoon('The WebRTC answer does not belong to the offer.');
      return;
    }
    this.#accepted = true;
    this.#exchange.join(this, answer);
  }

  cancel(): void {
    this.handler = undefined;
    this.#timer.cancel();
    this.#exchange.forget(this);
  }

  failSoon(message: string): void {
    this.#timer.cancel();
    this.#timer = this.#exchange.fabric.agenda.clock.setTimer(0, () => this.#fail(message));
  }

  open(link: SimLink): void {
    const { handler } = this;
    this.cancel();
    handler?.onLink(link);
  }

  #fail(message: string): void {
    const { handler } = this;
    this.cancel();
    handler?.onError(new Error(message));
  }
}

/** Where the attempts of all hosts of a network meet. */
export class RtcExchange {
  readonly fabric: Fabric;
  readonly #attempts = new Map<number, Attempt>();
  #nextId = 1;

  constructor(fabric: Fabric) {
    this.fabric = fabric;
  }

  connector(host: SimHost): RtcConnector {
    return {
      offer: (handler) => this.#add(host, 'offer', handler, undefined),
      answer: (offerSdp, handler) => {
        const attempt = this.#add(host, 'answer', handler, this.find('offer', offerSdp));
        // An offer that was withdrawn looks like any other to who answers it; one that is none at all does not.
        if (parse('offer', offerSdp) === undefined) attempt.failSoon('The WebRTC offer cannot be read.');
        return attempt;
      },
    };
  }

  find(kind: 'offer' | 'answer', sdp: string): Attempt | undefined {
    const id = parse(kind, sdp);
    const attempt = id === undefined ? undefined : this.#attempts.get(id);
    return attempt?.kind === kind ? attempt : undefined;
  }

  /** There was an attempt of this number, and it is over. */
  hasEnded(id: number): boolean {
    return id > 0 && id < this.#nextId && !this.#attempts.has(id);
  }

  forget(attempt: Attempt): void {
    this.#attempts.delete(attempt.id);
  }

  join(offer: Attempt, answer: Attempt): void {
    const { host: from } = offer;
    const { host: to } = answer;
    const { agenda, chance } = this.fabric;
    const fails = 1 - (1 - (from.line.rtcFailure ?? 0)) * (1 - (to.line.rtcFailure ?? 0));
    // Candidates that cannot reach each other are silence, not an error: the time-out finds out.
    if (fails > 0 && draw(chance.rtc) < fails) return;
    if (!canConnectRtc(from, to)) return;
    const setup = Math.max(from.line.rtcSetupMs ?? 0, to.line.rtcSetupMs ?? 0);
    agenda.clock.setTimer(ROUND_TRIPS * from.roundTrip(to) + setup, () => {
      if (offer.handler === undefined || answer.handler === undefined) return;
      if (!from.isOnline || !to.isOnline) return;
      const { a, b } = new LinkConnection(this.fabric, { from, to, transport: 'webrtc' });
      answer.open(b);
      offer.open(a);
    });
  }

  #add(host: SimHost, kind: 'offer' | 'answer', handler: RtcHandler, partner: Attempt | undefined): Attempt {
    const attempt = new Attempt(this, host, kind, this.#nextId++, handler, partner);
    this.#attempts.set(attempt.id, attempt);
    return attempt;
  }
}
