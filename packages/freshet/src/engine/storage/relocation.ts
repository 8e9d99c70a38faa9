/** Gives the files of a disk other names, another store, or real room, while they are read and written. */

import { DiskError } from '../ports.ts';
import { copyRange, DirtyRanges, refuseExisting, takeOver } from './copy-files.ts';
import type { FileStore } from './file-store.ts';
import type { FileWatch } from './file-watch.ts';
import type { HandlePool } from './handle-pool.ts';
import { inTurns } from './in-turns.ts';
import { type LayoutFile, locateFile } from './layout.ts';
import type { SwitchedStore } from './switched-store.ts';

/** How files are brought to another store. */
export interface MoveOptions {
  /** False when `adopt` will do; true when they are on different media. */
  readonly copy: boolean;
  onProgress(moved: number, total: number): void;
  /** Asked between files and chunks; true ends the move, and everything is where it was. */
  cancelled(): boolean;
  /** Some files are in the other store and cannot come back: they are used where they are. */
  onStuck(): void;
  /** When files are copied: all are complete in the other store, and from now on its are the ones that count. */
  commit(): Promise<void>;
}

/** What it needs of the disk. */
export interface RelocationHost {
  readonly files: readonly LayoutFile[];
  readonly store: SwitchedStore;
  readonly pool: HandlePool;
  readonly watch: FileWatch;
  /** Files that are not where the torrent has them. */
  readonly paths: Map<number, readonly string[]>;
  readonly partsPath: readonly string[];
  /** The parts file's name in the pool. */
  readonly parts: number;
  /** Indexes of all that are files at all. */
  storedFiles(): number[];
  pathOf(index: number): readonly string[];
  label(): string;
  /** Beside other operations, and alone. Both reject with `DiskError`. */
  run<T>(action: () => Promise<T>): Promise<T>;
  runAlone<T>(action: () => Promise<T>): Promise<T>;
  write(index: number, start: number, parts: readonly Uint8Array[]): Promise<void>;
}

interface FilesCopied {
  bytes: number;
  total: number;
}

/** Bytes of a file that are copied before others have a turn. */
const COPY_STEP = 4 << 20;
/** Bytes written during a copy that are copied again while operations wait. */
const MAX_LAST_COPY = 4 << 20;
/** Times that what was written during a copy is copied again before operations have to wait for it. */
const MAX_COPY_ROUNDS = 8;
/** Zeros written at a time. */
const ALLOCATE_STEP = 4 << 20;

export class Relocation {
  readonly #host: RelocationHost;
  /** While files are copied to another store. */
  #dirty: DirtyRanges | undefined;
  #last: Promise<unknown> = Promise.resolve();

  constructor(host: RelocationHost) {
    this.#host = host;
  }

  rename(index: number, to: readonly string[]): Promise<void> {
    return this.#inTurn(() => this.#host.runAlone(() => this.#rename(index, to)));
  }

  moveTo(store: FileStore, options: MoveOptions): Promise<void> {
    return this.#inTurn(() => (options.copy ? this.#copyTo(store, options) : this.#renameTo(store, options)));
  }

  /** Gives these files their full length. */
  allocate(files: readonly number[], onProgress: (allocated: number, total: number) => void): Promise<void> {
    return this.#inTurn(() => this.#allocate(files, onProgress));
  }

  /** Something was written, in the torrent's address space. */
  wrote(start: number, end: number): void {
    if (this.#dirty !== undefined && end > start) this.#dirty.add(start, end);
  }

  /** One after the other. */
  #inTurn<T>(action: () => Promise<T>): Promise<T> {
    const result = this.#last.then(action);
    this.#last = result.catch(() => {});
    return result;
  }

