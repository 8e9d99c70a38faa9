/**
 * What `Client`, `Torrent` and `File` know of an engine: commands in; snapshots, events and byte streams out.
 * Every value here survives a structured clone, so a session may be a plain object (direct.ts), the other end
 * of a `MessagePort`, or of a socket.
 */

import type { ErrorValue } from './errors.ts';

/** Names a torrent within one session. The caller chooses it, a new number for every `add` and `seed`. */
export type TorrentKey = number;

/** The part of a W3C `Blob` or `File` that a session uses; both can be cloned. */
export interface BlobLike {
  readonly size: number;
  readonly name?: string | undefined;
  slice(start?: number, end?: number): BlobLike;
  arrayBuffer(): Promise<ArrayBuffer>;
}

/** Where a torrent's metadata or name comes from. */
export type TorrentSource =
  /** The contents of a `.torrent` file. */
  | { readonly kind: 'metainfo'; readonly bytes: Uint8Array }
  /** An info dictionary by itself. */
  | { readonly kind: 'info'; readonly bytes: Uint8Array }
  | { readonly kind: 'magnet'; readonly uri: string }
  /** 40 hexadecimal or 32 base32 characters; 64 hexadecimal ones of a v2 hash (BEP 52). */
  | { readonly kind: 'infoHash'; readonly text: string }
  /** Address of a `.torrent` file, `http:` or `https:`. */
  | { readonly kind: 'url'; readonly url: string }
  /** Path of a `.torrent` file on the engine's machine. */
  | { readonly kind: 'path'; readonly path: string }
  | { readonly kind: 'blob'; readonly blob: BlobLike };

/** Where a torrent's data is kept. */
export interface StorageLocation {
  /** Folder, on platforms that have one. */
  readonly path?: string | undefined;
  /** Files go into a folder of their own, named by the info-hash. */
  readonly addUID?: boolean | undefined;
  /** Keep everything in memory. */
  readonly memory?: boolean | undefined;
  /** A `FileSystemDirectoryHandle` that the user chose, in a browser. */
  readonly directory?: unknown;
}

export interface AddArgs {
  readonly torrent: TorrentKey;
  readonly source: TorrentSource;
  readonly options: AddSettings;
}

export interface AddSettings {
  /** Trackers beside those of the source. */
  readonly announce?: readonly string[] | undefined;
  /** Web seeds beside those of the source. */
  readonly urlList?: readonly string[] | undefined;
  /** `host:port` of peers to connect to at once. */
  readonly peers?: readonly string[] | undefined;
  readonly maxWebConns?: number | undefined;
  readonly location?: StorageLocation | undefined;
  readonly paused?: boolean | undefined;
  /** Nothing is wanted until it is selected. */
  readonly deselect?: boolean | undefined;
  /** Indexes of the only files wanted (BEP 53), pad files not counted. */
  readonly selectOnly?: readonly number[] | undefined;
  readonly skipVerify?: boolean | undefined;
  readonly strategy?: 'rarest' | 'sequential' | undefined;
  /** `full` takes the room of all wanted files before anything is downloaded. */
  readonly allocation?: 'sparse' | 'full' | undefined;
  /** Most peers unchoked at a time; found from the upload rate when absent. */
  readonly uploads?: number | undefined;
  /** Bytes per second, web seeds included; those of the session hold beside it. */
  readonly downloadLimit?: number | undefined;
  readonly uploadLimit?: number | undefined;
  /** When it has seeded enough; infinite for never. Absent: what the session has. */
  readonly goals?: SeedGoals | undefined;
  /** Send each piece once until there is another seed (BEP 16). */
  readonly superSeed?: boolean | undefined;
  /** Overrides the privacy in the metadata, which decides only about where peers may come from. */
  readonly private?: boolean | undefined;
}

/** One thing to seed. Names are paths with `/` below the torrent's folder. */
export type SeedInput =
  /** A file or folder on the engine's machine, read in place. */
  | { readonly kind: 'path'; readonly path: string }
  | { readonly kind: 'blob'; readonly name: string; readonly blob: BlobLike }
  | { readonly kind: 'bytes'; readonly name: string; readonly bytes: Uint8Array };

