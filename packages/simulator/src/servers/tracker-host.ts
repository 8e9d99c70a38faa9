import type { SeededRandom, ServerSocket, SocketServer } from 'freshet/memory';
import {
  answerAnnounce,
  answerScrape,
  DEFAULT_SOCKET_LIMITS,
  KeepAlive,
  TrackerCore,
  type TrackerCoreOptions,
  type WebSocketSession,
} from 'freshet-tracker';
import type { Host } from '../host.ts';
import type { LineOptions, SimHttpServer, SimResponse } from '../network/network.ts';
import type { World } from '../world.ts';
import { GARBAGE_KINDS, type GarbageKind, httpGarbage, socketGarbage } from './tracker-garbage.ts';

/**
 * - `ok`: serves
 * - `slow`: thinks for a while before each answer
 * - `silent`: accepts connections and never says anything
 * - `garbage`: answers with what is no reply, or not a true one
 * - `refusing`: answers each announce with a failure reason
 * - `down`: the program has ended: connections end, new ones are refused; what it knew is lost
 * - `gone`: its machine has no network: nothing gets an answer, not even a refusal; what it knows it still knows
 */
export type TrackerMode = (typeof TRACKER_MODES)[number];

export const TRACKER_MODES = ['ok', 'slow', 'silent', 'garbage', 'refusing', 'down', 'gone'] as const;

export interface TrackerModeOptions {
  /** Of `slow`: milliseconds before each answer. Default 5000. */
  readonly delayMs?: number | undefined;
  /** Of `garbage`. Default: any, by chance, anew each time. */
  readonly garbage?: GarbageKind | undefined;
  /** Of `refusing`: what clients get to read. */
  readonly reason?: string | undefined;
}

export interface TrackerHostOptions {
  /** IP address; default that in `url`, or the next free one. */
  readonly address?: string | undefined;
  readonly line?: LineOptions | undefined;
  /** Announce address of one transport; that of the other has the same host, port and path. Default port 8000, `/announce`. */
  readonly url?: string | undefined;
  readonly transports: readonly ('ws' | 'http')[];
  /** The filter must not be asynchronous; clock and random number are the world's. */
  readonly core?: Omit<TrackerCoreOptions, 'clock' | 'random'> | undefined;
}

/** What has come to a tracker and gone from it, over both transports, restarts included. */
export interface TrackerHostCounters {
  /** Messages over WebSockets, and requests over HTTP. */
  received: number;
  sent: number;
  /** Of messages and of HTTP bodies and addresses, without their frames and headers. */
  bytesIn: number;
  bytesOut: number;
  /** WebSockets that were opened. */
  connections: number;
  /** Messages and requests by the mode that dealt with them. */
  readonly byMode: Record<TrackerMode, number>;
  /** Messages, requests and new connections in each second of the world's time that had any. */
  readonly perSecond: Map<number, number>;
}

/** A machine that runs the real tracker; its faults are switched while the world runs. */
export interface TrackerHost {
  /** Announce address: that of the first transport. */
  readonly url: string;
  /** By transport, whether it is served or not. */
  readonly urls: { readonly ws: string; readonly http: string };
  readonly host: Host;
  /** What the tracker knows. Another one after each start. */
  readonly core: TrackerCore;
  readonly counters: TrackerHostCounters;
  readonly mode: TrackerMode;
  /** Open WebSockets. */
  readonly openConnections: number;
  setMode(mode: TrackerMode, options?: TrackerModeOptions): void;
  /** Ends the program, as `setMode('down')` does. */
  stop(): void;
  /** Begins it again, with an empty memory, as `setMode('ok')` does after that. */
  start(): void;
  /** Ends the program and begins it again at once: connections end, and nothing is known any more. */
  restart(): void;
}

/** Milliseconds between two rounds of forgetting peers and looking after connections, as in the real server. */
const ROUND_MS = 1000;
/** Milliseconds of work before an answer that never comes. */
const FOR_EVER_MS = 86_400_000;
const DEFAULT_DELAY_MS = 5000;