  async #rename(index: number, to: readonly string[]): Promise<void> {
    const from = this.#host.pathOf(index);
    if (from.join('/') === to.join('/')) return;
    const { current } = this.#host.store;
    const label = this.#host.store.label(from);
    if (current.rename === undefined) {
      throw new DiskError('READ_ONLY', label, `${label} is not ours to rename: it is seeded where it lies.`);
    }
    await this.#host.pool.detach(index);
    if ((await current.stat(from)).size >= 0) await current.rename(from, to);
    else await refuseExisting(current, to);
    this.#host.paths.set(index, to);
    this.#host.watch.forget(index);
  }

  /** File by file, so that nobody waits for more than one of them. */
  async #renameTo(store: FileStore, options: MoveOptions): Promise<void> {
    const old = this.#host.store.current;
    const files = [this.#host.parts, ...this.#host.storedFiles()];
    this.#host.store.begin(store);
    let moved = 0;
    const take = async (index: number, from: FileStore, to: FileStore): Promise<void> => {
      await this.#host.pool.detach(index);
      const path = this.#host.pathOf(index);
      if ((await from.stat(path)).size >= 0) await takeOver(from, to, path);
      this.#host.store.moved(path, to === store);
    };
    try {
      for (const index of files) {
        if (options.cancelled()) throw this.#givenUp();
        await this.#host.runAlone(() => take(index, old, store));
        options.onProgress(++moved, files.length);
      }
    } catch (error) {
      try {
        for (const index of files.slice(0, moved).reverse())
          await this.#host.runAlone(() => take(index, store, old));
        this.#host.store.end(old);
      } catch {
        options.onStuck();
      }
      throw error;
    }
    this.#host.store.end(store);
  }

  /** While the files are copied they are used as before; what is written meanwhile is copied again. */
  async #copyTo(store: FileStore, options: MoveOptions): Promise<void> {
    const old = this.#host.store.current;
    const dirty = new DirtyRanges();
    this.#dirty = dirty;
    const created: (readonly string[])[] = [];
    const copied: FilesCopied = { bytes: 0, total: 0 };
    try {
      const prints = await this.#host.run(() => this.#host.watch.fingerprints());
      for (const print of prints) copied.total += Math.max(0, print.size);
      for (const index of this.#host.storedFiles()) {
        if (prints[index]!.size < 0) continue;
        created.push(this.#host.pathOf(index));
        await this.#copyFile(index, store, prints[index]!.size, copied, options);
      }
      for (let round = 0; dirty.bytes > MAX_LAST_COPY && round < MAX_COPY_ROUNDS; round++) {
        await this.#host.run(() => this.#copyDirty(dirty, store, created));
      }
      await this.#host.runAlone(async () => {
        await this.#copyDirty(dirty, store, created);
        await this.#host.pool.detach();
        if ((await old.stat(this.#host.partsPath)).size >= 0) {
          created.push(this.#host.partsPath);
          const parts = await old.open(this.#host.partsPath, false);
          const target = await store.open(this.#host.partsPath, true);
          try {
            await copyRange(parts, target, 0, (await old.stat(this.#host.partsPath)).size, true);
            await target.sync?.();
          } finally {
            await Promise.all([parts.close(), target.close()]);
          }
        }
        await options.commit();
        this.#host.store.end(store);
        this.#host.watch.forgetAll();
      });
    } catch (error) {
      // The old ones count; whatever remains of the others is no loss.
      for (const path of created) await store.remove(path).catch(() => {});
      throw error;
    } finally {
      this.#dirty = undefined;
    }
    await inTurns(
      [this.#host.partsPath, ...this.#host.storedFiles().map((index) => this.#host.pathOf(index))],
      (path) => old.remove(path),
    );
  }

  async #copyFile(
    index: number,
    store: FileStore,
    size: number,
    copied: FilesCopied,
    options: MoveOptions,
  ): Promise<void> {
    const target = await store.open(this.#host.pathOf(index), true);
    try {
      for (let at = 0; at < size; at += COPY_STEP) {
        if (options.cancelled()) throw this.#givenUp();
        const end = Math.min(size, at + COPY_STEP);
        await this.#host.run(() =>
          this.#host.pool.read(index, (file) => copyRange(file, target, at, end, true)),
        );
        copied.bytes += end - at;
        options.onProgress(copied.bytes, copied.total);
      }
      await target.sync?.();
    } finally {
      await target.close();
    }
  }

  async #copyDirty(dirty: DirtyRanges, store: FileStore, created: (readonly string[])[]): Promise<void> {
    for (const { start, end } of dirty.take()) {
      for (let at = start, index = locateFile(this.#host.files, start); at < end; index++) {
        const { offset, length } = this.#host.files[index]!;
        const stop = Math.min(end, offset + length);
        if (length === 0) continue;
        const path = this.#host.pathOf(index);
        if ((await store.stat(path)).size < 0) created.push(path);
        const target = await store.open(path, true);
        try {
          await this.#host.pool.read(index, (file) =>
            copyRange(file, target, at - offset, stop - offset, false),
          );
          await target.sync?.();
        } finally {
          await target.close();
        }
        at = stop;
      }
    }
  }

  #givenUp(): DiskError {
    return new DiskError(
      'CLOSED',
      this.#host.label(),
      `Moving ${this.#host.label()} was given up: it stays where it was.`,
    );
  }

  async #allocate(
    files: readonly number[],
    onProgress: (allocated: number, total: number) => void,
  ): Promise<void> {
    const { watch, store } = this.#host;
    const prints = await this.#host.run(() => watch.fingerprints());
    /** What each file lacks, at least. */
    const missing = files.map((index) => {
      const { size, allocated } = prints[index]!;
      return Math.max(0, this.#host.files[index]!.length - Math.max(0, Math.min(size, allocated ?? size)));
    });
    const total = missing.reduce((sum, bytes) => sum + bytes, 0);
    if (total === 0) return;
    const free = await store.current.freeSpace?.();
    if (free !== undefined && free < total) throw noRoom(this.#host.label(), total, free);
    let done = 0;
    for (const [i, index] of files.entries()) {
      while (missing[i]! > 0 && (await this.#host.runAlone(() => this.#extend(index))));
      done += missing[i]!;
      onProgress(done, total);
    }
  }

  /**
   * Writes zeros behind the end of the file, while nobody else writes: nothing that is there is touched. Resolves with
   * whether more is to be done.
   */
  async #extend(index: number): Promise<boolean> {
    const { offset, length } = this.#host.files[index]!;
    const size = Math.max(0, (await this.#host.store.stat(this.#host.pathOf(index))).size);
    const zeros = new Uint8Array(Math.max(0, Math.min(ALLOCATE_STEP, length - size)));
    if (zeros.length > 0) await this.#host.write(index, offset + size, [zeros]);
    return size + zeros.length < length;
  }
}

/** @internal */
export function noRoom(label: string, needed: number, free: number): DiskError {
  return new DiskError(
    'FULL',
    label,
    `There is no room for ${label}: it takes ${needed} bytes and ${free} are free. Free some space and try again.`,
  );
}
