/** The announcers of one torrent: one for each swarm that it is in, and one account of the trackers for all of them. */

import type { InfoHash, PeerAddress, PeerId } from '../../protocol/index.ts';
import { LazyMap } from '../../protocol/lazy-collections.ts';
import type { Link } from '../ports.ts';
import type { SwarmKind } from '../swarm-hashes.ts';
import { Announcer, type AnnouncerOptions } from './announcer.ts';
import { mergeTrackerStatus } from './tracker-status.ts';
import { trackerKind } from './tracker-url.ts';
import type { TrackerStatus } from './types.ts';

/** Hears what the announcers find. */
export interface SwarmAnnouncersObserver {
  onPeers(peers: readonly PeerAddress[], swarm: SwarmKind): void;
  /** `incoming`: the peer made the offer. */
  onLink(link: Link, incoming: boolean, swarm: SwarmKind): void;
  onAnnounced(url: string): void;
  onWarning(url: string, sentence: string, advice: string | undefined): void;
  wantsPeer(peerId: PeerId, swarm: SwarmKind): boolean;
}

export interface SwarmAnnouncersOptions
  extends Omit<AnnouncerOptions, 'infoHash' | 'observer' | 'tiers' | 'owner'> {
  /** Tracker URLs in tiers (BEP 12), with those that are added later. */
  readonly tiers: readonly (readonly string[])[];
  readonly observer: SwarmAnnouncersObserver;
}

/** Milliseconds in which a warning that another swarm's announcer has given is not repeated. */
const SAME_WARNING = 60_000;

/**
 * Announces a torrent to its trackers in each of its swarms: a hybrid torrent has two (BEP 52), and to a tracker they
 * are two torrents. They share the sockets to the trackers and the torrent's part of the offers.
 */
export class SwarmAnnouncers {
  readonly #options: SwarmAnnouncersOptions;
  readonly #announcers = new LazyMap<SwarmKind, Announcer>();
  /** The last warning of each announcer about each tracker: one that is down is told of once, not for each swarm. */
  readonly #warned = new LazyMap<
    SwarmKind,
    Map<string, { readonly sentence: string; readonly at: number }>
  >();

  constructor(options: SwarmAnnouncersOptions) {
    this.#options = options;
  }

  /** Joins a swarm: announces `started` there, and goes on announcing. */
  join(swarm: SwarmKind, infoHash: InfoHash): void {
    if (this.#announcers.has(swarm)) return;
    const options = this.#options;
    const { observer } = options;
    // Each by its name: an object that is spread has a hidden class of its own, for each torrent.
    const announcer = new Announcer({
      clock: options.clock,
      random: options.random,
      http: options.http,
      trackerSockets: options.trackerSockets,
      rtc: options.rtc,
      peerId: options.peerId,
      tiers: options.tiers,
      openHttp: options.openHttp,
      announceToAll: options.announceToAll,
      stats: () => ({ ...options.stats(), metElsewhere: swarm === 'v1' ? this.#metByV2() : 0 }),
      infoHash,
      owner: this,
      observer: {
        onPeers: (peers) => observer.onPeers(peers, swarm),
        onLink: (link, _peerId, _url, incoming) => observer.onLink(link, incoming, swarm),
        onAnnounced: (url) => observer.onAnnounced(url),
        onWarning: (url, sentence, advice) => this.#warn(swarm, url, sentence, advice),
        wantsPeer: (peerId) => observer.wantsPeer(peerId, swarm),
      },
    });
    this.#announcers.set(swarm, announcer);
    announcer.start();
  }

  /** Announces `stopped` everywhere. Resolves when that is said, or cannot be. */
  async stop(): Promise<void> {
    const announcers = [...this.#announcers.values()];
    this.#announcers.clear();
    await Promise.all(announcers.map((announcer) => new Promise<void>((resolve) => announcer.stop(resolve))));
  }

  status(): TrackerStatus[] {
    return mergeTrackerStatus([...this.#announcers.values()].map((announcer) => announcer.status()));
  }

  addTracker(url: string): void {
    for (const announcer of this.#announcers.values()) announcer.addTracker(url);
  }

  completed(): void {
    for (const announcer of this.#announcers.values()) announcer.completed();
  }

  update(): void {
    for (const announcer of this.#announcers.values()) announcer.update();
  }

  networkChanged(): void {
    for (const announcer of this.#announcers.values()) announcer.networkChanged();
  }

  /** Peers that trackers introduce over WebRTC in the v2 swarm. */
  #metByV2(): number {
    let met = 0;
    for (const { url, state, seeds = 0, leechers = 0 } of this.#announcers.get('v2')?.status() ?? []) {
      if (trackerKind(url) !== 'ws') continue;
      if (state === 'announcing') return Number.POSITIVE_INFINITY;
      if (state === 'working') met = Math.max(met, seeds + leechers - 1);
    }
    return met;
  }

  #warn(swarm: SwarmKind, url: string, sentence: string, advice: string | undefined): void {
    const at = this.#options.clock.now();
    const own = this.#warned.get(swarm) ?? new Map<string, { sentence: string; at: number }>();
    this.#warned.set(swarm, own);
    own.set(url, { sentence, at });
    for (const [other, warnings] of this.#warned) {
      const said = other === swarm ? undefined : warnings.get(url);
      if (said?.sentence === sentence && at - said.at < SAME_WARNING) return;
    }
    this.#options.observer.onWarning(url, sentence, advice);
  }
}
