import { type Info, primaryHash } from '../protocol/index.ts';
import { MerkleStore, type PieceLayers } from './merkle/merkle-store.ts';
import type { Swarm } from './peers/swarm.ts';
import { type KeptPieces, keepAll } from './pieces/kept-blocks.ts';
import type { Disk } from './ports.ts';
import type { SelectionState } from './selection.ts';
import type { WebSeedKind } from './sources/web-seed-source.ts';
import type { ResumeKeeper } from './storage/resume-keeper.ts';
import { StorageOpener, type StoredPieces } from './storage-opener.ts';
import { ReaderError } from './streaming/reader.ts';
import type { TorrentHost } from './torrent-host.ts';
import type { TorrentLimits } from './torrent-limits.ts';
import type { TorrentTrackers } from './torrent-trackers.ts';
import type { TorrentObserver, TorrentSpec, TorrentState } from './torrent-types.ts';
import { Transfer } from './transfer.ts';
import type { TransferTotals } from './transfer-totals.ts';

export interface TorrentStorageOptions {
  readonly host: TorrentHost;
  readonly spec: TorrentSpec;
  readonly swarm: Swarm;
  readonly trackers: TorrentTrackers;
  readonly resume: ResumeKeeper;
  readonly totals: TransferTotals;
  readonly limits: TorrentLimits;
  readonly observer: TorrentObserver;
  /** Those that the torrent has at the moment. */
  readonly webSeeds: ReadonlyMap<string, WebSeedKind>;
  /** Hashes of pieces that came with the torrent file (BEP 52). */
  pieceLayers(): PieceLayers | undefined;
  state(): TorrentState;
  /** The storage does not work any more. */
  fail(error: Error): void;
  onOpened(transfer: Transfer): void;
}

/**
 * A torrent's storage, which is opened and closed more than once in its life: after the metadata, for a check, after
 * a fault. What is chosen lives longer than what is open, so the selection is kept here in between.
 */
export class TorrentStorage {
  readonly #options: TorrentStorageOptions;
  readonly #opener: StorageOpener;
  #transfer: Transfer | undefined;
  /** What was selected when the storage was closed, for when it is opened again. */
  #selection: SelectionState | undefined;
  /** Stored blocks of unfinished pieces, likewise. */
  #kept: KeptPieces | undefined;
  /** With v2: what is known of the files' trees; learnt once for all. */
  #trees: MerkleStore | undefined;
  /** All that is wanted has its place on the medium. */
  #hasRoom = false;
  #unwatch: () => void = () => {};
  /** The storage has been opened before: what is there is looked at, whatever was promised. */
  #openedBefore = false;

  constructor(options: TorrentStorageOptions) {
    this.#options = options;
    const { host, spec, observer } = options;
    this.#opener = new StorageOpener({
      hasher: host.ports.hasher,
      pipeline: host.disks,
      checks: host.checks,
      openDisk: (info) => spec.openDisk(info),
      onChecking: (checked, total) => observer.onChecking(checked, total),
    });
  }

  /** While the storage is open. */
  get transfer(): Transfer | undefined {
    return this.#transfer;
  }

  /**
   * Closes what is open, opens the storage and finds out what is there. Resolves when that is done or not wanted any
   * more; rejects when the storage cannot be opened or read.
   */
  open(info: Info, infoBytes: Uint8Array): Promise<void> {
    const { spec, resume } = this.#options;
    return this.#opener.open({
      info,
      trusted: spec.skipCheck === true && !this.#openedBefore,
      resume: async () => {
        await this.close();
        await resume.load();
        this.#trees ??= info.hasV2 ? new MerkleStore(info, this.#knownLayers()) : undefined;
        return resume.data;
      },
      hashes: () => this.#trees,
      onOpened: (disk, found) => this.#onOpened(info, infoBytes, disk, found),
    });
  }

  /**
   * Takes the room of all wanted files beforehand, where that is asked for. Resolves when it is taken, rejects with the
   * disk's fault; `undefined` when there is nothing to be done.
   */
  takeRoom(): Promise<void> | undefined {
    const transfer = this.#transfer;
    const allocate = transfer?.content.disk.allocate;
    if (this.#options.spec.allocation !== 'full' || this.#hasRoom || allocate === undefined) return undefined;
    return allocate(() => {}).then(() => {
      if (this.#transfer === transfer) this.#hasRoom = true;
    });
  }

  /** More may be wanted now. */
  takeMoreRoom(): void {
    if (!this.#hasRoom) return;
    this.#hasRoom = false;
    this.takeRoom()?.catch((error: Error) => {
      if (this.#transfer !== undefined) this.#options.fail(error);
    });
  }

  /** Ends an opening that is under way. */
  cancelOpening(): Promise<void> {
    return this.#opener.cancel();
  }

  /** Waits until what is verified is written, then lets go of the storage. */
  async close(): Promise<void> {
    const content = this.#transfer?.content;
    if (content === undefined) return;
    const { swarm, resume } = this.#options;
    this.#transfer?.close();
    this.#transfer = undefined;
    this.#unwatch();
    swarm.exchange = undefined;
    this.#selection = content.selection.state;
    await content.close(new ReaderError('CLOSED', 'The torrent was stopped.'), () => resume.close());
    this.#kept = content.partialPieces();
  }

  #knownLayers(): PieceLayers {
    return new Map([
      ...(this.#options.resume.data?.pieceLayers ?? []),
      ...(this.#options.pieceLayers() ?? []),
    ]);
  }

  #onOpened(info: Info, infoBytes: Uint8Array, disk: Disk, found: StoredPieces): void {
    this.#openedBefore = true;
    const { host, spec, swarm, trackers, resume, totals, webSeeds } = this.#options;
    const transfer = new Transfer(this.#options, {
      info,
      infoHash: primaryHash(info.hashes ?? spec.hashes),
      disk,
      verified: found.verified,
      kept: keepAll(this.#kept ?? resume.data?.partial, found.unjudged, info),
      trees: this.#trees,
      treesAreLearnt: this.#options.pieceLayers() === undefined,
      ports: host.ports,
      pool: host.pool,
      cache: host.cache,
      strategy: spec.strategy ?? 'rarest',
      downloadLimiter: this.#options.limits.download,
      maxWebSeedConnections: spec.maxWebSeedConnections ?? 4,
      webSeedPolicy: spec.webSeedPolicy,
      webOrigins: host.webOrigins,
      totals,
      nextSourceId: () => host.nextSourceId(),
      usefulPeers: () => swarm.usefulPeers,
      rivals: () => swarm.rivals,
      viewers: () => Math.max(swarm.rivals + 1, trackers.leechers),
      expectsPeers: () => trackers.expectsPeers,
    });
    this.#transfer = transfer;
    this.#hasRoom = false;
    if (disk.changedFiles !== undefined) this.#unwatch = host.watcher.add(transfer);
    const { content } = transfer;
    const priorities = spec.filePriorities?.(info) ?? resume.filePriorities;
    if (this.#selection !== undefined) content.restoreSelection(this.#selection);
    else if (priorities !== undefined) content.setFilePriorities(priorities);
    // Empty files have no piece whose arrival would create them.
    else if (info.files.some((file) => file.length === 0)) disk.setWanted(content.selection.wantedFiles());
    for (const [url, kind] of webSeeds) content.webSeeds.add(url, kind);
    resume.open(info, infoBytes, content);
    transfer.tellLayers();
    this.#options.onOpened(transfer);
  }
}
