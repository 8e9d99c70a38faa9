import {
  type Bitfield,
  type Info,
  type InfoHash,
  type InfoHashHex,
  infoHashToHex,
  type PeerAddress,
  primaryHash,
} from '../protocol/index.ts';
import type { TrackerStatus } from './discovery/index.ts';
import type { Swarm } from './peers/swarm.ts';
import type { WebSeedKind } from './sources/web-seed-source.ts';
import { ResumeKeeper } from './storage/resume-keeper.ts';
import { ReaderError } from './streaming/reader.ts';
import { SwarmHashes } from './swarm-hashes.ts';
import type { TorrentHost } from './torrent-host.ts';
import { TorrentLimits } from './torrent-limits.ts';
import { TorrentMetadata } from './torrent-metadata.ts';
import { TorrentStorage } from './torrent-storage.ts';
import { createTorrentSwarm } from './torrent-swarm.ts';
import { TorrentTrackers } from './torrent-trackers.ts';
import { TorrentTurn } from './torrent-turn.ts';
import type {
  PeerStatus,
  Reader,
  ReaderOptions,
  TorrentObserver,
  TorrentSpec,
  TorrentState,
  TorrentStats,
  WebSeedStatus,
} from './torrent-types.ts';
import type { Transfer } from './transfer.ts';
import { TransferTotals } from './transfer-totals.ts';

/** One torrent: puts its parts together and passes on what happens. */
export class Torrent {
  /** What the torrent is filed under: the v1 hash, else the truncated v2 hash, as known at first. It never changes. */
  readonly infoHash: InfoHash;
  readonly infoHashHex: InfoHashHex;
  /** All names of the torrent, those included that the metadata has told of. */
  readonly hashes: SwarmHashes;
  readonly #host: TorrentHost;
  readonly #spec: TorrentSpec;
  readonly #observer: TorrentObserver;
  readonly #swarm: Swarm;
  readonly #metadata: TorrentMetadata;
  readonly #resume: ResumeKeeper;
  readonly #trackers: TorrentTrackers;
  readonly #webSeedUrls: Map<string, WebSeedKind>;
  #state: TorrentState = 'metadata';
  #paused: boolean;
  /** It is known whether the metadata was kept from an earlier run. */
  #started = false;
  /** Why it failed. */
  #failure: Error | undefined;
  #closing: Promise<void> | undefined;
  /** Its place in the client's queue. */
  readonly turn: TorrentTurn;
  readonly #totals: TransferTotals;
  readonly #limits: TorrentLimits;
  readonly #storage: TorrentStorage;

