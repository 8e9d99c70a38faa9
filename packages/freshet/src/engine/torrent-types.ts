/** What the floor above the engine gives a torrent and hears from it. Types only. */

import type { Info, PeerAddress, PeerId, TorrentHashes } from '../protocol/index.ts';
import type { Disk, StateStore, Transport } from './ports.ts';
import type { Goal, Goals } from './queue/queue-policy.ts';
import type { WebSeedPolicy } from './sources/web-seed-policy.ts';

/** Why a torrent is not simply running. */
export type TorrentState =
  /** The info dictionary is being fetched from peers (BEP 9). */
  | 'metadata'
  /** Stored data is being opened and verified. */
  | 'checking'
  /** Exchanges pieces, or waits for peers. */
  | 'active'
  | 'paused'
  /** A storage fault stopped it; `resume()` tries again. */
  | 'failed'
  | 'closed';

export interface TorrentSpec {
  /** What is known of the torrent's names: the SHA-1 one, the SHA-256 one (BEP 52), or both of a hybrid. */
  readonly hashes: TorrentHashes;
  /** The info dictionary's exact bytes, when known. They must hash to `hashes`. */
  readonly infoBytes?: Uint8Array | undefined;
  /** What `infoBytes` say, if they have been read already. */
  readonly info?: Info | undefined;
  /** Of a torrent file of version 2: the hashes of the pieces of each file, by the file's root in hexadecimal (BEP 52). */
  readonly pieceLayers?: ReadonlyMap<string, Uint8Array> | undefined;
  /** Trackers by tier (BEP 12). */
  readonly trackers?: readonly (readonly string[])[] | undefined;
  /** Web seeds (BEP 19). */
  readonly webSeeds?: readonly string[] | undefined;
  /** Web seeds that are scripts and give pieces by number (BEP 17). */
  readonly httpSeeds?: readonly string[] | undefined;
  readonly peers?: readonly PeerAddress[] | undefined;
  /** Opens the storage as soon as the metadata is known. Called again after a failure, on `resume()`. */
  openDisk(info: Info): Promise<Disk>;
  /** Where resume data is kept; without it nothing survives a restart but the files. */
  readonly state?: StateStore | undefined;
  /** Initial selection by file, asked once the metadata is known; all when absent. A priority of 0 deselects. */
  filePriorities?(info: Info): readonly number[] | undefined;
  /** Starts paused: no connection is made and nothing is announced. */
  readonly paused?: boolean | undefined;
  /** Trusts that all data is present and right, as after creating the torrent from it. */
  readonly skipCheck?: boolean | undefined;
  /** Bytes per second, web seeds included; none when absent, 0 for nothing. */
  readonly downloadLimit?: number | undefined;
  readonly uploadLimit?: number | undefined;
  /** Torrents of a lower one come before it in the queue; default infinite. */
  readonly queueOrder?: number | undefined;
  /** When it has seeded enough; what is absent is the client's. */
  readonly goals?: Goals | undefined;
  /** `full` takes the room of all wanted files on the medium before anything is downloaded. Default `sparse`. */
  readonly allocation?: 'sparse' | 'full' | undefined;
  /** Order among pieces that no deadline and no priority tells apart. Default `rarest`. */
  readonly strategy?: 'rarest' | 'sequential' | undefined;
  /** Unchoke slots, from 1; default as many as the upload rate suggests, 4 to 200. */
  readonly uploadSlots?: number | undefined;
  /**
   * When everything is there, send each piece once, and the next to whoever has passed the former on (BEP 16), until
   * there is another seed. Who was connected before everything was there is served as usual. Default `false`.
   */
  readonly superSeed?: boolean | undefined;
  /** Most simultaneous connections per web seed address; default 4. */
  readonly maxWebSeedConnections?: number | undefined;
  /** When web seeds are asked while somebody watches. What is absent is the default. */
  readonly webSeedPolicy?: WebSeedPolicy | undefined;
}

