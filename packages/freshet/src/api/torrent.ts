/** A torrent as programs know it: its state as the session last told it, and commands to the session. */

import { DestroyedError, type FreshetError, fromErrorValue, toFreshetError } from '../session/errors.ts';
import type {
  ByteReader,
  CommandName,
  Commands,
  MetadataSnapshot,
  PeerSnapshot,
  PieceMapSnapshot,
  Session,
  TorrentEvent,
  TrackerSnapshot,
  WebSeedSnapshot,
} from '../session/protocol.ts';
import { callSafely, withCallback } from './emitter.ts';
import { enginePriority, File, type FileOwner } from './file.ts';
import { readGoals, readLimit } from './input.ts';
import { type Milestone, Milestones } from './milestones.ts';
import type { DestroyOptions, SeedOptions, TorrentKey } from './options.ts';
import type { ByteIterator } from './platform.ts';
import { Progress } from './progress.ts';
import type { FileReadStream } from './read-stream.ts';
import { TorrentState } from './torrent-state.ts';
import { peerAddressText, Wire } from './wire.ts';

/** What a torrent uses of its client. */
export interface TorrentOwner {
  readonly session: Session;
  /** Options that the torrent was added with. */
  readonly options: SeedOptions;
  createReadStream(iterator: ByteIterator): FileReadStream;
  fileURL(torrent: Torrent, file: File): string;
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
  readonly #fileOwner: FileOwner;
  #seeding = false;
  #hasBegun = false;
  #begin: () => void = () => undefined;
  readonly #begun: Promise<void> = new Promise((resolve) => {
    this.#begin = resolve;
  });
  #seed: boolean;
  #destroyed: Promise<void> | undefined;
  readonly #milestones = new Milestones<Torrent>();

  /** @internal */
  constructor(key: TorrentKey, owner: TorrentOwner, seed: boolean) {
    super();
    this.key = key;
    this.#owner = owner;
    this.#seed = seed;
    this.now.paused = owner.options.paused === true;
    this.now.maxWebConns = owner.options.maxWebConns ?? 4;
    this.#fileOwner = {
      destroyed: () => this.destroyed,
      pieceLength: () => this.pieceLength,
      infoHash: () => this.infoHash,
      downloaded: (index) => this.now.progress?.downloaded(index) ?? 0,
      renamedTo: (index) => this.now.renamed.get(index),
      openReader: (start, end): ByteReader => owner.session.openReader({ torrent: key, start, end }),
      selectFile: (index, priority) =>
        this.#tell('selectFiles', { torrent: key, files: [{ index, priority }] }),
      renameFile: (index, path) => this.#ask('renameFile', { torrent: key, index, path }),
      createReadStream: owner.createReadStream,
      fileURL: (file) => owner.fileURL(this, file),
    };
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
    this.#tell('addPeer', { torrent: this.key, address });
    return true;
  }

  /** Disconnects a peer, by `host:port`, by peer id in hexadecimal, or as a wire. */
  removePeer(peer: string | Wire): void {
    this.#tell('removePeer', { torrent: this.key, peer: typeof peer === 'string' ? peer : peer.id });
  }

  /** Adds an HTTP server that has the files (BEP 19). In a browser it must allow the page's origin (CORS). */
  addWebSeed(url: string): void {
    if (!this.destroyed && !this.now.urlList.includes(url)) this.now.urlList.push(url);
    this.#tell('addWebSeed', { torrent: this.key, url });
  }

  removeWebSeed(url: string): void {
    this.now.urlList = this.now.urlList.filter((known) => known !== url);
    this.#tell('removeWebSeed', { torrent: this.key, url });
  }

  addTracker(url: string): void {
    if (!this.destroyed && !this.now.announce.includes(url)) this.now.announce.push(url);
    this.#tell('addTracker', { torrent: this.key, url });
  }

  /**
   * Wants file `index` of `torrent.files`, 0 being the usual priority and 6 the highest. May be called at any time: what
   * is chosen before the metadata is known is in force before anything is requested.
   */
  selectFile(index: number, priority: number | boolean = 0): void {
    this.#fileOwner.selectFile(index, enginePriority(priority));
  }

  /** Wants file `index` of `torrent.files` no longer. May be called at any time. @see File.deselect */
  deselectFile(index: number): void {
    this.#fileOwner.selectFile(index, 0);
  }

  /**
   * Wants pieces `start` to `end`, both inclusive. Priority 0 is the usual one, 6 the highest. What is chosen before the
   * metadata is known is in force when it is.
   */
  select(start: number, end: number, priority: number | boolean = 0): void {
    const engine = enginePriority(priority);
    this.#tell('selectPieces', { torrent: this.key, first: start, last: end, priority: engine });
  }

  /** Wants pieces `start` to `end`, both inclusive, no longer. */
  deselect(start: number, end: number, _priority?: number | boolean): void {
    this.#tell('deselectPieces', { torrent: this.key, first: start, last: end });
  }

  /** Fetches pieces `start` to `end`, both inclusive, before all others. */
  critical(start: number, end: number): void {
    this.#tell('criticalPieces', { torrent: this.key, first: start, last: end });
  }

  /** Stops: connections are closed and nothing is announced until `resume`. */
  pause(): void {
    if (this.now.paused || this.destroyed) return;
    this.now.paused = true;
    this.#tell('pause', { torrent: this.key });
    this.emit('paused');
  }

  /** Goes on after `pause`, or tries again after a storage fault. */
  resume(): void {
    if (this.destroyed || (!this.now.paused && this.now.failure === undefined)) return;
    this.now.paused = false;
    this.now.reachedGoal = undefined;
    this.now.failure = undefined;
    this.#tell('resume', { torrent: this.key });
    this.emit('resumed');
  }

  /**
   * Most bytes per second of this torrent, web seeds included, beside the client's limit; -1 for none of its own, 0 for
   * nothing at all.
   * @throws {ArgumentError} on `NaN`.
   */
  throttleDownload(rate: number): void {
    this.#tell('setTorrentLimits', { torrent: this.key, download: readLimit(rate) });
  }

  /** Most bytes per second that this torrent sends, beside the client's limit; as `throttleDownload`. */
  throttleUpload(rate: number): void {
    this.#tell('setTorrentLimits', { torrent: this.key, upload: readLimit(rate) });
  }

  /**
   * When it has seeded enough, and is paused for it: at a ratio, or after milliseconds of seeding. `Infinity` for never;
   * what is absent is the client's.
   * @throws {ArgumentError} on what is no number from 0.
   */
  setGoals(goals: { seedRatio?: number | undefined; seedTime?: number | undefined }): void {
    this.#tell('setGoals', { torrent: this.key, goals: readGoals(goals) ?? {} });
  }

  /** One place up in the client's queue: torrents run in its order. */
  moveUp(): void {
    this.#tell('moveInQueue', { torrent: this.key, by: -1 });
  }

  /** One place down in the client's queue. */
  moveDown(): void {
    this.#tell('moveInQueue', { torrent: this.key, by: 1 });
  }

  /** To a place in the client's queue, from 0; beyond the ends is at the ends. */
  moveTo(position: number): void {
    this.#tell('moveInQueue', { torrent: this.key, to: Math.trunc(position) || 0 });
  }

  /** Runs whatever the queue says, and takes nobody's place; with `false` no longer. */
  forceStart(forced = true): void {
    this.#tell('forceStart', { torrent: this.key, forced });
  }

  /** Verifies what is stored again, as after something else has changed the files. Resolves when that is done. */
  rescanFiles(callback?: (error: Error | null) => void): Promise<void> {
    return withCallback(this.#ask('recheck', { torrent: this.key }), callback);
  }

  /**
   * Gives the torrent's file, or the folder that its files are in, another name on the disk, while it is in use. What
   * peers know of it and `torrent.name` stay. Resolves when it is done and remembered; rejects, and nothing has changed,
   * with a `StorageError`: `EXISTS` when something of that name is there, `UNSAFE_PATH` for a name that is none.
   */
  rename(name: string): Promise<void> {
    return this.#ask('rename', { torrent: this.key, name });
  }

  /**
   * Moves the files and what is remembered of them to another folder, in Node, while they are read, seeded and downloaded.
   * On another device they are copied, the `moving` event telling how far, and the old ones count until all copies are
   * whole. Resolves when `torrent.path` is the new one; rejects, and everything is where it was, with a `StorageError`:
   * `EXISTS` when one of the files is there already, `FULL` when there is no room. A move that a crash interrupts is
   * brought to its end, or taken back, when the torrent is added again with either folder.
   */
  move(folder: string): Promise<void> {
    return this.#ask('move', { torrent: this.key, path: folder });
  }

  /** What is known of the connected peers, now. */
  peers(): Promise<readonly PeerSnapshot[]> {
    return this.#ask('peers', { torrent: this.key });
  }
  /** What is known of the trackers, now. */
  trackers(): Promise<readonly TrackerSnapshot[]> {
    return this.#ask('trackers', { torrent: this.key });
  }
  /** What is known of the web seeds, now. */
  webSeeds(): Promise<readonly WebSeedSnapshot[]> {
    return this.#ask('webSeeds', { torrent: this.key });
  }
  /** Verified and partial pieces, now: for a map of the torrent. */
  pieceMap(): Promise<PieceMapSnapshot> {
    return this.#ask('pieces', { torrent: this.key });
  }

  /** Whether this is one of its info-hashes, in lower-case hexadecimal; also the beginning of a v2 one. @internal */
  goesBy(hash: string): boolean {
    const { infoHash, infoHashV1, infoHashV2 } = this.now;
    if (hash.length === 64) return hash === infoHashV2;
    return hash === infoHash || hash === infoHashV1 || hash === infoHashV2?.slice(0, 40);
  }

  /** The session has been told to add it, so commands may follow. @internal */
  begun(): void {
    this.#hasBegun = true;
    this.#begin();
  }

  /** What the session tells. @internal */
  handle(event: TorrentEvent): void {
    if (this.destroyed) return;
    switch (event.type) {
      case 'infoHash':
        this.now.infoHash = event.infoHash;
        this.now.infoHashV1 = event.infoHashV1;
        this.now.infoHashV2 = event.infoHashV2;
        this.now.magnetURI = event.magnetURI;
        this.now.name = event.name;
        this.now.path = event.path;
        this.now.announce = [...event.announce];
        this.now.urlList = [...event.urlList];
        this.emit('infoHash');
        break;
      case 'metadata':
        this.#onMetadata(event.metadata);
        break;
      case 'torrentFile':
        this.now.torrentFile = event.torrentFile;
        break;
      case 'checking':
        this.emit('checking', event.checked, event.total);
        break;
      case 'hashing':
        callSafely(this.#owner.options.onProgress, event.hashed, event.total);
        this.emit('hashing', event.hashed, event.total);
        break;
      case 'ready':
        this.#onReady(event);
        break;
      case 'progress':
        this.#onProgress(event);
        break;
      case 'renamed':
        for (const { index, path } of event.files) this.now.renamed.set(index, path);
        break;
      case 'moving':
        this.emit('moving', event.moved, event.total);
        break;
      case 'moved':
        this.now.path = event.path;
        break;
      case 'done':
        this.#onDone();
        break;
      case 'queued':
        this.now.queued = event.queued;
        this.emit('queued', event.queued);
        break;
      case 'goal':
        this.now.paused = true;
        this.now.reachedGoal = event.goal;
        this.emit('goal', event.goal);
        this.emit('paused');
        break;
      case 'peer': {
        const wire = new Wire(event.peer, () => this.removePeer(wire));
        this.now.wires.set(event.peer.id, wire);
        this.emit('wire', wire, peerAddressText(event.peer));
        break;
      }
      case 'peers':
        for (const peer of event.peers) this.now.wires.get(peer.id)?.update(peer);
        break;
      case 'peerClosed': {
        const wire = this.now.wires.get(event.id);
        this.now.wires.delete(event.id);
        // Its last bytes are counted too.
        if (event.peer !== undefined) wire?.update(event.peer);
        wire?.closed();
        break;
      }
      case 'noPeers':
        this.emit('noPeers', event.source);
        break;
      case 'announce':
        this.emit('trackerAnnounce', event.url);
        break;
      case 'warning':
        this.emit('warning', fromErrorValue(event.error));
        break;
      case 'error':
        this.fail(fromErrorValue(event.error), event.resumable);
        break;
    }
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

  #onMetadata(metadata: MetadataSnapshot): void {
    this.now.metadata = metadata;
    this.now.infoHashV1 = metadata.infoHashV1;
    this.now.infoHashV2 = metadata.infoHashV2;
    this.now.announce = [...metadata.announce];
    this.now.urlList = [...metadata.urlList];
    this.now.files = undefined;
    this.now.makeFiles = () => metadata.files.map((file) => new File(this.#fileOwner, file));
    this.now.progress = new Progress(metadata);
    this.emit('metadata');
  }

  #onReady(event: TorrentEvent & { type: 'ready' }): void {
    this.now.stats = event.stats;
    const complete = this.now.progress?.reset(event.verified) ?? [];
    this.now.done = false;
    if (!this.now.ready) {
      this.now.ready = true;
      this.#milestones.reached('ready', this);
      this.#owner.ready(this);
      this.emit('ready');
    }
    this.#filesDone(complete);
  }

  /** Nobody can listen to files that nobody has looked at. */
  #filesDone(complete: readonly number[]): void {
    for (const index of complete) this.now.files?.[index]?.emit('done');
  }

  #onProgress(event: TorrentEvent & { type: 'progress' }): void {
    this.now.stats = event.stats;
    // More has been selected since; `done` comes again.
    if (event.stats.wantedVerifiedBytes < event.stats.wantedBytes) this.now.done = false;
    const progress = this.now.progress;
    progress?.setPartial(event.partial);
    const complete: number[] = [];
    for (const index of event.verified) for (const file of progress?.verify(index) ?? []) complete.push(file);
    if (event.downloaded > 0) {
      this.emit('download', event.downloaded);
      this.#owner.transferred('download', event.downloaded);
    }
    if (event.uploaded > 0) {
      this.emit('upload', event.uploaded);
      this.#owner.transferred('upload', event.uploaded);
    }
    for (const index of event.verified) this.emit('verified', index);
    this.#filesDone(complete);
  }

  #onDone(): void {
    this.now.done = true;
    this.#milestones.reached('done', this);
    this.emit('done');
    this.emit('idle');
    if (this.#seed && !this.#seeding && !this.destroyed) {
      this.#seeding = true;
      this.#owner.seeding(this);
    }
  }

  #end(error: FreshetError | undefined, destroyStore: boolean): Promise<void> {
    if (this.#destroyed !== undefined) return this.#destroyed;
    // Whoever waits for an answer gets one.
    this.#begin();
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
    for (const wire of this.now.wires.values()) wire.closed();
    this.now.wires.clear();
    const reason =
      error ?? new DestroyedError(`The torrent "${this.name ?? this.infoHash ?? ''}" was destroyed.`);
    this.#milestones.giveUp(reason);
    this.#owner.closed(this);
    if (error !== undefined) this.#owner.failed(this, error);
    return this.#destroyed;
  }

  #closed(): void {
    this.emit('close');
  }

  #until(milestone: Milestone, signal: AbortSignal | undefined): Promise<Torrent> {
    if (milestone === 'ready' ? this.now.ready : this.now.done) return Promise.resolve(this);
    if (this.now.failure !== undefined) return Promise.reject(this.now.failure);
    if (this.destroyed) return Promise.reject(new DestroyedError('The torrent has been destroyed.'));
    return this.#milestones.until(milestone, signal);
  }

  #ask<C extends CommandName>(command: C, args: Commands[C]['args']): Promise<Commands[C]['result']> {
    if (this.destroyed) return Promise.reject(new DestroyedError('The torrent has been destroyed.'));
    return this.#begun.then(() => this.#request(command, args));
  }

  /** A command whose outcome is told by events; what goes wrong with it is a warning. */
  #tell<C extends CommandName>(command: C, args: Commands[C]['args']): void {
    if (this.destroyed) return;
    // At once where it can be: what is selected in an event is in force when the event is over.
    const answer = this.#hasBegun ? this.#request(command, args) : this.#ask(command, args);
    answer.catch((error: unknown) => {
      if (!this.destroyed) this.emit('warning', toFreshetError(error));
    });
  }

  #request<C extends CommandName>(command: C, args: Commands[C]['args']): Promise<Commands[C]['result']> {
    return this.#owner.session.request(command, args).catch((error: unknown) => {
      throw toFreshetError(error);
    });
  }
}
