/** What is known of a torrent: properties that cost nothing to read. */

import type { Bitfield } from '../protocol/index.ts';
import type { FreshetError } from '../session/errors.ts';
import type { StatsSnapshot } from '../session/protocol.ts';
import { Contents } from './contents.ts';
import { Emitter } from './emitter.ts';
import type { File } from './file.ts';
import { Lifetime } from './lifetime.ts';
import type { Piece } from './progress.ts';
import type { TorrentEvents } from './torrent-events.ts';
import type { Wire } from './wire.ts';
import { Wires } from './wires.ts';

const NO_STATS: StatsSnapshot = {
  state: 'metadata',
  verifiedBytes: 0,
  wantedBytes: 0,
  wantedVerifiedBytes: 0,
  received: {},
  uploaded: 0,
  wasted: 0,
  downloadSpeed: 0,
  uploadSpeed: 0,
  numPeers: 0,
  hashFailures: 0,
  queued: false,
  queuePosition: -1,
  reachedGoal: undefined,
  seedTime: 0,
};

/** What the session has told so far, and what was asked of it. */
export class TorrentFacts {
  infoHash: string | undefined;
  infoHashV1: string | undefined;
  infoHashV2: string | undefined;
  name: string | undefined;
  magnetURI: string | undefined;
  path: string | undefined;
  announce: string[] = [];
  urlList: string[] = [];
  readonly contents: Contents = new Contents();
  readonly wires: Wires = new Wires();
  readonly lifetime: Lifetime = new Lifetime();
  stats: StatsSnapshot = NO_STATS;
  maxWebConns = 4;
  ready = false;
  done = false;
  paused = false;
  queued = false;
  reachedGoal: 'ratio' | 'seedTime' | undefined;
  destroyed = false;
  failure: FreshetError | undefined;
}

/** The properties of a torrent; its commands are in `Torrent`. */
export abstract class TorrentState extends Emitter<TorrentEvents> {
  /** @internal */
  protected readonly now: TorrentFacts = new TorrentFacts();

