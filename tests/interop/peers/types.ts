import type { Usage } from '../../support/process.ts';

/** What a real BitTorrent program is told to give away. */
export interface SeedOptions {
  /** Path of the `.torrent`. */
  readonly torrentFile: string;
  /** The folder that holds the torrent's file or its folder. */
  readonly dataDir: string;
  /** Limit in bytes per second, on loopback too. */
  readonly uploadRate?: number | undefined;
  /** Extra trackers beside the ones in the torrent. */
  readonly trackers?: readonly string[] | undefined;
}

/** What a real BitTorrent program is told to fetch: one of `torrentFile` and `magnet`. */
export interface DownloadOptions {
  readonly torrentFile?: string | undefined;
  readonly magnet?: string | undefined;
  /** The folder that will hold the torrent's file or its folder. */
  readonly dir: string;
  /** Addresses (`127.0.0.1:port`) to connect to, beside what trackers say. */
  readonly peers?: readonly string[] | undefined;
  readonly trackers?: readonly string[] | undefined;
  /** Limit in bytes per second of what the program gives away meanwhile. */
  readonly uploadRate?: number | undefined;
}

/** What the program says about its torrent. */
export interface PeerStatus {
  /** Verified share, 0 to 1. */
  readonly progress: number;
  /** Payload bytes. */
  readonly downloaded: number;
  readonly uploaded: number;
  /** Connected peers. */
  readonly peers: number;
}

/** A download that has been started. */
export interface PeerDownload {
  /** Resolves when everything is verified; rejects with the program's last words when it ends before that. */
  readonly completed: Promise<void>;
}

/** A real BitTorrent program with one torrent, listening on 127.0.0.1. */
export interface TestPeer {
  /** The program and its version, for messages and tables. */
  readonly name: string;
  /** Where it takes BitTorrent connections over TCP. */
  readonly port: number;
  /** `127.0.0.1:port`. */
  readonly address: string;
  readonly pid: number;
  /** Resolves when the data is verified and the program takes connections. */
  seed(options: SeedOptions): Promise<void>;
  /** Resolves when the program has taken the torrent; `completed` tells the rest. */
  download(options: DownloadOptions): Promise<PeerDownload>;
  status(): Promise<PeerStatus>;
  /** CPU time and memory of the program so far. */
  usage(): Promise<Usage>;
  /** Ends the program and removes its private files. */
  stop(): Promise<void>;
}

/** Marks a promise as looked after: whoever awaits it still sees the rejection. */
export function observed<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}
