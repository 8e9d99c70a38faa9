/** Every option of the API, with its default. */

import type { BlobLike, TorrentKey } from '../session/protocol.ts';

export type { BlobLike, TorrentKey };

export interface TrackerOptions {
  /** Trackers for every torrent, beside its own. Default none. */
  announce?: readonly string[] | undefined;
  /** Configuration of WebRTC connections: STUN and TURN servers. Default public STUN servers. */
  rtcConfig?: object | undefined;
  /** Accepted for compatibility; has no effect in this version. */
  getAnnounceOpts?: (() => object) | undefined;
  /** Accepted for compatibility; has no effect: WebRTC is built in. */
  wrtc?: unknown;
  /** Accepted for compatibility; has no effect in this version. */
  proxyOpts?: object | undefined;
}

/** How many torrents run at a time, and when they have seeded enough. */
export interface QueueOptions {
  /**
   * Most torrents that download at a time, in the order of the queue; the others wait (`torrent.queued`). Those that
   * have been slow for a minute take no place. Default all.
   */
  maxActiveDownloads?: number | undefined;
  /** Most torrents that seed at a time. Default all. */
  maxActiveSeeds?: number | undefined;
  /** Most torrents that run at a time, slow ones included. Default all. */
  maxActive?: number | undefined;
  /**
   * A complete torrent is paused when it has sent so many bytes, earlier runs included, per byte that it received, or
   * per byte that it has if that is more. Default never.
   */
  seedRatio?: number | undefined;
  /** A complete torrent is paused when it has seeded for so many milliseconds of this run. Default never. */
  seedTime?: number | undefined;
}

export interface ClientOptions extends QueueOptions {
  /** Most connections per torrent, incoming and WebRTC included. Default 55. */
  maxConns?: number | undefined;
  /** What this client calls itself in the swarm: 40 hexadecimal characters or 20 bytes. Default random. */
  peerId?: string | Uint8Array | undefined;
  /** `false`: ask no tracker. Default `true`. */
  tracker?: boolean | TrackerOptions | undefined;
  /** `false`: leave web seeds (BEP 17 and 19) alone. Default `true`. */
  webSeeds?: boolean | undefined;
  /**
   * Most connections to one web server, over all torrents and web seeds; one of them is kept for what somebody waits
   * for. Default 5, which leaves a page one of the six that browsers open.
   */
  maxOriginConns?: number | undefined;
  /** Most bytes per second over all torrents; -1 for no limit, 0 for nothing at all. Default -1. */
  downloadLimit?: number | undefined;
  /** Most bytes per second over all torrents; -1 for no limit, 0 for nothing at all. Default -1. */
  uploadLimit?: number | undefined;
  /** Accepted for compatibility; has no effect in this version: a complete torrent connects to those who need it. */
  seedOutgoingConnections?: boolean | undefined;
  /** TCP port for incoming connections, Node only; 0 for any free one. Default 0. */
  torrentPort?: number | undefined;
  /** The one local address for connections to peers, such as `127.0.0.1`, Node only. Default all of them. */
  host?: string | undefined;
  /** `false`: no TCP connections, Node only. Default `true`. */
  tcp?: boolean | undefined;
  /** `false`: no WebRTC connections. Default `true`, where the platform has it. */
  webrtc?: boolean | undefined;
  /** Bytes of memory for pieces on their way, over all torrents. Default 64 MiB. */
  bufferBudget?: number | undefined;
  /**
   * This is a site's own seeder, whose bytes cost money: its viewers take from each other first, and from it what
   * nobody else has. Default `false`.
   */
  origin?: boolean | undefined;
  /**
   * Browser only: address of `freshet-worker.js`, in which the engine runs, apart from the page; `false` to run it in the
   * page, where nothing is kept beyond it. Default beside the library's script.
   */
  worker?: string | URL | false | undefined;
  /**
   * Browser only: bytes that the site's torrents may take in the browser's storage. When a new one does not fit, those go
   * that no client uses, the one that was used longest ago first; so they do when the browser itself allows no more.
   * Default as many as the browser allows.
   */
  storageLimit?: number | undefined;
  /**
   * Browser only: all tabs of a site use one engine, and one copy of the data; it runs in one of the tabs, and moves to
   * another when that is closed. Settings of the engine are those of the tab that it runs in. `false` for an engine of this
   * client's own. Default true, where the browser has locks; not with `worker: false`.
   */
  shared?: boolean | undefined;
  /** Name and version of the program, as peers are told. Default `Freshet`. */
  userAgent?: string | undefined;
  /** Accepted for compatibility; has no effect in this version, which has no DHT. */
  nodeId?: string | Uint8Array | undefined;
  /** Accepted for compatibility; has no effect in this version, which has no DHT. */
  dht?: boolean | object | undefined;
  /** Accepted for compatibility; has no effect in this version, which has no DHT. */
  dhtPort?: number | undefined;
  /** Accepted for compatibility; has no effect in this version, which has no local service discovery (BEP 14). */
  lsd?: boolean | undefined;
  /** Accepted for compatibility; has no effect in this version, which has no peer exchange (BEP 11). */
  utPex?: boolean | undefined;
  /** Accepted for compatibility; has no effect in this version, which has no uTP (BEP 29). */
  utp?: boolean | undefined;
  /** Accepted for compatibility; has no effect in this version: no port is mapped. */
  natUpnp?: boolean | 'permanent' | undefined;
  /** Accepted for compatibility; has no effect in this version: no port is mapped. */
  natPmp?: boolean | undefined;
  /** Accepted for compatibility; has no effect in this version: connections are not encrypted. */
  secure?: boolean | 0 | 1 | 2 | undefined;
  /** Accepted for compatibility; has NO EFFECT in this version: nobody is blocked. */
  blocklist?: readonly string[] | string | undefined;
}

