import { type Clock, type Disk, DiskError, type FileFingerprint, type Timer } from 'freshet/engine';
import { type SeededRandom, type Space, SparseBytes } from 'freshet/memory';
import { type DiskFault, DiskFaults, type DiskOperation, type PlannedFault } from './disk-faults.ts';

export interface SimDiskOptions {
  readonly clock: Clock;
  /** Where bits flip and what a crash leaves. */
  readonly random: SeededRandom;
  readonly length: number;
  /** The torrent's files. Default: one of the whole length. */
  readonly files?:
    | readonly { readonly offset: number; readonly length: number; readonly padding?: boolean | undefined }[]
    | undefined;
  /** Milliseconds before an operation that does not go on where the last one ended, and of a flush. Default 0. */
  readonly seekMs?: number | undefined;
  /** Default unlimited. */
  readonly bytesPerSecond?: number | undefined;
  /** Room, in whole pages of 64 KiB; may be shared and may change. Default unlimited. */
  readonly space?: Space | undefined;
}

/** What has happened to a medium. */
export interface SimDiskCounters {
  /** Bits that are not what was written. */
  flippedBits: number;
  crashes: number;
  /** Writes that a crash met before they were flushed. */
  unflushedWrites: number;
  /** Sectors of theirs that are as they were before, and those that have what was written. */
  lostSectors: number;
  keptSectors: number;
}

interface Unflushed {
  readonly offset: number;
  /** What was there before. */
  readonly before: Uint8Array;
}

interface Running {
  readonly offset: number;
  readonly parts: readonly Uint8Array[];
}

/** What a drive writes in one piece. */
const SECTOR = 4096;
const LABEL = 'simulated disk';

/**
 * A medium with a torrent on it: it has a speed and a size, breaks as planned, forgets silently, and keeps after a crash
 * what was flushed and a part of the rest. `open` gives what an engine takes; it can be opened again after that was closed
 * or the machine has crashed.
 */
export class SimDisk {
  readonly faults: DiskFaults = new DiskFaults();
  readonly counters: SimDiskCounters = {
    flippedBits: 0,
    crashes: 0,
    unflushedWrites: 0,
    lostSectors: 0,
    keptSectors: 0,
  };
  readonly #options: SimDiskOptions;
  readonly #files: NonNullable<SimDiskOptions['files']>;
  readonly #bytes: SparseBytes;
  #prints: { size: number; modified: number }[] = [];
  /** Oldest first. */
  #unflushed: Unflushed[] = [];
  readonly #running = new Set<Running>();
  readonly #timers = new Set<Timer>();
  readonly #corrupted = new Set<number>();
  #handle: Handle | undefined;
  /** When the last of the queue is done, in clock milliseconds. */
  #busyUntil = 0;
  /** Where the last operation ended. */
  #head = 0;

  constructor(options: SimDiskOptions) {
    this.#options = options;
    this.#files = options.files ?? [{ offset: 0, length: options.length }];
    this.#bytes = new SparseBytes(options.space ?? { free: Number.POSITIVE_INFINITY });
    this.#forget();
  }

  get length(): number {
    return this.#options.length;
  }

  /** @throws {DiskError} while it is open. */
  open(): Disk {
    if (this.#handle?.open === true) {
      throw new DiskError('IO', LABEL, 'The simulated disk is in use: close it first.');
    }
    this.#handle = new Handle(this);
    return this.#handle;
  }

  /** Puts content there, past speed and faults. */
  fill(offset: number, content: Uint8Array): void {
    this.#bytes.write(offset, [content]);
    this.#touch(offset, content.length);
    this.#createEmpty();
  }

  /** What is there, past speed and faults. */
  peek(offset: number, length: number): Uint8Array {
    const into = new Uint8Array(length);
    this.#bytes.read(offset, into);
    return into;
  }

  fail(fault: DiskFault): PlannedFault {
    return this.faults.plan(fault);
  }

