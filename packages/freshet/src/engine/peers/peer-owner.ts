import type {
  Bitfield,
  BlockRequest,
  ExtendedHandshake,
  Handshake,
  Info,
  PeerId,
} from '../../protocol/index.ts';
import type { MerkleService } from '../merkle/merkle-service.ts';
import type { PieceStore } from '../pieces/piece-store.ts';
import type { Scheduler } from '../pieces/scheduler.ts';
import type { RateLimiter } from '../rate-limiter.ts';
import type { SwarmHashes } from '../swarm-hashes.ts';
import type { PeerConnection } from './peer-connection.ts';

/** What exists once the torrent's pieces can be exchanged. */
export interface Exchange {
  readonly info: Info;
  readonly store: PieceStore;
  readonly scheduler: Scheduler;
  /** With v2 (BEP 52): the trees of the files. */
  readonly merkle?: MerkleService | undefined;
  /** Nothing is selected of what is missing: what will be, somebody must still be there to give. */
  readonly undecided: boolean;
}

/** The torrent behind a connection, as the connection sees it. */
export interface PeerOwner {
  readonly hashes: SwarmHashes;
  readonly peerId: PeerId;
  /** `undefined` while metadata or the check of stored data is missing. */
  readonly exchange: Exchange | undefined;
  /** What peers are told that we have; `undefined` while it is not known. */
  readonly announced: Bitfield | undefined;
  readonly uploadLimiter: RateLimiter;
  readonly downloadLimiter: RateLimiter;
  /** Somebody watches: short queues, so that a seek is served soon. */
  readonly streaming: boolean;
  /** Our extended handshake for this peer. */
  extendedHandshake(peer: PeerConnection): ExtendedHandshake;
  /** The handshake is complete. Returns why the peer is not welcome, or `undefined`. */
  admit(peer: PeerConnection, handshake: Handshake): string | undefined;
  /** The peer was admitted and greeted. */
  onAdmitted(peer: PeerConnection): void;
  onExtendedHandshake(peer: PeerConnection): void;
  onMetadataMessage(peer: PeerConnection, payload: Uint8Array): void;
  /** The peer became interested, or is no longer. */
  onInterest(peer: PeerConnection): void;
  /** The peer's pieces changed, or whether it downloads any more. */
  onHave(peer: PeerConnection): void;
  onReceived(peer: PeerConnection, bytes: number): void;
  onWasted(bytes: number): void;
  /** @param piece the last one that bytes were sent of. */
  onSent(peer: PeerConnection, bytes: number, piece: number): void;
  /** The peer was unchoked just now. */
  onUnchoked(peer: PeerConnection): void;
  /** Whether a request is answered, if we have the piece. */
  accepts(peer: PeerConnection, request: BlockRequest): boolean;
  onReadError(piece: number, error: Error): void;
  onBanned(peer: PeerConnection, reason: string): void;
  /** The connection has ended; it was admitted before. */
  onClosed(peer: PeerConnection, reason: string): void;
}
