import { type InfoHash, toHex } from 'freshet/protocol';
import type { AddressAnnounce, AddressPeer, AddressReply, ScrapeReply } from './address-announce.ts';
import { announceAddress, scrapeAddress } from './address-announce.ts';
import {
  DEFAULT_INTERVAL,
  EXPIRY_SLACK,
  type FilterVerdict,
  resolveLimits,
  type TrackerCoreOptions,
  type TrackerLimits,
} from './options.ts';
import { type Counters, newCounters, type PopulationStats, type TrackerStats } from './stats.ts';
import { SwarmStore } from './swarm-store.ts';
import { type TrackerConnection, type WebRtcPeer, WebSocketSession } from './websocket-session.ts';

/** Members that one sweep forgets at most; at one sweep a second that outruns any arrival rate we can serve. */
const SWEEP_LIMIT = 5_000;

/**
 * The tracker without sockets, clock or timers: connections are handed in, time is asked for, and whoever
 * runs it calls `sweep` about once a second. The server does that with real ones, a simulation with its own.
 */
export class TrackerCore {
  readonly limits: TrackerLimits;
  /** Seconds between announces. */
  readonly interval: number;
  readonly fullScrape: boolean;
  /** Peers that are reached through their WebSocket connection. */
  readonly webrtc: SwarmStore<WebRtcPeer>;
  /** Peers that are reached by IP address and port. */
  readonly addresses: SwarmStore<AddressPeer>;
  readonly counters: Counters = newCounters();
  readonly now: () => number;
  readonly #options: TrackerCoreOptions;
  readonly #startedAt: number;
  #connections = 0;
  #nextSessionId = 1;

  constructor(options: TrackerCoreOptions = {}) {
    this.#options = options;
    this.limits = resolveLimits(options);
    this.interval = options.interval ?? DEFAULT_INTERVAL;
    if (!(Number.isInteger(this.interval) && this.interval >= 1)) {
      throw new RangeError(`Tracker option interval must be whole seconds, at least 1, got ${this.interval}`);
    }
    this.fullScrape = options.fullScrape ?? false;
    const clock = options.clock ?? performance;
    this.now = () => clock.now();
    const random = options.random ?? Math.random;
    const { maxSwarms, maxPeersPerSwarm } = this.limits;
    const expireAfter = this.interval * 2000 + EXPIRY_SLACK;
    const shared = { now: this.now, random, expireAfter, maxSwarms, maxPeersPerSwarm };
    this.webrtc = new SwarmStore<WebRtcPeer>({ ...shared, onRemove: (_, peer) => peer.session.forget(peer) });
    this.addresses = new SwarmStore<AddressPeer>(shared);
    this.#startedAt = this.now();
  }

  /** Takes a new WebSocket connection in. The caller feeds the session and tells it when it closes. */
  open(connection: TrackerConnection): WebSocketSession {
    this.#connections++;
    this.counters.connections++;
    const id = this.#nextSessionId++;
    return new WebSocketSession(this, connection, id, () => {
      this.#connections--;
    });
  }

  /** Serves an HTTP or UDP announce (BEP 3, 15): registers the peer and draws others for it. */
  announce(request: AddressAnnounce): Promise<AddressReply> | AddressReply {
    return announceAddress(this, request);
  }

  /** Serves an HTTP or UDP scrape (BEP 48, 15). Hashes nobody has announced are zeros; none names all. */
  scrape(infoHashes: readonly InfoHash[]): ScrapeReply {
    return scrapeAddress(this, infoHashes);
  }

  /** Forgets peers that have been silent for two intervals. Call it about once a second. */
  sweep(): void {
    this.webrtc.sweep(SWEEP_LIMIT);
    this.addresses.sweep(SWEEP_LIMIT);
  }

  /** Why the operator does not want an info-hash served, or undefined if all is well. */
  refusal(infoHash: InfoHash): Promise<string | undefined> | string | undefined {
    const { filter } = this.#options;
    if (filter === undefined) return undefined;
    try {
      const verdict = filter(toHex(infoHash));
      return verdict instanceof Promise
        ? verdict.then(refusalOf, (error: unknown) => this.#filterFailed(error))
        : refusalOf(verdict);
    } catch (error) {
      return this.#filterFailed(error);
    }
  }

  stats(): TrackerStats {
    const webrtc = populationStats(this.webrtc);
    const address = populationStats(this.addresses);
    return {
      swarms: webrtc.swarms + address.swarms,
      peers: webrtc.peers + address.peers,
      seeds: webrtc.seeds + address.seeds,
      webrtc,
      address,
      connections: this.#connections,
      uptime: Math.floor((this.now() - this.#startedAt) / 1000),
      totals: { ...this.counters },
    };
  }

  /** An error of ours: told to the operator, never to a client. */
  reportError(error: unknown): void {
    this.#options.onError?.(error instanceof Error ? error : new Error(String(error)));
  }

  /** A client that broke a rule. */
  warn(message: string): void {
    this.#options.onWarning?.(message);
  }

  #filterFailed(error: unknown): string {
    this.reportError(error);
    return 'The tracker could not check this info_hash, try again later';
  }
}

function refusalOf(verdict: FilterVerdict): string | undefined {
  if (verdict === true) return undefined;
  return verdict === false ? 'This tracker does not serve this info_hash' : verdict.refused;
}

function populationStats(store: SwarmStore<WebRtcPeer> | SwarmStore<AddressPeer>): PopulationStats {
  return {
    swarms: store.swarmCount,
    peers: store.peerCount,
    seeds: store.seedCount,
    leeches: store.peerCount - store.seedCount,
  };
}
