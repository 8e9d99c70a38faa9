/** The WebRTC connector's twin: offers and answers are text with a number in it, given from hand to hand. */

import type { Link, RtcAttempt, RtcConnector, RtcHandler, Timer } from '../engine/ports.ts';
import type { MemoryNetwork } from './network.ts';

/** Gathering candidates is never instant. */
const GATHERING_MS = 5;
/** A data channel is open after ICE, DTLS and SCTP: about four round trips. */
const ROUND_TRIPS = 4;
/** What browsers wait before they call a connection failed. */
const CONNECT_TIMEOUT_MS = 30_000;
/** Design section 10: a data channel stalls if the first burst is large. */
const RTC_HIGH_WATER = 64 * 1024;

function description(kind: 'offer' | 'answer', id: number): string {
  return `v=0\r\no=- ${id} 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=x-memory-${kind}:${id}\r\n`;
}

function parse(kind: 'offer' | 'answer', sdp: string): number | undefined {
  const match = new RegExp(`^v=0\\r\\n[^]*a=x-memory-${kind}:([0-9]{1,9})\\r\\n$`).exec(sdp);
  return match === null ? undefined : Number(match[1]);
}

class Attempt implements RtcAttempt {
  readonly host: string;
  readonly kind: 'offer' | 'answer';
  readonly id: number;
  handler: RtcHandler | undefined;
  /** Of an answer: the offer it answers. */
  readonly partner: Attempt | undefined;
  readonly #exchange: RtcExchange;
  #accepted = false;
  timer: Timer | undefined;

  constructor(
    exchange: RtcExchange,
    host: string,
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
    this.timer = exchange.clock.setTimer(GATHERING_MS, () => {
      this.timer = exchange.clock.setTimer(CONNECT_TIMEOUT_MS, () =>
        this.fail('The WebRTC connection was not established within 30 s.'),
      );
      this.handler?.onDescription(description(kind, id));
    });
  }

  accept(answerSdp: string): void {
    if (this.handler === undefined || this.#accepted) return;
    const answer = this.#exchange.find('answer', answerSdp);
    if (this.kind !== 'offer' || answer === undefined || answer.partner !== this) {
      this.failSoon('The WebRTC answer does not belong to the offer.');
      return;
    }
    this.#accepted = true;
    this.#exchange.join(this, answer);
  }

  cancel(): void {
    this.handler = undefined;
    this.timer?.cancel();
    this.#exchange.forget(this);
  }

  fail(message: string): void {
    const handler = this.handler;
    this.cancel();
    handler?.onError(new Error(message));
  }

  failSoon(message: string): void {
    this.timer?.cancel();
    this.timer = this.#exchange.clock.setTimer(0, () => this.fail(message));
  }

  open(link: Link): void {
    const handler = this.handler;
    this.cancel();
    handler?.onLink(link);
  }
}

/** Where the attempts of all hosts of a network meet. */
export class RtcExchange {
  readonly #network: MemoryNetwork;
  readonly #attempts = new Map<number, Attempt>();
  #nextId = 1;

  constructor(network: MemoryNetwork) {
    this.#network = network;
  }

  get clock(): MemoryNetwork['clock'] {
    return this.#network.clock;
  }

  find(kind: 'offer' | 'answer', sdp: string): Attempt | undefined {
    const id = parse(kind, sdp);
    const attempt = id === undefined ? undefined : this.#attempts.get(id);
    return attempt?.kind === kind ? attempt : undefined;
  }

  add(host: string, kind: 'offer' | 'answer', handler: RtcHandler, partner: Attempt | undefined): Attempt {
    const attempt = new Attempt(this, host, kind, this.#nextId++, handler, partner);
    this.#attempts.set(attempt.id, attempt);
    return attempt;
  }

  forget(attempt: Attempt): void {
    this.#attempts.delete(attempt.id);
  }

  join(offer: Attempt, answer: Attempt): void {
    const { host: from } = offer;
    const { host: to } = answer;
    // Candidates that cannot reach each other are silence, not an error: the time-out finds out.
    if (this.#network.verdict(from, to) !== 'pass') return;
    this.clock.setTimer(2 * ROUND_TRIPS * this.#network.latency(from, to), () => {
      if (offer.handler === undefined || answer.handler === undefined) return;
      const end = { transport: 'webrtc' } as const;
      const { a, b } = this.#network.connect(from, to, end, end, RTC_HIGH_WATER);
      answer.open(b);
      offer.open(a);
    });
  }
}

export class MemoryRtc implements RtcConnector {
  readonly #host: string;
  readonly #exchange: RtcExchange;

  constructor(host: string, exchange: RtcExchange) {
    this.#host = host;
    this.#exchange = exchange;
  }

  offer(handler: RtcHandler): RtcAttempt {
    return this.#exchange.add(this.#host, 'offer', handler, undefined);
  }

  answer(offerSdp: string, handler: RtcHandler): RtcAttempt {
    const offer = this.#exchange.find('offer', offerSdp);
    const attempt = this.#exchange.add(this.#host, 'answer', handler, offer);
    // An offer that was withdrawn looks like any other to who answers it; one that is none at all does not.
    if (parse('offer', offerSdp) === undefined) attempt.failSoon('The WebRTC offer cannot be read.');
    return attempt;
  }
}
