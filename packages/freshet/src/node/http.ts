/** HTTP GET, for web seeds, trackers and `.torrent` addresses. */

import {
  type ClientRequest,
  Agent as HttpAgent,
  request as httpRequest,
  type IncomingMessage,
} from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { HttpClient, HttpExchange, HttpHandler, HttpHead, HttpRequest } from '../engine/ports.ts';
import { errorCode, networkReason } from './system-error.ts';

const MAX_REDIRECTS = 5;
/** Milliseconds without a byte until an exchange is given up. */
const IDLE_TIMEOUT = 30_000;
/** Connections to one server: what browsers allow themselves. */
const MAX_SOCKETS = 6;
/** Idle connections kept for the next request; a server closes them after 5 s by custom. */
const AGENT_OPTIONS = {
  keepAlive: true,
  keepAliveMsecs: 30_000,
  maxSockets: MAX_SOCKETS,
  maxFreeSockets: 2,
  timeout: 60_000,
  scheduling: 'lifo',
} as const;

const STALE: ReadonlySet<string> = new Set(['ECONNRESET', 'EPIPE']);

export interface HttpOptions {
  /** Milliseconds without a byte until an exchange fails. Default 30,000. */
  readonly idleTimeout?: number | undefined;
}

/**
 * `node:http` and not the global `fetch`: it pauses the socket itself, reuses connections within a bound, and
 * sends exactly the headers it is given.
 */
export class NodeHttpClient implements HttpClient {
  readonly #http = new HttpAgent(AGENT_OPTIONS);
  readonly #https = new HttpsAgent(AGENT_OPTIONS);
  readonly #idleTimeout: number;

  constructor(options: HttpOptions = {}) {
    this.#idleTimeout = options.idleTimeout ?? IDLE_TIMEOUT;
  }

  get(request: HttpRequest, handler: HttpHandler): HttpExchange {
    const exchange = new NodeHttpExchange(request, handler, this.#http, this.#https, this.#idleTimeout);
    exchange.start(request.url, MAX_REDIRECTS);
    return exchange;
  }

  /** Ends all connections; exchanges that run fail. */
  close(): void {
    this.#http.destroy();
    this.#https.destroy();
  }
}

class NodeHttpExchange implements HttpExchange {
  readonly #request: HttpRequest;
  readonly #http: HttpAgent;
  readonly #https: HttpsAgent;
  readonly #idleTimeout: number;
  #handler: HttpHandler | undefined;
  #outgoing: ClientRequest | undefined;
  #response: IncomingMessage | undefined;
  #paused = false;
  #idle: NodeJS.Timeout | undefined;

  constructor(
    request: HttpRequest,
    handler: HttpHandler,
    http: HttpAgent,
    https: HttpsAgent,
    idleTimeout: number,
  ) {
    this.#request = request;
    this.#handler = handler;
    this.#http = http;
    this.#https = https;
    this.#idleTimeout = idleTimeout;
  }

  start(address: string, redirects: number): void {
    const url = URL.canParse(address) ? new URL(address) : undefined;
    if (url === undefined || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
      queueMicrotask(() => this.#fail('it is not an HTTP address'));
      return;
    }
    const { range } = this.#request;
    const secure = url.protocol === 'https:';
    const options = {
      agent: secure ? this.#https : this.#http,
      // Compression would turn the ranges of a file into ranges of something else.
      headers: range === undefined ? {} : { Range: `bytes=${range.first}-${range.last}` },
    };
    this.#touch();
    const outgoing = secure ? httpsRequest(url, options) : httpRequest(url, options);
    this.#outgoing = outgoing;
    outgoing.on('error', (error) => {
      // A server may close a kept connection just when it is used again. That says nothing about the server.
      if (outgoing.reusedSocket && this.#response === undefined && STALE.has(errorCode(error))) {
        if (this.#handler !== undefined) this.start(address, redirects);
      } else {
        this.#fail(networkReason(error));
      }
    });
    outgoing.on('response', (response) => this.#onResponse(url, response, redirects));
    outgoing.end();
  }

  #onResponse(url: URL, response: IncomingMessage, redirects: number): void {
    if (this.#handler === undefined) {
      response.destroy();
      return;
    }
    const status = response.statusCode ?? 0;
    const { location } = response.headers;
    if ([301, 302, 303, 307, 308].includes(status) && location !== undefined) {
      // The few bytes of its body are read, so that the connection can be used again.
      response.resume();
      response.on('error', () => {});
      this.#outgoing?.removeAllListeners('error').on('error', () => {});
      if (redirects === 0) this.#fail(`it redirects more than ${MAX_REDIRECTS} times`);
      else if (!URL.canParse(location, url.href))
        this.#fail('it redirects to something that is not an address');
      else this.start(new URL(location, url).href, redirects - 1);
      return;
    }
    this.#response = response;
    this.#touch();
    response.on('data', (chunk: Buffer) => {
      this.#touch();
      this.#handler?.onData(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length));
    });
    response.on('end', () => this.#finish(response));
    response.on('error', (error) => this.#fail(networkReason(error)));
    response.on('close', () => {
      if (!response.complete) this.#fail('the answer has broken off');
    });
    this.#handler.onHead(headOf(url, response, status));
    if (this.#paused) response.pause();
  }

  pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    clearTimeout(this.#idle);
    this.#idle = undefined;
    this.#response?.pause();
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#touch();
    this.#response?.resume();
  }

  abort(): void {
    if (this.#handler === undefined) return;
    this.#handler = undefined;
    clearTimeout(this.#idle);
    this.#outgoing?.on('error', () => {});
    this.#outgoing?.destroy();
  }

  /** A byte has come, so the clock starts again. While the reader pauses the server is not to blame. */
  #touch(): void {
    if (this.#handler === undefined || this.#paused) return;
    if (this.#idle === undefined) this.#idle = setTimeout(this.#onIdle, this.#idleTimeout);
    else this.#idle.refresh();
  }

  readonly #onIdle = (): void => {
    this.#fail(`it has sent nothing for ${this.#idleTimeout / 1000} s`);
  };

  #finish(response: IncomingMessage): void {
    const handler = this.#handler;
    if (handler === undefined || !response.complete) return;
    this.#handler = undefined;
    clearTimeout(this.#idle);
    handler.onEnd();
  }

  #fail(reason: string): void {
    const handler = this.#handler;
    if (handler === undefined) return;
    this.abort();
    handler.onError(new Error(`${this.#request.url} cannot be fetched: ${reason}`));
  }
}

function headOf(url: URL, response: IncomingMessage, status: number): HttpHead {
  return {
    status,
    url: url.href,
    header(name) {
      const value = response.headers[name];
      return Array.isArray(value) ? value.join(', ') : value;
    },
  };
}
