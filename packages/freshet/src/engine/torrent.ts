import {
  Bitfield,
  encodeUploadOnly,
  type Info,
  type InfoHash,
  type InfoHashHex,
  infoHashToHex,
  type PeerAddress,
  type PeerId,
  parseInfo,
} from '../protocol/index.ts';
import { Announcer, type OfferBudget, type TrackerSockets, type TrackerStatus } from './discovery/index.ts';
import type { ConnectionBudget } from './peers/connection-budget.ts';
import { MetadataExchange } from './peers/metadata-exchange.ts';
import type { PeerConnection } from './peers/peer-connection.ts';
import { Swarm } from './peers/swarm.ts';
import type { BufferPool } from './pieces/buffer-pool.ts';
import { PiecePicker } from './pieces/picker.ts';
import { PieceStore } from './pieces/piece-store.ts';
import type { ReadCache } from './pieces/read-cache.ts';
import { Scheduler } from './pieces/scheduler.ts';
import { type Disk, DiskError, type Ports } from './ports.ts';
import type { RateLimiter } from './rate-limiter.ts';
import { RateMeter } from './rate-meter.ts';
import { Selection } from './selection.ts';
import { WebSeeds } from './sources/web-seeds.ts';
import { checkPieces } from './storage/check.ts';
import { ResumeKeeper } from './storage/resume-keeper.ts';
import { ReaderError } from './streaming/reader.ts';
import { Streaming } from './streaming/streaming.ts';
import type {
  PeerStatus,
  Reader,
  ReaderOptions,
  SourceKind,
  TorrentObserver,
  TorrentSpec,
  TorrentState,
  TorrentStats,
  WebSeedStatus,
} from './torrent-types.ts';

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

/** What exists while the torrent's storage is open. */
interface Opened {
  readonly disk: Disk;
  readonly store: PieceStore;
  readonly scheduler: Scheduler;
  readonly selection: Selection;
  readonly streaming: Streaming;
  readonly webSeeds: WebSeeds;
}

