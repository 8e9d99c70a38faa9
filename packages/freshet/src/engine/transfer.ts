import { encodeUploadOnly, LazyMap } from '../protocol/index.ts';
import { findLost } from './changed-files.ts';
import { type ContentEvents, type ContentOptions, TorrentContent } from './content.ts';
import type { Swarm } from './peers/swarm.ts';
import type { GivesWay } from './pieces/scheduler.ts';
import { DiskError, type Hasher } from './ports.ts';
import type { ResumeKeeper } from './storage/resume-keeper.ts';
import { ReaderError, type TorrentReader } from './streaming/reader.ts';
import type { TorrentTrackers } from './torrent-trackers.ts';
import type { ReaderOptions, TorrentObserver, TorrentState } from './torrent-types.ts';
import type { TransferTotals } from './transfer-totals.ts';

export interface TransferOptions {
  readonly host: { readonly ports: { readonly hasher: Hasher } };
  readonly swarm: Swarm;
  readonly trackers: TorrentTrackers;
  readonly resume: ResumeKeeper;
  readonly totals: TransferTotals;
  readonly observer: TorrentObserver;
  state(): TorrentState;
  /** The storage does not work any more. */
  fail(error: Error): void;
}

/** So often a piece is downloaded again because it cannot be read: then it is the medium, and not a sector of it. */
const MAX_UNREADABLE = 3;

/** What goes on between a torrent's content and its swarm while the storage is open. */
export class Transfer implements ContentEvents {
  readonly content: TorrentContent;
  readonly #options: TransferOptions;
  #done = false;
  #layersTold = false;
  #closed = false;
  /** Files are being cut to their length. */
  #trimming = false;
  /** How often each piece could not be read since the storage was opened. */
  readonly #unreadable = new LazyMap<number, number>();

  constructor(options: TransferOptions, content: ContentOptions) {
    this.#options = options;
    this.content = new TorrentContent(content, this);
  }

  /** Every wanted piece is verified and on disk. */
  get done(): boolean {
    return this.#done;
  }