  constructor(host: TorrentHost, spec: TorrentSpec, observer: TorrentObserver) {
    this.infoHash = primaryHash(spec.hashes);
    this.infoHashHex = infoHashToHex(this.infoHash);
    this.hashes = new SwarmHashes(spec.hashes);
    this.#host = host;
    this.#spec = spec;
    this.#observer = observer;
    this.#paused = spec.paused ?? false;
    const tiers = (spec.trackers ?? []).map((tier) => [...tier]);
    this.#webSeedUrls = new Map(spec.webSeeds?.map((url) => [url, 'files']));
    for (const url of spec.httpSeeds ?? []) this.#webSeedUrls.set(url, 'pieces');
    this.#limits = new TorrentLimits(host, spec);
    this.#totals = new TransferTotals(host.ports.clock, host.downloadMeter, host.uploadMeter);
    this.#metadata = new TorrentMetadata({
      hashes: this.hashes,
      hasher: host.ports.hasher,
      pieceLayers: spec.pieceLayers,
      wanted: () => this.#state === 'metadata',
      onHashes: () => host.onHashes(this),
      onInfo: (info, infoBytes) => {
        observer.onMetadata(info, infoBytes);
        void this.#open();
      },
      onLearnt: () => {
        this.#trackers.join();
        this.#swarm.upgrade();
      },
      fail: (error) => this.#fail(asError(error)),
    });
    this.#resume = new ResumeKeeper({
      clock: host.ports.clock,
      state: spec.state,
      infoHash: this.infoHash,
      key: this.infoHashHex,
      trackers: tiers,
      totals: () => this.#totals,
      onWarning: (error) => observer.onWarning(error),
    });
    this.#swarm = createTorrentSwarm({
      host,
      spec,
      hashes: this.hashes,
      metadata: this.#metadata.exchange,
      totals: this.#totals,
      limits: this.#limits,
      observer,
      metadataSize: () => this.#metadata.infoBytes?.length,
      transfer: () => this.#transfer,
    });
    this.#trackers = new TorrentTrackers(host, this.hashes, tiers, this.#swarm, observer, () => ({
      uploaded: this.#totals.uploaded,
      downloaded: this.#totals.downloaded,
      left:
        this.#metadata.info &&
        this.#metadata.info.length - (this.#transfer?.content.selection.verifiedBytes ?? 0),
      partialSeed: this.done && this.verified?.isFull === false,
    }));
    this.#storage = new TorrentStorage({
      host,
      spec,
      swarm: this.#swarm,
      trackers: this.#trackers,
      resume: this.#resume,
      totals: this.#totals,
      limits: this.#limits,
      observer,
      webSeeds: this.#webSeedUrls,
      pieceLayers: () => this.#metadata.pieceLayers,
      state: () => this.#state,
      fail: (error) => this.#fail(error),
      onOpened: (transfer) => this.#onOpened(transfer),
    });
    this.turn = new TorrentTurn({
      queue: host.queue,
      totals: this.#totals,
      earlier: () => this.#resume.earlier,
      state: () => this.#state,
      paused: () => this.#paused,
      info: () => this.#metadata.info,
      content: () => this.#transfer?.content,
      done: () => this.done,
      onHold: (held) => this.#onHold(held),
      onQueued: (queued) => observer.onQueued?.(queued),
      onChanged: () => observer.onChanged?.(),
      onGoal: (goal) => {
        this.pause();
        observer.onGoal?.(goal);
      },
    });
    for (const address of spec.peers ?? []) this.#swarm.candidates.add(address);
  }

  get info(): Info | undefined {
    return this.#metadata.info;
  }

  get infoBytes(): Uint8Array | undefined {
    return this.#metadata.infoBytes;
  }

  get state(): TorrentState {
    return this.#state;
  }

  /** Every wanted piece is verified and on disk. */
  get done(): boolean {
    return this.#transfer?.done ?? false;
  }

  get verified(): Bitfield | undefined {
    return this.#transfer?.content.store.verified;
  }

  /** The swarm, for connections that the engine routes here. */
  get swarm(): Swarm {
    return this.#swarm;
  }

  /** While the storage is open. */
  get #transfer(): Transfer | undefined {
    return this.#storage.transfer;
  }

  /** Begins: with the metadata given or kept from an earlier run, else by asking peers for it. */
  start(): void {
    void this.#start();
  }

  stats(): TorrentStats {
    const selection = this.#transfer?.content.selection;
    return {
      state: this.#state,
      ...this.turn.snapshot(),
      verifiedBytes: selection?.verifiedBytes ?? 0,
      wantedVerifiedBytes: selection?.wantedVerifiedBytes ?? 0,
      wantedBytes: selection?.wantedBytes ?? this.#metadata.info?.length ?? 0,
      ...this.#totals.snapshot(),
      connectedPeers: this.#swarm.peers.size,
    };
  }

  peers(): PeerStatus[] {
    const now = this.#host.ports.clock.now();
    return [...this.#swarm.peers.values()].map((peer) => peer.status(now));
  }

  trackers(): TrackerStatus[] {
    return this.#trackers.status();
  }

  webSeeds(): WebSeedStatus[] {
    return this.#transfer?.content.webSeeds.status() ?? [];
  }

  /** Bytes of the piece that have been received, verified or not. */
  pieceProgress(piece: number): number {
    return this.#transfer?.content.store.receivedBytes(piece) ?? 0;
  }

  /** Selects the pieces first..last with a priority of 1 to 7, or deselects them with 0. */
  selectPieces(first: number, last: number, priority: number): void {
    this.#transfer?.select((content) => content.selection.setPieces(first, last, priority));
  }

  deselectPieces(first: number, last: number): void {
    this.selectPieces(first, last, 0);
  }

  /** One priority per file, 0 to 7; 0 deselects. */
  setFilePriorities(priorities: readonly number[]): void {
    this.#transfer?.select((content) => content.setFilePriorities(priorities));
    this.#storage.takeMoreRoom();
  }

  filePriorities(): number[] {
    return this.#transfer?.content.selection.filePriorities() ?? [];
  }

  /** The pieces first..last are needed at once. */
  criticalPieces(first: number, last: number): void {
    this.#transfer?.content.streaming.critical(first, last);
    this.#swarm.wake();
  }

  /** @throws {ReaderError} before `onReady`, or when the range is not within the torrent. */
  createReader(options: ReaderOptions): Reader {
    if (this.#transfer !== undefined) return this.#transfer.createReader(options);
    throw new ReaderError(
      'NO_METADATA',
      'The torrent cannot be read yet: its metadata or storage is not ready.',
    );
  }

  /** Returns whether the address is new. */
  addPeer(address: PeerAddress): boolean {
    return this.#swarm.addAddress(address);
  }

  removePeer(id: number): boolean {
    return this.#swarm.removePeer(id);
  }

  /** @param kind a folder or file on a web server (BEP 19), or a script that gives pieces (BEP 17). */
  addWebSeed(url: string, kind: WebSeedKind = 'files'): void {
    this.#webSeedUrls.set(url, kind);
    this.#transfer?.content.webSeeds.add(url, kind);
  }

  removeWebSeed(url: string): void {
    this.#webSeedUrls.delete(url);
    this.#transfer?.content.webSeeds.remove(url);
  }

  addTracker(url: string): void {
    this.#trackers.add(url);
  }

  /** Bytes per second of this torrent, web seeds included; `undefined` for no limit of its own, 0 for nothing. */
  setLimits(limits: { readonly download?: number | undefined; readonly upload?: number | undefined }): void {
    this.#limits.set(limits.download, limits.upload);
    this.#transfer?.content.webSeeds.update();
  }

  /**
   * Metadata that was found elsewhere, as at a magnet link's `xs`: used if it is right and no peer has sent it yet.
   * Resolves with whether it is used.
   */
  async setMetadata(infoBytes: Uint8Array, pieceLayers?: ReadonlyMap<string, Uint8Array>): Promise<boolean> {
    return this.#started && (await this.#metadata.offer(infoBytes, pieceLayers));
  }

  /** Hashes of pieces, from the torrent file or from peers, by the root of their file in hexadecimal (BEP 52). */
  get pieceLayers(): ReadonlyMap<string, Uint8Array> | undefined {
    return this.#metadata.pieceLayers ?? this.#transfer?.content.merkle?.store.layers;
  }

  /** Another torrent of the client has turned out to be the same one. */
  endAsDuplicate(error: Error): void {
    this.#fail(error);
  }

  /** The network came back or changed: everything is tried again at once. */
  networkChanged(): void {
    this.#swarm.candidates.retryAll();
    this.#swarm.connect();
    this.#trackers.networkChanged();
  }

  /** Ends all connections and announces; what is stored stays open. */
  pause(): void {
    this.#paused = true;
    if (this.#state === 'closed' || this.#state === 'failed') return;
    this.#stopRunning('paused');
    this.turn.changed();
  }

  /** Goes on after `pause`, or tries again after a failure. */
  resume(): void {
    this.#paused = false;
    this.turn.resumed();
    if (this.#state === 'failed') this.#retry();
    else this.#run();
  }

  /** Writes down what there is, as for a crash that may come. Never rejects. */
  save(): Promise<void> {
    return this.#resume.save(true);
  }

  /** Reads and hashes everything that is stored, as if nothing were known. */
  async recheck(): Promise<void> {
    if (this.#metadata.info === undefined || this.#state === 'closed') return;
    this.#deactivate('the stored data is being checked');
    this.#state = 'checking';
    // Nothing is said of them: their bytes are taken up again, and verified with the rest of their piece.
    await this.#transfer?.content.storePartials(false).catch(() => {});
    try {
      await this.#resume.remove();
    } catch (error) {
      this.#observer.onWarning(asError(error));
      this.#resume.forget();
    }
    await this.#open();
  }

  /** Ends the torrent: says goodbye to trackers, keeps what was verified for next time. Idempotent. */
  close(options: { readonly destroyData?: boolean | undefined } = {}): Promise<void> {
    if (this.#closing === undefined) {
      // Known before anything is told to anybody, who might want to close it too.
      let begin: () => void = () => {};
      this.#closing = new Promise<void>((resolve) => {
        begin = (): void => resolve(this.#close(options.destroyData ?? false));
      });
      begin();
    }
    return this.#closing;
  }

  async #start(): Promise<void> {
    let infoBytes = this.#spec.infoBytes;
    if (infoBytes === undefined) {
      await this.#resume.load();
      infoBytes = this.#resume.infoBytes;
      if (this.#state === 'closed' || this.#metadata.info !== undefined) return;
    }
    this.#started = true;
    if (infoBytes !== undefined) this.#metadata.take(infoBytes, this.#spec.info);
    else this.#goOnline();
  }

  /** After a failure. */
  #retry(): void {
    if (this.#metadata.info !== undefined) void this.#open();
    else if (this.#failure !== undefined) this.#observer.onError(this.#failure);
  }

  /** Opens the storage and finds out what is there. */
  async #open(): Promise<void> {
    const info = this.#metadata.info;
    if (info === undefined || this.#closing !== undefined) return;
    this.#state = 'checking';
    this.turn.changed();
    try {
      await this.#storage.open(info, this.#metadata.infoBytes!);
    } catch (error) {
      if (this.#closing === undefined) this.#fail(asError(error));
    }
  }

  #onOpened(transfer: Transfer): void {
    this.#state = 'paused';
    this.#observer.onReady();
    if (this.#transfer !== transfer || this.#closing !== undefined) return;
    transfer.checkDone();
    this.turn.changed();
    this.#run();
  }

  /** Goes on, if nothing is against it. */
  #run(): void {
    if (this.#paused || this.turn.held || this.#closing !== undefined) return;
    if (this.#state === 'paused') this.#activate();
    else if (this.#state === 'metadata' && this.#started) this.#goOnline();
  }

  #stopRunning(reason: string): void {
    this.#deactivate(reason);
    if (this.#state !== 'active') return;
    this.#state = 'paused';
    void this.#resume.save(true);
  }

  /** The queue lets it run, or has it wait. */
  #onHold(held: boolean): void {
    if (this.#paused || this.#closing !== undefined || this.#state === 'failed') return;
    if (held && (this.#state === 'active' || this.#state === 'metadata')) {
      this.#stopRunning('the torrent waits for its turn');
    }
    if (!held) this.#run();
  }

  /** Exchanges pieces from now on. */
  #activate(): void {
    const content = this.#transfer?.content;
    if (content === undefined) return;
    const transfer = this.#transfer;
    const room = this.#storage.takeRoom();
    if (room !== undefined) {
      const current = (): boolean => this.#transfer === transfer && this.#closing === undefined;
      room.then(
        () => {
          if (current()) this.#run();
        },
        (error: unknown) => {
          if (current()) this.#fail(asError(error));
        },
      );
      return;
    }
    this.#state = 'active';
    content.store.resumeKept();
    content.twins?.update();
    this.#swarm.adopt(content);
    this.#goOnline();
    content.webSeeds.start();
  }

  /** Looks for peers and lets them in. */
  #goOnline(): void {
    if (this.#paused || this.turn.held || this.#closing !== undefined) return;
    this.#swarm.start();
    this.#trackers.start();
  }

  #deactivate(reason: string): void {
    void this.#trackers.stop();
    this.#transfer?.content.webSeeds.stop();
    this.#swarm.stop(reason);
  }

  #fail(error: Error): void {
    if (this.#state === 'closed' || this.#state === 'failed') return;
    this.#state = 'failed';
    this.turn.changed();
    this.#failure = error;
    this.#deactivate('the torrent has failed');
    this.#transfer?.content.streaming.close(
      new ReaderError('CLOSED', `The torrent has failed: ${error.message}`, { cause: error }),
    );
    void this.#resume.save();
    this.#observer.onError(error);
  }

  async #close(destroyData: boolean): Promise<void> {
    this.#state = 'closed';
    this.turn.leave();
    this.#transfer?.content.streaming.close(new ReaderError('CLOSED', 'The torrent was removed.'));
    this.#transfer?.content.webSeeds.stop();
    this.#swarm.stop('the torrent was removed');
    this.#limits.close();
    const goodbye = this.#trackers.stop();
    try {
      await this.#storage.cancelOpening();
      const opened = this.#transfer?.content.disk;
      await this.#storage.close();
      if (destroyData) {
        const disk =
          opened ??
          (this.#metadata.info && (await this.#spec.openDisk(this.#metadata.info).catch(() => undefined)));
        await disk?.destroy();
        await this.#resume.remove();
      }
    } finally {
      await goodbye;
      this.#host.onClosed(this);
    }
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
