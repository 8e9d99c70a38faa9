import { LazyMap } from '../../protocol/lazy-collections.ts';
import { type Disk, DiskError } from '../ports.ts';

/** Most bytes read from disk at a time: a read costs a page a millisecond of its main thread, whatever its length. */
const RUN = 256 * 1024;
/** Most and least that is read when a single request asks for it. */
const MAX_CHUNK = 64 * 1024;
const MIN_CHUNK = 16 * 1024;
/** Least that is kept, or two who read across a border between runs could take each other's away for ever. */
const MIN_BUDGET = 8 * RUN;

/** Chunks in a row that are read at once, kept and dropped together. */
interface Run {
  readonly owner: CachedReader;
  readonly first: number;
  /** Grows until the read begins. */
  count: number;
  data: Uint8Array | undefined;
  /** Parts of it that the disk did not have, as pairs of begin and end. */
  holes: readonly (readonly [begin: number, end: number])[];
  error: Error | undefined;
  waiters: (() => void)[];
  /** Set when the range was written to after the read began: the data is used by nobody new. */
  stale: boolean;
}

/** Recently read regions of all torrents, least recently used out first. One for the whole client. */
export class ReadCache {
  readonly #budget: number;
  #used = 0;
  readonly #order = new Set<Run>();

  /** @param budget bytes kept, 2 MiB at least. */
  constructor(budget: number) {
    this.#budget = Math.max(budget, MIN_BUDGET);
  }

  /** Bytes kept at most. */
  get budget(): number {
    return this.#budget;
  }

  /** Bytes kept at the moment. */
  get used(): number {
    return this.#used;
  }