  /** @throws {ReaderError} when the range is not within the torrent, or the storage has failed. */
  createReader(options: ReaderOptions): TorrentReader {
    const { content } = this;
    const { start, end } = options;
    if (!(start >= 0 && end >= start && end <= content.info.length)) {
      throw new ReaderError('OUT_OF_RANGE', `The torrent has no bytes ${start} to ${end}.`);
    }
    if (this.#options.state() === 'failed') {
      throw new ReaderError('CLOSED', 'The torrent cannot be read: it has failed.');
    }
    const loan = content.lend(start, end, () => this.#fetchedChanged());
    if (loan.changed) this.#fetchedChanged();
    const reader = content.streaming.open(options);
    reader.onClose(() => loan.end());
    this.#options.swarm.wake();
    return reader;
  }

  /** Changes the selection, and what follows from it. */
  select(change: (content: TorrentContent) => void): void {
    change(this.content);
    this.#noLongerDone();
    this.#fetchedChanged();
    this.checkDone();
    this.#options.resume.saveSoon();
  }

  /** Tells that all is there, once it is. */
  checkDone(): void {
    const { store, selection } = this.content;
    if (this.#done || !selection.complete || store.unwritten > 0) return;
    const { resume, trackers, totals, observer, swarm } = this.#options;
    if (totals.verifiedPieces > 0 && this.#trim()) return;
    this.#done = true;
    void resume.save();
    if (store.verified.isFull && totals.verifiedPieces > 0) trackers.completed();
    this.#tellUploadOnly(true);
    observer.onDone();
    swarm.dropUseless();
  }

  /**
   * Files that were there before can be longer than the torrent says. They are given their length before it is told that
   * all is there, but only after a download: whoever seeds what they have may have added to it. Returns whether that
   * goes on.
   */
  #trim(): boolean {
    if (this.#trimming) return true;
    const trimmed = this.content.disk.trim?.();
    if (trimmed === undefined) return false;
    this.#trimming = true;
    trimmed.then(
      () => {
        this.#trimming = false;
        if (!this.#closed && this.#options.state() !== 'failed') this.checkDone();
      },
      (error: Error) => {
        this.#trimming = false;
        if (!this.#closed) this.#options.fail(error);
      },
    );
    return true;
  }

  // What the content tells

  onVerified(piece: number): void {
    const { totals, swarm, observer } = this.#options;
    totals.verified();
    this.content.selection.onVerified(piece);
    swarm.onVerified(piece);
    observer.onVerified(piece);
    this.content.streaming.onVerified(piece);
  }

  onStored(): void {
    this.#options.resume.saveSoon();
    if (this.#options.state() !== 'failed') this.checkDone();
  }

  onHashFailed(piece: number, received: number): void {
    this.#refused(received, `Piece ${piece} failed its hash check and is downloaded again.`);
  }

  onBlockRefused(piece: number, received: number): void {
    this.#refused(received, `A block of piece ${piece} was wrong and is downloaded again.`);
  }

  /** What was there before is no news, as when it is found to be wrong before anything is downloaded. */
  #refused(received: number, message: string): void {
    const { totals, observer, swarm } = this.#options;
    if (received > 0) {
      totals.hashFailed(received);
      observer.onWarning(new Error(message));
    }
    swarm.fill();
  }

  onInconsistent(piece: number): void {
    const reason = `by one of them piece ${piece} is right and by the other it is wrong`;
    this.#options.fail(
      new Error(`The torrent is inconsistent: it is of version 1 and 2 at once, and ${reason}.`),
    );
  }

  /** v2: pieces can be begun whose hashes were not known, and blocks be told right from wrong. */
  onRoots(): void {
    this.#options.resume.saveSoon();
    this.tellLayers();
    this.#options.swarm.fill();
    this.content.webSeeds.update();
  }

  /** v2: tells what a torrent file has beside the metadata, once all of it is known and unless one was given. */
  tellLayers(): void {
    const layers = this.content.pieceLayers();
    if (this.#layersTold || layers === undefined || this.content.merkle?.store.complete !== true) return;
    this.#layersTold = true;
    this.#options.observer.onPieceLayers?.(layers);
  }

  onWriteError(error: Error): void {
    this.content.selection.recount();
    this.#options.fail(error);
  }

  onBegun(): void {
    this.#options.resume.sweepPartials();
  }

  onRoom(): void {
    this.#options.swarm.fill();
    this.content.webSeeds.update();
  }

  /** The disk lacks or changed what we took for verified. */
  onReadError(piece: number, error: Error): void {
    const { observer } = this.#options;
    const state = this.#options.state();
    if (state !== 'active' && state !== 'paused') return;
    if (error instanceof DiskError && (error.code === 'CHANGED' || error.code === 'NOT_FOUND')) {
      this.#options.fail(error);
      return;
    }
    const message = `Piece ${piece} cannot be read and is downloaded again: ${error.message}`;
    if (!this.#lose([piece])) return;
    const times = (this.#unreadable.get(piece) ?? 0) + 1;
    this.#unreadable.set(piece, times);
    if (times > MAX_UNREADABLE) this.#options.fail(error);
    else observer.onWarning(new Error(message, { cause: error }));
  }

  /** Looks whether somebody else has changed files, and verifies again what was in them. Never rejects. */
  async look(limit: number): Promise<void> {
    const { content } = this;
    const { host, observer } = this.#options;
    const state = (): TorrentState => this.#options.state();
    const running = (): boolean => !this.#closed && (state() === 'active' || state() === 'paused');
    try {
      const changed = (await content.disk.changedFiles?.(limit)) ?? [];
      if (changed.length === 0 || !running()) return;
      const [first] = changed;
      const others = changed.length > 1 ? ` and ${changed.length - 1} more` : '';
      const name = content.info.files[first!]!.path.join('/');
      const message = `"${name}"${others} was changed or removed by another program: its pieces are verified again.`;
      observer.onWarning(new Error(message));
      const lost = await findLost(content, host.ports.hasher, changed, () => !running());
      if (running()) this.#lose(lost);
    } catch (error) {
      if (running()) this.#options.fail(error instanceof Error ? error : new Error(String(error)));
    }
  }

  /** No look at files makes a difference any more. */
  close(): void {
    this.#closed = true;
  }

  /** These pieces are not there any more. Returns whether they were thought to be. */
  #lose(pieces: readonly number[]): boolean {
    const lost = pieces.filter((piece) => this.content.store.distrust(piece));
    if (lost.length === 0) return false;
    this.content.selection.recount();
    this.#noLongerDone();
    for (const piece of lost) this.#options.swarm.onLost(piece);
    this.#lookForMore();
    return true;
  }

  onUrgent(givesWay: GivesWay | undefined): void {
    if (this.#options.state() !== 'active') return;
    const { swarm } = this.#options;
    swarm.requestUrgent(givesWay);
    this.content.webSeeds.update();
    swarm.wake();
  }

  onReceived(bytes: number): void {
    this.#options.totals.received('webseed', bytes);
    this.#options.observer.onDownload(bytes);
  }

  onWarning(error: Error): void {
    this.#options.observer.onWarning(error);
  }

  /** Something is wanted again, if it is. */
  #noLongerDone(): void {
    if (!this.#done || this.content.selection.complete) return;
    this.#done = false;
    this.#tellUploadOnly(false);
  }

  /** Other pieces are fetched than before, because of the selection or of a reader. */
  #fetchedChanged(): void {
    this.content.streaming.onSelected();
    this.content.store.dropUnwanted();
    this.content.twins?.update();
    this.#options.swarm.recount();
    this.#lookForMore();
  }

  #lookForMore(): void {
    const { swarm, trackers } = this.#options;
    if (this.#options.state() === 'active' && !swarm.seeding) {
      // Seeds were let go when nothing was wanted any more.
      swarm.candidates.retryUseful();
      swarm.connect();
      if (swarm.peers.size === 0) trackers.update();
    }
    this.content.webSeeds.update();
  }

  #tellUploadOnly(uploadOnly: boolean): void {
    for (const peer of [...this.#options.swarm.peers.values()]) {
      peer.sendExtended('upload_only', encodeUploadOnly(uploadOnly));
    }
  }
}
