import { type AnnounceStats, SwarmAnnouncers, type TrackerStatus } from './discovery/index.ts';
import type { Swarm } from './peers/swarm.ts';
import type { SwarmHashes } from './swarm-hashes.ts';
import type { TorrentHost } from './torrent-host.ts';
import type { TorrentObserver } from './torrent-types.ts';

/** Peers that a torrent asks its trackers for. */
const WANTED_PEERS = 50;
/** Milliseconds from the first announce in which a viewer leaves to peers what is not due: WebRTC takes one to two seconds. */
const PEER_PATIENCE = 4000;

/** A torrent's trackers: those it has, and the announcers while the torrent is online, which bring peers to the swarm. */
export class TorrentTrackers {
  /** URLs by tier (BEP 12). */
  readonly tiers: string[][];
  readonly #host: TorrentHost;
  readonly #hashes: SwarmHashes;
  readonly #swarm: Swarm;
  readonly #observer: TorrentObserver;
  readonly #progress: () => Pick<AnnounceStats, 'uploaded' | 'downloaded' | 'left' | 'partialSeed'>;
  #announcers: SwarmAnnouncers | undefined;
  #peersExpectedUntil = Number.NEGATIVE_INFINITY;

  constructor(
    host: TorrentHost,
    hashes: SwarmHashes,
    tiers: string[][],
    swarm: Swarm,
    observer: TorrentObserver,
    progress: () => Pick<AnnounceStats, 'uploaded' | 'downloaded' | 'left' | 'partialSeed'>,
  ) {
    this.#host = host;
    this.#hashes = hashes;
    this.tiers = tiers;
    this.#swarm = swarm;
    this.#observer = observer;
    this.#progress = progress;
  }

  /** The first peers that the trackers know may be here soon. */
  get expectsPeers(): boolean {
    return this.#host.ports.clock.now() < this.#peersExpectedUntil;
  }

  /** Peers that lack something, as the trackers last counted them; this one is among them. */
  get leechers(): number {
    return this.status().reduce((most, { leechers = 0 }) => Math.max(most, leechers), 0);
  }

  status(): TrackerStatus[] {
    return this.#announcers?.status() ?? [];
  }

  add(url: string): void {
    this.tiers.push([url]);
    this.#announcers?.addTracker(url);
  }

  /** Announces `started` in each of the torrent's swarms, and goes on announcing. */
  start(): void {
    if (this.#announcers !== undefined) return;
    const { ports } = this.#host;
    this.#announcers = new SwarmAnnouncers({
      clock: this.#host.slowClock,
      random: ports.random,
      http: ports.http,
      trackerSockets: this.#host.trackerSockets,
      rtc: this.#host.offers,
      peerId: this.#host.peerId,
      tiers: this.tiers,
      openHttp: ports.dialer && this.#host.openHttpTracker,
      stats: () => ({
        ...this.#progress(),
        wantPeers: this.#swarm.hasRoom ? WANTED_PEERS : 0,
        port: this.#host.port,
      }),
      observer: {
        onPeers: (peers, swarm) => {
          for (const peer of peers) this.#swarm.addAddress(peer, swarm);
        },
        onLink: (link, incoming, swarm) => this.#swarm.addLink(link, incoming, swarm),
        onAnnounced: (url) => {
          this.#observer.onAnnounce(url);
          if (this.#swarm.peers.size === 0) this.#observer.onNoPeers('tracker');
        },
        onWarning: (_url, sentence, advice) =>
          this.#observer.onWarning(new Error(advice === undefined ? sentence : `${sentence} ${advice}`)),
        wantsPeer: (peerId, swarm) => this.#swarm.wantsPeer(peerId, swarm),
      },
    });
    if (this.tiers.length > 0 && (ports.dialer !== undefined || ports.rtc !== undefined)) {
      this.#peersExpectedUntil = ports.clock.now() + PEER_PATIENCE;
    }
    this.join();
  }

  /** The metadata has told of another swarm: it is joined too. */
  join(): void {
    // The v2 swarm first: who is met there need not be met in the other one.
    for (const swarm of this.#hashes.swarms().reverse()) {
      this.#announcers?.join(swarm, this.#hashes.of(swarm)!);
    }
  }

  /** Announces `stopped`. Resolves when that is said, or cannot be. */
  async stop(): Promise<void> {
    const announcers = this.#announcers;
    this.#announcers = undefined;
    await announcers?.stop();
  }

  /** The download was completed in this run. */
  completed(): void {
    this.#announcers?.completed();
  }

  /** More peers would be welcome. */
  update(): void {
    this.#announcers?.update();
  }

  networkChanged(): void {
    this.#announcers?.networkChanged();
  }
}