/** Peers that a torrent asks its trackers for. */
const WANTED_PEERS = 50;

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
  #info: Info | undefined;
  #infoBytes: Uint8Array | undefined;
  #opened: Opened | undefined;
  #state: TorrentState = 'metadata';
  #paused: boolean;
  #done = false;
  /** Something was downloaded in this run, so that trackers may hear of its completion. */
  #downloadedHere = false;
  /** Counts openings, so that what an older one still delivers is ignored. */
  #epoch = 0;
  #closing: Promise<void> | undefined;
  readonly #download = new RateMeter();
  readonly #upload = new RateMeter();
  readonly #received: Record<SourceKind, number> = { tcp: 0, utp: 0, webrtc: 0, memory: 0, webseed: 0 };
  #wasted = 0;
  #hashFailures = 0;

  constructor(host: TorrentHost, spec: TorrentSpec, observer: TorrentObserver) {
    this.infoHash = spec.infoHash;
    this.infoHashHex = infoHashToHex(spec.infoHash);
    this.#host = host;
    this.#spec = spec;
    this.#observer = observer;
    this.#paused = spec.paused ?? false;
    this.#trackers = (spec.trackers ?? []).map((tier) => [...tier]);
    this.#webSeedUrls = new Set(spec.webSeeds ?? []);
    this.#metadata = new MetadataExchange(spec.infoHash, host.ports.hasher, (bytes) =>
      this.#onInfoBytes(bytes),
    );
    this.#resume = new ResumeKeeper(host.ports.clock, spec.state, this.infoHashHex);
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
    return this.#opened?.store.verified;
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
    const now = this.#host.ports.clock.now();
    const selection = this.#opened?.selection;
    return {
      state: this.#state,
      verifiedBytes: selection?.verifiedBytes ?? 0,
      wantedVerifiedBytes: selection?.wantedVerifiedBytes ?? 0,
      wantedBytes: selection?.wantedBytes ?? this.#info?.length ?? 0,
      received: { ...this.#received },
      uploaded: this.#upload.total,
      wasted: this.#wasted,
      downloadRate: this.#download.rate(now),
      uploadRate: this.#upload.rate(now),
      connectedPeers: this.#swarm.peers.size,
      hashFailures: this.#hashFailures,
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
    return this.#opened?.webSeeds.status() ?? [];
  }

  /** Bytes of the piece that have been received, verified or not. */
  pieceProgress(piece: number): number {
    return this.#opened?.store.receivedBytes(piece) ?? 0;
  }

  /** Selects the pieces first..last with a priority of 1 to 7, or deselects them with 0. */
  selectPieces(first: number, last: number, priority: number): void {
    this.#select((selection) => selection.setPieces(first, last, priority));
  }

  deselectPieces(first: number, last: number): void {
    this.selectPieces(first, last, 0);
  }

  /** One priority per file, 0 to 7; 0 deselects. */
  setFilePriorities(priorities: readonly number[]): void {
    this.#select((selection, disk) => {
      selection.setFiles(priorities);
      disk.setWanted(selection.wantedFiles());
    });
  }

  filePriorities(): number[] {
    return this.#opened?.selection.filePriorities() ?? [];
  }

  /** The pieces first..last are needed at once. */
  criticalPieces(first: number, last: number): void {
    this.#opened?.streaming.critical(first, last);
    this.#swarm.wake();
  }

  /** @throws {ReaderError} before `onReady`, or when the range is not within the torrent. */
  createReader(options: ReaderOptions): Reader {
    const opened = this.#opened;
    if (opened === undefined) {
      throw new ReaderError('NO_METADATA', 'The torrent cannot be read yet: its metadata or storage is not ready.');
    }
    const { start, end } = options;
    if (!(start >= 0 && end >= start && end <= opened.store.info.length)) {
      throw new ReaderError('OUT_OF_RANGE', `The torrent has no bytes ${start} to ${end}.`);
    }
    const release = opened.selection.lend(start, end);
    if (release !== undefined) this.#selectionChanged();
    const reader = opened.streaming.open(options);
    reader.onClose(() => {
      release?.();
      if (release !== undefined && this.#opened === opened) this.#selectionChanged();
    });
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
    this.#opened?.webSeeds.add(url);
  }

  removeWebSeed(url: string): void {
    this.#webSeedUrls.delete(url);
    this.#opened?.webSeeds.remove(url);
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
    if (this.#state === 'active' || this.#state === 'metadata') this.#deactivate('paused');
    if (this.#state === 'active') this.#state = 'paused';
  }

  /** Goes on after `pause`, or tries again after a failure. */
  resume(): void {
    this.#paused = false;
    if (this.#state === 'failed') void this.#open();
    else if (this.#state === 'paused') this.#activate();
    else if (this.#state === 'metadata') this.#goOnline();
  }

  /** Reads and hashes everything that is stored, as if nothing were known. */
  async recheck(): Promise<void> {
    if (this.#info === undefined || this.#state === 'closed') return;
    this.#deactivate('the stored data is being checked');
    await this.#resume.remove();
    await this.#open();
  }

  /** Ends the torrent: says goodbye to trackers, keeps what was verified for next time. Idempotent. */
  close(options: { readonly destroyData?: boolean | undefined } = {}): Promise<void> {
    this.#closing ??= this.#close(options.destroyData ?? false);
    return this.#closing;
  }

  async #start(): Promise<void> {
    let infoBytes = this.#spec.infoBytes;
    if (infoBytes === undefined) {
      await this.#resume.load();
      infoBytes = this.#resume.infoBytes;
      if (this.#state === 'closed' || this.#info !== undefined) return;
    }
    if (infoBytes !== undefined) this.#onInfoBytes(infoBytes);
    else this.#goOnline();
  }

  /** Bytes that hash to the info-hash: given, kept from before, or fetched. */
  #onInfoBytes(infoBytes: Uint8Array): void {
    if (this.#state === 'closed' || this.#info !== undefined) return;
    try {
      this.#info = parseInfo(infoBytes, this.infoHash);
    } catch (error) {
      this.#fail(error instanceof Error ? error : new Error(String(error)));
      return;
    }
    this.#infoBytes = infoBytes;
    this.#metadata.setInfo(infoBytes);
    this.#observer.onMetadata(this.#info, infoBytes);
    void this.#open();
  }

  /** Opens the storage and finds out what is there. */
  async #open(): Promise<void> {
    const info = this.#info!;
    const epoch = ++this.#epoch;
    const current = (): boolean => epoch === this.#epoch && this.#closing === undefined;
    this.#state = 'checking';
    this.#done = false;
    let disk: Disk | undefined;
    try {
      await this.#closeStorage();
      await this.#resume.load();
      disk = await this.#spec.openDisk(info);
      // Trusted the first time only: after a failure, or when asked to, it is looked at.
      const verified = this.#spec.skipCheck && epoch === 1
        ? fullBitfield(info.pieceCount)
        : (
            await checkPieces({
              info,
              disk,
              hasher: this.#host.ports.hasher,
              resume: this.#resume.data,
              cancelled: () => !current(),
              onProgress: (checked, total) => {
                if (current()) this.#observer.onChecking(checked, total);
              },
            })
          ).verified;
      if (!current()) {
        await disk.close();
        return;
      }
      this.#onOpened(info, disk, verified);
    } catch (error) {
      await disk?.close().catch(() => {});
      if (current()) this.#fail(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #onOpened(info: Info, disk: Disk, verified: Bitfield): void {
    const { ports, pool, cache } = this.#host;
    const picker = new PiecePicker(info.pieceCount, ports.random, this.#spec.strategy ?? 'rarest');
    const store = new PieceStore({
      info,
      verified,
      picker,
      disk,
      hasher: ports.hasher,
      pool,
      cache,
      events: {
        onVerified: (piece) => this.#onVerified(piece),
        onStored: () => this.#onStored(),
        onHashFailed: (piece, length) => this.#onHashFailed(piece, length),
        onWriteError: (error) => this.#onWriteError(error),
      },
    });
    const selection = new Selection(info, store);
    const streaming = new Streaming({
      pieceLength: info.pieceLength,
      now: () => ports.clock.now(),
      isVerified: (piece) => store.verified.get(piece),
      readVerified: (piece, begin, length, wake) => store.read(piece, begin, length, wake),
      onUrgent: (jumped) => this.#onUrgent(jumped),
    });
    const scheduler = new Scheduler(
      store,
      ports.random,
      () => streaming.urgent(),
      () => streaming.active,
    );
    const webSeeds = new WebSeeds({
      info,
      store,
      scheduler,
      clock: ports.clock,
      random: ports.random,
      http: ports.http,
      downloadLimiter: this.#host.downloadLimiter,
      maxConnections: this.#spec.maxWebSeedConnections ?? 4,
      urgent: () => streaming.urgent(),
      streaming: () => streaming.active,
      usefulPeers: () => this.#usefulPeers(),
      nextSourceId: () => this.#host.nextSourceId(),
      onReceived: (bytes) => this.#onReceived('webseed', bytes),
      onWasted: (bytes) => {
        this.#wasted += bytes;
      },
      onWarning: (error) => this.#observer.onWarning(error),
    });
    this.#opened = { disk, store, scheduler, selection, streaming, webSeeds };
    const priorities = this.#resume.filePriorities ?? this.#spec.filePriorities?.(info);
    if (priorities !== undefined) {
      selection.setFiles(priorities);
      disk.setWanted(selection.wantedFiles());
    }
    for (const url of this.#webSeedUrls) webSeeds.add(url);
    this.#resume.open(info, this.#infoBytes!, {
      disk,
      verified: () => this.#storedPieces(store),
      priorities: () => selection.filePriorities(),
    });
    this.#state = 'paused';
    this.#observer.onReady();
    if (this.#opened?.store !== store || this.#closing !== undefined) return;
    this.#checkDone();
    if (!this.#paused) this.#activate();
  }

  /** Exchanges pieces from now on. */
  #activate(): void {
    const opened = this.#opened;
    if (opened === undefined) return;
    this.#state = 'active';
    this.#swarm.adopt({ info: opened.store.info, store: opened.store, scheduler: opened.scheduler });
    this.#goOnline();
    opened.webSeeds.start();
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
    announcer.start();
  }

  #deactivate(reason: string): void {
    this.#announcer?.stop();
    this.#announcer = undefined;
    this.#opened?.webSeeds.stop();
    this.#swarm.stop(reason);
  }

  #fail(error: Error): void {
    if (this.#state === 'closed') return;
    this.#state = 'failed';
    this.#deactivate('the torrent has failed');
    void this.#resume.save();
    this.#observer.onError(error);
  }

  async #close(destroyData: boolean): Promise<void> {
    this.#state = 'closed';
    this.#epoch++;
    this.#opened?.streaming.close(new ReaderError('CLOSED', 'The torrent was removed.'));
    this.#opened?.webSeeds.stop();
    this.#swarm.stop('the torrent was removed');
    const announcer = this.#announcer;
    this.#announcer = undefined;
    const goodbye = new Promise<void>((resolve) => {
      if (announcer === undefined) resolve();
      else announcer.stop(resolve);
    });
    try {
      if (destroyData) {
        const disk = this.#opened?.disk ?? (this.#info && (await this.#spec.openDisk(this.#info).catch(() => undefined)));
        await this.#closeStorage();
        await disk?.destroy();
        await this.#resume.remove();
      } else {
        await this.#closeStorage();
      }
    } finally {
      await goodbye;
      this.#host.onClosed(this);
    }
  }

  /** Waits until what is verified is written, then lets go of the storage. */
  async #closeStorage(): Promise<void> {
    const opened = this.#opened;
    if (opened === undefined) return;
    this.#opened = undefined;
    this.#swarm.exchange = undefined;
    opened.streaming.close(new ReaderError('CLOSED', 'The torrent was stopped.'));
    opened.webSeeds.stop();
    await opened.store.whenWritten();
    await this.#resume.close();
    opened.store.close();
    await opened.disk.close();
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
      streaming: () => this.#opened?.streaming.active ?? false,
      events: {
        onPeer: (peer) => this.#observer.onPeer(peer.status(clock.now())),
        onPeerClosed: (peer) => this.#observer.onPeerClosed(peer.status(clock.now())),
        onReceived: (peer, bytes) => this.#onReceived(peer.link.transport, bytes),
        onWasted: (bytes) => {
          this.#wasted += bytes;
        },
        onSent: (peer, bytes) => this.#onSent(peer, bytes),
        onReadError: (piece, error) => this.#onReadError(piece, error),
        onTick: () => this.#opened?.webSeeds.update(),
      },
    });
  }

  #onVerified(piece: number): void {
    const opened = this.#opened;
    if (opened === undefined) return;
    this.#downloadedHere = true;
    opened.selection.onVerified(piece);
    this.#swarm.onVerified(piece);
    this.#observer.onVerified(piece);
    opened.streaming.onVerified(piece);
  }

  #onStored(): void {
    this.#resume.saveSoon();
    this.#checkDone();
  }

  #onHashFailed(piece: number, length: number): void {
    this.#hashFailures++;
    this.#wasted += length;
    this.#observer.onWarning(new Error(`Piece ${piece} failed its hash check and is downloaded again.`));
    this.#swarm.recount();
  }

  #onWriteError(error: Error): void {
    this.#opened?.selection.recount();
    if (this.#state !== 'failed') this.#fail(error);
  }

  /** The disk lacks or changed what we took for verified. */
  #onReadError(piece: number, error: Error): void {
    if (this.#state !== 'active') return;
    const gone = error instanceof DiskError && (error.code === 'CHANGED' || error.code === 'NOT_FOUND');
    if (gone) this.#fail(error);
    else this.#observer.onWarning(new Error(`Piece ${piece} cannot be read: ${error.message}`, { cause: error }));
  }

  #onReceived(kind: SourceKind, bytes: number): void {
    const now = this.#host.ports.clock.now();
    this.#received[kind] += bytes;
    this.#download.add(bytes, now);
    this.#host.downloadMeter.add(bytes, now);
    this.#observer.onDownload(bytes);
  }

  #onSent(_peer: PeerConnection, bytes: number): void {
    const now = this.#host.ports.clock.now();
    this.#upload.add(bytes, now);
    this.#host.uploadMeter.add(bytes, now);
    this.#observer.onUpload(bytes);
  }

  #onUrgent(jumped: boolean): void {
    const opened = this.#opened;
    if (opened === undefined || this.#state !== 'active') return;
    this.#swarm.requestUrgent(jumped, (piece) => opened.streaming.isUrgent(piece));
    opened.webSeeds.update();
    this.#swarm.wake();
  }

  #select(change: (selection: Selection, disk: Disk) => void): void {
    const opened = this.#opened;
    if (opened === undefined) return;
    change(opened.selection, opened.disk);
    this.#selectionChanged();
    this.#resume.saveSoon();
  }

  #selectionChanged(): void {
    this.#done = false;
    this.#swarm.recount();
    this.#opened?.webSeeds.update();
    this.#checkDone();
  }

  #checkDone(): void {
    const opened = this.#opened;
    if (opened === undefined || this.#done || !opened.selection.complete || opened.store.unwritten > 0) return;
    this.#done = true;
    void this.#resume.save();
    if (opened.store.verified.isFull && this.#downloadedHere) this.#announcer?.completed();
    for (const peer of this.#swarm.peers.values()) peer.sendExtended('upload_only', encodeUploadOnly(true));
    this.#observer.onDone();
    this.#swarm.dropUseless();
  }

  #usefulPeers(): number {
    let count = 0;
    for (const peer of this.#swarm.peers.values()) if (!peer.peerChoking && peer.amInterested) count++;
    return count;
  }

  #storedPieces(store: PieceStore): Bitfield {
    const stored = store.verified.clone();
    for (const piece of stored.indexes()) if (store.isWriting(piece)) stored.unset(piece);
    return stored;
  }

  #announceStats(): ReturnType<ConstructorParameters<typeof Announcer>[0]['stats']> {
    const opened = this.#opened;
    const info = this.#info;
    return {
      uploaded: this.#upload.total,
      downloaded: this.#download.total,
      left:
        info === undefined
          ? undefined
          : opened === undefined
            ? info.length
            : info.length - opened.selection.verifiedBytes,
      wantPeers: this.#swarm.hasRoom ? WANTED_PEERS : 0,
      port: this.#host.port,
    };
  }
}

function fullBitfield(length: number): Bitfield {
  const field = new Bitfield(length);
  field.setAll();
  return field;
}
