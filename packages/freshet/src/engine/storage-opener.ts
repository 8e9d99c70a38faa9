import { Bitfield, type Info } from '../protocol/index.ts';
import type { Disk, Hasher } from './ports.ts';
import { type CheckHashes, type CheckResult, checkPieces } from './storage/check.ts';
import type { CheckPlace, CheckQueue } from './storage/check-queue.ts';
import type { DiskPipeline, PipelinedDisk } from './storage/disk-pipeline.ts';
import type { ResumeData } from './storage/resume.ts';

export interface StorageOpenerOptions {
  readonly hasher: Hasher;
  /** That of the client. */
  readonly pipeline: DiskPipeline;
  readonly checks: CheckQueue;
  openDisk(info: Info): Promise<Disk>;
  /** Pieces whose state is known, of all. */
  onChecking(checked: number, total: number): void;
}

export interface OpenOptions {
  readonly info: Info;
  /** Takes all pieces for good without a look. */
  readonly trusted: boolean;
  /** Called when storage opened before is closed, to be asked what is remembered. */
  resume(): Promise<ResumeData | undefined>;
  /** With v2: what is known of the files' trees. Called after `resume`. */
  hashes?(): CheckHashes | undefined;
  /** Takes over the storage. Not called when another call of `open` or `cancel` came in between. */
  onOpened(disk: Disk, found: StoredPieces): void;
}

/** What is there. */
export type StoredPieces = Pick<CheckResult, 'verified' | 'unjudged'>;

/**
 * Opens a torrent's storage and finds out what is there. One opening at a time: a file may not be opened twice, so
 * a later one waits until the one before has let go.
 */
export class StorageOpener {
  readonly #options: StorageOpenerOptions;
  /** Counts openings and cancellations, so that an older one knows that it is not wanted any more. */
  #epoch = 0;
  #last: Promise<unknown> = Promise.resolve();
  /** That of the check under way. */
  #place: CheckPlace | undefined;

  constructor(options: StorageOpenerOptions) {
    this.#options = options;
  }

  /** Resolves when it has taken place or is not wanted any more. Rejects when the storage cannot be opened or read. */
  open(options: OpenOptions): Promise<void> {
    const epoch = ++this.#epoch;
    this.#place?.leave();
    const opening = this.#last.then(() => this.#open(options, () => epoch === this.#epoch));
    this.#last = opening.catch(() => {});
    return opening;
  }

  /** Ends an opening that is under way. Resolves when everything is closed that it had opened. */
  async cancel(): Promise<void> {
    this.#epoch++;
    this.#place?.leave();
    await this.#last;
  }

  async #open(options: OpenOptions, current: () => boolean): Promise<void> {
    if (!current()) return;
    const resume = await options.resume();
    if (!current()) return;
    const disk = this.#options.pipeline.attach(await this.#options.openDisk(options.info));
    let found: StoredPieces;
    try {
      found = options.trusted
        ? { verified: full(options.info.pieceCount), unjudged: [] }
        : await this.#check(options, disk, resume, current);
    } catch (error) {
      await disk.close().catch(() => {});
      if (!current()) return;
      throw error;
    }
    // Within this turn: after the next one it might not be wanted any more.
    if (current()) options.onOpened(disk, found);
    else await disk.close().catch(() => {});
  }

  async #check(
    options: OpenOptions,
    disk: PipelinedDisk,
    resume: ResumeData | undefined,
    current: () => boolean,
  ): Promise<CheckResult> {
    let place: CheckPlace | undefined;
    try {
      return await checkPieces({
        info: options.info,
        hashes: options.hashes?.(),
        disk: disk.background,
        hasher: this.#options.hasher,
        resume,
        turn: () => {
          place = this.#options.checks.enter();
          this.#place = place;
          if (!current()) place.leave();
          return place.turn;
        },
        cancelled: () => !current(),
        onProgress: (checked, total) => {
          if (current()) this.#options.onChecking(checked, total);
        },
      });
    } finally {
      place?.leave();
    }
  }
}

function full(length: number): Bitfield {
  const field = new Bitfield(length);
  field.setAll();
  return field;
}
