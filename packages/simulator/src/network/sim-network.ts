import type {
  Clock,
  Dialer,
  HttpClient,
  Listener,
  MessageSocketConnector,
  RtcConnector,
} from 'freshet/engine';
import type { SeededRandom } from 'freshet/memory';
import type { Trace } from '../trace.ts';
import { Agenda } from './agenda.ts';
import type { Fabric } from './fabric.ts';
import { originOf, SimHttpClient, type WebDirectory } from './http-client.ts';
import { HttpConnection } from './http-connection.ts';
import type { LineOptions, Network, SimHttpServer, SimSocketServer } from './network.ts';
import { RtcExchange } from './rtc.ts';
import { SimHost } from './sim-host.ts';
import { type SocketConnection, type SocketDirectory, socketConnector } from './sockets.ts';
import { TcpPorts } from './tcp.ts';
import { TrainYard } from './train.ts';

export interface SimNetworkOptions {
  readonly clock: Clock;
  /** A generator for each purpose. */
  readonly random: (purpose: string) => SeededRandom;
  /** Is told of each delivery. */
  readonly trace?: Trace | undefined;
  /** Makes delivered bytes part of the trace, which costs a nanosecond or two for each. Default false. */
  readonly traceBytes?: boolean | undefined;
  /**
   * Copies what is sent and overwrites it after delivery, so that who changes memory after `send`, or keeps it after
   * `onData`, is found out. Default false: the engine does neither, and the views that it sends are what is delivered.
   */
  readonly copyBytes?: boolean | undefined;
}

interface WebServer {
  readonly host: SimHost;
  readonly prefix: string;
  readonly server: SimHttpServer;
}

interface SocketEntry {
  readonly host: SimHost;
  readonly server: SimSocketServer;
}

/** The network of a simulated world: docs/simulation/network.md says what it models and what not. */
export class SimNetwork implements Network {
  readonly #fabric: Fabric;
  readonly #hosts = new Map<string, SimHost>();
  readonly #tcp: TcpPorts;
  readonly #rtc: RtcExchange;
  /** One for each host, as all who ask on it share its connections. */
  readonly #clients = new Map<string, SimHttpClient>();
  /** By origin, those with the longest prefix first. */
  readonly #webServers = new Map<string, WebServer[]>();
  readonly #socketServers = new Map<string, SocketEntry>();
  readonly #sockets = new Set<SocketConnection>();

  constructor(options: SimNetworkOptions) {
    const { random } = options;
    this.#fabric = {
      agenda: new Agenda(options.clock),
      yard: new TrainYard(),
      chance: {
        loss: random('network loss'),
        jitter: random('network jitter'),
        rtc: random('network rtc failure'),
      },
      trace: options.trace,
      tracesBytes: options.traceBytes === true,
      copies: options.copyBytes === true,
    };
    this.#tcp = new TcpPorts(this.#fabric, (address) => this.#host(address));
    this.#rtc = new RtcExchange(this.#fabric);
  }

  setHost(host: string, line: LineOptions): void {
    this.#host(host).setLine(line);
  }

  setOnline(host: string, online: boolean): void {
    const simHost = this.#host(host);
    simHost.isOnline = online;
    if (!online) for (const connection of [...simHost.connections]) connection.lose();
  }

  cut(host: string, other?: string): number {
    let count = 0;
    for (const connection of [...this.#host(host).connections]) {
      const { from, to } = connection;
      const partner = from.address === host ? to : from;
      if (other !== undefined && partner.address !== other) continue;
      connection.breakOff(new Error(`The connection between ${from.address} and ${to.address} was cut.`));
      count++;
    }
    return count;
  }

  dialer(host: string): Dialer {
    return this.#tcp.dialer(this.#host(host));
  }

  listener(host: string): Listener {
    return this.#tcp.listener(this.#host(host));
  }

  rtc(host: string): RtcConnector {
    return this.#rtc.connector(this.#host(host));
  }

  http(host: string): HttpClient {
    let client = this.#clients.get(host);
    if (client === undefined) {
      client = new SimHttpClient(this.#fabric, this.#host(host), this.#web);
      this.#clients.set(host, client);
    }
    return client;
  }

  sockets(host: string): MessageSocketConnector {
    return socketConnector(this.#fabric, this.#host(host), this.#socketDirectory);
  }

  serveHttp(host: string, origin: string, server: SimHttpServer | undefined): void {
    const key = originOf(origin);
    const others = (this.#webServers.get(key) ?? []).filter(({ prefix }) => prefix !== origin);
    if (server !== undefined) others.push({ host: this.#host(host), prefix: origin, server });
    others.sort((a, b) => b.prefix.length - a.prefix.length);
    this.#webServers.set(key, others);
    if (server !== undefined) return;
    for (const connection of [...this.#host(host).connections]) {
      if (!(connection instanceof HttpConnection) || !connection.isFor(origin)) continue;
      connection.breakOff(new Error(`The web server at ${origin} was stopped.`));
    }
  }

  serveSockets(host: string, url: string, server: SimSocketServer | undefined): void {
    if (server !== undefined) {
      this.#socketServers.set(url, { host: this.#host(host), server });
      return;
    }
    this.#socketServers.delete(url);
    for (const socket of [...this.#sockets]) {
      if (socket.url === url) socket.closeByServer('The server was stopped.');
    }
  }

  traffic(host: string): { readonly up: number; readonly down: number } {
    const { sent, received } = this.#host(host);
    return { up: sent, down: received };
  }

  #host(address: string): SimHost {
    let host = this.#hosts.get(address);
    if (host === undefined) {
      host = new SimHost(address, this.#hosts.size, this.#fabric.agenda, this.#fabric.yard);
      this.#hosts.set(address, host);
    }
    return host;
  }

  readonly #web: WebDirectory = {
    hostOf: (url) => this.#webServerOf(url)?.host ?? this.#named(url),
    serverOf: (url) => this.#webServerOf(url)?.server,
  };

  readonly #socketDirectory: SocketDirectory = {
    hostOf: (url) => this.#socketServers.get(url)?.host ?? this.#named(url),
    serverOf: (url) => this.#socketServers.get(url)?.server,
    onOpened: (connection) => void this.#sockets.add(connection),
    onEnded: (connection) => void this.#sockets.delete(connection),
  };

  #webServerOf(url: string): WebServer | undefined {
    return this.#webServers.get(originOf(url))?.find(({ prefix }) => url.startsWith(prefix));
  }

  /** The host whose address is in the URL. */
  #named(url: string): SimHost | undefined {
    const name = /^[a-z]+:\/\/(?:\[([^\]]*)\]|([^/?#:]*))/i.exec(url);
    const address = name?.[1] ?? name?.[2];
    return address === undefined ? undefined : this.#hosts.get(address);
  }
}
