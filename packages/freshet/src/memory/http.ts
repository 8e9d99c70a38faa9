/** Web servers in one process: functions by address that answer requests, with delay, ranges and faults. */

import type { Clock, HttpClient, HttpExchange, HttpHandler, HttpRequest, Timer } from '../engine/ports.ts';

export interface MemoryHttpResponse {
  /** Default 200. */
  readonly status?: number | undefined;
  /** By lower-case name. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: Uint8Array | undefined;
  /** Sends the client elsewhere instead of answering. */
  readonly redirect?: string | undefined;
  /** Breaks the connection after so many bytes of the body; -1 before the head. */
  readonly breakAfter?: number | undefined;
  /** Falls silent after so many bytes of the body; -1 before the head. */
  readonly silentAfter?: number | undefined;
  /** Default as for all responses. */
  readonly bytesPerSecond?: number | undefined;
  /** Milliseconds for which the server thinks before it answers. Default 0. */
  readonly delayMs?: number | undefined;
}

export type MemoryHttpRoute = (request: HttpRequest) => MemoryHttpResponse;

export interface MemoryHttpOptions {
  /** One way, in milliseconds. Default 0. */
  readonly latencyMs?: number | undefined;
  /** Of each response. Default unlimited. */
  readonly bytesPerSecond?: number | undefined;
  /** Most bytes in a chunk of a body. Default 64 KiB. */
  readonly chunkBytes?: number | undefined;
}

/** As `HttpHandler.onError` has it. */
const SILENCE_MS = 30_000;
const MAX_REDIRECTS = 10;

/** What a server answers that has `body` and understands ranges. */
export function rangeResponse(body: Uint8Array, request: HttpRequest): MemoryHttpResponse {
  const { range } = request;
  if (range === undefined) {
    return { body, headers: { 'accept-ranges': 'bytes', 'content-length': String(body.length) } };
  }
  const last = Math.min(range.last, body.length - 1);
  if (range.first > last) return { status: 416, headers: { 'content-range': `bytes */${body.length}` } };
  const part = body.subarray(range.first, last + 1);
  return {
    status: 206,
    body: part,
    headers: {
      'content-range': `bytes ${range.first}-${last}/${body.length}`,
      'content-length': String(part.length),
    },
  };
}

export class MemoryHttp implements HttpClient {
  /** All requests that were made, oldest first, for assertions. */
  readonly requests: HttpRequest[] = [];
  readonly #clock: Clock;
  readonly #options: MemoryHttpOptions;
  readonly #routes = new Map<string, MemoryHttpRoute>();
  readonly #prefixes: [string, MemoryHttpRoute][] = [];

  constructor(clock: Clock, options: MemoryHttpOptions = {}) {
    this.#clock = clock;
    this.#options = options;
  }

  /** Answers requests for this address; one that ends in `*` stands for all that begin like it. The query counts. */
  route(url: string, route: MemoryHttpRoute): void {
    if (url.endsWith('*')) this.#prefixes.push([url.slice(0, -1), route]);
    else this.#routes.set(url, route);
  }

  /** Serves these bytes, in ranges too. */
  serve(url: string, body: Uint8Array): void {
    this.route(url, (request) => rangeResponse(body, request));
  }

