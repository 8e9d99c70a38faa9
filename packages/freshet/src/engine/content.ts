import type { Bitfield, Info, InfoHash } from '../protocol/index.ts';
import { LazySet } from '../protocol/lazy-collections.ts';
import { ContentHost } from './content-host.ts';
import { MerkleService } from './merkle/merkle-service.ts';
import type { MerkleStore } from './merkle/merkle-store.ts';
import { Twins } from './merkle/twins.ts';
import type { Exchange } from './peers/peer-owner.ts';
import type { BufferPool } from './pieces/buffer-pool.ts';
import type { KeptPieces } from './pieces/kept-blocks.ts';
import { PiecePicker } from './pieces/picker.ts';
import { PieceStore } from './pieces/piece-store.ts';
import type { PieceStoreEvents } from './pieces/piece-store-options.ts';
import type { ReadCache } from './pieces/read-cache.ts';
import { type GivesWay, Scheduler } from './pieces/scheduler.ts';
import type { Disk, Ports, Timer } from './ports.ts';
import type { RateLimiter } from './rate-limiter.ts';
import { Selection, type SelectionState } from './selection.ts';
import type { OriginLimits } from './sources/origin-limits.ts';
import type { WebSeedPolicy } from './sources/web-seed-policy.ts';
import { WebSeeds } from './sources/web-seeds.ts';
import type { ReaderError } from './streaming/reader.ts';
import { Streaming } from './streaming/streaming.ts';
import type { TransferTotals } from './transfer-totals.ts';

export interface ContentEvents extends PieceStoreEvents {
  /** A reader moved. @see Streaming */
  onUrgent(givesWay: GivesWay | undefined): void;
  /** A verified piece cannot be read. */
  onReadError(piece: number, error: Error): void;
  /** Block payload came from a web seed. */
  onReceived(bytes: number): void;
  /** v2: hashes of pieces have become known. */
  onRoots(): void;
  onWarning(error: Error): void;
}

export interface ContentOptions {
  readonly info: Info;
  /** The 20 bytes that the torrent goes by. */
  readonly infoHash: InfoHash;
  readonly disk: Disk;
  readonly verified: Bitfield;
  /** Blocks of unfinished pieces that are stored from before. */
  readonly kept?: KeptPieces | undefined;
  /** With v2: what is known of the files' trees (BEP 52). */
  readonly trees?: MerkleStore | undefined;
  /** They are learnt from peers, and to be kept for the next run. */
  readonly treesAreLearnt?: boolean | undefined;
  readonly ports: Ports;
  readonly pool: BufferPool;
  readonly cache: ReadCache;
  readonly strategy: 'rarest' | 'sequential';
  readonly downloadLimiter: RateLimiter;
  readonly maxWebSeedConnections: number;
  readonly webSeedPolicy: WebSeedPolicy | undefined;
  readonly webOrigins: OriginLimits;
  readonly totals: TransferTotals;
  nextSourceId(): number;
  usefulPeers(): number;
  rivals(): number;
  viewers(): number;
  expectsPeers(): boolean;
}

/**
 * Milliseconds for which unselected pieces are still fetched when nobody reads them any more. Players close a
 * reader and open the next one at the same place.
 */
const LOAN_GRACE = 5000;

/** What exists of a torrent while its storage is open: pieces, selection, readers, and the web seeds that fill them. */
export class TorrentContent implements Exchange {
  readonly info: Info;
  readonly disk: Disk;
  readonly store: PieceStore;
  readonly selection: Selection;
  readonly streaming: Streaming;
  readonly webSeeds: WebSeeds;
  readonly merkle: MerkleService | undefined;
  /** With v2: files of the same content. */
  readonly twins: Twins | undefined;
  readonly #options: ContentOptions;
  readonly #host: ContentHost;
  #scheduler: Scheduler | undefined;
  /** Loans that run out soon. */
  readonly #ending = new LazySet<Timer>();