export interface StoreOptions {
  /** Keep everything in memory; browser only. Default `false`. */
  onlyMem?: boolean | undefined;
  /** Accepted for compatibility; a folder that the user chose is an `ArgumentError` in this version. */
  rootDir?: unknown;
}

export interface TorrentOptions {
  /** Trackers beside those of the torrent. Default none. */
  announce?: readonly string[] | undefined;
  /** Web seeds (BEP 19) beside those of the torrent. Default none. */
  urlList?: readonly string[] | undefined;
  /** Peers to connect to at once, as `host:port`. Default none. */
  peers?: readonly string[] | undefined;
  /** Most simultaneous connections per web seed. Default 4. */
  maxWebConns?: number | undefined;
  /** Folder to download into, Node only. Default `freshet` in the system's folder for temporary files. */
  path?: string | undefined;
  /** Find peers through trackers only (BEP 27). Default what the torrent says. */
  private?: boolean | undefined;
  /** Delete the files when the torrent is destroyed. Default `false`. */
  destroyStoreOnDestroy?: boolean | undefined;
  /** Where to keep the data, in a browser. */
  storeOpts?: StoreOptions | undefined;
  /** Put the files into a folder named by the info-hash. Default `false`. */
  addUID?: boolean | undefined;
  /** Take what is stored for complete and right without looking. Default `false`. */
  skipVerify?: boolean | undefined;
  /**
   * Order among pieces that nothing else tells apart. Default `rarest`, which is best for the swarm: what a
   * stream needs comes first in either case.
   */
  strategy?: 'sequential' | 'rarest' | undefined;
  /**
   * `full`: take the room of all wanted files before anything is downloaded, by writing zeros (Node has no way to reserve
   * it): it lasts as long as writing the files once, and a disk that is too small shows at once, as a `StorageError` with
   * the code `FULL`. Where the file system compresses, that is no promise of room; in a page it does nothing. Default `sparse`: files
   * take the room of what has come.
   */
  allocation?: 'sparse' | 'full' | undefined;
  /** Most bytes per second, beside the client's limit; -1 for none, 0 for nothing at all. Default -1. */
  downloadLimit?: number | undefined;
  /** Most bytes per second, beside the client's limit; -1 for none, 0 for nothing at all. Default -1. */
  uploadLimit?: number | undefined;
  /** Paused at this ratio; `Infinity` for never. Default the client's. */
  seedRatio?: number | undefined;
  /** Paused after so many milliseconds of seeding in this run; `Infinity` for never. Default the client's. */
  seedTime?: number | undefined;
  /** Start paused. Default `false`. */
  paused?: boolean | undefined;
  /** Want nothing until it is selected. Default `false`. */
  deselect?: boolean | undefined;
  /** Indexes in `torrent.files` of the only ones to download (BEP 53). Default all, or what the magnet link's `so` says. */
  so?: readonly number[] | undefined;
  /**
   * Most peers that are uploaded to at a time; `false` for no limit. Default as many as the line is found to carry, 4
   * to 200.
   */
  uploads?: number | false | undefined;
  /**
   * A first seed with little to spare sends each piece once: peers are told of one piece at a time, and of the next
   * when they have passed the former on (BEP 16). In force when everything is there, until there is another seed, for
   * peers that connect from then on. Default `false`.
   */
  superSeed?: boolean | undefined;
  /** Accepted for compatibility; has no effect: `noPeers` comes with every answer of a tracker that has none. */
  noPeersIntervalTime?: number | undefined;
  /**
   * `false`: a torrent that hits a storage fault (disk full, folder read-only) stays, stopped, and `resume()` tries
   * again. Default `true`, as in WebTorrent: it emits `error` and is destroyed; what is verified stays on disk.
   */
  destroyOnError?: boolean | undefined;
  /** Destroys the torrent when it fires. */
  signal?: AbortSignal | undefined;
  /** Accepted for compatibility; has no effect in this version. */
  getAnnounceOpts?: (() => object) | undefined;
  /** Accepted for compatibility; has no effect: memory is one budget for the whole client. */
  storeCacheSlots?: number | undefined;
  /** Accepted for compatibility; has no effect: no payload is ever sent to somebody who has everything. */
  alwaysChokeSeeders?: boolean | undefined;
}

