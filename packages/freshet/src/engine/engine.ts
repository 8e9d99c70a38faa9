import {
  type Handshake,
  type InfoHashHex,
  infoHashToHex,
  type PeerId,
  peerIdFromBytes,
  primaryHash,
  swarmHashes,
  type TorrentHashes,
} from '../protocol/index.ts';
import { CoarseClock } from './coarse-clock.ts';
import { OfferBudget, type OpenHttpTracker, TrackerSockets } from './discovery/index.ts';
import { FileWatcher } from './file-watcher.ts';
import { ConnectionBudget } from './peers/connection-budget.ts';
import { PeerConnection } from './peers/peer-connection.ts';
import type { PeerOwner } from './peers/peer-owner.ts';
import { BufferPool } from './pieces/buffer-pool.ts';
import { ReadCache } from './pieces/read-cache.ts';
import type { Link, Ports, Random } from './ports.ts';
import { TorrentQueue, type TorrentQueueOptions } from './queue/torrent-queue.ts';
import { RateLimiter } from './rate-limiter.ts';
import { RateMeter } from './rate-meter.ts';
import { OriginLimits } from './sources/origin-limits.ts';
import { CheckQueue } from './storage/check-queue.ts';
import { DiskPipeline } from './storage/disk-pipeline.ts';
import { Torrent } from './torrent.ts';
import type { TorrentHost } from './torrent-host.ts';
import type { TorrentObserver, TorrentSpec } from './torrent-types.ts';

export interface EngineOptions {
  /** 20 bytes; default `-FR` + version + random. */
  readonly peerId?: PeerId | undefined;
  /** Name and version told to peers. Default `Freshet`. */
  readonly clientName?: string | undefined;
  /** Connections of all torrents and kinds, incoming and WebRTC included. Default 200. */
  readonly maxConnections?: number | undefined;
  /** Connections per torrent. Default 55. */
  readonly maxPeersPerTorrent?: number | undefined;
  /**
   * Connections to one web server over all torrents, from 1. One of them is for what somebody waits for. Default 5,
   * which leaves a page one of the six that a browser opens.
   */
  readonly maxOriginConnections?: number | undefined;
  /** Memory for pieces in progress and on their way to the disk, in bytes. Default 64 MiB. */
  readonly bufferBudget?: number | undefined;
  /** Memory for regions read from disk to be sent, in bytes. Default 16 MiB. */
  readonly readCache?: number | undefined;
  /** Bytes per second over all torrents; none when absent, 0 for nothing. */
  readonly downloadLimit?: number | undefined;
  readonly uploadLimit?: number | undefined;
  /** How many torrents run at a time, and when they have seeded enough. Default all, and never. */
  readonly queue?: TorrentQueueOptions | undefined;
  /** From `httpTrackers()`. Used where there is a dialer for the addresses that they tell; default: they are passed over. */
  readonly openHttpTracker?: OpenHttpTracker | undefined;
  /** This is a site's own seeder, whose bytes cost money: viewers take from each other first. Default false. */
  readonly origin?: boolean | undefined;
}

/** Two clients of one process may not add the same torrent to one engine. */
export class DuplicateTorrentError extends Error {
  override readonly name: string = 'DuplicateTorrentError';
  readonly code = 'DUPLICATE_TORRENT';
  readonly infoHash: InfoHashHex;
  constructor(infoHash: InfoHashHex) {
    super(`Cannot add duplicate torrent ${infoHash}`);
    this.infoHash = infoHash;
  }
}

/** Outgoing TCP connections in the making at a time. */
const MAX_DIALING = 30;
/** Incoming connections of one host whose handshakes have not come: one that opens hundreds shuts nobody out. */
const MAX_STRANGERS_OF_HOST = 8;
/** When all places are taken, one that has not introduced itself for so many milliseconds gives its place to the next. */
const STRANGER_PATIENCE = 2000;

/** All torrents of a client, and what they share: connections, memory, limits, trackers. */
export class Engine {
  readonly peerId: PeerId;
  readonly #ports: Ports;
  readonly #budget: ConnectionBudget;
  readonly #uploadLimiter: RateLimiter;
  readonly #downloadLimiter: RateLimiter;
  readonly #torrents = new Map<InfoHashHex, Torrent>();
  /** By the hash of each swarm, two for a hybrid torrent (BEP 52). */
  readonly #bySwarm = new Map<InfoHashHex, Torrent>();
  readonly #routes = new Map<Torrent, readonly InfoHashHex[]>();
  /** Incoming connections whose handshake has not come yet. */
  readonly #incoming = new Set<PeerConnection>();
  readonly #host: TorrentHost;
  readonly #downloadMeter = new RateMeter();
  readonly #uploadMeter = new RateMeter();
  #port: number | undefined;
  #lastSourceId = 0;
  #closing: Promise<void> | undefined;