export function trackerHost(world: World, options: TrackerHostOptions): TrackerHost {
  return new SimulatedTracker(world, options);
}

interface OpenSocket {
  ping(): void;
  close(code: number, reason: string): void;
  terminate(): void;
}

class SimulatedTracker implements TrackerHost {
  readonly url: string;
  readonly urls: { readonly ws: string; readonly http: string };
  readonly host: Host;
  readonly counters: TrackerHostCounters = {
    received: 0,
    sent: 0,
    bytesIn: 0,
    bytesOut: 0,
    connections: 0,
    byMode: { ok: 0, slow: 0, silent: 0, garbage: 0, refusing: 0, down: 0, gone: 0 },
    perSecond: new Map(),
  };
  readonly #world: World;
  readonly #options: TrackerHostOptions;
  readonly #random: SeededRandom;
  #core!: TrackerCore;
  #open!: KeepAlive<OpenSocket>;
  #mode: TrackerMode = 'ok';
  #fault: TrackerModeOptions = {};

  constructor(world: World, options: TrackerHostOptions) {
    const given = options.url === undefined ? undefined : new URL(options.url);
    this.#world = world;
    this.#options = options;
    this.host = world.host({ address: options.address ?? given?.hostname, line: options.line });
    const place = given === undefined ? `${this.host.address}:8000/announce` : given.host + given.pathname;
    this.urls = { ws: `ws://${place}`, http: `http://${place}` };
    this.url = options.url ?? this.urls[options.transports[0] ?? 'ws'];
    this.#random = world.random(`tracker ${place}`);
    this.#begin();
    this.#round();
  }

  get core(): TrackerCore {
    return this.#core;
  }

  get mode(): TrackerMode {
    return this.#mode;
  }

  get openConnections(): number {
    return this.#open.size;
  }

