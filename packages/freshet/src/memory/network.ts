/** A network of hosts in one process: dialers, listeners and WebRTC connectors that find each other by address. */

import type { Cancellable, Clock, Dialer, Link, Listener, Random, RtcConnector } from '../engine/ports.ts';
import { formatAddress, type PeerAddress } from '../protocol/index.ts';
import type { Bandwidth } from './bandwidth.ts';
import { type MemoryLinkOptions, type MemoryLinkPair, memoryLinkPair } from './link.ts';
import { MemoryRtc, RtcExchange } from './rtc.ts';

export interface HostOptions {
  /** Milliseconds from this host to the middle of the network; a path's latency is the sum of both ends'. */
  readonly latencyMs?: number | undefined;
  readonly up?: Bandwidth | undefined;
  readonly down?: Bandwidth | undefined;
}

/** What happens on the way between two hosts. `refuse` answers with an error, `drop` never answers. */
export type RouteVerdict = 'pass' | 'refuse' | 'drop';

export interface MemoryNetworkOptions {
  /** Of all links, besides what the hosts add. */
  readonly link?: MemoryLinkOptions | undefined;
  readonly random?: Random | undefined;
  /** Decides about each new connection. Default: all pass. */
  readonly route?: ((from: string, to: string) => RouteVerdict) | undefined;
}

const FIRST_EPHEMERAL_PORT = 49152;

export class MemoryNetwork {
  readonly clock: Clock;
  readonly #options: MemoryNetworkOptions;
  readonly #hosts = new Map<string, HostOptions>();
  readonly #listeners = new Map<string, (link: Link) => void>();
  readonly #rtc: RtcExchange;
  readonly #connections = new Set<{
    readonly from: string;
    readonly to: string;
    readonly pair: MemoryLinkPair;
  }>();
  #sweepAt = 64;
  #nextPort = FIRST_EPHEMERAL_PORT;

  constructor(clock: Clock, options: MemoryNetworkOptions = {}) {
    this.clock = clock;
    this.#options = options;
    this.#rtc = new RtcExchange(this);
  }

  /** Sets what a host's line can do; hosts that are not set have none of their own latency or limit. */
  setHost(host: string, options: HostOptions): void {
    this.#hosts.set(host, options);
  }

  /** Opens links from `host`. */
  dialer(host: string): Dialer {
    return {
      dial: (address, handler) => {
        const verdict = this.verdict(host, address.host);
        const roundTrip = 2 * this.latency(host, address.host);
        if (verdict === 'drop') return { cancel: () => {} };
        return this.#after(roundTrip, () => {
          const accept = this.#listeners.get(formatAddress(address));
          if (accept === undefined || verdict === 'refuse') {
            handler.onError(new Error(`Nobody listens on ${formatAddress(address)}.`));
            return;
          }
          const from: PeerAddress = { host, port: this.#freePort() };
          const { a, b } = this.connect(host, address.host, { address: from }, { address });
          accept(b);
          handler.onLink(a);
        });
      },
    };
  }

  /** Accepts links to `host`; port 0 takes any free one. */
  listener(host: string): Listener {
    const open = new Set<string>();
    return {
      listen: async (port, onLink) => {
        const chosen = port === 0 ? this.#freePort() : port;
        const key = formatAddress({ host, port: chosen });
        if (this.#listeners.has(key))
          throw new Error(`Port ${chosen} of ${host} is in use: choose another one.`);
        this.#listeners.set(key, onLink);
        open.add(key);
        return chosen;
      },
      close: async () => {
        for (const key of open) this.#listeners.delete(key);
        open.clear();
      },
    };
  }

  /** Makes WebRTC connections from `host`; the descriptions are made up, but travel as real ones do. */
  rtc(host: string): RtcConnector {
    return new MemoryRtc(host, this.#rtc);
  }

  /** Breaks all links between two hosts, or all of one host. Returns how many there were. */
  cut(host: string, other?: string): number {
    let count = 0;
    for (const connection of this.#connections) {
      const { from, to, pair } = connection;
      const concerned =
        other === undefined ? from === host || to === host : pairOf(from, to) === pairOf(host, other);
      if (!concerned) continue;
      this.#connections.delete(connection);
      if (pair.a.isEnded && pair.b.isEnded) continue;
      pair.cut(new Error(`The connection between ${from} and ${to} was cut.`));
      count++;
    }
    return count;
  }

  // --- for the connectors of this folder

  verdict(from: string, to: string): RouteVerdict {
    return this.#options.route?.(from, to) ?? 'pass';
  }

  /** One way between two hosts, in milliseconds. */
  latency(from: string, to: string): number {
    return (
      (this.#options.link?.latencyMs ?? 0) +
      (this.#hosts.get(from)?.latencyMs ?? 0) +
      (this.#hosts.get(to)?.latencyMs ?? 0)
    );
  }

  connect(
    from: string,
    to: string,
    endFrom: { readonly address?: PeerAddress; readonly transport?: 'webrtc' },
    endTo: { readonly address?: PeerAddress; readonly transport?: 'webrtc' },
    highWater?: number,
  ): MemoryLinkPair {
    const base = this.#options.link ?? {};
    const pair = memoryLinkPair(
      this.clock,
      {
        ...base,
        latencyMs: this.latency(from, to),
        highWater: highWater ?? base.highWater,
        random: base.random ?? this.#options.random,
      },
      { ...endFrom, ...linesOf(this.#hosts.get(from)) },
      { ...endTo, ...linesOf(this.#hosts.get(to)) },
    );
    this.#forgetEnded();
    this.#connections.add({ from, to, pair });
    return pair;
  }

  /** Connections are kept for `cut` only; those that have ended go when the set has doubled. */
  #forgetEnded(): void {
    if (this.#connections.size < this.#sweepAt) return;
    for (const connection of this.#connections) {
      if (connection.pair.a.isEnded && connection.pair.b.isEnded) this.#connections.delete(connection);
    }
    this.#sweepAt = Math.max(64, 2 * this.#connections.size);
  }

  #freePort(): number {
    const port = this.#nextPort++;
    if (this.#nextPort > 65535) this.#nextPort = FIRST_EPHEMERAL_PORT;
    return port;
  }

  #after(delay: number, callback: () => void): Cancellable {
    return this.clock.setTimer(delay, callback);
  }
}

function linesOf(host: HostOptions | undefined): {
  up?: Bandwidth | undefined;
  down?: Bandwidth | undefined;
} {
  return { up: host?.up, down: host?.down };
}

function pairOf(a: string, b: string): string {
  return a < b ? `${a} ${b}` : `${b} ${a}`;
}