  /** One bit of what the nth write from now on (from 1) writes is wrong, and nobody is told. */
  corruptWrite(nth: number): void {
    this.#corrupted.add(this.faults.counts.write + nth);
  }

  /** Flips a bit of what is stored, at a place left to chance or within `length` bytes from `offset`. Returns where. */
  flipBit(offset = 0, length: number = this.#bytes.size - offset): number {
    const at = offset + this.#options.random.below(length);
    const byte = this.peek(at, 1);
    byte[0] = byte[0]! ^ (1 << this.#options.random.below(8));
    this.#bytes.write(at, [byte]);
    this.counters.flippedBits++;
    return at;
  }

  /**
   * The machine goes down: what waits is never answered, and of each sector that was written and not flushed chance
   * decides whether it has what was written.
   */
  crash(): void {
    this.counters.crashes++;
    this.#handle?.die();
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
    for (const write of this.#running) this.#tear(write);
    this.#running.clear();
    const settled = new Set<number>();
    for (const write of this.#unflushed.reverse()) this.#undo(write, settled);
    this.#unflushed = [];
    this.#busyUntil = 0;
  }

  /** @internal */
  async read(offset: number, into: Uint8Array): Promise<number> {
    const length = Math.min(into.length, Math.max(0, this.length - offset));
    await this.#turn('read', offset, length);
    return this.#bytes.read(offset, into.subarray(0, length));
  }

  /** @internal */
  async write(offset: number, parts: readonly Uint8Array[]): Promise<void> {
    const length = parts.reduce((sum, part) => sum + part.length, 0);
    const running = { offset, parts };
    this.#running.add(running);
    try {
      const nth = this.faults.counts.write + 1;
      await this.#turn('write', offset, length);
      const before = this.peek(offset, length);
      if (!this.#bytes.write(offset, parts)) throw full();
      this.#unflushed.push({ offset, before });
      this.#touch(offset, length);
      if (length > 0 && this.#corrupted.delete(nth)) this.flipBit(offset, length);
    } finally {
      this.#running.delete(running);
    }
  }

  /** @internal */
  async flush(): Promise<void> {
    const covered = this.#unflushed.length;
    await this.#turn('flush', -1, 0);
    this.#unflushed.splice(0, covered);
    this.#createEmpty();
  }

  /** @internal */
  async fingerprints(): Promise<FileFingerprint[]> {
    return this.#prints.map((print) => ({ ...print }));
  }

  /** @internal */
  destroy(): void {
    this.#bytes.clear();
    this.#forget();
  }

  /** Waits for the one queue that the medium has, then fails if that is planned. */
  async #turn(operation: DiskOperation, offset: number, length: number): Promise<void> {
    const { clock, seekMs = 0, bytesPerSecond = Number.POSITIVE_INFINITY } = this.#options;
    const now = clock.now();
    const fault = this.faults.next(operation, now);
    const cost =
      (offset === this.#head || (length === 0 && offset >= 0) ? 0 : seekMs) +
      (1000 * length) / bytesPerSecond;
    if (length > 0) this.#head = offset + length;
    if (cost > 0 || this.#busyUntil > now) {
      this.#busyUntil = Math.max(now, this.#busyUntil) + cost;
      await this.#pass(this.#busyUntil - now);
    }
    if (fault !== undefined) throw new DiskError(fault.code, LABEL, SENTENCES[fault.code]);
  }

  #pass(delay: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#options.clock.setTimer(delay, () => {
        this.#timers.delete(timer);
        resolve();
      });
      this.#timers.add(timer);
    });
  }

