import type { Info } from '../protocol/index.ts';
import { LazyMap } from '../protocol/lazy-collections.ts';
import type { TorrentContent } from './content.ts';
import type { AnnounceStats } from './discovery/index.ts';
import type { Swarm } from './peers/swarm.ts';
import type { Hasher } from './ports.ts';
import type { Goal } from './queue/queue-policy.ts';
import type { TorrentQueue } from './queue/torrent-queue.ts';
import type { WebSeedKind } from './sources/web-seed-source.ts';
import { ResumeKeeper } from './storage/resume-keeper.ts';
import { ReaderError } from './streaming/reader.ts';
import { SwarmHashes } from './swarm-hashes.ts';
import type { Torrent } from './torrent.ts';
import type { TorrentHost } from './torrent-host.ts';
import { TorrentLimits } from './torrent-limits.ts';
import { TorrentMetadata, type TorrentMetadataOptions } from './torrent-metadata.ts';
import { TorrentStorage, type TorrentStorageOptions } from './torrent-storage.ts';
import { createTorrentSwarm, type TorrentSwarmOptions } from './torrent-swarm.ts';
import { TorrentTrackers } from './torrent-trackers.ts';
import { TorrentTurn, type TorrentTurnOptions } from './torrent-turn.ts';
import type { TorrentObserver, TorrentSpec, TorrentState } from './torrent-types.ts';
import type { Transfer } from './transfer.ts';
import { TransferTotals } from './transfer-totals.ts';

/**
 * A torrent from its metadata to its end: the state that it is in, and the parts that it is put together of. What these
 * ask of each other and tell, they ask and tell it: methods that all torrents share, as a client may have ten thousand.
 */
