import type { HttpClient, MessageSocketConnector } from 'freshet/engine';
import {
  Bandwidth,
  MemoryHttp,
  MemoryMessageSockets,
  MemoryNetwork,
  SeededRandom,
  type VirtualClock,
} from 'freshet/memory';
import type { LineOptions, Network, SimHttpServer, SocketServer } from './network.ts';

/** The network of the engine's own tests behind the simulator's interface. */
export class PlainNetwork implements Network {
  readonly #clock: VirtualClock;
  readonly #network: MemoryNetwork;
  readonly #sockets: MemoryMessageSockets;
  readonly #offline = new Set<string>();
  readonly #servers = new Map<string, { readonly host: string; readonly server: SimHttpServer }>();

  constructor(clock: VirtualClock, seed: number) {
    this.#network = new MemoryNetwork(clock, {
      random: new SeededRandom(seed),
      route: (from, to) => (this.#offline.has(from) || this.#offline.has(to) ? 'drop' : 'pass'),
    });
    this.#clock = clock;
    this.#sockets = new MemoryMessageSockets(clock, { latencyMs: 20 });
  }

  setHost(host: string, line: LineOptions): void {
    this.#network.setHost(host, {
      latencyMs: line.latencyMs ?? 10,
      up: new Bandwidth(line.up ?? Number.POSITIVE_INFINITY),
      down: new Bandwidth(line.down ?? Number.POSITIVE_INFINITY),
    });
  }

  setOnline(host: string, online: boolean): void {
    if (online) this.#offline.delete(host);
    else {
      this.#offline.add(host);
      this.#network.cut(host);
    }
  }

  cut(host: string, other?: string): number {
    return this.#network.cut(host, other);
  }

  dialer(host: string): ReturnType<Network['dialer']> {
    return this.#network.dialer(host);
  }

  listener(host: string): ReturnType<Network['listener']> {
    return this.#network.listener(host);
  }

  rtc(host: string): ReturnType<Network['rtc']> {
    return this.#network.rtc(host);
  }

  http(host: string): HttpClient {
    const http = new MemoryHttp(this.#clock, { latencyMs: 20 });
    http.route('*', (request) => {
      const at = this.#servers.get(new URL(request.url).origin);
      if (this.#offline.has(host) || (at !== undefined && this.#offline.has(at.host)))
        return { silentAfter: -1 };
      return at?.server(request, host) ?? { breakAfter: -1 };
    });
    return http;
  }

  sockets(_host: string): MessageSocketConnector {
    return this.#sockets;
  }

  serveHttp(host: string, origin: string, server: SimHttpServer | undefined): void {
    if (server === undefined) this.#servers.delete(origin);
    else this.#servers.set(origin, { host, server });
  }

  serveSockets(_host: string, url: string, server: SocketServer | undefined): void {
    if (server === undefined) this.#sockets.stop(url);
    else this.#sockets.serve(url, server);
  }

  traffic(_host: string): { readonly up: number; readonly down: number } {
    return { up: 0, down: 0 };
  }
}