  #tear({ offset, parts }: Running): void {
    this.counters.unflushedWrites++;
    const bytes = Buffer.concat(parts);
    for (const [start, end] of sectors(offset, bytes.length)) {
      const kept = this.#options.random.below(2) === 0;
      if (kept && this.#bytes.write(start, [bytes.subarray(start - offset, end - offset)])) {
        this.counters.keptSectors++;
        this.#touch(start, end - start);
      } else {
        this.counters.lostSectors++;
      }
    }
  }

  /** @param settled sectors that have what a later write has brought. */
  #undo({ offset, before }: Unflushed, settled: Set<number>): void {
    this.counters.unflushedWrites++;
    for (const [start, end] of sectors(offset, before.length)) {
      const sector = Math.floor(start / SECTOR);
      if (settled.has(sector)) continue;
      if (this.#options.random.below(2) === 0) {
        settled.add(sector);
        this.counters.keptSectors++;
      } else {
        this.#bytes.write(start, [before.subarray(start - offset, end - offset)]);
        this.counters.lostSectors++;
      }
    }
  }

  #touch(offset: number, length: number): void {
    if (length === 0) return;
    const modified = this.#options.clock.wallTime();
    for (const [i, file] of this.#files.entries()) {
      const end = Math.min(offset + length, file.offset + file.length);
      if (file.padding === true || end <= Math.max(offset, file.offset)) continue;
      this.#prints[i] = { size: Math.max(this.#prints[i]!.size, end - file.offset), modified };
    }
  }

  #createEmpty(): void {
    for (const [i, { length }] of this.#files.entries()) {
      if (length > 0 || this.#prints[i]!.size === 0) continue;
      this.#prints[i] = { size: 0, modified: this.#options.clock.wallTime() };
    }
  }

  #forget(): void {
    this.#unflushed = [];
    this.#prints = this.#files.map(() => ({ size: -1, modified: 0 }));
  }
}

/** One opening of the medium. */
class Handle implements Disk {
  readonly length: number;
  readonly #medium: SimDisk;
  readonly #running = new Set<Promise<unknown>>();
  #closed: Promise<void> | undefined;
  #dead = false;

  constructor(medium: SimDisk) {
    this.length = medium.length;
    this.#medium = medium;
  }

  get open(): boolean {
    return this.#closed === undefined && !this.#dead;
  }

  /** Nothing is ever answered again. */
  die(): void {
    this.#dead = true;
  }

  read(offset: number, into: Uint8Array): Promise<number> {
    return this.#run(() => this.#medium.read(offset, into));
  }

  write(offset: number, parts: readonly Uint8Array[]): Promise<void> {
    return this.#run(() => this.#medium.write(offset, parts));
  }

  setWanted(_wanted: readonly boolean[]): void {}

  flush(): Promise<void> {
    return this.#run(() => this.#medium.flush());
  }

  fingerprints(): Promise<FileFingerprint[]> {
    return this.#run(() => this.#medium.fingerprints());
  }

  close(): Promise<void> {
    this.#closed ??= Promise.allSettled([...this.#running]).then(() => {});
    return this.#closed;
  }

  async destroy(): Promise<void> {
    await this.close();
    this.#medium.destroy();
  }

  #run<T>(action: () => Promise<T>): Promise<T> {
    if (this.#dead) return new Promise(() => {});
    if (this.#closed !== undefined) {
      return Promise.reject(new DiskError('CLOSED', LABEL, 'The storage of this torrent is closed.'));
    }
    const running = action();
    this.#running.add(running);
    const done = (): void => void this.#running.delete(running);
    running.then(done, done);
    return running;
  }
}

const SENTENCES: Readonly<Record<DiskFault['code'], string>> = {
  FULL: 'There is no room left on the simulated disk: free some space.',
  IO: 'The simulated disk has a fault: check its cable.',
  CHANGED: 'The files on the simulated disk are not what they were: have them checked.',
};

function full(): DiskError {
  return new DiskError('FULL', LABEL, SENTENCES.FULL);
}

/** The parts of a range that lie in one sector each. */
function sectors(offset: number, length: number): [number, number][] {
  const parts: [number, number][] = [];
  for (let at = offset; at < offset + length; ) {
    const end = Math.min(offset + length, (Math.floor(at / SECTOR) + 1) * SECTOR);
    parts.push([at, end]);
    at = end;
  }
  return parts;
}
