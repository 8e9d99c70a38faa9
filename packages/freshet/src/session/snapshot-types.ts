/** The state of an engine as a session tells it, in values that survive a structured clone. */

export type { KeptTorrent } from '../engine/storage/kept-torrent.ts';

export interface FileSnapshot {
  /** Place among the files of the torrent, pad files not counted. */
  readonly index: number;
  readonly name: string;
  /** With `/`; begins with the torrent's name when it has several files. */
  readonly path: string;
  readonly length: number;
  readonly offset: number;
}

export interface MetadataSnapshot {
  /** 40 hexadecimal characters; absent when the torrent is of version 2 only (BEP 52). */
  readonly infoHashV1?: string | undefined;
  /** 64 hexadecimal characters; absent when the torrent is of version 1 only. */
  readonly infoHashV2?: string | undefined;
  readonly name: string;
  /** Without pad files. */
  readonly files: readonly FileSnapshot[];
  /** Bytes, pad files included: the torrent's linear address space. */
  readonly length: number;
  readonly pieceLength: number;
  readonly lastPieceLength: number;
  readonly pieceCount: number;
  readonly private: boolean;
  /** Contents of a `.torrent` file for it; absent while hashes are missing that a v2 file must have (BEP 52). */
  readonly torrentFile?: Uint8Array | undefined;
  readonly infoBytes: Uint8Array;
  readonly magnetURI: string;
  readonly announce: readonly string[];
  readonly urlList: readonly string[];
  /** Milliseconds since 1970. */
  readonly created?: number | undefined;
  readonly createdBy?: string | undefined;
  readonly comment?: string | undefined;
  /** Indexes of files that are not wanted at first. */
  readonly deselected: readonly number[];
}

export interface StatsSnapshot {
  readonly state: 'metadata' | 'checking' | 'active' | 'paused' | 'failed' | 'closed';
  readonly verifiedBytes: number;
  readonly wantedBytes: number;
  readonly wantedVerifiedBytes: number;
  /** Block payload received in this run, verified or not, by kind of source. */
  readonly received: Readonly<Record<string, number>>;
  /** Block payload sent in this run. */
  readonly uploaded: number;
  /** Received, but thrown away. */
  readonly wasted: number;
  /** Bytes per second. */
  readonly downloadSpeed: number;
  readonly uploadSpeed: number;
  readonly numPeers: number;
  readonly hashFailures: number;
  /** It would run, but waits for its turn. */
  readonly queued: boolean;
  /** From 0. */
  readonly queuePosition: number;
  /** The goal that had it paused, until it is resumed. */
  readonly reachedGoal: 'ratio' | 'seedTime' | undefined;
  /** Milliseconds of seeding in this run; counted where there are goals or limits to the queue. */
  readonly seedTime: number;
}

export interface PeerSnapshot {
  /** Unique within the session. */
  readonly id: number;
  /** 40 hexadecimal characters, once the handshake is over. */
  readonly peerId: string | undefined;
  readonly address: string | undefined;
  readonly port: number | undefined;
  readonly transport: string;
  readonly incoming: boolean;
  readonly client: string;
  /** Fraction of the torrent it has, 0..1. */
  readonly progress: number;
  readonly downloaded: number;
  readonly uploaded: number;
  readonly downloadSpeed: number;
  readonly uploadSpeed: number;
  readonly amChoking: boolean;
  readonly amInterested: boolean;
  readonly peerChoking: boolean;
  readonly peerInterested: boolean;
  readonly isSeed: boolean;
  /** It wants nothing more: it has everything, or says that it has all it wants (BEP 21). */
  readonly uploadOnly: boolean;
  /** It says that it is the seeder of whoever offers the torrent, and not one of its viewers. */
  readonly isOrigin: boolean;
  /** It speaks of the torrent as one of version 2 (BEP 52): each of its blocks can be verified by itself. */
  readonly v2: boolean;
}

export interface TrackerSnapshot {
  readonly url: string;
  readonly state: string;
  readonly lastError: string | undefined;
  readonly seeds: number | undefined;
  readonly leechers: number | undefined;
}

export interface WebSeedSnapshot {
  readonly url: string;
  readonly state: string;
  readonly downloaded: number;
  readonly downloadSpeed: number;
  readonly lastError: string | undefined;
}

export interface PieceMapSnapshot {
  readonly pieceCount: number;
  /** Verified pieces, the high bit of the first byte first. */
  readonly verified: Uint8Array;
  /** Pieces on their way: pairs of index and bytes received. */
  readonly partial: readonly (readonly [index: number, received: number])[];
}