  constructor(ports: Ports, options: EngineOptions = {}) {
    this.#ports = ports;
    this.peerId = options.peerId ?? randomPeerId(ports.random);
    this.#budget = new ConnectionBudget(options.maxConnections ?? 200, MAX_DIALING);
    this.#uploadLimiter = new RateLimiter(ports.clock, options.uploadLimit);
    this.#downloadLimiter = new RateLimiter(ports.clock, options.downloadLimit);
    const engine = this;
    this.#host = {
      ports,
      peerId: this.peerId,
      clientName: options.clientName ?? 'Freshet',
      origin: options.origin ?? false,
      maxPeersPerTorrent: options.maxPeersPerTorrent ?? 55,
      budget: this.#budget,
      pool: new BufferPool(options.bufferBudget ?? 64 * 1024 * 1024),
      cache: new ReadCache(options.readCache ?? 16 * 1024 * 1024),
      watcher: new FileWatcher(ports.clock),
      webOrigins: new OriginLimits(ports.clock, options.maxOriginConnections ?? 5),
      uploadLimiter: this.#uploadLimiter,
      downloadLimiter: this.#downloadLimiter,
      slowClock: new CoarseClock(ports.clock),
      openHttpTracker: options.openHttpTracker,
      queue: new TorrentQueue(ports.clock, options.queue),
      disks: new DiskPipeline(),
      checks: new CheckQueue(),
      trackerSockets: new TrackerSockets({
        clock: ports.clock,
        random: ports.random,
        sockets: ports.sockets,
      }),
      offers: this.#createOffers(ports),
      downloadMeter: this.#downloadMeter,
      uploadMeter: this.#uploadMeter,
      get port(): number | undefined {
        return engine.#port;
      },
      nextSourceId: () => ++this.#lastSourceId,
      onHashes: (torrent) => this.#onHashes(torrent),
      onClosed: (torrent) => {
        if (this.#torrents.get(torrent.infoHashHex) === torrent) this.#torrents.delete(torrent.infoHashHex);
        this.#unroute(torrent);
      },
    };
  }

  /** The port that incoming connections are accepted on. */
  get port(): number | undefined {
    return this.#port;
  }

  /** By the hash that each is filed under. @see find */
  get torrents(): ReadonlyMap<InfoHashHex, Torrent> {
    return this.#torrents;
  }

  /** The torrent that goes by one of these hashes. */
  find(hashes: TorrentHashes): Torrent | undefined {
    for (const hash of swarmHashes(hashes)) {
      const torrent = this.#bySwarm.get(infoHashToHex(hash));
      if (torrent !== undefined) return torrent;
    }
    return undefined;
  }