export interface SeedOptions extends TorrentOptions {
  /** Name of the torrent. Default that of the file or of the folder. */
  name?: string | undefined;
  comment?: string | undefined;
  /** Default `Freshet/` and the version. */
  createdBy?: string | undefined;
  /** Date of creation, as a `Date`, in milliseconds since 1970, or `false` for none. Default now. */
  creationDate?: Date | number | false | undefined;
  /** Makes the info-hash differ, as some trackers want. Default none. */
  source?: string | undefined;
  /**
   * What the torrent is for: clients of version 1 (BEP 3), of version 2 (BEP 52), or both. Those with version 2 sort
   * their files. Default 1.
   */
  version?: 1 | 2 | 'hybrid' | undefined;
  /** Bytes per piece, a power of two from 16 KiB. Default chosen from the length. */
  pieceLength?: number | undefined;
  /** Most bytes per piece when it is chosen. Accepted for compatibility; has no effect: it never exceeds 16 MiB. */
  maxPieceLength?: number | undefined;
  /** Trackers in tiers (BEP 12), instead of `announce`. */
  announceList?: readonly (readonly string[])[] | undefined;
  /** Leave out files such as `.DS_Store` and `Thumbs.db`. Default `true`. */
  filterJunkFiles?: boolean | undefined;
  /** Called as the files are hashed, in bytes. */
  onProgress?: ((hashed: number, total: number) => void) | undefined;
}

export interface DestroyOptions {
  /** Delete the torrent's files too. Default `destroyStoreOnDestroy` of the torrent. */
  destroyStore?: boolean | undefined;
}

/** Part of a file. */
export interface StreamOptions {
  /** First byte. Default 0. */
  start?: number | undefined;
  /** Last byte, inclusive. Default the last of the file. */
  end?: number | undefined;
  /** Ends the stream with an error when it fires. */
  signal?: AbortSignal | undefined;
}

export interface ServerOptions {
  /** Origin that may read across sites; `false` for the same origin only. Default `'*'`. */
  origin?: string | false | undefined;
  /** Serve only requests whose `Host` header names this host, Node only. Default any. */
  hostname?: string | undefined;
  /** Base of the addresses, Node only. Default `/webtorrent`. */
  path?: string | undefined;
  /** The same as `path`. */
  pathname?: string | undefined;
  /**
   * The registration of the service worker that answers, or a promise of one: what `registerServiceWorker` gives. Browser
   * only and required there.
   */
  controller?: unknown;
}

/** A torrent as the `parse-torrent` package describes it. */
export interface ParsedTorrent {
  infoHash?: string | undefined;
  /** SHA-256 info-hash (BEP 52), 64 hexadecimal characters, instead of `infoHash` or beside it. */
  infoHashV2?: string | undefined;
  announce?: readonly string[] | undefined;
  urlList?: readonly string[] | undefined;
  /** The info dictionary's bytes. */
  infoBuffer?: Uint8Array | undefined;
  /** Contents of a torrent file. */
  torrentFile?: Uint8Array | undefined;
  /** Peers as `host:port`. */
  peerAddresses?: readonly string[] | undefined;
  so?: readonly number[] | undefined;
}

/** What `client.add` takes: magnet link, info-hash (of version 1 or 2), address or path of a torrent file, or its contents. */
export type TorrentId = string | Uint8Array | ArrayBuffer | ParsedTorrent | BlobLike;

/** Bytes or a stream to seed, with the name that they get in the torrent. */
export type Named<T> = T & { name?: string | undefined };

export type SeedItem =
  | string
  | BlobLike
  | Named<Uint8Array>
  | Named<ArrayBuffer>
  /** Such as a Node `Readable` or a web `ReadableStream`. It is read into memory: seed large data from a path. */
  | Named<AsyncIterable<Uint8Array | string>>;

export type SeedInputs = SeedItem | ArrayLike<SeedItem>;
