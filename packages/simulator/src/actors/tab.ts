import type { EngineOptions, PeerStatus, TorrentSpec } from 'freshet/engine';
import type { LineOptions } from '../network/network.ts';
import type { Peer } from '../world.ts';
import type { Site, Totals } from './visitor.ts';

export interface TabOptions {
  readonly line: LineOptions;
  readonly spec?: Partial<TorrentSpec> | undefined;
  readonly engine?: EngineOptions | undefined;
}

export interface TabEvents {
  onReady(): void;
  onPiece(piece: number): void;
  onDone(): void;
}

/** A browser's tab with an engine in it and the site's torrent, whose file the page has brought along. */
export class Tab {
  readonly peer: Peer;
  readonly arrivedAt: number;
  completedAt: number | undefined;
  readonly #site: Site;
  /** Payload from the site's seeder over connections that have ended. */
  #fromSeeder = 0;
  #last: Totals | undefined;

  constructor(site: Site, options: TabOptions, events: TabEvents) {
    const { world, content, trackers, webSeeds } = site;
    this.#site = site;
    this.arrivedAt = world.clock.now();
    this.peer = world.peer({
      content,
      kind: 'browser',
      line: options.line,
      engine: options.engine,
      spec: { trackers: trackers.length === 0 ? [] : [trackers], webSeeds, ...options.spec },
      observer: {
        onReady: () => events.onReady(),
        onVerified: (piece) => events.onPiece(piece),
        onDone: () => {
          this.completedAt ??= world.clock.now();
          events.onDone();
        },
        onPeerClosed: (status) => {
          this.#fromSeeder += seederBytes(status);
        },
        onError: (error) => world.loop.fail(error),
      },
    });
  }

  totals(): Totals {
    if (this.#last !== undefined) return this.#last;
    const { torrent } = this.peer;
    const { received, uploaded, wasted } = torrent.stats();
    const fromOthers = received.webrtc + received.tcp + received.utp + received.memory;
    // A look at each connection of each viewer costs more than all else that is counted.
    const peers = this.#site.seeded ? torrent.peers() : [];
    const fromSeeder = this.#fromSeeder + peers.reduce((sum, peer) => sum + seederBytes(peer), 0);
    return { fromPeers: fromOthers - fromSeeder, fromSeeder, fromHttp: received.webseed, uploaded, wasted };
  }

  has(piece: number): boolean {
    return this.peer.torrent.verified?.get(piece) ?? false;
  }

  /** What was received stays known. @param silently the machine goes without a word. */
  close(silently: boolean): void {
    if (this.#last !== undefined) return;
    this.#last = this.totals();
    if (silently) this.#site.world.network.setOnline(this.peer.host.address, false);
    this.#site.world.retire(this.peer);
  }
}

function seederBytes(status: PeerStatus): number {
  return status.isOrigin ? status.downloaded : 0;
}