  setMode(mode: TrackerMode, options: TrackerModeOptions = {}): void {
    const before = this.#mode;
    this.#mode = mode;
    this.#fault = options;
    if (before === mode) return;
    if (before === 'gone') this.host.network.setOnline(this.host.address, true);
    if (before === 'down') this.#begin();
    if (mode === 'down') this.#end();
    if (mode === 'gone') {
      this.host.network.setOnline(this.host.address, false);
      for (const socket of this.#open.sockets()) socket.terminate();
    }
  }

  stop(): void {
    this.setMode('down');
  }

  start(): void {
    this.setMode('ok');
  }

  restart(): void {
    this.stop();
    this.start();
  }

  /** The program begins, and knows nothing. */
  #begin(): void {
    const { core, transports } = this.#options;
    const random = this.#random;
    this.#core = new TrackerCore({
      ...core,
      filter: (infoHash) =>
        this.#mode === 'refusing'
          ? { refused: this.#fault.reason ?? 'Down for maintenance' }
          : (core?.filter?.(infoHash) ?? true),
      onError: core?.onError ?? ((error) => this.#world.loop.fail(error)),
      clock: this.host.clock,
      random: () => random.next() / 2 ** 32,
    });
    this.#open = new KeepAlive<OpenSocket>(this.#core, DEFAULT_SOCKET_LIMITS);
    this.#serve(
      transports.includes('ws') ? (socket) => this.#accept(socket) : undefined,
      transports.includes('http') ? (request, from) => this.#answer(request.url, from) : undefined,
    );
  }

  #end(): void {
    for (const socket of this.#open.sockets()) socket.terminate();
    this.#serve(undefined, undefined);
  }

  #serve(sockets: SocketServer | undefined, http: SimHttpServer | undefined): void {
    const { network, address } = this.host;
    const { transports } = this.#options;
    if (transports.includes('ws')) network.serveSockets(address, this.urls.ws, sockets);
    if (transports.includes('http')) network.serveHttp(address, new URL(this.urls.http).origin, http);
  }

  #round(): void {
    this.host.clock.setTimer(ROUND_MS, () => {
      if (this.#mode !== 'down') {
        this.#core.sweep();
        this.#open.round();
      }
      this.#round();
    });
  }

  #accept(socket: ServerSocket): ReturnType<SocketServer> {
    const open = this.#open;
    this.counters.connections++;
    this.#note();
    const end = (reason: string): void => {
      open.remove(entry);
      session.closed();
      socket.close(reason);
    };
    const ends = {
      ping: () => {
        if (socket.ping === undefined) session.heard();
        else socket.ping(() => session.heard());
      },
      close: (_code: number, reason: string) => end(reason),
      terminate: () => end('The tracker has ended the connection.'),
    };
    const session: WebSocketSession = this.#core.open({
      address: socket.address ?? '0.0.0.0',
      send: (text) => {
        if (this.#mode !== 'silent' && this.#mode !== 'garbage') this.#send(socket, text);
      },
      ping: ends.ping,
      // Only for those that wait for an asynchronous filter, which there is none of here.
      pause: () => {},
      resume: () => {},
      close: ends.close,
    });
    const entry = open.add(ends, session);
    return {
      onMessage: (text) => this.#received(socket, session, text),
      onClose: () => {
        open.remove(entry);
        session.closed();
      },
    };
  }

  #received(socket: ServerSocket, session: WebSocketSession, text: string): void {
    this.#count(text.length);
    switch (this.#mode) {
      case 'ok':
      case 'refusing':
        session.receive(text);
        return;
      case 'slow':
        this.host.clock.setTimer(this.#delay, () => session.receive(text));
        return;
      case 'garbage':
        session.heard();
        for (const message of socketGarbage(this.#garbageKind(), this.#random, text)) {
          this.#send(socket, message);
        }
        return;
      default:
        session.heard();
    }
  }

  #send(socket: ServerSocket, text: string): void {
    this.counters.sent++;
    this.counters.bytesOut += text.length;
    socket.send(text);
  }

  #answer(url: string, from: string): SimResponse | undefined {
    this.#count(url.length);
    switch (this.#mode) {
      case 'silent':
        return { delayMs: FOR_EVER_MS };
      case 'garbage':
        return this.#sent(httpGarbage(this.#garbageKind(), this.#random));
      default: {
        const delayMs = this.#mode === 'slow' ? this.#delay : 0;
        return this.#sent({ ...this.#route(url, from), delayMs });
      }
    }
  }

  #route(url: string, from: string): SimResponse {
    const { pathname, search } = new URL(url);
    const query = search.slice(1);
    const announce = new URL(this.urls.http).pathname;
    const headers = { 'content-type': 'text/plain', 'cache-control': 'no-store' };
    if (pathname === announce) {
      const body = answerAnnounce(this.#core, query, from);
      if (!(body instanceof Promise)) return { headers, body };
      this.#world.loop.fail(new TypeError('The filter of a simulated tracker must not be asynchronous.'));
      return { status: 500 };
    }
    if (pathname === announce.replace(/announce([^/]*)$/, 'scrape$1')) {
      return { headers, body: answerScrape(this.#core, query) };
    }
    return { status: 404, headers };
  }

  #sent(response: SimResponse): SimResponse {
    this.counters.sent++;
    this.counters.bytesOut += response.body?.length ?? 0;
    return response;
  }

  get #delay(): number {
    return this.#fault.delayMs ?? DEFAULT_DELAY_MS;
  }

  #garbageKind(): GarbageKind {
    return this.#fault.garbage ?? GARBAGE_KINDS[this.#random.below(GARBAGE_KINDS.length)]!;
  }

  #count(bytes: number): void {
    this.counters.received++;
    this.counters.bytesIn += bytes;
    this.counters.byMode[this.#mode]++;
    this.#note();
  }

  #note(): void {
    const { perSecond } = this.counters;
    const second = Math.floor(this.#world.clock.now() / 1000);
    perSecond.set(second, (perSecond.get(second) ?? 0) + 1);
  }
}