export class TorrentLife
  implements TorrentMetadataOptions, TorrentSwarmOptions, TorrentStorageOptions, TorrentTurnOptions
{
  readonly host: TorrentHost;
  readonly spec: TorrentSpec;
  readonly observer: TorrentObserver;
  /** All names of the torrent, those included that the metadata has told of. */
  readonly hashes: SwarmHashes;
  readonly limits: TorrentLimits;
  readonly totals: TransferTotals;
  readonly metadata: TorrentMetadata;
  readonly resume: ResumeKeeper;
  readonly swarm: Swarm;
  readonly trackers: TorrentTrackers;
  readonly webSeeds: Map<string, WebSeedKind>;
  readonly storage: TorrentStorage;
  /** Its place in the client's queue. */
  readonly turn: TorrentTurn;
  readonly #torrent: Torrent;
  #state: TorrentState = 'metadata';
  #paused: boolean;
  /** It is known whether the metadata was kept from an earlier run. */
  #started = false;
  /** Open, with nothing to be asked for before the observer has heard of it. */
  #awaited: Transfer | undefined;
  /** Why it failed. */
  #failure: Error | undefined;
  #closing: Promise<void> | undefined;

  constructor(torrent: Torrent, host: TorrentHost, spec: TorrentSpec, observer: TorrentObserver) {
    this.#torrent = torrent;
    this.host = host;
    this.spec = spec;
    this.observer = observer;
    this.#paused = spec.paused ?? false;
    const tiers = (spec.trackers ?? []).map((tier) => [...tier]);
    this.webSeeds = new LazyMap(spec.webSeeds?.map((url) => [url, 'files']));
    for (const url of spec.httpSeeds ?? []) this.webSeeds.set(url, 'pieces');
    this.hashes = new SwarmHashes(spec.hashes);
    this.limits = new TorrentLimits(host, spec);
    this.totals = new TransferTotals(host.ports.clock, host.downloadMeter, host.uploadMeter);
    this.metadata = new TorrentMetadata(this);
    this.resume = new ResumeKeeper({
      clock: host.ports.clock,
      state: spec.state,
      infoHash: torrent.infoHash,
      key: torrent.infoHashHex,
      trackers: tiers,
      totals: () => this.totals,
      onWarning: (error) => observer.onWarning(error),
    });
    this.swarm = createTorrentSwarm(this);
    this.trackers = new TorrentTrackers(host, this.hashes, tiers, this.swarm, observer, () =>
      this.#progress(),
    );
    this.storage = new TorrentStorage(this);
    this.turn = new TorrentTurn(this);
    for (const address of spec.peers ?? []) this.swarm.candidates.add(address);
  }

  // What its parts ask

  get hasher(): Hasher {
    return this.host.ports.hasher;
  }

  get queue(): TorrentQueue {
    return this.host.queue;
  }

  state(): TorrentState {
    return this.#state;
  }

  paused(): boolean {
    return this.#paused;
  }

  info(): Info | undefined {
    return this.metadata.info;
  }

  /** While the storage is open. */
  get transfer(): Transfer | undefined {
    return this.storage.transfer;
  }

  content(): TorrentContent | undefined {
    return this.transfer?.content;
  }

  /** Every wanted piece is verified and on disk. */
  done(): boolean {
    return this.transfer?.done ?? false;
  }

  /** The metadata is still wanted. */
  wanted(): boolean {
    return this.#state === 'metadata';
  }

  /** Hashes of pieces that came with the torrent file (BEP 52). */
  pieceLayers(): ReadonlyMap<string, Uint8Array> | undefined {
    return this.metadata.pieceLayers;
  }

  /** Payload of earlier runs. */
  earlier(): { readonly uploaded: number; readonly downloaded: number } | undefined {
    return this.resume.earlier;
  }

  /** What trackers are told. */
  #progress(): Pick<AnnounceStats, 'uploaded' | 'downloaded' | 'left' | 'partialSeed'> {
    const { info } = this.metadata;
    const content = this.content();
    return {
      uploaded: this.totals.uploaded,
      downloaded: this.totals.downloaded,
      left: info && info.length - (content?.selection.verifiedBytes ?? 0),
      partialSeed: this.done() && content?.store.verified.isFull === false,
    };
  }

  // What they tell

  onHashes(): void {
    this.host.onHashes(this.#torrent);
  }

  onInfo(info: Info, infoBytes: Uint8Array): void {
    this.observer.onMetadata(info, infoBytes);
    void this.#open();
  }

  onLearnt(): void {
    this.trackers.join();
    this.swarm.upgrade();
  }

  onQueued(queued: boolean): void {
    this.observer.onQueued?.(queued);
  }

  onChanged(): void {
    this.observer.onChanged?.();
  }

  onGoal(goal: Goal): void {
    this.pause();
    this.observer.onGoal?.(goal);
  }

  // What happens to it

  /** Begins: with the metadata given or kept from an earlier run, else by asking peers for it. */
  start(): void {
    void this.#start();
  }

  /**
   * Metadata that was found elsewhere, as at a magnet link's `xs`: used if it is right and no peer has sent it yet.
   * Resolves with whether it is used.
   */
  async setMetadata(infoBytes: Uint8Array, pieceLayers?: ReadonlyMap<string, Uint8Array>): Promise<boolean> {
    return this.#started && (await this.metadata.offer(infoBytes, pieceLayers));
  }

  /** Ends all connections and announces; what is stored stays open. */
  pause(): void {
    this.#paused = true;
    if (this.#state === 'closed' || this.#state === 'failed') return;
    this.#stopRunning('paused');
    this.turn.changed();
  }

  /** Goes on after `pause`, or tries again after a failure. */
  resumeRunning(): void {
    this.#paused = false;
    this.turn.resumed();
    if (this.#state === 'failed') this.#retry();
    else this.#run();
  }

  /** Reads and hashes everything that is stored, as if nothing were known. */
  async recheck(): Promise<void> {
    if (this.metadata.info === undefined || this.#state === 'closed') return;
    this.#deactivate('the stored data is being checked');
    this.#state = 'checking';
    // Nothing is said of them: their bytes are taken up again, and verified with the rest of their piece.
    await this.transfer?.content.storePartials(false).catch(() => {});
    try {
      await this.resume.remove();
    } catch (error) {
      this.observer.onWarning(asError(error));
      this.resume.forget();
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
    let infoBytes = this.spec.infoBytes;
    if (infoBytes === undefined) {
      await this.resume.load();
      infoBytes = this.resume.infoBytes;
      if (this.#state === 'closed' || this.metadata.info !== undefined) return;
    }
    this.#started = true;
    if (infoBytes !== undefined) this.metadata.take(infoBytes, this.spec.info);
    else this.#goOnline();
  }

  /** After a failure. */
  #retry(): void {
    if (this.metadata.info !== undefined) void this.#open();
    else if (this.#failure !== undefined) this.observer.onError(this.#failure);
  }

  /** Opens the storage and finds out what is there. */
  async #open(): Promise<void> {
    const info = this.metadata.info;
    if (info === undefined || this.#closing !== undefined) return;
    this.#state = 'checking';
    this.turn.changed();
    try {
      await this.storage.open(info, this.metadata.infoBytes!);
    } catch (error) {
      if (this.#closing === undefined) this.fail(error);
    }
  }

  onOpened(transfer: Transfer): void {
    this.#state = 'paused';
    const told = this.observer.onReady();
    if (this.transfer !== transfer || this.#closing !== undefined) return;
    this.#awaited = told instanceof Promise ? transfer : undefined;
    if (!(told instanceof Promise)) {
      this.#begin(transfer);
      return;
    }
    const begin = (): void => {
      if (this.#awaited !== transfer) return;
      this.#awaited = undefined;
      if (this.transfer === transfer && this.#closing === undefined) this.#begin(transfer);
    };
    told.then(begin, begin);
  }

  #begin(transfer: Transfer): void {
    transfer.checkDone();
    this.turn.changed();
    this.#run();
  }

  /** Goes on, if nothing is against it. */
  #run(): void {
    if (this.#paused || this.turn.held || this.#closing !== undefined) return;
    if (this.#state === 'paused' && this.#awaited === undefined) this.#activate();
    else if (this.#state === 'metadata' && this.#started) this.#goOnline();
  }

  #stopRunning(reason: string): void {
    this.#deactivate(reason);
    if (this.#state !== 'active') return;
    this.#state = 'paused';
    void this.resume.save(true);
  }

  /** The queue lets it run, or has it wait. */
  onHold(held: boolean): void {
    if (this.#paused || this.#closing !== undefined || this.#state === 'failed') return;
    if (held && (this.#state === 'active' || this.#state === 'metadata')) {
      this.#stopRunning('the torrent waits for its turn');
    }
    if (!held) this.#run();
  }

  /** Exchanges pieces from now on. */
  #activate(): void {
    const content = this.transfer?.content;
    if (content === undefined) return;
    const transfer = this.transfer;
    const room = this.storage.takeRoom();
    if (room !== undefined) {
      const current = (): boolean => this.transfer === transfer && this.#closing === undefined;
      room.then(
        () => {
          if (current()) this.#run();
        },
        (error: unknown) => {
          if (current()) this.fail(error);
        },
      );
      return;
    }
    this.#state = 'active';
    content.store.resumeKept();
    content.twins?.update();
    this.swarm.adopt(content);
    this.#goOnline();
    content.webSeeds.start();
  }

  /** Looks for peers and lets them in. */
  #goOnline(): void {
    if (this.#paused || this.turn.held || this.#closing !== undefined) return;
    this.swarm.start();
    this.trackers.start();
  }

  #deactivate(reason: string): void {
    void this.trackers.stop();
    this.transfer?.content.webSeeds.stop();
    this.swarm.stop(reason);
  }

  /** Something of it does not work any more: it stops, and says why. */
  fail(reason: unknown): void {
    if (this.#state === 'closed' || this.#state === 'failed') return;
    const error = asError(reason);
    this.#state = 'failed';
    this.turn.changed();
    this.#failure = error;
    this.#deactivate('the torrent has failed');
    this.transfer?.content.streaming.close(
      new ReaderError('CLOSED', `The torrent has failed: ${error.message}`, { cause: error }),
    );
    void this.resume.save();
    this.observer.onError(error);
  }

  async #close(destroyData: boolean): Promise<void> {
    this.#state = 'closed';
    this.turn.leave();
    this.transfer?.content.streaming.close(new ReaderError('CLOSED', 'The torrent was removed.'));
    this.transfer?.content.webSeeds.stop();
    this.swarm.stop('the torrent was removed');
    this.limits.close();
    const goodbye = this.trackers.stop();
    try {
      await this.storage.cancelOpening();
      const opened = this.transfer?.content.disk;
      await this.storage.close();
      if (destroyData) {
        const disk =
          opened ??
          (this.metadata.info && (await this.spec.openDisk(this.metadata.info).catch(() => undefined)));
        await disk?.destroy();
        await this.resume.remove();
      }
    } finally {
      await goodbye;
      this.host.onClosed(this.#torrent);
    }
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
