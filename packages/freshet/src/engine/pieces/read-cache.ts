import { type Disk, DiskError } from '../ports.ts';

/** Most bytes read from disk at a time: a few requests' worth, so that a run of requests costs one read. */
const CHUNK = 256 * 1024;
/** Least, where pieces are small. */
const MIN_CHUNK = 64 * 1024;
/** Least that is kept, or two who read across a border between chunks could take each other's away for ever. */
const MIN_BUDGET = 8 * CHUNK;

interface Chunk {
  readonly owner: CachedReader;
  readonly index: number;
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
  readonly #order = new Set<Chunk>();

  /** @param budget bytes kept, 2 MiB at least. */
  constructor(budget: number) {
    this.#budget = Math.max(budget, MIN_BUDGET);
  }

  /** Bytes kept at the moment. */
  get used(): number {
    return this.#used;
  }

  touch(chunk: Chunk): void {
    if (this.#order.delete(chunk)) this.#order.add(chunk);
  }

  add(chunk: Chunk): void {
    this.#order.add(chunk);
    this.#used += chunk.data!.length;
    for (const oldest of this.#order) {
      if (this.#used <= this.#budget || oldest === chunk) break;
      this.remove(oldest);
    }
  }

  remove(chunk: Chunk): void {
    if (this.#order.delete(chunk)) this.#used -= chunk.data!.length;
    chunk.owner.forget(chunk.index);
  }
}

/** Reads one torrent's disk through the cache. What it returns is shared and must not be changed. */
export class CachedReader {
  readonly #disk: Disk;
  readonly #cache: ReadCache;
  readonly #pieceLength: number;
  /**
   * Bytes per chunk. No more than a piece: peers ask for pieces in any order, so its neighbours would be read for
   * nothing, six times over for 64 MiB in pieces of 64 KiB.
   */
  readonly #chunkLength: number;
  readonly #chunks = new Map<number, Chunk>();

  constructor(disk: Disk, cache: ReadCache, pieceLength: number) {
    this.#disk = disk;
    this.#cache = cache;
    this.#pieceLength = pieceLength;
    this.#chunkLength = Math.min(CHUNK, Math.max(MIN_CHUNK, pieceLength));
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
      const index = Math.floor(at / this.#chunkLength);
      const chunkEnd = Math.min((index + 1) * this.#chunkLength, end);
      const chunk = this.#chunk(index);
      if (chunk.error !== undefined) return chunk.error;
      if (chunk.data === undefined) {
        if (!missing && !chunk.waiters.includes(wake)) chunk.waiters.push(wake);
        missing = true;
      } else {
        const from = at - index * this.#chunkLength;
        if (overlaps(chunk.holes, from, from + chunkEnd - at)) return gone();
        views.push(chunk.data.subarray(from, from + chunkEnd - at));
      }
      at = chunkEnd;
    }
    return missing ? undefined : views;
  }

  /** Begins to read the range unless it is there already. */
  prefetch(offset: number, length: number): void {
    const last = Math.floor((offset + length - 1) / this.#chunkLength);
    for (let index = Math.floor(offset / this.#chunkLength); index <= last; index++) this.#chunk(index);
  }

  /** The range was written: what was read of it before is out of date. */
  invalidate(offset: number, length: number): void {
    const last = Math.floor((offset + length - 1) / this.#chunkLength);
    for (let index = Math.floor(offset / this.#chunkLength); index <= last; index++) {
      const chunk = this.#chunks.get(index);
      if (chunk === undefined) continue;
      this.#chunks.delete(index);
      if (chunk.data !== undefined) this.#cache.remove(chunk);
      else chunk.stale = true;
    }
  }

  forget(index: number): void {
    this.#chunks.delete(index);
  }

  close(): void {
    for (const chunk of [...this.#chunks.values()]) {
      chunk.waiters = [];
      chunk.stale = true;
      if (chunk.data !== undefined) this.#cache.remove(chunk);
    }
    this.#chunks.clear();
  }

  #chunk(index: number): Chunk {
    const known = this.#chunks.get(index);
    if (known !== undefined) {
      if (known.data !== undefined) this.#cache.touch(known);
      return known;
    }
    const chunk: Chunk = {
      owner: this,
      index,
      data: undefined,
      holes: [],
      error: undefined,
      waiters: [],
      stale: false,
    };
    this.#chunks.set(index, chunk);
    const start = index * this.#chunkLength;
    const data = new Uint8Array(Math.min(this.#chunkLength, this.#disk.length - start));
    this.#fill(start, data).then(
      (holes) => this.#loaded(chunk, data, holes, undefined),
      (error: Error) => this.#loaded(chunk, undefined, [], error),
    );
    return chunk;
  }

  /**
   * Reads what exists of the region. A disk's read ends at what does not exist, such as a piece that is not there
   * yet, but whole pieces behind that may be verified: they must not come out as zeros. Resolves with what is not
   * there.
   */
  async #fill(start: number, data: Uint8Array): Promise<[begin: number, end: number][]> {
    const holes: [number, number][] = [];
    let at = await this.#disk.read(start, data);
    while (at < data.length) {
      const begin = at;
      at = (Math.floor((start + at) / this.#pieceLength) + 1) * this.#pieceLength - start;
      holes.push([begin, Math.min(at, data.length)]);
      if (at < data.length) at += await this.#disk.read(start + at, data.subarray(at));
    }
    return holes;
  }

  #loaded(chunk: Chunk, data: Uint8Array | undefined, holes: Chunk['holes'], error: Error | undefined): void {
    chunk.data = data;
    chunk.holes = holes;
    chunk.error = error;
    if (data !== undefined && !chunk.stale) this.#cache.add(chunk);
    const waiters = chunk.waiters;
    chunk.waiters = [];
    // A waiter looks again: at this chunk, or at a fresh read when this one is out of date.
    for (const wake of waiters) wake();
    // An error is told to those who waited and not kept: the next request tries the disk again.
    if (error !== undefined && this.#chunks.get(chunk.index) === chunk) this.#chunks.delete(chunk.index);
  }
}

function overlaps(holes: Chunk['holes'], begin: number, end: number): boolean {
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