  constructor(options: ContentOptions, events: ContentEvents) {
    this.#options = options;
    const { info, disk, ports } = options;
    this.info = info;
    this.disk = disk;
    if (options.trees !== undefined) {
      this.merkle = new MerkleService(
        {
          info,
          store: options.trees,
          hasher: ports.hasher,
          now: () => ports.clock.now(),
          urgent: () => this.streaming.urgent(),
          onRoots: () => events.onRoots(),
          onInconsistent: (piece) => events.onInconsistent?.(piece),
        },
        () => this.store,
      );
    }
    this.#host = new ContentHost(this, options, events);
    this.store = new PieceStore({
      info,
      verified: options.verified,
      picker: () => new PiecePicker(info.pieceCount, ports.random, options.strategy),
      disk,
      hasher: ports.hasher,
      pool: options.pool,
      cache: options.cache,
      kept: options.kept,
      hashes: this.merkle?.store,
      events: this.#host,
    });
    const { store } = this;
    if (this.merkle !== undefined) {
      this.twins = new Twins({ hashes: this.merkle.store, store, now: () => ports.clock.now() });
    }
    this.selection = new Selection(info, store);
    this.streaming = new Streaming(this.#host);
    this.webSeeds = new WebSeeds(this.#host);
  }

  /** Made for the first that fetches anything. */
  get scheduler(): Scheduler {
    const { streaming } = this;
    this.#scheduler ??= new Scheduler(
      this.store,
      this.#options.ports.random,
      () => streaming.urgent(),
      () => streaming.active,
      () => streaming.demand,
    );
    return this.#scheduler;
  }

  get undecided(): boolean {
    return this.selection.wantedBytes === 0 && !this.store.verified.isFull;
  }

  /** One priority per file; those with 0 are not created on disk. */
  setFilePriorities(priorities: readonly number[]): void {
    this.selection.setFiles(priorities);
    this.disk.setWanted(this.selection.wantedFiles());
  }

  /**
   * Has the unselected pieces of a byte range fetched for a reader. `changed` tells whether that makes a difference.
   * @param ended called some time after `end`, when pieces are not fetched any more.
   */
  lend(start: number, end: number, ended: () => void): { readonly changed: boolean; end(): void } {
    const loan = this.selection.lend(start, end);
    return {
      changed: loan.changed,
      end: () => {
        const timer = this.#options.ports.clock.setTimer(LOAN_GRACE, () => {
          this.#ending.delete(timer);
          if (loan.release()) ended();
        });
        this.#ending.add(timer);
      },
    };
  }

  /** Puts in force what was chosen before the storage was reopened. */
  restoreSelection(state: SelectionState): void {
    this.selection.restore(state);
    this.disk.setWanted(this.selection.wantedFiles());
  }

  /** The verified pieces that are on disk already. */
  storedPieces(): Bitfield {
    const stored = this.store.verified.clone();
    for (const piece of this.store.writing) stored.unset(piece);
    return stored;
  }

  verifiedPieces(): Bitfield {
    return this.store.verified.clone();
  }

  get unfinished(): boolean {
    return this.store.partials.size > 0;
  }

  storePartials(sweep: boolean): Promise<boolean> {
    return this.store.kept.store(this.store.partials.values(), sweep);
  }

  pieceLayers(): ReadonlyMap<string, Uint8Array> | undefined {
    return this.#options.treesAreLearnt === true ? this.merkle?.store.layers : undefined;
  }

  partialPieces(): KeptPieces {
    return this.store.kept.snapshot();
  }

  /** Ends readers and web seeds, waits until what is verified is written, and calls `last` before the disk is closed. */
  async close(reason: ReaderError, last: () => Promise<void>): Promise<void> {
    this.streaming.close(reason);
    this.merkle?.close();
    this.twins?.close();
    this.webSeeds.stop();
    for (const timer of this.#ending) timer.cancel();
    await this.store.whenWritten();
    await last();
    this.store.close();
    await this.disk.close();
  }
}
