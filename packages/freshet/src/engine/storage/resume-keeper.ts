import type { Bitfield, Info, InfoHash } from '../../protocol/index.ts';
import type { Clock, Disk, StateStore, Timer } from '../ports.ts';
import { decodeResume, encodeResume, type ResumeData } from './resume.ts';

/** Longest time that verified pieces go unrecorded, in milliseconds: what a crash can cost in hashing. */
const SAVE_DELAY = 5000;

/** What the keeper asks for when it saves. */
export interface ResumeSource {
  readonly disk: Disk;
  /** Pieces that are verified and on disk. */
  storedPieces(): Bitfield;
  readonly selection: { filePriorities(): number[] };
}

export interface ResumeKeeperOptions {
  readonly clock: Clock;
  /** Without it nothing is kept. */
  readonly state: StateStore | undefined;
  readonly infoHash: InfoHash;
  /** Name in the state store. */
  readonly key: string;
  readonly trackers: readonly (readonly string[])[];
  totals(): { readonly uploaded: number; readonly downloaded: number };
  onWarning(error: Error): void;
}

/** Loads a torrent's resume data, and saves it while the torrent runs: soon after changes, and at the end. */
export class ResumeKeeper {
  readonly #options: ResumeKeeperOptions;
  #data: ResumeData | undefined;
  /** Totals of earlier runs, from what was found first: later data contains this run's too. */
  #earlier: { readonly uploaded: number; readonly downloaded: number } | undefined;
  #loading: Promise<void> | undefined;
  #info: { readonly info: Info; readonly infoBytes: Uint8Array } | undefined;
  #source: ResumeSource | undefined;
  #timer: Timer | undefined;
  /** Saves run one after the other. */
  #saving: Promise<void> = Promise.resolve();
  #failed = false;

  constructor(options: ResumeKeeperOptions) {
    this.#options = options;
  }

  get data(): ResumeData | undefined {
    return this.#data;
  }

  get infoBytes(): Uint8Array | undefined {
    return this.#data?.infoBytes;
  }

  get filePriorities(): readonly number[] | undefined {
    return this.#data?.filePriorities;
  }

  /** Reads what an earlier run left; once. A store that does not answer counts as empty. */
  load(): Promise<void> {
    this.#loading ??= this.#load();
    return this.#loading;
  }

  /** The storage is open: saves are meaningful from now on. */
  open(info: Info, infoBytes: Uint8Array, source: ResumeSource): void {
    this.#info = { info, infoBytes };
    this.#source = source;
    this.saveSoon();
  }

  /** Saves within five seconds. */
  saveSoon(): void {
    if (this.#options.state === undefined || this.#source === undefined || this.#timer !== undefined) return;
    this.#timer = this.#options.clock.setTimer(SAVE_DELAY, () => {
      this.#timer = undefined;
      void this.save();
    });
  }

  /** Saves now. Never rejects: what cannot be saved is told once and tried again with the next change. */
  save(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = undefined;
    const { state } = this.#options;
    const source = this.#source;
    const known = this.#info;
    if (state === undefined || source === undefined || known === undefined) return this.#saving;
    this.#saving = this.#saving.then(async () => {
      try {
        // The pieces first: what is written later only makes a file newer, and then it is hashed again.
        const verified = source.storedPieces();
        await source.disk.flush();
        const { uploaded, downloaded } = this.#options.totals();
        const data: ResumeData = {
          infoHash: this.#options.infoHash,
          infoBytes: known.infoBytes,
          verified,
          fingerprints: await source.disk.fingerprints(),
          filePriorities: source.selection.filePriorities(),
          uploaded: uploaded + (this.#earlier?.uploaded ?? 0),
          downloaded: downloaded + (this.#earlier?.downloaded ?? 0),
          trackers: this.#options.trackers,
        };
        await state.save(this.#options.key, encodeResume(data));
        this.#failed = false;
      } catch (error) {
        if (!this.#failed) {
          const reason = error instanceof Error ? error.message : String(error);
          this.#options.onWarning(new Error(`Resume data could not be saved: ${reason}`, { cause: error }));
        }
        this.#failed = true;
      }
    });
    return this.#saving;
  }

  /** Saves a last time and lets go of the storage. */
  async close(): Promise<void> {
    const kept = this.#source !== undefined;
    await this.save();
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#source = undefined;
    this.#data = undefined;
    // After `remove` there is nothing to load, or what should not be looked at.
    if (kept) this.#loading = undefined;
  }

  /** Forgets what was stored, without removing it. */
  forget(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#source = undefined;
    this.#data = undefined;
    this.#loading = Promise.resolve();
  }

  /** Forgets everything, also what is stored. Rejects when it cannot be removed. */
  async remove(): Promise<void> {
    this.forget();
    await this.#saving;
    await this.#options.state?.remove(this.#options.key);
  }

  async #load(): Promise<void> {
    try {
      const bytes = await this.#options.state?.load(this.#options.key);
      const data = bytes === undefined ? undefined : decodeResume(bytes);
      const { infoHash } = this.#options;
      if (data?.infoHash.every((byte, i) => byte === infoHash[i])) this.#data = data;
      this.#earlier ??= { uploaded: this.#data?.uploaded ?? 0, downloaded: this.#data?.downloaded ?? 0 };
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#options.onWarning(new Error(`Resume data could not be read: ${reason}`, { cause: error }));
    }
  }
}
