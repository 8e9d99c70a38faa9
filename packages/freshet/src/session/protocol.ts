/**
 * What `Client`, `Torrent` and `File` know of an engine: commands in; snapshots, events and byte streams out.
 * Every value here survives a structured clone, so a session may be a plain object (direct.ts), the other end
 * of a `MessagePort`, or of a socket.
 */

import type { SessionEvent } from './events.ts';
import type {
  AddSettings,
  QueueSettings,
  SeedGoals,
  SeedInput,
  SeedSettings,
  TorrentKey,
  TorrentSource,
} from './settings.ts';
import type {
  KeptTorrent,
  PeerSnapshot,
  PieceMapSnapshot,
  TrackerSnapshot,
  WebSeedSnapshot,
} from './snapshot-types.ts';

export type * from './events.ts';
export type * from './settings.ts';
export type * from './snapshot-types.ts';

export interface AddArgs {
  readonly torrent: TorrentKey;
  readonly source: TorrentSource;
  readonly options: AddSettings;
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
  /** The torrent's metadata, for one that has none yet; what is of another torrent is passed over. */
  setMetadata: { args: { torrent: TorrentKey; source: TorrentSource }; result: undefined };
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
  /**
   * Addresses at which web seeds have file `index` of the snapshot's files by itself (BEP 19); those that have failed come
   * last.
   */
  fileAddresses: { args: { torrent: TorrentKey; index: number }; result: readonly string[] };
  /** For a map of the pieces. */
  pieces: { args: { torrent: TorrentKey }; result: PieceMapSnapshot };
  /** Torrents that are kept beyond the page, those used last first; none where files are the user's own. */
  kept: { args: Record<string, never>; result: readonly KeptTorrent[] };
  /**
   * Removes what is kept of one torrent, or of all, unless it is in use. Resolves with the bytes that were freed; with
   * `undefined` when the one is not there or in use.
   */
  removeKept: { args: { infoHash: string | undefined }; result: number | undefined };
  /** The network has changed or come back: announce and connect again at once. */
  networkChanged: { args: Record<string, never>; result: undefined };
}

export type CommandName = keyof Commands;

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
  /**
   * Events arrive in order. Returns the way to stop. A listener that cannot answer `ready` in the call, as it passes events
   * on, returns a promise then: the torrent requests nothing before it is settled.
   */
  subscribe(listener: (event: SessionEvent) => unknown): () => void;
  /** Ends the engine and all torrents. Resolves when all is released. Idempotent. */
  close(): Promise<void>;
}
