import type { HttpClient, HttpExchange, HttpHandler, HttpRequest, Timer } from 'freshet/engine';
import type { Fabric } from './fabric.ts';
import { HttpConnection, type HttpReceiver } from './http-connection.ts';
import { canDial } from './nat.ts';
import type { SimHttpServer, SimResponse } from './network.ts';
import type { SimHost } from './sim-host.ts';

/** As browsers have it. */
const CONNECTIONS_PER_ORIGIN = 6;
const KEEP_ALIVE_MS = 60_000;
const SILENCE_MS = 30_000;
const MAX_REDIRECTS = 20;

/** Where web servers are found. */
export interface WebDirectory {
  /** The host with the server for this address, `undefined` if the name leads nowhere. */
  hostOf(url: string): SimHost | undefined;
  serverOf(url: string): SimHttpServer | undefined;
}

/** `https://host:port` of an address. */
export function originOf(url: string): string {
  return /^[a-z]+:\/\/[^/?#]*/i.exec(url)?.[0].toLowerCase() ?? url;
}

/** Round trips before the first request: TCP, and TLS 1.3 where the scheme asks for it. */
export function handshakeRoundTrips(url: string): number {
  return /^(https|wss):/i.test(url) ? 2 : 1;
}

/** One host's HTTP: a few connections to each origin, which are kept and used again. */
export class SimHttpClient implements HttpClient {
  readonly #fabric: Fabric;
  readonly #host: SimHost;
  readonly #directory: WebDirectory;
  readonly #origins = new Map<string, Origin>();

  constructor(fabric: Fabric, host: SimHost, directory: WebDirectory) {
    this.#fabric = fabric;
    this.#host = host;
    this.#directory = directory;
  }

  get(request: HttpRequest, handler: HttpHandler): HttpExchange {
    const exchange = new Exchange(this.#fabric, request, handler, (url) => this.#origin(url));
    exchange.begin();
    return exchange;
  }

  #origin(url: string): Origin {
    const key = originOf(url);
    let origin = this.#origins.get(key);
    if (origin === undefined) {
      origin = new Origin(this.#fabric, this.#host, this.#directory);
      this.#origins.set(key, origin);
    }
    return origin;
  }
}

/** All connections of a host to one origin. */
class Origin {
  readonly #fabric: Fabric;
  readonly #host: SimHost;
  readonly #directory: WebDirectory;
  readonly #idle: HttpConnection[] = [];
  readonly #waiting: Exchange[] = [];
  /** Connections in use, those that are being opened included. */
  #used = 0;

  constructor(fabric: Fabric, host: SimHost, directory: WebDirectory) {
    this.#fabric = fabric;
    this.#host = host;
    this.#directory = directory;
  }

  /** Gives it a connection as soon as there is one. */
  connect(exchange: Exchange): void {
    const now = this.#fabric.agenda.clock.now();
    for (let idle = this.#idle.pop(); idle !== undefined; idle = this.#idle.pop()) {
      if (idle.isOpen && now - idle.idleSince <= KEEP_ALIVE_MS) {
        this.#used++;
        exchange.onPlace();
        exchange.onConnection(idle);
        return;
      }
      idle.close();
    }
    if (this.#used >= CONNECTIONS_PER_ORIGIN) this.#waiting.push(exchange);
    else this.#open(exchange);
  }

  /** The exchange does not need its connection any more. */
  release(connection: HttpConnection | undefined): void {
    this.#used--;
    if (connection?.isOpen === true) this.#idle.push(connection);
    const next = this.#waiting.shift();
    if (next !== undefined) this.connect(next);
  }

  withdraw(exchange: Exchange): void {
    const at = this.#waiting.indexOf(exchange);
    if (at >= 0) this.#waiting.splice(at, 1);
  }

  #open(exchange: Exchange): void {
    this.#used++;
    exchange.onPlace();
    const { clock } = this.#fabric.agenda;
    const host = this.#host;
    const server = this.#directory.hostOf(exchange.url);
    if (server === undefined) {
      exchange.wait(clock.setTimer(2 * host.latencyMs, () => exchange.fail('leads nowhere')));
      return;
    }
    // Silence: its time-out finds out.
    if (!canDial(host, server)) return;
    const roundTrip = host.roundTrip(server);
    if (this.#directory.serverOf(exchange.url) === undefined) {
      exchange.wait(
        clock.setTimer(roundTrip, () => exchange.fail('does not answer: no web server is there')),
      );
      return;
    }
    exchange.wait(
      clock.setTimer(handshakeRoundTrips(exchange.url) * roundTrip, () => {
        if (!canDial(host, server)) return;
        const serverOf = (url: string): SimHttpServer | undefined => this.#directory.serverOf(url);
        exchange.onConnection(new HttpConnection(this.#fabric, host, server, serverOf));
      }),
    );
  }
}

/** One request, through its redirects. */
class Exchange implements HttpExchange, HttpReceiver {
  url: string;
  readonly #fabric: Fabric;
  readonly #request: HttpRequest;
  readonly #originOf: (url: string) => Origin;
  #handler: HttpHandler | undefined;
  #origin: Origin | undefined;
  #connection: HttpConnection | undefined;
  /** It holds one of the origin's places. */
  #isPlaced = false;
  #redirects = 0;
  #next: string | undefined;
  #opening: Timer | undefined;
  #silence: Timer | undefined;
  #heardAt: number;
  #paused = false;

  constructor(fabric: Fabric, request: HttpRequest, handler: HttpHandler, originOf: (url: string) => Origin) {
    this.#fabric = fabric;
    this.#request = request;
    this.#handler = handler;
    this.#originOf = originOf;
    this.url = request.url;
    this.#heardAt = fabric.agenda.clock.now();
  }

  begin(): void {
    this.#watch(SILENCE_MS);
    this.#connect();
  }

  pause(): void {
    this.#paused = true;
    this.#connection?.pause();
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#heardAt = this.#fabric.agenda.clock.now();
    this.#connection?.resume();
  }

  abort(): void {
    if (this.#handler === undefined) return;
    this.#handler = undefined;
    this.#silence?.cancel();
    this.#opening?.cancel();
    this.#connection?.close();
    this.#leave();
  }

  fail(reason: string): void {
    const handler = this.#handler;
    this.abort();
    handler?.onError(new Error(`${this.url} ${reason}.`));
  }

  // --- from the origin

  /** It has one of the origin's places, and must give it back. */
  onPlace(): void {
    this.#isPlaced = true;
  }

  wait(opening: Timer): void {
    this.#opening = opening;
  }

  onConnection(connection: HttpConnection): void {
    this.#connection = connection;
    connection.ask({ ...this.#request, url: this.url }, this);
    if (this.#paused) connection.pause();
  }

  // --- from the connection

  onHead(response: SimResponse): void {
    this.#heard();
    if (response.redirect !== undefined) {
      this.#next = response.redirect;
      return;
    }
    const { status = 200, headers = {} } = response;
    this.#handler?.onHead({ status, url: this.url, header: (name) => headers[name] });
  }

  onBody(chunk: Uint8Array): void {
    this.#heard();
    if (this.#next === undefined) this.#handler?.onData(chunk);
  }

  onComplete(): void {
    if (this.#handler === undefined) return;
    this.#leave();
    if (this.#next !== undefined) {
      this.url = this.#next;
      this.#next = undefined;
      if (++this.#redirects > MAX_REDIRECTS) this.fail('redirects without end');
      else this.#connect();
      return;
    }
    const handler = this.#handler;
    this.#handler = undefined;
    this.#silence?.cancel();
    handler.onEnd();
  }

  onBroken(): void {
    this.fail('ended the connection before the answer was complete');
  }

  #connect(): void {
    this.#origin = this.#originOf(this.url);
    this.#origin.connect(this);
  }

  #leave(): void {
    const origin = this.#origin;
    const connection = this.#connection;
    this.#origin = undefined;
    this.#connection = undefined;
    if (!this.#isPlaced) {
      origin?.withdraw(this);
      return;
    }
    this.#isPlaced = false;
    origin?.release(connection);
  }

  #heard(): void {
    this.#heardAt = this.#fabric.agenda.clock.now();
  }

  /** `HttpHandler.onError`: 30 s without a byte. Who does not read does not wait for one. */
  #watch(delay: number): void {
    const { clock } = this.#fabric.agenda;
    this.#silence = clock.setTimer(delay, () => {
      const left = this.#paused ? SILENCE_MS : this.#heardAt + SILENCE_MS - clock.now();
      if (left > 1) this.#watch(left);
      else this.fail('sent nothing for 30 s');
    });
  }
}
