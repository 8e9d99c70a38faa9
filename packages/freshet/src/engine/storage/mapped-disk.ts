/** The one place where a torrent's linear address space becomes files. */

import { LazyMap, toHex } from '../../protocol/index.ts';
import { LazySet } from '../../protocol/lazy-collections.ts';
import { type Disk, DiskError, type FileFingerprint } from '../ports.ts';
import type { FileStore } from './file-store.ts';
import { FileWatch } from './file-watch.ts';
import { Gate } from './gate.ts';
import { HandlePool } from './handle-pool.ts';
import { inTurns } from './in-turns.ts';
import { type LayoutFile, locateFile, PartsCursor } from './layout.ts';
import { PartsFile } from './parts-file.ts';
import type { RelocationHost } from './relocation.ts';
import { SwitchedStore } from './switched-store.ts';
import { WantedFiles } from './wanted-files.ts';

export interface MappedDiskOptions {
  /** The torrent's files in the order of their bytes, without gaps; an `Info` will do. */
  readonly info: { readonly length: number; readonly files: readonly LayoutFile[] };
  /** Names the parts file, so that torrents in the same folder keep apart. */
  readonly infoHash: Uint8Array;
  readonly store: FileStore;
  /** One flag for each file. Default: all are wanted. */
  readonly wanted?: readonly boolean[] | undefined;
  /** Most files open at a time. Default 64. */
  readonly maxOpenFiles?: number | undefined;
  /** Where bytes of unwanted files are kept. Default `.freshet-<info-hash>.parts` beside the files. */
  readonly partsPath?: readonly string[] | undefined;
  /** Files that have another path than the torrent gives them, by index. Safe. */
  readonly paths?: ReadonlyMap<number, readonly string[]> | undefined;
}

const DEFAULT_MAX_OPEN_FILES = 64;
/** The parts file's name in the pool. */
const PARTS = -1;

/**
 * Opens a torrent's storage. Nothing is created before the first write, `setWanted` or `flush`.
 *
 * - Pad files (BEP 47) are read as zeros and never stored.
 * - Empty files are created by `setWanted` and `flush`.
 * - Bytes of unwanted files go to the parts file, and from there into their file as soon as it is wanted. A
 *   fault on the way loses nothing: the bytes stay readable, `flush` tries again and rejects with the fault.
 */
export function openMappedDisk(options: MappedDiskOptions): Disk {
  return new MappedDisk(options);
}

/** @see openMappedDisk */
export class MappedDisk implements Disk {
  readonly length: number;
  readonly #files: readonly LayoutFile[];
  readonly #store: SwitchedStore;
  readonly #paths: Map<number, readonly string[]>;
  readonly #partsPath: readonly string[];
  readonly #watch: FileWatch;
  readonly #pool: HandlePool;
  readonly #parts: PartsFile;
  readonly #gate: Gate = new Gate();
  readonly #wanted: WantedFiles;
  /** Files that were seen to be longer than the torrent says. */
  readonly #tooLong = new LazySet<number>();
  #closed: Promise<void> | undefined;
  #destroyed: Promise<void> | undefined;

