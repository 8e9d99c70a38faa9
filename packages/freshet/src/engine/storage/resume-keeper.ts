import type { Bitfield, Info, InfoHash } from '../../protocol/index.ts';
import type { Clock, Disk, StateStore, Timer } from '../ports.ts';
import { decodeResume, encodeResume, type ResumeData } from './resume.ts';

/** Longest time that verified pieces go unrecorded, in milliseconds: what a crash can cost in hashing. */
const SAVE_DELAY = 5000;
/**
 * With hundreds of thousands of files the record itself has megabytes, mostly fingerprints: then it is written less
 * often, for at most so many bytes a second and at least once in a minute.
 */
const SAVE_RATE = 65_536;
const MAX_SAVE_DELAY = 60_000;
/**
 * Milliseconds between two sweeps of pieces in progress. Their blocks are stored when they were there at the sweep
 * before, so a crash costs what came in the last minute of pieces that take longer than that, and a piece that comes
 * faster is written only once.
 */
const SWEEP_INTERVAL = 30_000;

/** What the keeper asks for when it saves. */
export interface ResumeSource {
  readonly disk: Disk;
  /** Pieces that are verified and on disk. */
  storedPieces(): Bitfield;
  /** With v2: hashes of pieces, as far as they are known. */
  pieceLayers?(): ReadonlyMap<string, Uint8Array> | undefined;
  /** Pieces that are verified, on disk or on their way there. */
  verifiedPieces?(): Bitfield;
  /**
   * Writes blocks of unfinished pieces to their place; with `sweep` only of those that take long. Resolves with whether
   * there were any.
   */
  storePartials?(sweep: boolean): Promise<boolean>;
  /** Pieces are in progress. */
  readonly unfinished?: boolean;
  /** Unfinished pieces with their stored blocks. */
  partialPieces?(): ReadonlyMap<number, Uint8Array>;
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
  #sweepTimer: Timer | undefined;
  /** Bytes of the last record. */
  #size = 0;
  /** Saves run one after the other. */
  #saving: Promise<void> = Promise.resolve();
  #failed = false;

  constructor(options: ResumeKeeperOptions) {
    this.#options = options;
  }

  /** Payload of earlier runs, in bytes, as far as it is known. */
  get earlier(): { readonly uploaded: number; readonly downloaded: number } | undefined {
    return this.#earlier;
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

  /** Saves within five seconds; later when there is much to write. */
  saveSoon(): void {
    if (this.#options.state === undefined || this.#source === undefined || this.#timer !== undefined) return;
    const delay = Math.min(MAX_SAVE_DELAY, Math.max(SAVE_DELAY, (this.#size / SAVE_RATE) * 1000));
    this.#timer = this.#options.clock.setTimer(delay, () => {
      this.#timer = undefined;
      void this.save();
    });
  }

  /** Pieces are in progress: their blocks are stored from time to time, for as long as there are some. */
  sweepPartials(): void {
    const { state, clock } = this.#options;
    if (state === undefined || this.#sweepTimer !== undefined || this.#source?.storePartials === undefined)
      return;
    this.#sweepTimer = clock.setTimer(SWEEP_INTERVAL, () => {
      this.#sweepTimer = undefined;
      void this.#sweep();
    });
  }

  async #sweep(): Promise<void> {
    const source = this.#source;
    try {
      if ((await source?.storePartials?.(true)) === true) await this.save();
    } catch (error) {
      this.#fail(error);
    }
    if (this.#source === source && source?.unfinished === true) this.sweepPartials();
  }

  /**
   * Saves now. Never rejects: what cannot be saved is told once and tried again with the next change.
   * @param partials stores what has come of unfinished pieces first.
   */
  save(partials = false): Promise<void> {
    this.#timer?.cancel();
    this.#timer = undefined;
    const { state } = this.#options;
    const source = this.#source;
    const known = this.#info;
    if (state === undefined || source === undefined || known === undefined) return this.#saving;
    // In this turn: in the next one the pieces may be gone.
    const storing = partials ? source.storePartials?.(false) : undefined;
    storing?.catch(() => {});
    this.#saving = this.#saving.then(async () => {
      try {
        // First the data, then what is said of it.
        await storing;
        const verified = source.storedPieces();
        const partial = source.partialPieces?.();
        await source.disk.flush();
        const fingerprints = await source.disk.fingerprints();
        // What was written between these looks is in the fingerprints, and perhaps not in the pieces.
        const doubtful = source.verifiedPieces?.();
        const { uploaded, downloaded } = this.#options.totals();
        const data: ResumeData = {
          infoHash: this.#options.infoHash,
          infoBytes: known.infoBytes,
          verified,
          doubtful: doubtful && [...doubtful.indexes()].filter((piece) => !verified.get(piece)),
          partial,
          pieceLayers: source.pieceLayers?.(),
          fingerprints,
          filePriorities: source.selection.filePriorities(),
          uploaded: uploaded + (this.#earlier?.uploaded ?? 0),
          downloaded: downloaded + (this.#earlier?.downloaded ?? 0),
          trackers: this.#options.trackers,
        };
        const bytes = encodeResume(data);
        this.#size = bytes.length;
        await state.save(this.#options.key, bytes);
        this.#failed = false;
      } catch (error) {
        this.#fail(error);
      }
    });
    return this.#saving;
  }

  /** Saves a last time and lets go of the storage. */
  async close(): Promise<void> {
    const kept = this.#source !== undefined;
    await this.save(true);
    this.#cancelTimers();
    this.#source = undefined;
    this.#data = undefined;
    // After `remove` there is nothing to load, or what should not be looked at.
    if (kept) this.#loading = undefined;
  }

  /** Forgets what was stored, without removing it. */
  forget(): void {
    this.#cancelTimers();
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

  #fail(error: unknown): void {
    if (!this.#failed) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#options.onWarning(new Error(`Resume data could not be saved: ${reason}`, { cause: error }));
    }
    this.#failed = true;
  }

  #cancelTimers(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#sweepTimer?.cancel();
    this.#sweepTimer = undefined;
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
