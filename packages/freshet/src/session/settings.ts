/** What a session is told when it is made, and of each torrent when it is added. All of it survives a structured clone. */

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
  /** The torrent file that was made of the same inputs before, so that they need not be hashed again. */
  readonly made?: Uint8Array | undefined;
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
  /** Pages: address of `freshet-worker.js`; `false` for an engine in the page. */
  readonly worker?: string | false | undefined;
  /** Pages: bytes that torrents may take in the browser's storage. */
  readonly storageLimit?: number | undefined;
  /** Pages: false for an engine of its own; else all tabs of a site have one. */
  readonly shared?: boolean | undefined;
  /** The one local address for connections. */
  readonly host?: string | undefined;
  /** False: no TCP. */
  readonly tcp?: boolean | undefined;
  /** False: no WebRTC. */
  readonly webrtc?: boolean | undefined;
  /** Bytes of memory for pieces on their way and read ahead, over all torrents. */
  readonly bufferBudget?: number | undefined;
}
