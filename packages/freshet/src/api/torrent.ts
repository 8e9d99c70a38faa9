/** A torrent as programs know it: its state as the session last told it, and commands to the session. */

import { DestroyedError, type FreshetError, toFreshetError } from '../session/errors.ts';
import type {
  ByteReader,
  PeerSnapshot,
  PieceMapSnapshot,
  Session,
  TorrentEvent,
  TrackerSnapshot,
  WebSeedSnapshot,
} from '../session/protocol.ts';
import { withCallback } from './emitter.ts';
import { enginePriority, File, type FileOwner } from './file.ts';
import { readGoals, readLimit } from './input.ts';
import { type Milestone, Milestones } from './milestones.ts';
import type { DestroyOptions, SeedOptions, TorrentKey } from './options.ts';
import type { ByteIterator, StreamRequest } from './platform.ts';
import type { FileReadStream } from './read-stream.ts';
import { TorrentCommands } from './torrent-commands.ts';
import { TorrentReports } from './torrent-reports.ts';
import { TorrentState } from './torrent-state.ts';
import type { Wire } from './wire.ts';

/** What a torrent uses of its client. */
export interface TorrentOwner {
  readonly session: Session;
  /** Options that the torrent was added with. */
  readonly options: SeedOptions;
  createReadStream(iterator: ByteIterator): FileReadStream;
  fileURL(torrent: Torrent, file: File): string;
  streamTo(torrent: Torrent, request: Omit<StreamRequest, 'server'>): void;
  ready(torrent: Torrent): void;
  seeding(torrent: Torrent): void;
  transferred(kind: 'download' | 'upload', bytes: number): void;
  failed(torrent: Torrent, error: FreshetError): void;
  closed(torrent: Torrent): void;
}

/** A torrent of a client. Made by `client.add` and `client.seed`. */
export class Torrent extends TorrentState {
  /** @internal */
  readonly key: TorrentKey;
  readonly #owner: TorrentOwner;
  /** Made for the first file that somebody looks at. */
  #fileOwnerMade: FileOwner | undefined;
  readonly #commands: TorrentCommands;
  readonly #reports: TorrentReports;
  #destroyed: Promise<void> | undefined;
  readonly #milestones = new Milestones<Torrent>(this.now.lifetime);

