import { Bitfield, type Info } from '../protocol/index.ts';
import type { Disk, Hasher } from './ports.ts';
import { checkPieces } from './storage/check.ts';
import type { ResumeData } from './storage/resume.ts';

export interface StorageOpenerOptions {
  readonly hasher: Hasher;
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
  /** Takes over the storage. Not called when another call of `open` or `cancel` came in between. */
  onOpened(disk: Disk, verified: Bitfield): void;
}

/**
 * Opens a torrent's storage and finds out what is there. One opening at a time: a file may not be opened twice, so
 * a later one waits until the one before has let go.
 */
export class StorageOpener {
  readonly #options: StorageOpenerOptions;
  /** Counts openings and cancellations, so that an older one knows that it is not wanted any more. */
  #epoch = 0;
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: StorageOpenerOptions) {
    this.#options = options;
  }

  /** Resolves when it has taken place or is not wanted any more. Rejects when the storage cannot be opened or read. */
  open(options: OpenOptions): Promise<void> {
    const epoch = ++this.#epoch;
    const opening = this.#last.then(() => this.#open(options, () => epoch === this.#epoch));
    this.#last = opening.catch(() => {});
    return opening;
  }

  /** Ends an opening that is under way. Resolves when everything is closed that it had opened. */
  async cancel(): Promise<void> {
    this.#epoch++;
    await this.#last;
  }

  async #open(options: OpenOptions, current: () => boolean): Promise<void> {
    if (!current()) return;
    const resume = await options.resume();
    if (!current()) return;
    const disk = await this.#options.openDisk(options.info);
    let verified: Bitfield;
    try {
      verified = options.trusted
        ? full(options.info.pieceCount)
        : await this.#check(options.info, disk, resume, current);
    } catch (error) {
      await disk.close().catch(() => {});
      if (!current()) return;
      throw error;
    }
    // Within this turn: after the next one it might not be wanted any more.
    if (current()) options.onOpened(disk, verified);
    else await disk.close().catch(() => {});
  }

  async #check(
    info: Info,
    disk: Disk,
    resume: ResumeData | undefined,
    current: () => boolean,
  ): Promise<Bitfield> {
    const { verified } = await checkPieces({
      info,
      disk,
      hasher: this.#options.hasher,
      resume,
      cancelled: () => !current(),
      onProgress: (checked, total) => {
        if (current()) this.#options.onChecking(checked, total);
      },
    });
    return verified;
  }
}

function full(length: number): Bitfield {
  const field = new Bitfield(length);
  field.setAll();
  return field;
}
