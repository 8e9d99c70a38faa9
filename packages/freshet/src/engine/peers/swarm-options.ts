import type { PeerId } from '../../protocol/index.ts';
import type { Clock, Dialer, Hasher, Random } from '../ports.ts';
import type { RateLimiter } from '../rate-limiter.ts';
import type { SwarmHashes } from '../swarm-hashes.ts';
import type { ConnectionBudget } from './connection-budget.ts';
import type { MetadataExchange } from './metadata-exchange.ts';
import type { PeerConnection } from './peer-connection.ts';

/** What a torrent hears of its swarm. */
export interface SwarmEvents {
  onPeer(peer: PeerConnection): void;
  onPeerClosed(peer: PeerConnection, reason: string): void;
  onPeerBanned(peer: PeerConnection, reason: string): void;
  onReceived(peer: PeerConnection, bytes: number): void;
  onWasted(bytes: number): void;
  onSent(peer: PeerConnection, bytes: number): void;
  onReadError(piece: number, error: Error): void;
  /** Once a second while the swarm runs and there is anything to look after. */
  onTick(now: number): void;
}

/** What a swarm needs: what all torrents share, what is this torrent's own, and what changes while it runs. */
export interface SwarmOptions {
  readonly hashes: SwarmHashes;
  readonly peerId: PeerId;
  readonly clock: Clock;
  readonly random: Random;
  readonly dialer: Dialer | undefined;
  readonly budget: ConnectionBudget;
  readonly maxPeers: number;
  /** Peers that are uploaded to at a time; `undefined`: as many as the rates suggest. */
  readonly uploadSlots: number | undefined;
  /** Super-seed (BEP 16) when everything is there. */
  readonly superSeed: boolean;
  /** Bytes of the read cache. */
  readonly readCache: number;
  readonly hasher: Hasher;
  readonly uploadLimiter: RateLimiter;
  readonly downloadLimiter: RateLimiter;
  readonly metadata: MetadataExchange;
  readonly events: SwarmEvents;
  readonly clientName: string;
  /** We are the site's own seeder: peers that watch should turn to each other first. */
  readonly origin: boolean;
  /** `undefined` while nothing is accepted. */
  listenPort(): number | undefined;
  nextPeerId(): number;
  /** Bytes of the info dictionary, once it is known. */
  metadataSize(): number | undefined;
  /** Somebody watches. */
  streaming(): boolean;
}
