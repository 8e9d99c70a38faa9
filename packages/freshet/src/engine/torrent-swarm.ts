import { formatAddress, type PeerId } from '../protocol/index.ts';
import type { ConnectionBudget } from './peers/connection-budget.ts';
import type { MetadataExchange } from './peers/metadata-exchange.ts';
import type { PeerConnection } from './peers/peer-connection.ts';
import { Swarm } from './peers/swarm.ts';
import type { SwarmEvents, SwarmOptions } from './peers/swarm-options.ts';
import type { Clock, Dialer, Hasher, Random } from './ports.ts';
import type { RateLimiter } from './rate-limiter.ts';
import type { SwarmHashes } from './swarm-hashes.ts';
import type { TorrentHost } from './torrent-host.ts';
import type { TorrentLimits } from './torrent-limits.ts';
import type { TorrentMetadata } from './torrent-metadata.ts';
import type { PeerStatus, TorrentObserver, TorrentSpec } from './torrent-types.ts';
import type { Transfer } from './transfer.ts';
import type { TransferTotals } from './transfer-totals.ts';

/** Milliseconds for which one warning of banned peers is enough. */
const BAN_WARNING_PAUSE = 10 * 60_000;

export interface TorrentSwarmOptions {
  readonly host: TorrentHost;
  readonly spec: TorrentSpec;
  readonly hashes: SwarmHashes;
  readonly metadata: TorrentMetadata;
  readonly totals: TransferTotals;
  readonly observer: TorrentObserver;
  readonly limits: TorrentLimits;
  /** While the storage is open. */
  readonly transfer: Transfer | undefined;
}

/** A torrent's swarm, wired to what counts bytes, what is exchanged while the storage is open, and who listens. */
export function createTorrentSwarm(options: TorrentSwarmOptions): Swarm {
  return new Swarm(new TorrentSwarmHost(options));
}

/** What a swarm asks of its torrent and tells it. */
class TorrentSwarmHost implements SwarmOptions, SwarmEvents {
  readonly #torrent: TorrentSwarmOptions;
  #warnedOfBanAt = Number.NEGATIVE_INFINITY;

  constructor(torrent: TorrentSwarmOptions) {
    this.#torrent = torrent;
  }

  get hashes(): SwarmHashes {
    return this.#torrent.hashes;
  }

  get peerId(): PeerId {
    return this.#torrent.host.peerId;
  }

  get clock(): Clock {
    return this.#torrent.host.ports.clock;
  }

  get random(): Random {
    return this.#torrent.host.ports.random;
  }

  get dialer(): Dialer | undefined {
    return this.#torrent.host.ports.dialer;
  }

  get budget(): ConnectionBudget {
    return this.#torrent.host.budget;
  }

  get maxPeers(): number {
    return this.#torrent.host.maxPeersPerTorrent;
  }

  get uploadSlots(): number | undefined {
    return this.#torrent.spec.uploadSlots;
  }

  get superSeed(): boolean {
    return this.#torrent.spec.superSeed ?? false;
  }

  get readCache(): number {
    return this.#torrent.host.cache.budget;
  }

  get hasher(): Hasher {
    return this.#torrent.host.ports.hasher;
  }

  get uploadLimiter(): RateLimiter {
    return this.#torrent.limits.upload;
  }

  get downloadLimiter(): RateLimiter {
    return this.#torrent.limits.download;
  }

  get metadata(): MetadataExchange {
    return this.#torrent.metadata.exchange;
  }

  get clientName(): string {
    return this.#torrent.host.clientName;
  }

  get origin(): boolean {
    return this.#torrent.host.origin;
  }

  get events(): SwarmEvents {
    return this;
  }

  listenPort(): number | undefined {
    return this.#torrent.host.port;
  }

  nextPeerId(): number {
    return this.#torrent.host.nextSourceId();
  }

  metadataSize(): number | undefined {
    return this.#torrent.metadata.infoBytes?.length;
  }

  streaming(): boolean {
    return this.#torrent.transfer?.content.streaming.active ?? false;
  }

  onPeer(peer: PeerConnection): void {
    this.#torrent.observer.onPeer(peer.status(this.clock.now()));
  }

  onPeerClosed(peer: PeerConnection): void {
    this.#torrent.observer.onPeerClosed(peer.status(this.clock.now()));
  }

  onPeerBanned(peer: PeerConnection, reason: string): void {
    const status = peer.status(this.clock.now());
    this.#torrent.observer.onPeerBanned?.(status, reason);
    if (this.#torrent.metadata.info === undefined) this.#warnOfBan(status, reason);
  }

  /** Without metadata nothing else tells why a magnet link waits, as one does for ever whose hasher is broken. */
  #warnOfBan({ address, transport }: PeerStatus, reason: string): void {
    const now = this.clock.now();
    if (now - this.#warnedOfBanAt < BAN_WARNING_PAUSE) return;
    this.#warnedOfBanAt = now;
    const name = address === undefined ? `A peer by ${transport}` : `The peer ${formatAddress(address)}`;
    const message = `${name} ${reason} and is not let in again: the torrent waits for others.`;
    this.#torrent.observer.onWarning(new Error(message));
  }

  onReceived(peer: PeerConnection, bytes: number): void {
    this.#torrent.totals.received(peer.link.transport, bytes);
    this.#torrent.observer.onDownload(bytes);
  }

  onWasted(bytes: number): void {
    this.#torrent.totals.wasted(bytes);
  }

  onSent(_peer: PeerConnection, bytes: number): void {
    this.#torrent.totals.sent(bytes);
    this.#torrent.observer.onUpload(bytes);
  }

  onReadError(piece: number, error: Error): void {
    this.#torrent.transfer?.onReadError(piece, error);
  }

  onTick(): void {
    const content = this.#torrent.transfer?.content;
    content?.merkle?.exchange.tick();
    content?.webSeeds.update();
  }
}