export interface SeedSettings extends AddSettings {
  /** Name of the torrent. */
  readonly name?: string | undefined;
  readonly comment?: string | undefined;
  readonly createdBy?: string | undefined;
  /** Milliseconds since 1970; `false` leaves the date out. Default now. */
  readonly creationDate?: number | false | undefined;
  readonly source?: string | undefined;
  /** For clients of version 1 (BEP 3), of version 2 (BEP 52), or both. Default 1. */
  readonly version?: 1 | 2 | 'hybrid' | undefined;
  /** In bytes; chosen from the length when absent. */
  readonly pieceLength?: number | undefined;
  readonly announceList?: readonly (readonly string[])[] | undefined;
  /** Leave out what operating systems strew about. */
  readonly filterJunkFiles?: boolean | undefined;
}

/** Commands, with what each takes and gives. */
export interface Commands {
  /** Resolves once the engine has the torrent; what becomes of it, events tell. */
  add: { args: AddArgs; result: undefined };
  seed: {
    args: { torrent: TorrentKey; inputs: readonly SeedInput[]; options: SeedSettings };
    result: undefined;
  };
  /** Resolves when everything is really torn down. An unknown key is fine. */
  remove: { args: { torrent: TorrentKey; destroyStore: boolean }; result: undefined };
  /**
   * Hashes that a source has in itself, without adding it: 40 hexadecimal characters of a v1 hash or of the beginning of
   * a v2 hash, 64 of a v2 hash. None of a `url` or `path`, which is not looked at.
   */
  identify: { args: { source: TorrentSource }; result: readonly string[] };
  /** Pieces `first` to `last`, both inclusive; priority 1..7. */
  selectPieces: {
    args: { torrent: TorrentKey; first: number; last: number; priority: number };
    result: undefined;
  };
  deselectPieces: { args: { torrent: TorrentKey; first: number; last: number }; result: undefined };
  criticalPieces: { args: { torrent: TorrentKey; first: number; last: number }; result: undefined };
  /**
   * One priority of 0..7 for each file, 0 deselects; in force from the beginning when it comes before the metadata.
   * `index` counts the files as `MetadataSnapshot.files` has them; one that there is not is passed over.
   */
  selectFiles: {
    args: {
      torrent: TorrentKey;
      files: readonly { readonly index: number; readonly priority: number }[];
    };
    result: undefined;
  };
  pause: { args: { torrent: TorrentKey }; result: undefined };
  resume: { args: { torrent: TorrentKey }; result: undefined };
  /** `host:port`. Resolves with whether it was new and not refused. */
  addPeer: { args: { torrent: TorrentKey; address: string }; result: boolean };
  /** By the peer's number, its address, or its peer id in hexadecimal. */
  removePeer: { args: { torrent: TorrentKey; peer: number | string }; result: boolean };
  addWebSeed: { args: { torrent: TorrentKey; url: string }; result: undefined };
  removeWebSeed: { args: { torrent: TorrentKey; url: string }; result: undefined };
  addTracker: { args: { torrent: TorrentKey; url: string }; result: undefined };
  /** Verifies what is stored again. Resolves when that is done. */
  recheck: { args: { torrent: TorrentKey }; result: undefined };
  /**
   * Gives file `index` of the snapshot's files another path below the torrent's folder, with `/`. Waits until the torrent
   * is ready.
   */
  renameFile: { args: { torrent: TorrentKey; index: number; path: string }; result: undefined };
  /** Gives the torrent's file, or the folder that its files are in, another name. Waits until the torrent is ready. */
  rename: { args: { torrent: TorrentKey; name: string }; result: undefined };
  /** Moves all files and what is remembered of them to another folder. Waits until the torrent is ready. */
  move: { args: { torrent: TorrentKey; path: string }; result: undefined };
  /** Bytes per second, over all torrents; `undefined` for none. A limit that is absent stays. */
  setLimits: { args: { download?: number | null; upload?: number | null }; result: undefined };
  /** Bytes per second of one torrent; `null` for none of its own. A limit that is absent stays. */
  setTorrentLimits: {
    args: { torrent: TorrentKey; download?: number | null; upload?: number | null };
    result: undefined;
  };
  /** When it has seeded enough. What is absent is that of the session. */
  setGoals: { args: { torrent: TorrentKey; goals: SeedGoals }; result: undefined };
  /** Moves it to a position in the queue, from 0, or by some positions. Beyond the ends is at the ends. */
  moveInQueue: { args: { torrent: TorrentKey; to?: number; by?: number }; result: undefined };
  /** It runs whatever the queue says, or no longer. */
  forceStart: { args: { torrent: TorrentKey; forced: boolean }; result: undefined };
  /** Replaces the settings of the queue. */
  setQueue: { args: QueueSettings; result: undefined };
  peers: { args: { torrent: TorrentKey }; result: readonly PeerSnapshot[] };
  trackers: { args: { torrent: TorrentKey }; result: readonly TrackerSnapshot[] };
  webSeeds: { args: { torrent: TorrentKey }; result: readonly WebSeedSnapshot[] };
  /** For a map of the pieces. */
  pieces: { args: { torrent: TorrentKey }; result: PieceMapSnapshot };
  /** The network has changed or come back: announce and connect again at once. */
  networkChanged: { args: Record<string, never>; result: undefined };
}

