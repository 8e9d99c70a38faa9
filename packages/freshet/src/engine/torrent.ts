import {
  type Bitfield,
  encodeUploadOnly,
  type Info,
  type InfoHash,
  type InfoHashHex,
  infoHashToHex,
  type PeerAddress,
  type PeerId,
  parseInfo,
} from '../protocol/index.ts';
import { TorrentContent } from './content.ts';
import { Announcer, type OfferBudget, type TrackerSockets, type TrackerStatus } from './discovery/index.ts';
import type { ConnectionBudget } from './peers/connection-budget.ts';
import { MetadataExchange } from './peers/metadata-exchange.ts';
import { Swarm } from './peers/swarm.ts';
import type { BufferPool } from './pieces/buffer-pool.ts';
import type { ReadCache } from './pieces/read-cache.ts';
import { type Disk, DiskError, type Ports } from './ports.ts';
import type { RateLimiter } from './rate-limiter.ts';
import type { RateMeter } from './rate-meter.ts';
import type { SelectionState } from './selection.ts';
import { ResumeKeeper } from './storage/resume-keeper.ts';
import { StorageOpener } from './storage-opener.ts';
import { ReaderError } from './streaming/reader.ts';
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
import { TransferTotals } from './transfer-totals.ts';

/** What all torrents of an engine share. */
export interface TorrentHost {
  readonly ports: Ports;
  readonly peerId: PeerId;
  readonly clientName: string;
  readonly origin: boolean;
  readonly maxPeersPerTorrent: number;
  readonly budget: ConnectionBudget;
  readonly pool: BufferPool;
  readonly cache: ReadCache;
  readonly uploadLimiter: RateLimiter;
  readonly downloadLimiter: RateLimiter;
  readonly trackerSockets: TrackerSockets;
  readonly offers: OfferBudget | undefined;
  readonly downloadMeter: RateMeter;
  readonly uploadMeter: RateMeter;
  readonly port: number | undefined;
  nextSourceId(): number;
  onClosed(torrent: Torrent): void;
}

/** Peers that a torrent asks its trackers for. */
const WANTED_PEERS = 50;
/** Milliseconds from the first announce in which a viewer leaves to peers what is not due: WebRTC takes one to two seconds. */
const PEER_PATIENCE = 4000;

/** One torrent: puts its parts together and passes on what happens. */
export class Torrent {
  readonly infoHash: InfoHash;
  readonly infoHashHex: InfoHashHex;
  readonly #host: TorrentHost;
  readonly #spec: TorrentSpec;
  readonly #observer: TorrentObserver;
  readonly #swarm: Swarm;
  readonly #metadata: MetadataExchange;
  readonly #resume: ResumeKeeper;
  readonly #trackers: string[][];
  readonly #webSeedUrls: Set<string>;
  #announcer: Announcer | undefined;
  #peersExpectedUntil = Number.NEGATIVE_INFINITY;
  #info: Info | undefined;
  #infoBytes: Uint8Array | undefined;
  #content: TorrentContent | undefined;
  #state: TorrentState = 'metadata';
  #paused: boolean;
  #done = false;
  /** It is known whether the metadata was kept from an earlier run. */
  #started = false;
  /** Something was downloaded in this run, so that trackers may hear of its completion. */
  #downloadedHere = false;
  /** What was selected when the storage was closed, for when it is opened again. */
  #selection: SelectionState | undefined;
  /** The storage has been opened before: what is there is looked at, whatever was promised. */
  #openedBefore = false;
  readonly #opener: StorageOpener;
  /** Why it failed. */
  #failure: Error | undefined;
  #closing: Promise<void> | undefined;
  readonly #totals: TransferTotals;

