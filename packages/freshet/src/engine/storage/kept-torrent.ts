/** What is told of a torrent that is kept where nobody sees its files. */

/** A torrent that a site keeps in the browser's storage. */
export interface KeptTorrent {
  /** 40 hexadecimal characters: the v1 hash, else the beginning of the v2 hash. */
  readonly infoHash: string;
  /** Empty while only the hash is known. */
  readonly name: string;
  /** Bytes of the whole torrent; 0 while only the hash is known. */
  readonly length: number;
  /** Bytes that it takes now. */
  readonly stored: number;
  /** Milliseconds since 1970 when it was last opened, or closed. */
  readonly lastUsed: number;
  /** A client has it; it is not evicted, and not removed. */
  readonly inUse: boolean;
}
