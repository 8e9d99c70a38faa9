import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { type AddressResolver, createAddressResolver, type TrustProxy } from './address.ts';
import { TrackerCore } from './core.ts';
import { listenError, TrackerError } from './errors.ts';
import { HttpTracker } from './http.ts';
import type { TrackerCoreOptions } from './options.ts';
import { DEFAULT_SOCKET_LIMITS, refuseUpgrade, type SocketLimits, TrackerSockets } from './sockets.ts';
import type { TrackerStats } from './stats.ts';

export interface TrackerOptions
  extends TrackerCoreOptions,
    Partial<{ [K in keyof SocketLimits]: SocketLimits[K] | undefined }> {
  /** Address to listen on. Default: every address of the machine, IPv6 and IPv4. */
  readonly host?: string | undefined;
  /** TCP port to listen on; 0 takes any free one. Default 8000. */
  readonly port?: number | undefined;
  /** Serve HTTP announces and scrapes for classic clients. Default true. Stats and health are served anyway. */
  readonly http?: boolean | undefined;
  /** Serve WebSocket announces for browsers. Default true. */
  readonly ws?: boolean | undefined;
  /** Which proxies may say where a request comes from. Default false: none. */
  readonly trustProxy?: TrustProxy | undefined;
}

/** Where a tracker listens. */
export interface TrackerAddress {
  readonly host: string;
  readonly port: number;
  /** Announce URL for classic clients, as reached from this machine. */
  readonly httpUrl: string;
  /** Announce URL for browsers, as reached from this machine. */
  readonly wsUrl: string;
}

export interface AttachOptions {
  /** Which upgrade requests are for the tracker. Default: all. The others are left to the server's owner. */
  readonly accepts?: ((request: IncomingMessage) => boolean) | undefined;
}

/** A tracker for WebSocket and HTTP, on a port of its own or as a part of another HTTP server. */
export interface Tracker {
  /**
   * Starts a server on the host and port of the options.
   * @throws TrackerError when the port is taken, not allowed, or the tracker was closed.
   */
  listen(): Promise<TrackerAddress>;
  /**
   * Takes WebSocket connections from a server that runs already. Its owner hands requests to `handleRequest`.
   */
  attach(server: Server, options?: AttachOptions): void;
  /** Answers a request for `/announce`, `/scrape`, `/stats`, `/stats.json` or `/health`; false if it is for none. */
  handleRequest(request: IncomingMessage, response: ServerResponse): boolean;
  /** Completes a WebSocket upgrade; false, with nothing done, if this tracker does not serve WebSockets. */
  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): boolean;
  /** Closes every connection with code 1001 and stops the server it started. Safe to call twice. */
  close(): Promise<void>;
  stats(): TrackerStats;
}

const DEFAULT_PORT = 8000;

/** Milliseconds between two rounds of forgetting peers and looking after connections. */
const ROUND = 1_000;

/** @throws RangeError or TypeError when an option makes no sense. */
export function createTracker(options: TrackerOptions = {}): Tracker {
  return new SocketTracker(options);
}

class SocketTracker implements Tracker {
  readonly #options: TrackerOptions;
  readonly #core: TrackerCore;
  readonly #sockets: TrackerSockets;
  readonly #http: HttpTracker;
  readonly #addressOf: AddressResolver;
  readonly #timer: NodeJS.Timeout;
  readonly #detach: (() => void)[] = [];
  #server: Server | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: TrackerOptions) {
    this.#options = options;
    this.#core = new TrackerCore(options);
    this.#sockets = new TrackerSockets(this.#core, socketLimits(options));
    this.#addressOf = createAddressResolver(options.trustProxy ?? false);
    this.#http = new HttpTracker(this.#core, this.#addressOf, options.http ?? true);
    this.#timer = setInterval(() => {
      this.#core.sweep();
      this.#sockets.keepAlive();
    }, ROUND);
    this.#timer.unref();
  }

  async listen(): Promise<TrackerAddress> {
    if (this.#closing !== undefined) throw new TrackerError('ERR_CLOSED', 'The tracker has been closed.');
    if (this.#server !== undefined) throw new TrackerError('ERR_LISTEN', 'The tracker is listening already.');
    const { host, port = DEFAULT_PORT } = this.#options;
    const server = createServer({ requestTimeout: 15_000, headersTimeout: 10_000 }, (request, response) => {
      if (!this.handleRequest(request, response)) this.#http.notFound(response);
    });
    this.#server = server;
    this.attach(server);
    try {
      await new Promise<void>((resolve, reject) => {
        // A server that is closed before it listens calls back nobody else.
        server.once('close', resolve);
        server.once('error', reject);
        server.listen(port, host, () => {
          server.off('error', reject);
          server.off('close', resolve);
          resolve();
        });
      });
    } catch (error) {
      this.#server = undefined;
      throw listenError(error as NodeJS.ErrnoException, host, port);
    }
    if (this.#closing !== undefined) {
      server.close();
      throw new TrackerError('ERR_CLOSED', 'The tracker was closed before it listened.');
    }
    server.on('error', (error) => this.#core.reportError(error));
    return addressOf(server);
  }

  attach(server: Server, options: AttachOptions = {}): void {
    const onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
      if (options.accepts !== undefined && !options.accepts(request)) return;
      if (!this.handleUpgrade(request, socket, head)) refuseUpgrade(socket, '404 Not Found');
    };
    server.on('upgrade', onUpgrade);
    this.#detach.push(() => server.off('upgrade', onUpgrade));
  }

  handleRequest(request: IncomingMessage, response: ServerResponse): boolean {
    return this.#http.handle(request, response);
  }

  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): boolean {
    if (this.#options.ws === false || this.#closing !== undefined) return false;
    const address = this.#addressOf(request);
    // Gone before we looked at it.
    if (address === undefined) socket.destroy();
    else this.#sockets.upgrade(request, socket, head, address);
    return true;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  stats(): TrackerStats {
    return this.#core.stats();
  }

  async #close(): Promise<void> {
    clearInterval(this.#timer);
    for (const detach of this.#detach) detach();
    const server = this.#server;
    const stopped =
      server === undefined ? undefined : new Promise<void>((resolve) => server.close(() => resolve()));
    await this.#sockets.close();
    server?.closeAllConnections();
    await stopped;
  }
}

function addressOf(server: Server): TrackerAddress {
  const { address, port } = server.address() as AddressInfo;
  const reachable = address === '::' || address === '0.0.0.0' ? '127.0.0.1' : address;
  const host = reachable.includes(':') ? `[${reachable}]` : reachable;
  return { host: address, port, httpUrl: `http://${host}:${port}/announce`, wsUrl: `ws://${host}:${port}` };
}

function socketLimits(options: TrackerOptions): SocketLimits {
  const limits: { -readonly [K in keyof SocketLimits]: number } = { ...DEFAULT_SOCKET_LIMITS };
  for (const name of Object.keys(limits) as (keyof SocketLimits)[]) {
    const value = options[name];
    if (value === undefined) continue;
    if (!(Number.isFinite(value) && value > 0)) {
      throw new RangeError(`Tracker option ${name} must be a number above 0, got ${value}`);
    }
    limits[name] = value;
  }
  return limits;
}
