import type { HttpRequest, Timer } from 'freshet/engine';
import { DELIVERED, type Fabric, padding } from './fabric.ts';
import type { SimHttpServer, SimResponse } from './network.ts';
import { Pipe } from './pipe.ts';
import { type Connection, enlist, forget, type SimHost } from './sim-host.ts';

/** Header lines, addresses not counted: what browsers send, and what servers answer. */
const REQUEST_BYTES = 400;
const HEAD_BYTES = 300;
const LOW_WATER = 128 * 1024;
/**
 * What kernels hold of a body that nobody reads: they keep twice of what comes in a round trip, queues included, which
 * is 1.4 MB for 20 Mbit/s. A player that stops and goes on finds this much there at once.
 */
const RECEIVE_BUFFER = 1.5 * 1024 * 1024;

/** What a connection tells the request that is on it. */
export interface HttpReceiver {
  /** The answer, as the server made it; its head has arrived whole. */
  onHead(response: SimResponse): void;
  onBody(chunk: Uint8Array): void;
  /** All of the body has been delivered, or there is no more of it. */
  onComplete(): void;
  onBroken(reason: string): void;
}

/** One TCP connection to a web server, which carries one request after the other. */
export class HttpConnection implements Connection {
  readonly from: SimHost;
  readonly to: SimHost;
  /** Since when it waits for another request. */
  idleSince = 0;
  readonly #fabric: Fabric;
  readonly #request: Pipe;
  readonly #response: Pipe;
  readonly #serverOf: (url: string) => SimHttpServer | undefined;
  #receiver: HttpReceiver | undefined;
  #asked: HttpRequest | undefined;
  #askedBytes = 0;
  #url = '';
  #answer: SimResponse | undefined;
  #headLeft = 0;
  #bodyLeft = 0;
  #work: Timer | undefined;
  #isOpen = true;

  constructor(
    fabric: Fabric,
    from: SimHost,
    to: SimHost,
    serverOf: (url: string) => SimHttpServer | undefined,
  ) {
    this.from = from;
    this.to = to;
    this.#fabric = fabric;
    this.#serverOf = serverOf;
    const both = { kind: DELIVERED.http, lowWater: LOW_WATER, onDrained: (): void => {} };
    this.#request = new Pipe(fabric, { ...both, from, to });
    this.#response = new Pipe(fabric, { ...both, from: to, to: from, receiveBuffer: RECEIVE_BUFFER });
    this.#request.reverse = this.#response;
    this.#response.reverse = this.#request;
    this.#request.attach({
      onBytes: (chunk) => this.#onRequestBytes(chunk.length),
      onEnd: () => this.#work?.cancel(),
    });
    this.#response.attach({
      onBytes: (chunk) => this.#onResponseBytes(chunk),
      onEnd: () => this.#fail('was broken'),
    });
    enlist(this);
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Carries a request for an address that begins like this. */
  isFor(prefix: string): boolean {
    return this.#receiver !== undefined && this.#url.startsWith(prefix);
  }

  /** Sends a request; one at a time. */
  ask(request: HttpRequest, receiver: HttpReceiver): void {
    this.#receiver = receiver;
    this.#url = request.url;
    this.#asked = request;
    this.#askedBytes = REQUEST_BYTES + request.url.length;
    this.#request.write(padding(this.#askedBytes));
  }

  pause(): void {
    this.#response.pause();
  }

  resume(): void {
    this.#response.resume();
  }

  /** Ends it: the server stops sending when it hears of that, and what is on its way is thrown away. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#receiver = undefined;
    forget(this);
    this.#response.ignore();
    this.#request.end();
  }

  breakOff(error: Error): void {
    this.#request.kill();
    this.#response.kill();
    this.#work?.cancel();
    forget(this);
    if (!this.#isOpen) return;
    this.#isOpen = false;
    const receiver = this.#receiver;
    this.#receiver = undefined;
    if (receiver === undefined) return;
    this.#fabric.agenda.clock.setTimer(0, () => receiver.onBroken(error.message));
  }

  lose(): void {
    this.#request.lose();
    this.#response.lose();
    forget(this);
    // Who waits for an answer finds out by its time-out; nobody else may use it.
    if (this.#receiver === undefined) this.#isOpen = false;
  }

  // --- the server

  #onRequestBytes(length: number): void {
    const request = this.#asked;
    this.#askedBytes -= length;
    if (this.#askedBytes > 0 || request === undefined) return;
    this.#asked = undefined;
    const server = this.#serverOf(request.url);
    if (server === undefined) {
      this.#response.end();
      return;
    }
    const response = server(request, this.from.address);
    if (response === undefined) return;
    const delay = response.delayMs ?? 0;
    if (delay <= 0) this.#respond(response);
    else this.#work = this.#fabric.agenda.clock.setTimer(delay, () => this.#respond(response));
  }

  #respond(response: SimResponse): void {
    const {
      body = new Uint8Array(0),
      breakAfter = Number.POSITIVE_INFINITY,
      silentAfter = Number.POSITIVE_INFINITY,
    } = response;
    this.#answer = response;
    this.#headLeft = HEAD_BYTES;
    this.#bodyLeft = body.length;
    const until = Math.min(breakAfter, silentAfter);
    if (until >= 0) {
      this.#response.write(padding(HEAD_BYTES));
      this.#response.write([until < body.length ? body.subarray(0, until) : body]);
    }
    if (breakAfter <= Math.min(body.length, silentAfter)) this.#response.end();
    else if (silentAfter <= body.length) this.#bodyLeft = Number.POSITIVE_INFINITY;
  }

  // --- the client

  #onResponseBytes(chunk: Uint8Array): void {
    let at = 0;
    if (this.#headLeft > 0) {
      at = Math.min(this.#headLeft, chunk.length);
      this.#headLeft -= at;
      if (this.#headLeft > 0) return;
      this.#receiver?.onHead(this.#answer!);
      if (this.#receiver !== undefined && this.#bodyLeft === 0 && !this.#breaks()) this.#complete();
    }
    if (at === chunk.length) return;
    const part = at === 0 ? chunk : chunk.subarray(at);
    this.#bodyLeft -= part.length;
    this.#receiver?.onBody(part);
    if (this.#receiver !== undefined && this.#bodyLeft === 0 && !this.#breaks()) this.#complete();
  }

  /** The connection is broken behind the last byte, before the client knows that it was the last one. */
  #breaks(): boolean {
    const { breakAfter } = this.#answer!;
    return breakAfter !== undefined && breakAfter <= (this.#answer!.body?.length ?? 0);
  }

  #complete(): void {
    const receiver = this.#receiver!;
    this.#receiver = undefined;
    this.idleSince = this.#fabric.agenda.clock.now();
    receiver.onComplete();
  }

  #fail(what: string): void {
    forget(this);
    this.#isOpen = false;
    this.#request.abandon();
    const receiver = this.#receiver;
    this.#receiver = undefined;
    receiver?.onBroken(what);
  }
}