  constructor(host: TorrentHost, spec: TorrentSpec, observer: TorrentObserver) {
    this.infoHash = spec.infoHash;
    this.infoHashHex = infoHashToHex(spec.infoHash);
    this.#host = host;
    this.#spec = spec;
    this.#observer = observer;
    this.#paused = spec.paused ?? false;
    this.#trackers = (spec.trackers ?? []).map((tier) => [...tier]);
    this.#webSeedUrls = new Set(spec.webSeeds ?? []);
    this.#totals = new TransferTotals(host.ports.clock, host.downloadMeter, host.uploadMeter);
    this.#metadata = new MetadataExchange(spec.infoHash, host.ports.hasher, (bytes) =>
      this.#onInfoBytes(bytes),
    );
    this.#resume = new ResumeKeeper({
      clock: host.ports.clock,
      state: spec.state,
      infoHash: spec.infoHash,
      key: this.infoHashHex,
      trackers: this.#trackers,
      totals: () => this.#totals,
      onWarning: (error) => observer.onWarning(error),
    });
    this.#opener = new StorageOpener({
      hasher: host.ports.hasher,
      openDisk: (info) => spec.openDisk(info),
      onChecking: (checked, total) => observer.onChecking(checked, total),
    });
    this.#swarm = this.#createSwarm();
    for (const address of spec.peers ?? []) this.#swarm.candidates.add(address);
  }

  get info(): Info | undefined {
    return this.#info;
  }

  get infoBytes(): Uint8Array | undefined {
    return this.#infoBytes;
  }

  get state(): TorrentState {
    return this.#state;
  }

  /** Every wanted piece is verified and on disk. */
  get done(): boolean {
    return this.#done;
  }

  get verified(): Bitfield | undefined {
    return this.#content?.store.verified;
  }

  /** The swarm, for connections that the engine routes here. */
  get swarm(): Swarm {
    return this.#swarm;
  }

  /** Begins: with the metadata given or kept from an earlier run, else by asking peers for it. */
  start(): void {
    void this.#start();
  }

  stats(): TorrentStats {
    const selection = this.#content?.selection;
    return {
      state: this.#state,
      verifiedBytes: selection?.verifiedBytes ?? 0,
      wantedVerifiedBytes: selection?.wantedVerifiedBytes ?? 0,
      wantedBytes: selection?.wantedBytes ?? this.#info?.length ?? 0,
      ...this.#totals.snapshot(),
      connectedPeers: this.#swarm.peers.size,
    };
  }

  peers(): PeerStatus[] {
    const now = this.#host.ports.clock.now();
    return [...this.#swarm.peers.values()].map((peer) => peer.status(now));
  }

  trackers(): TrackerStatus[] {
    return this.#announcer?.status() ?? [];
  }

  webSeeds(): WebSeedStatus[] {
    return this.#content?.webSeeds.status() ?? [];
  }

  /** Bytes of the piece that have been received, verified or not. */
  pieceProgress(piece: number): number {
    return this.#content?.store.receivedBytes(piece) ?? 0;
  }

  /** Selects the pieces first..last with a priority of 1 to 7, or deselects them with 0. */
  selectPieces(first: number, last: number, priority: number): void {
    this.#select((content) => content.selection.setPieces(first, last, priority));
  }

  deselectPieces(first: number, last: number): void {
    this.selectPieces(first, last, 0);
  }

  /** One priority per file, 0 to 7; 0 deselects. */
  setFilePriorities(priorities: readonly number[]): void {
    this.#select((content) => content.setFilePriorities(priorities));
  }

  filePriorities(): number[] {
    return this.#content?.selection.filePriorities() ?? [];
  }

  /** The pieces first..last are needed at once. */
  criticalPieces(first: number, last: number): void {
    this.#content?.streaming.critical(first, last);
    this.#swarm.wake();
  }

  /** @throws {ReaderError} before `onReady`, or when the range is not within the torrent. */
  createReader(options: ReaderOptions): Reader {
    const content = this.#content;
    if (content === undefined) {
      throw new ReaderError(
        'NO_METADATA',
        'The torrent cannot be read yet: its metadata or storage is not ready.',
      );
    }
    const { start, end } = options;
    if (!(start >= 0 && end >= start && end <= content.store.info.length)) {
      throw new ReaderError('OUT_OF_RANGE', `The torrent has no bytes ${start} to ${end}.`);
    }
    if (this.#state === 'failed') {
      throw new ReaderError('CLOSED', 'The torrent cannot be read: it has failed.');
    }
    const loan = content.lend(start, end, () => this.#fetchedChanged());
    if (loan.changed) this.#fetchedChanged();
    const reader = content.streaming.open(options);
    reader.onClose(() => loan.end());
    this.#swarm.wake();
    return reader;
  }

  /** Returns whether the address is new. */
  addPeer(address: PeerAddress): boolean {
    return this.#swarm.addAddress(address);
  }

  removePeer(id: number): boolean {
    return this.#swarm.removePeer(id);
  }

  addWebSeed(url: string): void {
    this.#webSeedUrls.add(url);
    this.#content?.webSeeds.add(url);
  }

  removeWebSeed(url: string): void {
    this.#webSeedUrls.delete(url);
    this.#content?.webSeeds.remove(url);
  }

  addTracker(url: string): void {
    this.#trackers.push([url]);
    this.#announcer?.addTracker(url);
  }

  /** The network came back or changed: everything is tried again at once. */
  networkChanged(): void {
    this.#swarm.candidates.retryAll();
    this.#swarm.connect();
    this.#announcer?.networkChanged();
  }

  /** Ends all connections and announces; what is stored stays open. */
  pause(): void {
    this.#paused = true;
    if (this.#state === 'closed' || this.#state === 'failed') return;
    this.#deactivate('paused');
    if (this.#state === 'active') this.#state = 'paused';
  }

  /** Goes on after `pause`, or tries again after a failure. */
  resume(): void {
    this.#paused = false;
    if (this.#state === 'failed') this.#retry();
    else if (this.#state === 'paused') this.#activate();
    else if (this.#state === 'metadata' && this.#started) this.#goOnline();
  }

  /** Reads and hashes everything that is stored, as if nothing were known. */
  async recheck(): Promise<void> {
    if (this.#info === undefined || this.#state === 'closed') return;
    this.#deactivate('the stored data is being checked');
    this.#state = 'checking';
    this.#done = false;
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
      if (this.#state === 'closed' || this.#info !== undefined) return;
    }
    this.#started = true;
    if (infoBytes !== undefined) this.#onInfoBytes(infoBytes);
    else this.#goOnline();
  }

  /** Bytes that hash to the info-hash: given, kept from before, or fetched. */
  #onInfoBytes(infoBytes: Uint8Array): void {
    if (this.#state === 'closed' || this.#info !== undefined) return;
    try {
      this.#info = parseInfo(infoBytes, this.infoHash);
    } catch (error) {
      this.#fail(asError(error));
      return;
    }
    this.#infoBytes = infoBytes;
    this.#metadata.setInfo(infoBytes);
    this.#observer.onMetadata(this.#info, infoBytes);
    void this.#open();
  }

  /** After a failure. */
  #retry(): void {
    if (this.#info !== undefined) void this.#open();
    else if (this.#failure !== undefined) this.#observer.onError(this.#failure);
  }

  /** Opens the storage and finds out what is there. */
  async #open(): Promise<void> {
    const info = this.#info;
    if (info === undefined || this.#closing !== undefined) return;
    this.#state = 'checking';
    this.#done = false;
    try {
      const opened = await this.#opener.open({
        info,
        trusted: this.#spec.skipCheck === true && !this.#openedBefore,
        resume: async () => {
          await this.#closeStorage();
          await this.#resume.load();
          return this.#resume.data;
        },
      });
      if (opened === undefined) return;
      this.#openedBefore = true;
      this.#onOpened(info, opened.disk, opened.verified);
    } catch (error) {
      if (this.#closing === undefined) this.#fail(asError(error));
    }
  }

  #onOpened(info: Info, disk: Disk, verified: Bitfield): void {
    const content: TorrentContent = new TorrentContent({
      info,
      disk,
      verified,
      ports: this.#host.ports,
      pool: this.#host.pool,
      cache: this.#host.cache,
      strategy: this.#spec.strategy ?? 'rarest',
      downloadLimiter: this.#host.downloadLimiter,
      maxWebSeedConnections: this.#spec.maxWebSeedConnections ?? 4,
      totals: this.#totals,
      nextSourceId: () => this.#host.nextSourceId(),
      usefulPeers: () => this.#swarm.usefulPeers,
      expectsPeers: () => this.#host.ports.clock.now() < this.#peersExpectedUntil,
      events: {
        onVerified: (piece) => this.#onVerified(piece),
        onStored: () => {
          this.#resume.saveSoon();
          this.#checkDone();
        },
        onHashFailed: (piece, length) => this.#onHashFailed(piece, length),
        onWriteError: (error) => {
          content.selection.recount();
          this.#fail(error);
        },
        onRoom: () => {
          this.#swarm.fill();
          this.#content?.webSeeds.update();
        },
        onReadError: (piece, error) => this.#onReadError(piece, error),
        onUrgent: (jumped) => this.#onUrgent(jumped),
        onReceived: (bytes) => {
          this.#totals.received('webseed', bytes);
          this.#observer.onDownload(bytes);
        },
        onWarning: (error) => this.#observer.onWarning(error),
      },
    });
    this.#content = content;
    const priorities = this.#spec.filePriorities?.(info) ?? this.#resume.filePriorities;
    if (this.#selection !== undefined) content.restoreSelection(this.#selection);
    else if (priorities !== undefined) content.setFilePriorities(priorities);
    // Empty files have no piece whose arrival would create them.
    else if (info.files.some((file) => file.length === 0)) disk.setWanted(content.selection.wantedFiles());
    for (const url of this.#webSeedUrls) content.webSeeds.add(url);
    this.#resume.open(info, this.#infoBytes!, content);
    this.#state = 'paused';
    this.#observer.onReady();
    if (this.#content !== content || this.#closing !== undefined) return;
    this.#checkDone();
    if (!this.#paused) this.#activate();
  }

  /** Exchanges pieces from now on. */
  #activate(): void {
    const content = this.#content;
    if (content === undefined) return;
    this.#state = 'active';
    this.#swarm.adopt(content);
    this.#goOnline();
    content.webSeeds.start();
  }

  /** Looks for peers and lets them in. */
  #goOnline(): void {
    if (this.#paused || this.#closing !== undefined) return;
    this.#swarm.start();
    if (this.#announcer !== undefined) return;
    const { ports } = this.#host;
    const announcer = new Announcer({
      clock: ports.clock,
      random: ports.random,
      http: ports.http,
      trackerSockets: this.#host.trackerSockets,
      rtc: this.#host.offers,
      infoHash: this.infoHash,
      peerId: this.#host.peerId,
      tiers: this.#trackers,
      useHttp: ports.dialer !== undefined,
      stats: () => this.#announceStats(),
      observer: {
        onPeers: (peers) => {
          for (const peer of peers) this.#swarm.addAddress(peer);
        },
        onLink: (link) => this.#swarm.addLink(link, false),
        onAnnounced: (url) => {
          this.#observer.onAnnounce(url);
          if (this.#swarm.peers.size === 0) this.#observer.onNoPeers('tracker');
        },
        onWarning: (_url, sentence) => this.#observer.onWarning(new Error(sentence)),
        wantsPeer: (peerId) => this.#swarm.wantsPeer(peerId),
      },
    });
    this.#announcer = announcer;
    const { dialer, rtc } = ports;
    if (this.#trackers.length > 0 && (dialer !== undefined || rtc !== undefined))
      this.#peersExpectedUntil = ports.clock.now() + PEER_PATIENCE;
    announcer.start();
  }

  #deactivate(reason: string): void {
    this.#announcer?.stop();
    this.#announcer = undefined;
    this.#content?.webSeeds.stop();
    this.#swarm.stop(reason);
  }

  #fail(error: Error): void {
    if (this.#state === 'closed' || this.#state === 'failed') return;
    this.#state = 'failed';
    this.#failure = error;
    this.#deactivate('the torrent has failed');
    this.#content?.streaming.close(
      new ReaderError('CLOSED', `The torrent has failed: ${error.message}`, { cause: error }),
    );
    void this.#resume.save();
    this.#observer.onError(error);
  }

  async #close(destroyData: boolean): Promise<void> {
    this.#state = 'closed';
    this.#content?.streaming.close(new ReaderError('CLOSED', 'The torrent was removed.'));
    this.#content?.webSeeds.stop();
    this.#swarm.stop('the torrent was removed');
    const announcer = this.#announcer;
    this.#announcer = undefined;
    const goodbye = new Promise<void>((resolve) => {
      if (announcer === undefined) resolve();
      else announcer.stop(resolve);
    });
    try {
      await this.#opener.cancel();
      const opened = this.#content?.disk;
      await this.#closeStorage();
      if (destroyData) {
        const disk = opened ?? (this.#info && (await this.#spec.openDisk(this.#info).catch(() => undefined)));
        await disk?.destroy();
        await this.#resume.remove();
      }
    } finally {
      await goodbye;
      this.#host.onClosed(this);
    }
  }

  /** Waits until what is verified is written, then lets go of the storage. */
  async #closeStorage(): Promise<void> {
    const content = this.#content;
    if (content === undefined) return;
    this.#content = undefined;
    this.#swarm.exchange = undefined;
    this.#selection = content.selection.state;
    await content.close(new ReaderError('CLOSED', 'The torrent was stopped.'), () => this.#resume.close());
  }

  #createSwarm(): Swarm {
    const host = this.#host;
    const { clock, random, dialer } = host.ports;
    return new Swarm({
      infoHash: this.infoHash,
      peerId: host.peerId,
      clock,
      random,
      dialer,
      budget: host.budget,
      maxPeers: host.maxPeersPerTorrent,
      uploadSlots: this.#spec.uploadSlots ?? 10,
      uploadLimiter: host.uploadLimiter,
      downloadLimiter: host.downloadLimiter,
      metadata: this.#metadata,
      clientName: host.clientName,
      origin: host.origin,
      listenPort: () => host.port,
      nextPeerId: () => host.nextSourceId(),
      metadataSize: () => this.#infoBytes?.length,
      streaming: () => this.#content?.streaming.active ?? false,
      events: {
        onPeer: (peer) => this.#observer.onPeer(peer.status(clock.now())),
        onPeerClosed: (peer) => this.#observer.onPeerClosed(peer.status(clock.now())),
        onReceived: (peer, bytes) => {
          this.#totals.received(peer.link.transport, bytes);
          this.#observer.onDownload(bytes);
        },
        onWasted: (bytes) => this.#totals.wasted(bytes),
        onSent: (_peer, bytes) => {
          this.#totals.sent(bytes);
          this.#observer.onUpload(bytes);
        },
        onReadError: (piece, error) => this.#onReadError(piece, error),
        onTick: () => this.#content?.webSeeds.update(),
      },
    });
  }

  #onVerified(piece: number): void {
    const content = this.#content;
    if (content === undefined) return;
    this.#downloadedHere = true;
    content.selection.onVerified(piece);
    this.#swarm.onVerified(piece);
    this.#observer.onVerified(piece);
    content.streaming.onVerified(piece);
  }

  #onHashFailed(piece: number, length: number): void {
    this.#totals.hashFailed(length);
    this.#observer.onWarning(new Error(`Piece ${piece} failed its hash check and is downloaded again.`));
    this.#swarm.fill();
  }

  /** The disk lacks or changed what we took for verified. */
  #onReadError(piece: number, error: Error): void {
    const content = this.#content;
    if (content === undefined || (this.#state !== 'active' && this.#state !== 'paused')) return;
    const gone = error instanceof DiskError && (error.code === 'CHANGED' || error.code === 'NOT_FOUND');
    if (gone) {
      this.#fail(error);
      return;
    }
    if (!content.store.distrust(piece)) return;
    content.selection.recount();
    this.#noLongerDone();
    this.#observer.onWarning(
      new Error(`Piece ${piece} cannot be read and is downloaded again: ${error.message}`, { cause: error }),
    );
    this.#swarm.onLost(piece);
    this.#lookForMore();
  }

  #onUrgent(jumped: boolean): void {
    const content = this.#content;
    if (content === undefined || this.#state !== 'active') return;
    this.#swarm.requestUrgent(jumped, (piece) => content.streaming.isUrgent(piece));
    content.webSeeds.update();
    this.#swarm.wake();
  }

  #select(change: (content: TorrentContent) => void): void {
    if (this.#content === undefined) return;
    change(this.#content);
    this.#selectionChanged();
    this.#resume.saveSoon();
  }

  #selectionChanged(): void {
    this.#noLongerDone();
    this.#fetchedChanged();
    this.#checkDone();
  }

  /** Something is wanted again, if it is. */
  #noLongerDone(): void {
    if (!this.#done || this.#content?.selection.complete !== false) return;
    this.#done = false;
    this.#tellUploadOnly(false);
  }

  /** Other pieces are fetched than before, because of the selection or of a reader. */
  #fetchedChanged(): void {
    this.#content?.streaming.onSelected();
    this.#content?.store.dropUnwanted();
    this.#swarm.recount();
    this.#lookForMore();
  }

  #lookForMore(): void {
    if (this.#state === 'active' && !this.#swarm.seeding) {
      // Seeds were let go when nothing was wanted any more.
      this.#swarm.candidates.retryUseful();
      this.#swarm.connect();
      if (this.#swarm.peers.size === 0) this.#announcer?.update();
    }
    this.#content?.webSeeds.update();
  }

  #tellUploadOnly(uploadOnly: boolean): void {
    for (const peer of [...this.#swarm.peers.values()]) {
      peer.sendExtended('upload_only', encodeUploadOnly(uploadOnly));
    }
  }

  #checkDone(): void {
    const content = this.#content;
    if (content === undefined || this.#done || !content.selection.complete || content.store.unwritten > 0)
      return;
    this.#done = true;
    void this.#resume.save();
    if (content.store.verified.isFull && this.#downloadedHere) this.#announcer?.completed();
    this.#tellUploadOnly(true);
    this.#observer.onDone();
    this.#swarm.dropUseless();
  }

  #announceStats(): ReturnType<ConstructorParameters<typeof Announcer>[0]['stats']> {
    const content = this.#content;
    const info = this.#info;
    return {
      uploaded: this.#totals.uploaded,
      downloaded: this.#totals.downloaded,
      left:
        info === undefined
          ? undefined
          : content === undefined
            ? info.length
            : info.length - content.selection.verifiedBytes,
      wantPeers: this.#swarm.hasRoom ? WANTED_PEERS : 0,
      port: this.#host.port,
    };
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