export type CommandName = keyof Commands;

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

/** When a complete torrent has seeded enough and is paused. */
export interface SeedGoals {
  /** Bytes sent, earlier runs included, per byte received or per byte of the torrent, whichever is more. */
  readonly ratio?: number | undefined;
  /** Milliseconds of seeding in this run. */
  readonly seedTime?: number | undefined;
}

/** How many torrents run at a time; all when absent. */
export interface QueueSettings {
  readonly maxActiveDownloads?: number | undefined;
  readonly maxActiveSeeds?: number | undefined;
  readonly maxActive?: number | undefined;
  /** For torrents that have none of their own. */
  readonly goals?: SeedGoals | undefined;
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

/** What happens to one torrent. The state that goes with an event is in it or in an earlier one. */
export type TorrentEvent =
  | {
      readonly type: 'infoHash';
      /** 40 hexadecimal characters: the v1 hash, else the beginning of the v2 hash. */
      readonly infoHash: string;
      /** As far as they are known before the metadata. */
      readonly infoHashV1?: string | undefined;
      readonly infoHashV2?: string | undefined;
      readonly magnetURI: string;
      readonly name: string | undefined;
      readonly announce: readonly string[];
      readonly urlList: readonly string[];
      /** Where the files go; absent where there are no paths. */
      readonly path: string | undefined;
    }
  /** Commands given in the very call of the listener are in force before the first request. */
  | { readonly type: 'metadata'; readonly metadata: MetadataSnapshot }
  /** The hashes that a v2 torrent file must have are complete. */
  | { readonly type: 'torrentFile'; readonly torrentFile: Uint8Array }
  | { readonly type: 'checking'; readonly checked: number; readonly total: number }
  /** A seed is being read and hashed. */
  | { readonly type: 'hashing'; readonly hashed: number; readonly total: number }
  /** Also after a recheck, when pieces may have gone. */
  | { readonly type: 'ready'; readonly verified: Uint8Array; readonly stats: StatsSnapshot }
  /** What has come and gone since the last one; at most every 100 ms, and just before `done`. */
  | {
      readonly type: 'progress';
      readonly downloaded: number;
      readonly uploaded: number;
      readonly verified: readonly number[];
      readonly partial: readonly (readonly [index: number, received: number])[];
      readonly stats: StatsSnapshot;
    }
  /** Files are kept under other paths than the torrent's, below its folder. Before `ready`, what earlier runs renamed. */
  | {
      readonly type: 'renamed';
      readonly files: readonly { readonly index: number; readonly path: string }[];
    }
  /** Files are being moved: how many, or bytes where they are copied, of all. */
  | { readonly type: 'moving'; readonly moved: number; readonly total: number }
  /** They are in another folder now. */
  | { readonly type: 'moved'; readonly path: string }
  | { readonly type: 'done' }
  /** The queue has it wait, or lets it run. */
  | { readonly type: 'queued'; readonly queued: boolean }
  /** It has seeded enough and is paused. */
  | { readonly type: 'goal'; readonly goal: 'ratio' | 'seedTime' }
  | { readonly type: 'peer'; readonly peer: PeerSnapshot }
  /** `peer` is what was known of it at its end. */
  | { readonly type: 'peerClosed'; readonly id: number; readonly peer?: PeerSnapshot | undefined }
  /** At most once a second. */
  | { readonly type: 'peers'; readonly peers: readonly PeerSnapshot[] }
  | { readonly type: 'noPeers'; readonly source: string }
  | { readonly type: 'announce'; readonly url: string }
  | { readonly type: 'warning'; readonly error: ErrorValue }
  /** It stopped. `resumable` when `resume` tries again, as after a storage fault. */
  | { readonly type: 'error'; readonly error: ErrorValue; readonly resumable: boolean };

/** What happens to the session as a whole. */
export type GlobalEvent =
  | { readonly type: 'listening'; readonly port: number }
  /** It cannot go on. */
  | { readonly type: 'fatal'; readonly error: ErrorValue };

export type SessionEvent =
  | { readonly torrent: TorrentKey; readonly event: TorrentEvent }
  | { readonly torrent?: undefined; readonly event: GlobalEvent };

/** A stream of verified bytes, pulled. */
export interface ByteReader {
  /**
   * The next bytes, at least one and at most `maxBytes`; `undefined` at the end. One call at a time. Rejects when
   * the torrent ends first, and after `cancel`.
   */
  read(maxBytes: number): Promise<Uint8Array | undefined>;
  /** Idempotent. */
  cancel(): void;
}

export interface ReaderRange {
  readonly torrent: TorrentKey;
  /** First byte, in the torrent's linear address space. */
  readonly start: number;
  /** One past the last byte. */
  readonly end: number;
}

/** One engine, wherever it runs. */
export interface Session {
  /** Rejects with an error that has `name`, `code` and `message`. Never throws. */
  request<C extends CommandName>(command: C, args: Commands[C]['args']): Promise<Commands[C]['result']>;
  openReader(range: ReaderRange): ByteReader;
  /** Events arrive in order. Returns the way to stop. */
  subscribe(listener: (event: SessionEvent) => void): () => void;
  /** Ends the engine and all torrents. Resolves when all is released. Idempotent. */
  close(): Promise<void>;
}

/** Ways in which a session differs from the default, given when it is made. */
export interface SessionSettings {
  /** 20 bytes. */
  readonly peerId?: Uint8Array | undefined;
  /** Most connections per torrent. */
  readonly maxConns?: number | undefined;
  /** Bytes per second over all torrents. */
  readonly downloadLimit?: number | undefined;
  readonly uploadLimit?: number | undefined;
  readonly queue?: QueueSettings | undefined;
  /** TCP port; 0 for any free one. */
  readonly torrentPort?: number | undefined;
  /** False: no tracker is asked. */
  readonly trackers?: boolean | undefined;
  /** Trackers for every torrent. */
  readonly announce?: readonly string[] | undefined;
  /** False: web seeds are left alone. */
  readonly webSeeds?: boolean | undefined;
  /** Most connections to one web server over all torrents. */
  readonly maxOriginConns?: number | undefined;
  /** Name and version that peers are told. */
  readonly userAgent?: string | undefined;
  /** A site's own seeder: its viewers take from each other first. */
  readonly origin?: boolean | undefined;
  /** Address of `freshet-opfs-worker.js`, in a page that may not make a worker of its own text. */
  readonly storageWorker?: string | undefined;
  /** The one local address for connections. */
  readonly host?: string | undefined;
  /** False: no TCP. */
  readonly tcp?: boolean | undefined;
  /** False: no WebRTC. */
  readonly webrtc?: boolean | undefined;
  /** Bytes of memory for pieces on their way and read ahead, over all torrents. */
  readonly bufferBudget?: number | undefined;
}