  get(request: HttpRequest, handler: HttpHandler): HttpExchange {
    this.requests.push(request);
    return new Exchange(this.#clock, this.#options, request, handler, (to) => this.#answer(to));
  }

  /** `undefined` when no server is there. */
  #answer(request: HttpRequest): MemoryHttpResponse | undefined {
    const exact = this.#routes.get(request.url);
    if (exact !== undefined) return exact(request);
    const prefix = this.#prefixes.find(([start]) => request.url.startsWith(start));
    if (prefix !== undefined) return prefix[1](request);
    const origin = originOf(request.url);
    const known = [...this.#routes.keys(), ...this.#prefixes.map(([start]) => start)];
    return known.some((url) => originOf(url) === origin) ? { status: 404 } : undefined;
  }
}

function originOf(url: string): string {
  return /^[a-z]+:\/\/[^/?#*]*/i.exec(url)?.[0] ?? url;
}

class Exchange implements HttpExchange {
  readonly #clock: Clock;
  readonly #options: MemoryHttpOptions;
  readonly #request: HttpRequest;
  readonly #answer: (request: HttpRequest) => MemoryHttpResponse | undefined;
  #handler: HttpHandler | undefined;
  #response: MemoryHttpResponse = {};
  #url: string;
  #redirects = 0;
  #sent = 0;
  #timer: Timer | undefined;
  #paused = false;
  #waiting = false;

  constructor(
    clock: Clock,
    options: MemoryHttpOptions,
    request: HttpRequest,
    handler: HttpHandler,
    answer: (request: HttpRequest) => MemoryHttpResponse | undefined,
  ) {
    this.#clock = clock;
    this.#options = options;
    this.#request = request;
    this.#url = request.url;
    this.#handler = handler;
    this.#answer = answer;
    this.#after(options.latencyMs ?? 0, () => this.#arrive());
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    if (!this.#waiting || this.#handler === undefined) return;
    this.#waiting = false;
    this.#after(0, () => this.#sendBody());
  }

  abort(): void {
    this.#handler = undefined;
    this.#timer?.cancel();
  }

  #after(delay: number, action: () => void): void {
    this.#timer = this.#clock.setTimer(delay, action);
  }

  #fail(message: string): void {
    const handler = this.#handler;
    this.abort();
    handler?.onError(new Error(message));
  }

  /** The request has reached the server. */
  #arrive(): void {
    const response = this.#answer({ ...this.#request, url: this.#url });
    const latency = this.#options.latencyMs ?? 0;
    if (response === undefined) {
      this.#after(latency, () => this.#fail(`No web server answers at ${this.#url}.`));
      return;
    }
    if (response.redirect !== undefined) {
      if (++this.#redirects > MAX_REDIRECTS) {
        this.#after(latency, () => this.#fail(`${this.#request.url} redirects without end.`));
        return;
      }
      this.#url = response.redirect;
      this.#after(2 * latency, () => this.#arrive());
      return;
    }
    this.#response = response;
    this.#after(latency + (response.delayMs ?? 0), () => this.#sendHead());
  }

  #sendHead(): void {
    if (this.#faultAt(-1)) return;
    const { status = 200, headers = {} } = this.#response;
    const head = { status, url: this.#url, header: (name: string): string | undefined => headers[name] };
    this.#handler?.onHead(head);
    if (this.#handler !== undefined) this.#nextChunk();
  }

  /** Whether the answer breaks off here, before more than `sent` bytes of the body. */
  #faultAt(sent: number): boolean {
    const { breakAfter, silentAfter } = this.#response;
    if (breakAfter === sent) {
      this.#fail(`The connection to ${this.#url} was broken.`);
      return true;
    }
    if (silentAfter === sent) {
      this.#after(SILENCE_MS, () => this.#fail(`${this.#url} sent nothing for 30 s.`));
      return true;
    }
    return false;
  }

  #nextChunk(): void {
    if (this.#faultAt(this.#sent)) return;
    const rate = this.#response.bytesPerSecond ?? this.#options.bytesPerSecond ?? Number.POSITIVE_INFINITY;
    const delay = (this.#chunkLength() * 1000) / rate;
    this.#after(delay, () => this.#sendBody());
  }

  #chunkLength(): number {
    const { body, breakAfter, silentAfter } = this.#response;
    const stops = [body?.length ?? 0, this.#sent + (this.#options.chunkBytes ?? 65536)];
    if (breakAfter !== undefined && breakAfter >= 0) stops.push(breakAfter);
    if (silentAfter !== undefined && silentAfter >= 0) stops.push(silentAfter);
    return Math.max(0, Math.min(...stops) - this.#sent);
  }

  #sendBody(): void {
    if (this.#paused) {
      this.#waiting = true;
      return;
    }
    const handler = this.#handler;
    const length = this.#chunkLength();
    if (length === 0) {
      this.abort();
      handler?.onEnd();
      return;
    }
    // A copy, overwritten afterwards: who keeps a chunk is found out.
    const chunk = this.#response.body!.slice(this.#sent, this.#sent + length);
    this.#sent += length;
    handler?.onData(chunk);
    chunk.fill(0xdb);
    if (this.#handler !== undefined) this.#nextChunk();
  }
}