  touch(run: Run): void {
    if (this.#order.delete(run)) this.#order.add(run);
  }

  add(run: Run): void {
    this.#order.add(run);
    this.#used += run.data!.length;
    for (const oldest of this.#order) {
      if (this.#used <= this.#budget || oldest === run) break;
      this.remove(oldest);
    }
  }

  remove(run: Run): void {
    if (this.#order.delete(run)) this.#used -= run.data!.length;
    run.owner.forget(run);
  }
}

/** Reads one torrent's disk through the cache. What it returns is shared and must not be changed. */
export class CachedReader {
  readonly #disk: Disk;
  readonly #cache: ReadCache;
  readonly #pieceLength: number;
  /**
   * Bytes per chunk, the least that is read. No more than a piece: peers ask for pieces in any order, so that a
   * piece's neighbours are read with it only when they are asked for at the same time.
   */
  readonly #chunkLength: number;
  /** The run that each chunk is part of. */
  readonly #runs = new LazyMap<number, Run>();
  /** The run that the next chunk may still join. */
  #gathering: Run | undefined;

  constructor(disk: Disk, cache: ReadCache, pieceLength: number) {
    this.#disk = disk;
    this.#cache = cache;
    this.#pieceLength = pieceLength;
    this.#chunkLength = Math.min(MAX_CHUNK, Math.max(MIN_CHUNK, pieceLength));
  }

  /**
   * The bytes as views of cached regions, `undefined` when some of them have to be read first: then `wake` is
   * called once that is done. An `Error` when they cannot be read.
   */
  read(offset: number, length: number, wake: () => void): Uint8Array[] | Error | undefined {
    const views: Uint8Array[] = [];
    let missing = false;
    const end = offset + length;
    for (let at = offset; at < end; ) {
      const run = this.#run(Math.floor(at / this.#chunkLength));
      const start = run.first * this.#chunkLength;
      const until = Math.min(start + run.count * this.#chunkLength, end);
      if (run.error !== undefined) return run.error;
      if (run.data === undefined) {
        if (!missing && !run.waiters.includes(wake)) run.waiters.push(wake);
        missing = true;
      } else {
        if (overlaps(run.holes, at - start, until - start)) return gone();
        views.push(run.data.subarray(at - start, until - start));
      }
      at = until;
    }
    return missing ? undefined : views;
  }

  /**
   * Begins to read the range unless it is there already. Ranges that are asked for one after the other in the
   * same turn are read at once where they touch.
   */
  prefetch(offset: number, length: number): void {
    const last = Math.floor((offset + length - 1) / this.#chunkLength);
    for (let index = Math.floor(offset / this.#chunkLength); index <= last; index++) this.#run(index);
  }

  /** The range was written: what was read of it before is out of date. */
  invalidate(offset: number, length: number): void {
    const last = Math.floor((offset + length - 1) / this.#chunkLength);
    for (let index = Math.floor(offset / this.#chunkLength); index <= last; index++) {
      const run = this.#runs.get(index);
      if (run !== undefined) this.#drop(run);
    }
  }

  forget(run: Run): void {
    for (let index = run.first; index < run.first + run.count; index++) {
      if (this.#runs.get(index) === run) this.#runs.delete(index);
    }
  }

  close(): void {
    for (const run of [...this.#runs.values()]) {
      run.waiters = [];
      this.#drop(run);
    }
  }

  #drop(run: Run): void {
    if (this.#gathering === run) this.#gathering = undefined;
    run.stale = true;
    if (run.data !== undefined) this.#cache.remove(run);
    else this.forget(run);
  }

  /** The run with the chunk; its read begins after this turn when there was none. */
  #run(index: number): Run {
    const known = this.#runs.get(index);
    if (known !== undefined) {
      if (known.data !== undefined) this.#cache.touch(known);
      return known;
    }
    const open = this.#gathering;
    if (open !== undefined && open.first + open.count === index && open.count * this.#chunkLength < RUN) {
      open.count++;
      this.#runs.set(index, open);
      return open;
    }
    const run: Run = {
      owner: this,
      first: index,
      count: this.#readAhead(index),
      data: undefined,
      holes: [],
      error: undefined,
      waiters: [],
      stale: false,
    };
    for (let i = 0; i < run.count; i++) this.#runs.set(index + i, run);
    this.#gathering = run;
    Promise.resolve()
      .then(() => this.#fill(run))
      .then(
        ({ data, holes }) => this.#loaded(run, data, holes, undefined),
        (error: Error) => this.#loaded(run, undefined, [], error),
      );
    return run;
  }

  /**
   * Chunks to read from here on: twice as many as were read just before it, within the piece, for those who ask for
   * little at a time.
   */
  #readAhead(index: number): number {
    const before = this.#runs.get(index - 1);
    if (before?.data === undefined) return 1;
    const pieceEnd = (Math.floor((index * this.#chunkLength) / this.#pieceLength) + 1) * this.#pieceLength;
    const end = Math.min(pieceEnd, this.#disk.length);
    const most = Math.min(2 * before.count, Math.floor(RUN / this.#chunkLength));
    let count = 1;
    while (
      count < most &&
      (index + count) * this.#chunkLength < end &&
      this.#runs.get(index + count) === undefined
    ) {
      count++;
    }
    return count;
  }

  /**
   * Reads what exists of the region. A disk's read ends at what does not exist, such as a piece that is not there
   * yet, but whole pieces behind that may be verified: they must not come out as zeros. Resolves with what is not
   * there.
   */
  async #fill(run: Run): Promise<{ data: Uint8Array; holes: Run['holes'] }> {
    if (this.#gathering === run) this.#gathering = undefined;
    const start = run.first * this.#chunkLength;
    const length = Math.min(run.count * this.#chunkLength, this.#disk.length - start);
    const data = this.#disk.lend?.(start, length) ?? new Uint8Array(length);
    const holes: [number, number][] = [];
    let at = await this.#disk.read(start, data);
    while (at < data.length) {
      const begin = at;
      at = (Math.floor((start + at) / this.#pieceLength) + 1) * this.#pieceLength - start;
      holes.push([begin, Math.min(at, data.length)]);
      if (at < data.length) at += await this.#disk.read(start + at, data.subarray(at));
    }
    return { data, holes };
  }

  #loaded(run: Run, data: Uint8Array | undefined, holes: Run['holes'], error: Error | undefined): void {
    run.data = data;
    run.holes = holes;
    run.error = error;
    if (data !== undefined && !run.stale) this.#cache.add(run);
    const waiters = run.waiters;
    run.waiters = [];
    // A waiter looks again: at this run, or at a fresh read when this one is out of date.
    for (const wake of waiters) wake();
    // An error is told to those who waited and not kept: the next request tries the disk again.
    if (error !== undefined) this.forget(run);
  }
}

function overlaps(holes: Run['holes'], begin: number, end: number): boolean {
  return holes.some(([from, to]) => from < end && to > begin);
}

/** What was verified is not there any more: somebody took it away. */
function gone(): DiskError {
  return new DiskError(
    'CHANGED',
    '',
    'Stored data of this torrent is gone: put the files back or verify them again.',
  );
}
