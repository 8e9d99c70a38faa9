import type { InfoHash } from '../protocol/index.ts';
import { Announcer, type AnnounceStats, type TrackerStatus } from './discovery/index.ts';
import type { Swarm } from './peers/swarm.ts';
import type { TorrentHost } from './torrent-host.ts';
import type { TorrentObserver } from './torrent-types.ts';

/** Peers that a torrent asks its trackers for. */
const WANTED_PEERS = 50;
/** Milliseconds from the first announce in which a viewer leaves to peers what is not due: WebRTC takes one to two seconds. */
const PEER_PATIENCE = 4000;

/** A torrent's trackers: those it has, and the announcer while the torrent is online, which brings peers to the swarm. */
export class TorrentTrackers {
  /** URLs by tier (BEP 12). */
  readonly tiers: string[][];
  readonly #host: TorrentHost;
  readonly #infoHash: InfoHash;
  readonly #swarm: Swarm;
  readonly #observer: TorrentObserver;
  readonly #progress: () => Pick<AnnounceStats, 'uploaded' | 'downloaded' | 'left'>;
  #announcer: Announcer | undefined;
  #peersExpectedUntil = Number.NEGATIVE_INFINITY;

  constructor(
    host: TorrentHost,
    infoHash: InfoHash,
    tiers: string[][],
    swarm: Swarm,
    observer: TorrentObserver,
    progress: () => Pick<AnnounceStats, 'uploaded' | 'downloaded' | 'left'>,
  ) {
    this.#host = host;
    this.#infoHash = infoHash;
    this.tiers = tiers;
    this.#swarm = swarm;
    this.#observer = observer;
    this.#progress = progress;
  }

  /** The first peers that the trackers know may be here soon. */
  get expectsPeers(): boolean {
    return this.#host.ports.clock.now() < this.#peersExpectedUntil;
  }

  status(): TrackerStatus[] {
    return this.#announcer?.status() ?? [];
  }

  add(url: string): void {
    this.tiers.push([url]);
    this.#announcer?.addTracker(url);
  }

  /** Announces `started`, and goes on announcing. */
  start(): void {
    if (this.#announcer !== undefined) return;
    const { ports } = this.#host;
    this.#announcer = new Announcer({
      clock: ports.clock,
      random: ports.random,
      http: ports.http,
      trackerSockets: this.#host.trackerSockets,
      rtc: this.#host.offers,
      infoHash: this.#infoHash,
      peerId: this.#host.peerId,
      tiers: this.tiers,
      useHttp: ports.dialer !== undefined,
      stats: () => ({
        ...this.#progress(),
        wantPeers: this.#swarm.hasRoom ? WANTED_PEERS : 0,
        port: this.#host.port,
      }),
      observer: {
        onPeers: (peers) => {
          for (const peer of peers) this.#swarm.addAddress(peer);
        },
        onLink: (link) => this.#swarm.addLink(link, false),
        onAnnounced: (url) => {
          this.#observer.onAnnounce(url);
          if (this.#swarm.peers.size === 0) this.#observer.onNoPeers('tracker');
        },
        onWarning: (_url, sentence) => this.#observer.onWarning(new Error(sentence)),
        wantsPeer: (peerId) => this.#swarm.wantsPeer(peerId),
      },
    });
    if (this.tiers.length > 0 && (ports.dialer !== undefined || ports.rtc !== undefined)) {
      this.#peersExpectedUntil = ports.clock.now() + PEER_PATIENCE;
    }
    this.#announcer.start();
  }

  /** Announces `stopped`. Resolves when that is said, or cannot be. */
  stop(): Promise<void> {
    const announcer = this.#announcer;
    this.#announcer = undefined;
    return new Promise((resolve) => {
      if (announcer === undefined) resolve();
      else announcer.stop(resolve);
    });
  }

  /** The download was completed in this run. */
  completed(): void {
    this.#announcer?.completed();
  }

  /** More peers would be welcome. */
  update(): void {
    this.#announcer?.update();
  }

  networkChanged(): void {
    this.#announcer?.networkChanged();
  }
}