  /** What is taken of the budgets at the moment: connections open, outgoing ones in the making, bytes for pieces. */
  get usage(): { readonly connections: number; readonly dialing: number; readonly pieceMemory: number } {
    const { open, dialing } = this.#budget;
    return { connections: open, dialing, pieceMemory: this.#host.pool.used };
  }

  /** Bytes per second over all torrents. */
  get downloadRate(): number {
    return this.#downloadMeter.rate(this.#ports.clock.now());
  }

  get uploadRate(): number {
    return this.#uploadMeter.rate(this.#ports.clock.now());
  }

  /**
   * Accepts incoming connections. Resolves with the port; rejects with a sentence when it cannot be had, or when
   * the platform has no listening sockets.
   * @param port 0 for any.
   */
  async listen(port: number): Promise<number> {
    const { listener } = this.#ports;
    if (listener === undefined) throw new Error('This platform cannot listen for incoming connections.');
    const chosen = await listener.listen(port, (link) => this.accept(link));
    if (this.#closing !== undefined) {
      await listener.close();
      throw new Error('The client is closed.');
    }
    this.#port = chosen;
    return chosen;
  }

  /** Takes over an incoming link; its handshake says which torrent it is for. */
  accept(link: Link): void {
    if (this.#closing !== undefined || this.#isCrowded(link.remote?.host) || !this.#tryOpen()) {
      link.attach({ onData(): void {}, onDrain(): void {}, onClose(): void {} });
      link.close();
      return;
    }
    const peer: PeerConnection = new PeerConnection(
      {
        id: ++this.#lastSourceId,
        link,
        incoming: true,
        clock: this.#ports.clock,
        address: link.remote,
        route: (handshake, routed) => this.#ownerOf(handshake, routed),
        onRefused: (refused) => {
          this.#incoming.delete(refused);
          this.#budget.closed();
        },
      },
      undefined,
    );
    this.#incoming.add(peer);
  }

  /** Too many connections of that host have not introduced themselves. */
  #isCrowded(host: string | undefined): boolean {
    if (host === undefined) return false;
    let strangers = 0;
    for (const peer of this.#incoming) if (peer.address?.host === host) strangers++;
    return strangers >= MAX_STRANGERS_OF_HOST;
  }

  /** Takes a place for an incoming connection, if need be that of whoever has been silent for longest. */
  #tryOpen(): boolean {
    if (this.#budget.tryOpen()) return true;
    for (const oldest of this.#incoming) {
      if (this.#ports.clock.now() - oldest.connectedAt < STRANGER_PATIENCE) return false;
      oldest.close('somebody else came while it had not introduced itself');
      return this.#budget.tryOpen();
    }
    return false;
  }

  /** @throws {DuplicateTorrentError} when the torrent is there already. */
  add(spec: TorrentSpec, observer: TorrentObserver): Torrent {
    const key = infoHashToHex(primaryHash(spec.hashes));
    if (this.#closing !== undefined) throw new Error('The client is closed.');
    if (this.#torrents.has(key) || this.find(spec.hashes) !== undefined) throw new DuplicateTorrentError(key);
    const torrent = new Torrent(this.#host, spec, observer);
    this.#torrents.set(key, torrent);
    this.#route(torrent, swarmHashes(spec.hashes).map(infoHashToHex));
    this.#host.queue.add(torrent.turn, spec.goals ?? {}, spec.queueOrder);
    torrent.start();
    return torrent;
  }

  /** Bytes per second over all torrents; `undefined` for no limit, 0 for nothing. */
  setLimits(limits: { readonly download?: number | undefined; readonly upload?: number | undefined }): void {
    this.#downloadLimiter.setRate(limits.download);
    this.#uploadLimiter.setRate(limits.upload);
  }

  /** How many torrents run at a time, and when they have seeded enough. */
  setQueue(options: TorrentQueueOptions): void {
    this.#host.queue.setOptions(options);
  }

  /** The network came back or changed: peers and trackers are tried again at once. */
  networkChanged(): void {
    for (const torrent of this.#torrents.values()) torrent.networkChanged();
  }

  /** Ends all torrents, keeps what was verified, releases everything. Idempotent. */
  close(): Promise<void> {
    if (this.#closing === undefined) {
      // Known before anything is told to anybody, who might want to close it too.
      let begin: () => void = () => {};
      this.#closing = new Promise<void>((resolve) => {
        begin = (): void => resolve(this.#close());
      });
      begin();
    }
    return this.#closing;
  }

  async #close(): Promise<void> {
    for (const peer of [...this.#incoming]) peer.close('the client is closing');
    const results = await Promise.allSettled([...this.#torrents.values()].map((torrent) => torrent.close()));
    await this.#ports.listener?.close();
    this.#host.trackerSockets.close();
    this.#host.queue.close();
    this.#uploadLimiter.close();
    this.#downloadLimiter.close();
    this.#host.pool.trim();
    const failed = results.find((result) => result.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }

  #ownerOf(handshake: Handshake, peer: PeerConnection): PeerOwner | string {
    const torrent = this.#bySwarm.get(infoHashToHex(handshake.infoHash));
    if (torrent === undefined) return 'no torrent of that info-hash is here';
    this.#incoming.delete(peer);
    return torrent.swarm;
  }

  /**
   * Peers may call the torrent by its other hash from now on. Two magnet links may have named the two hashes of one
   * torrent: then the one that has no metadata yet gives way.
   */
  #onHashes(torrent: Torrent): void {
    const keys = swarmHashes(torrent.hashes.all).map(infoHashToHex);
    const others = new Set(keys.map((key) => this.#bySwarm.get(key)));
    others.delete(torrent);
    this.#unroute(torrent);
    for (const other of others) if (other !== undefined) this.#unroute(other);
    this.#route(torrent, keys);
    for (const other of others) other?.endAsDuplicate(new DuplicateTorrentError(torrent.infoHashHex));
  }

  #route(torrent: Torrent, keys: readonly InfoHashHex[]): void {
    this.#routes.set(torrent, keys);
    for (const key of keys) this.#bySwarm.set(key, torrent);
  }

  #unroute(torrent: Torrent): void {
    for (const key of this.#routes.get(torrent) ?? []) this.#bySwarm.delete(key);
    this.#routes.delete(torrent);
  }

  #createOffers(ports: Ports): OfferBudget | undefined {
    if (ports.rtc === undefined) return undefined;
    const offers: OfferBudget = new OfferBudget({
      clock: ports.clock,
      rtc: ports.rtc,
      mayConnect: () => this.#budget.open + offers.halfOpen < this.#budget.max,
    });
    return offers;
  }
}

/** `-FR0100-` and twelve random characters (BEP 20). */
function randomPeerId(random: Random): PeerId {
  const id = new Uint8Array(20);
  for (const [i, char] of [...'-FR0100-'].entries()) id[i] = char.charCodeAt(0);
  for (let i = 8; i < 20; i++) id[i] = '0123456789abcdefghijklmnopqrstuvwxyz'.charCodeAt(random.below(36));
  return peerIdFromBytes(id)!;
}
