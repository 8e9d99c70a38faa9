/** The events of a torrent, with their arguments. */

import type { Wire } from './wire.ts';

/**
 * In order: `infoHash`, `metadata`, `ready`, then `wire`, `download`, `upload`, `verified`, and `done`. After `done`
 * more may be selected, and `done` comes again. `error` and `close` end it.
 */
export interface TorrentEvents {
  /** The info-hash is known. */
  infoHash: [];
  /** Name, files and pieces are known. Files selected or deselected here are so before anything is requested. */
  metadata: [];
  /** Stored data is verified: the torrent can be read from and seeded. */
  ready: [];
  /** Something outside went wrong; the torrent goes on. */
  warning: [error: Error];
  /** It cannot go on, and is destroyed (see `destroyOnError`). Without a listener the client emits it. */
  error: [error: Error];
  /** Nothing that is wanted is missing any more; comes after `done`. */
  idle: [];
  /** Every wanted file is complete. */
  done: [];
  /** Payload bytes received since the last event; at most every 100 ms. */
  download: [bytes: number];
  /** Payload bytes sent since the last event; at most every 100 ms. */
  upload: [bytes: number];
  /** A peer has connected. `address` is `host:port` where it has one. */
  wire: [wire: Wire, address: string | undefined];
  /** No peer was found by this kind of source, such as `tracker`. */
  noPeers: [source: string];
  /** A piece is verified and can be read. */
  verified: [index: number];
  /** What `client.seed` was given is being seeded. */
  seed: [];
  /** A tracker has answered. */
  trackerAnnounce: [url: string];
  /** Stored data is being verified: pieces looked at, of all. */
  checking: [checked: number, total: number];
  /** Files are being moved to another folder: how many of all, or bytes where they have to be copied. */
  moving: [moved: number, total: number];
  /** A seed is being hashed: bytes, of all. */
  hashing: [hashed: number, total: number];
  /** It waits for its turn in the client's queue, or no longer. */
  queued: [queued: boolean];
  /** It has seeded enough, and has been paused for it. */
  goal: [goal: 'ratio' | 'seedTime'];
  /** The state is `paused` or no longer so. */
  paused: [];
  resumed: [];
  /** Everything of it is released. The last event. */
  close: [];
}