  constructor(options: MappedDiskOptions) {
    const { info, infoHash, store } = options;
    this.length = info.length;
    this.#files = info.files;
    this.#store = new SwitchedStore(store);
    this.#paths = new LazyMap(options.paths);
    this.#partsPath = options.partsPath ?? partsPathOf(infoHash);
    this.#watch = new FileWatch({
      count: info.files.length,
      isStored: (index) => !this.#files[index]!.padding,
      stat: async (index) => {
        const print = await this.#store.stat(this.pathOf(index));
        this.#sawSize(index, print.size);
        return print;
      },
    });
    this.#pool = new HandlePool(
      this.#store,
      (index) => this.pathOf(index),
      options.maxOpenFiles ?? DEFAULT_MAX_OPEN_FILES,
      // Opening takes a look at it anyway.
      (index, { opened }) => {
        if (index === PARTS || opened === undefined) return;
        this.#sawSize(index, opened.size);
        this.#watch.saw(index, opened);
      },
    );
    this.#parts = new PartsFile(this.#store, this.#partsPath, infoHash, this.#pool, PARTS);
    this.#wanted = new WantedFiles(
      {
        files: this.#files,
        pool: this.#pool,
        parts: this.#parts,
        read: (index, start, into) => this.#readFile(index, start, into),
        write: (index, start, parts) => this.#writeStored(index, start, parts),
        asDiskError: (error) => this.#asDiskError(error),
      },
      options.wanted,
    );
    // First of all operations: what they find depends on it.
    void this.#gate.exclusive(() => this.#wanted.start());
  }

  /** What it takes to give the files other places. */
  protected get relocationHost(): RelocationHost {
    return {
      files: this.#files,
      store: this.#store,
      pool: this.#pool,
      watch: this.#watch,
      paths: this.#paths,
      partsPath: this.#partsPath,
      parts: PARTS,
      storedFiles: () => this.#storedFiles(),
      pathOf: (index) => this.pathOf(index),
      label: () => this.#label(),
      run: (action) => this.#run(action),
      runAlone: (action) => this.#runAlone(action),
      write: (index, start, parts) => this.#writeStored(index, start, parts),
    };
  }

  /** Something was written, in the torrent's address space. */
  protected wrote(_start: number, _end: number): void {}

  /** Indexes of the files that are wanted, without padding. */
  protected get wantedFiles(): number[] {
    return this.#storedFiles().filter((index) => this.#wanted.has(index));
  }

  read(offset: number, into: Uint8Array): Promise<number> {
    return this.#run(() => this.#read(offset, into));
  }

  write(offset: number, parts: readonly Uint8Array[]): Promise<void> {
    return this.#run(() => this.#write(offset, parts));
  }

  setWanted(wanted: readonly boolean[]): void {
    if (this.#closed !== undefined) return;
    void this.#gate.exclusive(this.#wanted.choose(wanted));
  }

  async flush(): Promise<void> {
    const settled =
      this.#closed === undefined ? this.#gate.exclusive(() => this.#wanted.settle()) : undefined;
    const synced = this.#run(async () => {
      if (this.#wanted.failure !== undefined) throw this.#wanted.failure;
      await this.#pool.sync();
    });
    await Promise.all([settled, synced]);
  }

  fingerprints(): Promise<FileFingerprint[]> {
    return this.#run(() => this.#watch.fingerprints());
  }

  changedFiles(limit: number): Promise<number[]> {
    return this.#run(() => this.#watch.changed(limit));
  }

  /** Where the file is, below the store's folder. */
  pathOf(index: number): readonly string[] {
    if (index === PARTS) return this.#partsPath;
    return this.#paths.get(index) ?? this.#files[index]!.path;
  }

  trim(): Promise<void> | undefined {
    const wanted = [...this.#tooLong].filter((index) => this.#wanted.has(index));
    if (wanted.length === 0) return undefined;
    return this.#run(() =>
      inTurns(wanted, (index) => this.#writeStored(index, this.#files[index]!.offset, [], true)),
    );
  }

  close(): Promise<void> {
    this.#closed ??= this.#gate
      .exclusive(() => this.#pool.close())
      .catch((error: unknown) => {
        throw this.#asDiskError(error);
      });
    return this.#closed;
  }

  destroy(): Promise<void> {
    this.#destroyed ??= this.#remove().catch((error: unknown) => {
      this.#destroyed = undefined;
      throw this.#asDiskError(error);
    });
    return this.#destroyed;
  }

  async #remove(): Promise<void> {
    // A handle that did not close well does not matter for a file that goes away.
    await this.close().catch(() => {});
    await this.#parts.destroy();
    await inTurns(this.#storedFiles(), (index) => this.#store.remove(this.pathOf(index)));
  }

  async #run<T>(action: () => Promise<T>): Promise<T> {
    if (this.#closed !== undefined) {
      throw new DiskError('CLOSED', this.#label(), `The storage of ${this.#label()} is closed.`);
    }
    try {
      return await this.#gate.shared(action);
    } catch (error) {
      throw this.#asDiskError(error);
    }
  }

  async #runAlone<T>(action: () => Promise<T>): Promise<T> {
    if (this.#closed !== undefined) {
      throw new DiskError('CLOSED', this.#label(), `The storage of ${this.#label()} is closed.`);
    }
    try {
      return await this.#gate.exclusive(action);
    } catch (error) {
      throw this.#asDiskError(error);
    }
  }

  // --- reading and writing; offsets and ends are in the torrent's address space

  async #read(offset: number, into: Uint8Array): Promise<number> {
    const end = Math.min(this.length, offset + into.length);
    const first = locateFile(this.#files, offset);
    const only = this.#files[first];
    // Nearly always; the rest is for many small files.
    if (only !== undefined && end <= only.offset + only.length) {
      const target = into.subarray(0, Math.max(0, end - offset));
      return only.padding ? zeros(target) : this.#readFile(first, offset, target);
    }
    const parts: { readonly index: number; readonly start: number; readonly target: Uint8Array }[] = [];
    for (let at = offset, index = first; at < end; index++) {
      const file = this.#files[index]!;
      if (file.length === 0) continue;
      const stop = Math.min(end, file.offset + file.length);
      parts.push({ index, start: at, target: into.subarray(at - offset, stop - offset) });
      at = stop;
    }
    // Side by side: each file costs the same few calls, however short it is.
    let missing = end;
    await inTurns(parts, async ({ index, start, target }) => {
      const count = this.#files[index]!.padding ? zeros(target) : await this.#readFile(index, start, target);
      if (count < target.length) missing = Math.min(missing, start + count);
    });
    return Math.max(0, missing - offset);
  }

  /** Reads within one file, with what the parts file has of it put in its place. */
  async #readFile(index: number, start: number, into: Uint8Array): Promise<number> {
    if (this.#parts.isEmpty) return this.#readStored(index, start, into);
    let at = start;
    const end = start + into.length;
    for (const extent of this.#parts.extents(start, end)) {
      if (extent.start > at) {
        const gap = into.subarray(at - start, extent.start - start);
        const count = await this.#readStored(index, at, gap);
        at += count;
        if (count < gap.length) return at - start;
      }
      const target = into.subarray(extent.start - start, extent.end - start);
      const count = await this.#parts.read(extent, extent.start, target);
      at += count;
      if (count < target.length) return at - start;
    }
    if (at < end) at += await this.#readStored(index, at, into.subarray(at - start));
    return at - start;
  }

  async #readStored(index: number, start: number, into: Uint8Array): Promise<number> {
    try {
      return await this.#pool.read(index, (file) => file.read(start - this.#files[index]!.offset, into));
    } catch (error) {
      if (error instanceof DiskError && error.code === 'NOT_FOUND') return 0;
      throw this.#asDiskError(error, index);
    }
  }

  async #write(offset: number, parts: readonly Uint8Array[]): Promise<void> {
    let end = offset;
    for (const part of parts) end += part.length;
    if (end === offset) return;
    if (offset < 0 || end > this.length) {
      throw new DiskError(
        'IO',
        this.#label(),
        `A write to ${this.#label()} goes beyond its ${this.length} bytes.`,
      );
    }
    const source = new PartsCursor(parts);
    const writes: (() => Promise<void>)[] = [];
    let at = offset;
    for (let index = locateFile(this.#files, offset); at < end; index++) {
      const file = this.#files[index]!;
      if (file.length === 0) continue;
      let stop = Math.min(end, file.offset + file.length);
      if (file.padding) {
        source.take(stop - at);
      } else if (this.#wanted.has(index)) {
        const [from, until, views] = [at, stop, source.take(stop - at)];
        const wanted = index;
        writes.push(async () => {
          await this.#writeStored(wanted, from, views);
          if (!this.#parts.isEmpty) await this.#parts.drop(from, until);
        });
      } else {
        // One record for a row of unwanted files: there can be thousands of them in a piece.
        for (; stop < end && this.#keptApart(index + 1); index++) {
          const next = this.#files[index + 1]!;
          stop = Math.min(end, next.offset + next.length);
        }
        const [from, length, views] = [at, stop - at, source.take(stop - at)];
        writes.push(() => this.#parts.write(from, length, views));
      }
      at = stop;
    }
    await inTurns(writes, (write) => write());
  }

  /** @param cut what the file has too much; an empty write only makes that there is a file. */
  async #writeStored(
    index: number,
    start: number,
    parts: readonly Uint8Array[],
    cut = parts.length > 0,
  ): Promise<void> {
    this.#watch.beginWrite(index);
    try {
      await this.#pool.write(index, async (file) => {
        if (parts.length > 0) await file.write(start - this.#files[index]!.offset, parts);
        // Not before: a file that cannot be written to keeps what it has.
        if (!cut || !this.#tooLong.has(index)) return;
        await file.truncate(this.#files[index]!.length);
        this.#tooLong.delete(index);
      });
    } catch (error) {
      throw this.#asDiskError(error, index);
    } finally {
      this.#watch.endWrite(index);
      let end = start;
      for (const part of parts) end += part.length;
      this.wrote(start, end);
    }
  }

  // --- help

  #sawSize(index: number, size: number): void {
    if (size > this.#files[index]!.length) this.#tooLong.add(index);
  }

  /** There is such a file, and its bytes go to the parts file. */
  #keptApart(index: number): boolean {
    const file = this.#files[index];
    return file !== undefined && !file.padding && !this.#wanted.has(index);
  }

  /** Indexes of all that are files at all. */
  #storedFiles(): number[] {
    const indexes: number[] = [];
    for (let index = 0; index < this.#files.length; index++) {
      if (!this.#files[index]!.padding) indexes.push(index);
    }
    return indexes;
  }

  #label(index = 0): string {
    const file = this.#files[index];
    return file === undefined ? 'the torrent' : this.#store.label(this.pathOf(index));
  }

  #asDiskError(error: unknown, index?: number): DiskError {
    if (error instanceof DiskError) return error;
    const label = this.#label(index);
    const reason = error instanceof Error ? error.message : String(error);
    return new DiskError('IO', label, `The storage of ${label} failed: ${reason}`, { cause: error });
  }
}

/** Where bytes of unwanted files are kept unless somebody says otherwise. */
export function partsPathOf(infoHash: Uint8Array): readonly string[] {
  return [`.freshet-${toHex(infoHash)}.parts`];
}

function zeros(into: Uint8Array): number {
  into.fill(0);
  return into.length;
}