/** Called synchronously, in the order in which things happen. */
export interface TorrentObserver {
  /** The metadata is known. Selections made in this call are in force before the first request. */
  onMetadata(info: Info, infoBytes: Uint8Array): void;
  /** Of a magnet link's torrent of version 2: the hashes of all pieces, by the roots of their files in hexadecimal. */
  onPieceLayers?(layers: ReadonlyMap<string, Uint8Array>): void;
  onChecking(checkedPieces: number, totalPieces: number): void;
  /**
   * Storage is open and what was there is verified; the torrent can be read from and seeded. Nothing is requested of
   * peers before this returns or, if that is a promise, before what it returns is settled.
   */
  onReady(): unknown;
  /** The piece is verified and readable. */
  onVerified(piece: number): void;
  /** Every wanted piece is verified and written. Called again when more was selected and has arrived. */
  onDone(): void;
  /** Block payload was received from a source (peers and web seeds), before verification. */
  onDownload(bytes: number): void;
  /** Block payload was handed to a peer's link. */
  onUpload(bytes: number): void;
  onPeer(peer: PeerStatus): void;
  onPeerClosed(peer: PeerStatus): void;
  /**
   * The peer sent something that was proven wrong and is not let in again; it may have left before that was known.
   * @param reason what it did, to go on after "the peer".
   */
  onPeerBanned?(peer: PeerStatus, reason: string): void;
  /** No peer is connected and the source named found none. */
  onNoPeers(source: 'tracker'): void;
  onAnnounce(url: string): void;
  /** Something outside went wrong and the torrent goes on. */
  onWarning(error: Error): void;
  /** The torrent stopped (`failed`). The error's message says what to do. */
  onError(error: Error): void;
  /** The queue lets it run, or has it wait. */
  onQueued?(queued: boolean): void;
  /** Its state or its place in the queue is different. */
  onChanged?(): void;
  /** It has seeded enough and is paused. */
  onGoal?(goal: Goal): void;
}

export interface TorrentStats {
  readonly state: TorrentState;
  /** It would run, but waits for its turn in the client's queue. */
  readonly queued: boolean;
  /** In the client's queue, from 0. */
  readonly queuePosition: number;
  /** The goal that had it paused, until it is resumed. */
  readonly reachedGoal: Goal | undefined;
  /** Milliseconds for which it has seeded in this run; counted only where there are goals or limits to the queue. */
  readonly seedTime: number;
  /** Verified bytes, pad files included. */
  readonly verifiedBytes: number;
  /** Verified bytes of wanted pieces, and how many there are. */
  readonly wantedVerifiedBytes: number;
  readonly wantedBytes: number;
  /** Block payload received in this run, verified or not, by kind of source. */
  readonly received: Readonly<Record<SourceKind, number>>;
  /** Block payload sent in this run. */
  readonly uploaded: number;
  /** Received, but thrown away: duplicates and pieces whose hash failed. */
  readonly wasted: number;
  /** Bytes per second over the last seconds. */
  readonly downloadRate: number;
  readonly uploadRate: number;
  readonly connectedPeers: number;
  readonly hashFailures: number;
}

export type SourceKind = Transport | 'webseed';

export interface PeerStatus {
  /** Unique within the engine's run. */
  readonly id: number;
  readonly peerId: PeerId | undefined;
  readonly address: PeerAddress | undefined;
  readonly transport: Transport;
  readonly incoming: boolean;
  /** Client name from the extension handshake, else guessed from the peer id. */
  readonly client: string;
  /** Fraction of the torrent it has, 0..1. */
  readonly progress: number;
  readonly downloaded: number;
  readonly uploaded: number;
  readonly downloadRate: number;
  readonly uploadRate: number;
  readonly amChoking: boolean;
  readonly amInterested: boolean;
  readonly peerChoking: boolean;
  readonly peerInterested: boolean;
  readonly outstandingRequests: number;
  readonly isSeed: boolean;
  /** It wants nothing more: it has everything, or says that it has all it wants (BEP 21). */
  readonly uploadOnly: boolean;
  /** It says that it is the seeder of whoever offers the torrent, and not one of its viewers. */
  readonly isOrigin: boolean;
  /** It speaks of the torrent as one of version 2 (BEP 52): each of its blocks can be verified by itself. */
  readonly v2: boolean;
}

export interface WebSeedStatus {
  readonly url: string;
  readonly state: 'idle' | 'active' | 'waiting' | 'failed';
  readonly downloaded: number;
  readonly downloadRate: number;
  readonly lastError: string | undefined;
}

/** Bytes of the torrent's linear address space, in order, each released once verified. */
export interface Reader {
  /** Next byte to be delivered. */
  readonly position: number;
  /**
   * Resolves with the next verified bytes, at least one and at most `maxBytes`, or `undefined` at the end. The
   * array is the caller's. One read at a time. Rejects with `ReaderError` after `close()` or when the torrent ends.
   */
  read(maxBytes: number): Promise<Uint8Array | undefined>;
  /** Moves to another position within the range; a read that waits goes on from there. */
  seek(position: number): void;
  /** Gives up the reader's deadlines; a waiting read rejects. Idempotent. */
  close(): void;
}

export interface ReaderOptions {
  /** First byte, in the torrent's address space. */
  readonly start: number;
  /** One past the last byte. */
  readonly end: number;
}