  /** @internal */
  constructor(key: TorrentKey, owner: TorrentOwner, seed: boolean) {
    super();
    this.key = key;
    this.#owner = owner;
    this.now.paused = owner.options.paused === true;
    this.now.maxWebConns = owner.options.maxWebConns ?? 4;
    this.#commands = new TorrentCommands(owner.session, this.now.lifetime, (error) => {
      this.emit('warning', error);
    });
    this.#reports = new TorrentReports({
      torrent: this,
      facts: this.now,
      milestones: this.#milestones,
      owner,
      seed,
      makeFile: (snapshot) => new File(this.#fileOwner, snapshot),
    });
  }

  get #fileOwner(): FileOwner {
    const { key } = this;
    const owner = this.#owner;
    this.#fileOwnerMade ??= {
      signal: () => this.signal,
      pieceLength: () => this.pieceLength,
      infoHash: () => this.infoHash,
      downloaded: (index) => this.now.contents.downloaded(index),
      renamedTo: (index) => this.now.contents.renamedTo(index),
      openReader: (start, end): ByteReader => owner.session.openReader({ torrent: key, start, end }),
      selectFile: (index, priority) => this.#selectFile(index, priority),
      renameFile: (index, path) => this.#commands.ask('renameFile', { torrent: key, index, path }),
      createReadStream: (iterator) => owner.createReadStream(iterator),
      fileURL: (file) => owner.fileURL(this, file),
      streamTo: (request) =>
        owner.streamTo(this, {
          ...request,
          signal: this.signal,
          addresses: () => this.#commands.ask('fileAddresses', { torrent: key, index: request.file.index }),
        }),
    };
    return this.#fileOwnerMade;
  }

  /** Resolves at once when the torrent is ready, else on `ready`; rejects when it fails or ends, or the signal fires. */
  untilReady(signal?: AbortSignal): Promise<Torrent> {
    return this.#until('ready', signal);
  }

  /** Resolves at once when the torrent is done, else on `done`; rejects when it fails or ends, or the signal fires. */
  untilDone(signal?: AbortSignal): Promise<Torrent> {
    return this.#until('done', signal);
  }

  /**
   * Removes the torrent from its client. Resolves, after the callback and `close`, when connections are closed and
   * storage is closed or deleted. A second call waits for the first.
   */
  destroy(
    options?: DestroyOptions | ((error: Error | null) => void) | null,
    callback?: (error: Error | null) => void,
  ): Promise<void> {
    const [settings, done] = typeof options === 'function' ? [undefined, options] : [options, callback];
    const destroyStore = settings?.destroyStore ?? this.#owner.options.destroyStoreOnDestroy === true;
    return withCallback(this.#end(undefined, destroyStore), done);
  }

  /**
   * Connects to a peer, `host:port`. Returns whether that is an address and the torrent lives. May be called before the
   * info-hash is known.
   */
  addPeer(address: string): boolean {
    if (this.destroyed || !/^(\[[0-9a-f:.]+\]|[^\s:/@]+):\d{1,5}$/i.test(address)) return false;
    this.#commands.tell('addPeer', { torrent: this.key, address });
    return true;
  }

  /** Disconnects a peer, by `host:port`, by peer id in hexadecimal, or as a wire. */
  removePeer(peer: string | Wire): void {
    this.#commands.tell('removePeer', { torrent: this.key, peer: typeof peer === 'string' ? peer : peer.id });
  }

  /** Adds an HTTP server that has the files (BEP 19). In a browser it must allow the page's origin (CORS). */
  addWebSeed(url: string): void {
    if (!this.destroyed && !this.now.urlList.includes(url)) this.now.urlList.push(url);
    this.#commands.tell('addWebSeed', { torrent: this.key, url });
  }

  removeWebSeed(url: string): void {
    this.now.urlList = this.now.urlList.filter((known) => known !== url);
    this.#commands.tell('removeWebSeed', { torrent: this.key, url });
  }

  addTracker(url: string): void {
    if (!this.destroyed && !this.now.announce.includes(url)) this.now.announce.push(url);
    this.#commands.tell('addTracker', { torrent: this.key, url });
  }

  /**
   * Wants file `index` of `torrent.files`, 0 being the usual priority and 6 the highest. May be called at any time: what
   * is chosen before the metadata is known is in force before anything is requested.
   */
  selectFile(index: number, priority: number | boolean = 0): void {
    this.#selectFile(index, enginePriority(priority));
  }

  /** Wants file `index` of `torrent.files` no longer. May be called at any time. @see File.deselect */
  deselectFile(index: number): void {
    this.#selectFile(index, 0);
  }

  #selectFile(index: number, priority: number): void {
    this.#commands.tell('selectFiles', { torrent: this.key, files: [{ index, priority }] });
  }

  /**
   * Wants pieces `start` to `end`, both inclusive. Priority 0 is the usual one, 6 the highest. What is chosen before the
   * metadata is known is in force when it is.
   */
  select(start: number, end: number, priority: number | boolean = 0): void {
    const engine = enginePriority(priority);
    this.#commands.tell('selectPieces', { torrent: this.key, first: start, last: end, priority: engine });
  }

  /** Wants pieces `start` to `end`, both inclusive, no longer. */
  deselect(start: number, end: number, _priority?: number | boolean): void {
    this.#commands.tell('deselectPieces', { torrent: this.key, first: start, last: end });
  }

  /** Fetches pieces `start` to `end`, both inclusive, before all others. */
  critical(start: number, end: number): void {
    this.#commands.tell('criticalPieces', { torrent: this.key, first: start, last: end });
  }

  /** Stops: connections are closed and nothing is announced until `resume`. */
  pause(): void {
    if (this.now.paused || this.destroyed) return;
    this.now.paused = true;
    this.#commands.tell('pause', { torrent: this.key });
    this.emit('paused');
  }

  /** Goes on after `pause`, or tries again after a storage fault. */
  resume(): void {
    if (this.destroyed || (!this.now.paused && this.now.failure === undefined)) return;
    this.now.paused = false;
    this.now.reachedGoal = undefined;
    this.now.failure = undefined;
    this.#commands.tell('resume', { torrent: this.key });
    this.emit('resumed');
  }

  /**
   * Most bytes per second of this torrent, web seeds included, beside the client's limit; -1 for none of its own, 0 for
   * nothing at all.
   * @throws {ArgumentError} on `NaN`.
   */
  throttleDownload(rate: number): void {
    this.#commands.tell('setTorrentLimits', { torrent: this.key, download: readLimit(rate) });
  }

  /** Most bytes per second that this torrent sends, beside the client's limit; as `throttleDownload`. */
  throttleUpload(rate: number): void {
    this.#commands.tell('setTorrentLimits', { torrent: this.key, upload: readLimit(rate) });
  }

  /**
   * When it has seeded enough, and is paused for it: at a ratio, or after milliseconds of seeding. `Infinity` for never;
   * what is absent is the client's.
   * @throws {ArgumentError} on what is no number from 0.
   */
  setGoals(goals: { seedRatio?: number | undefined; seedTime?: number | undefined }): void {
    this.#commands.tell('setGoals', { torrent: this.key, goals: readGoals(goals) ?? {} });
  }

  /** One place up in the client's queue: torrents run in its order. */
  moveUp(): void {
    this.#commands.tell('moveInQueue', { torrent: this.key, by: -1 });
  }

  /** One place down in the client's queue. */
  moveDown(): void {
    this.#commands.tell('moveInQueue', { torrent: this.key, by: 1 });
  }

  /** To a place in the client's queue, from 0; beyond the ends is at the ends. */
  moveTo(position: number): void {
    this.#commands.tell('moveInQueue', { torrent: this.key, to: Math.trunc(position) || 0 });
  }

  /** Runs whatever the queue says, and takes nobody's place; with `false` no longer. */
  forceStart(forced = true): void {
    this.#commands.tell('forceStart', { torrent: this.key, forced });
  }

  /** Verifies what is stored again, as after something else has changed the files. Resolves when that is done. */
  rescanFiles(callback?: (error: Error | null) => void): Promise<void> {
    return withCallback(this.#commands.ask('recheck', { torrent: this.key }), callback);
  }

  /**
   * Gives the torrent's file, or the folder that its files are in, another name on the disk, while it is in use. What
   * peers know of it and `torrent.name` stay. Resolves when it is done and remembered; rejects, and nothing has changed,
   * with a `StorageError`: `EXISTS` when something of that name is there, `UNSAFE_PATH` for a name that is none.
   */
  rename(name: string): Promise<void> {
    return this.#commands.ask('rename', { torrent: this.key, name });
  }

  /**
   * Moves the files and what is remembered of them to another folder, in Node, while they are read, seeded and downloaded.
   * On another device they are copied, the `moving` event telling how far, and the old ones count until all copies are
   * whole. Resolves when `torrent.path` is the new one; rejects, and everything is where it was, with a `StorageError`:
   * `EXISTS` when one of the files is there already, `FULL` when there is no room. A move that a crash interrupts is
   * brought to its end, or taken back, when the torrent is added again with either folder.
   */
  move(folder: string): Promise<void> {
    return this.#commands.ask('move', { torrent: this.key, path: folder });
  }

  /** What is known of the connected peers, now. */
  peers(): Promise<readonly PeerSnapshot[]> {
    return this.#commands.ask('peers', { torrent: this.key });
  }
  /** What is known of the trackers, now. */
  trackers(): Promise<readonly TrackerSnapshot[]> {
    return this.#commands.ask('trackers', { torrent: this.key });
  }
  /** What is known of the web seeds, now. */
  webSeeds(): Promise<readonly WebSeedSnapshot[]> {
    return this.#commands.ask('webSeeds', { torrent: this.key });
  }
  /** Verified and partial pieces, now: for a map of the torrent. */
  pieceMap(): Promise<PieceMapSnapshot> {
    return this.#commands.ask('pieces', { torrent: this.key });
  }

  /** Whether this is one of its info-hashes, in lower-case hexadecimal; also the beginning of a v2 one. @internal */
  goesBy(hash: string): boolean {
    const { infoHash, infoHashV1, infoHashV2 } = this.now;
    if (hash.length === 64) return hash === infoHashV2;
    return hash === infoHash || hash === infoHashV1 || hash === infoHashV2?.slice(0, 40);
  }

  /** The session has been told to add it, so commands may follow. @internal */
  begun(): void {
    this.#commands.begun();
  }

  /** What the session tells. @internal */
  handle(event: TorrentEvent): void {
    if (!this.destroyed) this.#reports.handle(event);
  }

  /** @internal */
  fail(error: FreshetError, resumable: boolean): void {
    if (this.destroyed) return;
    this.now.failure = error;
    if (resumable && this.#owner.options.destroyOnError === false) {
      // Whoever waits may resume it, and wait again.
      this.#milestones.giveUp(error);
      this.#owner.failed(this, error);
      return;
    }
    void this.#end(error, false);
  }

  #end(error: FreshetError | undefined, destroyStore: boolean): Promise<void> {
    if (this.#destroyed !== undefined) return this.#destroyed;
    // First of all: what the session still says of it is not passed on.
    this.now.destroyed = true;
    const removed = this.#owner.session.request('remove', { torrent: this.key, destroyStore });
    this.#destroyed = removed.then(
      () => this.#closed(),
      (problem: unknown) => {
        this.#closed();
        throw toFreshetError(problem);
      },
    );
    // Whoever awaits it hears of a failure; that nobody does is no reason to end the process.
    this.#destroyed.catch(() => undefined);
    this.now.stats = { ...this.now.stats, state: 'closed', downloadSpeed: 0, uploadSpeed: 0, numPeers: 0 };
    this.now.wires.endAll();
    this.#owner.closed(this);
    // Reads, answers and milestones that somebody waits for end with it.
    this.now.lifetime.end(
      error ?? new DestroyedError(`The torrent "${this.name ?? this.infoHash ?? ''}" was destroyed.`),
    );
    if (error !== undefined) this.#owner.failed(this, error);
    return this.#destroyed;
  }

  #closed(): void {
    this.emit('close');
  }

  #until(milestone: Milestone, signal: AbortSignal | undefined): Promise<Torrent> {
    if (milestone === 'ready' ? this.now.ready : this.now.done) return Promise.resolve(this);
    if (this.now.failure !== undefined) return Promise.reject(this.now.failure);
    return this.#milestones.until(milestone, signal);
  }
}