  /** Suggested name of the file or folder; before the metadata what the magnet link says. */
  get name(): string | undefined {
    return this.now.contents.metadata?.name ?? this.now.name;
  }
  /**
   * 40 hexadecimal characters: the v1 info-hash or, of a torrent that was added by its v2 info-hash only, the first 40 of
   * that. It never changes; `undefined` before the `infoHash` event.
   */
  get infoHash(): string | undefined {
    return this.now.infoHash;
  }
  /** SHA-1 info-hash (BEP 3), 40 hexadecimal characters; `undefined` where there is none or it is not known yet. */
  get infoHashV1(): string | undefined {
    return this.now.infoHashV1;
  }
  /** SHA-256 info-hash (BEP 52), 64 hexadecimal characters; `undefined` where there is none or it is not known yet. */
  get infoHashV2(): string | undefined {
    return this.now.infoHashV2;
  }
  get magnetURI(): string | undefined {
    return this.now.contents.metadata?.magnetURI ?? this.now.magnetURI;
  }
  /**
   * Contents of a `.torrent` file; `undefined` before the metadata is known and, of a magnet link's v2 torrent, before
   * peers have sent the hashes that belong into it.
   */
  get torrentFile(): Uint8Array | undefined {
    return this.now.contents.torrentFile;
  }
  /** The same as a `Blob`. */
  get torrentFileBlob(): Blob | undefined {
    const bytes = this.torrentFile;
    return bytes && new Blob([bytes as Uint8Array<ArrayBuffer>], { type: 'application/x-bittorrent' });
  }
  /** Trackers. */
  get announce(): string[] {
    return this.now.announce;
  }
  /** Web seeds (BEP 19). */
  get urlList(): string[] {
    return this.now.urlList;
  }
  /** Empty before the metadata is known. */
  get files(): File[] {
    return this.now.contents.files;
  }
  /** Pieces that are not complete, `null` for those that are. Empty before the metadata is known. */
  get pieces(): readonly (Piece | null)[] {
    return this.now.contents.progress?.pieces ?? [];
  }
  /** Verified pieces. */
  get bitfield(): Bitfield | undefined {
    return this.now.contents.progress?.bitfield;
  }
  /** Bytes of every piece but the last; 0 before the metadata is known. */
  get pieceLength(): number {
    return this.now.contents.metadata?.pieceLength ?? 0;
  }
  get lastPieceLength(): number {
    return this.now.contents.metadata?.lastPieceLength ?? 0;
  }
  /** Bytes of all files; 0 before the metadata is known. */
  get length(): number {
    return this.now.contents.metadata?.length ?? 0;
  }
  get private(): boolean {
    return this.now.contents.metadata?.private ?? false;
  }
  get created(): Date | undefined {
    const time = this.now.contents.metadata?.created;
    return time === undefined ? undefined : new Date(time);
  }
  get createdBy(): string | undefined {
    return this.now.contents.metadata?.createdBy;
  }
  get comment(): string | undefined {
    return this.now.contents.metadata?.comment;
  }
  get maxWebConns(): number {
    return this.now.maxWebConns;
  }
  /** Folder that the files are in, where there is one. */
  get path(): string | undefined {
    return this.now.path;
  }
  /** Metadata is known and stored data is verified. */
  get ready(): boolean {
    return this.now.ready;
  }
  /** Every wanted file is complete. */
  get done(): boolean {
    return this.now.done;
  }
  get paused(): boolean {
    return this.now.paused;
  }
  /** It would run, but waits for its turn: see the client's `maxActive…`. */
  get queued(): boolean {
    return this.now.queued && !this.now.paused && !this.now.destroyed;
  }
  /** Place among the client's torrents, from 0; -1 before it has one. As of at most 100 ms ago. */
  get queuePosition(): number {
    return this.now.stats.queuePosition;
  }
  /** The goal that had it paused, until it is resumed. */
  get reachedGoal(): 'ratio' | 'seedTime' | undefined {
    return this.now.reachedGoal;
  }
  get destroyed(): boolean {
    return this.now.destroyed;
  }
  /**
   * Fires when the torrent is destroyed, whoever did it: with the error that ended it as its reason, else with a
   * `DestroyedError`. For what is to last as long as the torrent: `fetch(url, { signal: torrent.signal })`.
   */
  get signal(): AbortSignal {
    return this.now.lifetime.signal;
  }
  /** Why it stopped, after `error`. */
  get failure(): FreshetError | undefined {
    return this.now.failure;
  }
  /** Milliseconds until it is complete at the present speed; `Infinity` if nothing comes in. */
  get timeRemaining(): number {
    if (this.now.done) return 0;
    const { wantedBytes, wantedVerifiedBytes, downloadSpeed } = this.now.stats;
    if (downloadSpeed === 0) return Number.POSITIVE_INFINITY;
    return (Math.max(0, wantedBytes - wantedVerifiedBytes) / downloadSpeed) * 1000;
  }
  /** Payload bytes received in this run from all sources, those thrown away included. */
  get received(): number {
    let sum = 0;
    for (const bytes of Object.values(this.now.stats.received)) sum += bytes;
    return sum;
  }
  /** Verified bytes, those found in storage included. */
  get downloaded(): number {
    return this.now.stats.verifiedBytes;
  }
  /** Payload bytes sent in this run. */
  get uploaded(): number {
    return this.now.stats.uploaded;
  }
  /** Bytes per second. */
  get downloadSpeed(): number {
    return this.now.stats.downloadSpeed;
  }
  /** Bytes per second. */
  get uploadSpeed(): number {
    return this.now.stats.uploadSpeed;
  }
  /** Verified part of the torrent, 0 to 1. */
  get progress(): number {
    return this.length === 0 ? Number(this.now.done) : this.downloaded / this.length;
  }
  /** Uploaded in this run, per byte received or, when nothing was, per byte of the torrent. */
  get ratio(): number {
    return this.uploaded / (this.received || this.length || 1);
  }
  /** Connected peers. */
  get numPeers(): number {
    return this.now.wires.size;
  }
  /** Connected peers. */
  get wires(): Wire[] {
    return this.now.wires.all();
  }
  /** Everything that is counted, as of at most 100 ms ago; `received` is by kind of source. */
  get stats(): StatsSnapshot {
    return this.now.stats;
  }
}
