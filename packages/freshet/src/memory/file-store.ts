/** A folder of files in memory. */

import { DiskError, type FileFingerprint } from '../engine/ports.ts';
import { existing } from '../engine/storage/copy-files.ts';
import { type FileStore, type StoredFile, unsafePathReason } from '../engine/storage/file-store.ts';
import type { FaultPlan } from './faults.ts';
import { type Space, SparseBytes } from './sparse-bytes.ts';

export interface MemoryFileStoreOptions {
  /** Bytes that may be stored, in whole pages of 64 KiB. Default unlimited. */
  readonly space?: Space | undefined;
  readonly faults?: FaultPlan | undefined;
  /** Time of modification, in milliseconds since 1970. Default: a count of the writes. */
  readonly time?: (() => number) | undefined;
}

interface MemoryFile {
  readonly bytes: SparseBytes;
  modified: number;
  opened: boolean;
}

export class MemoryFileStore implements FileStore {
  /** Refuses to create and to write, as a folder without the right to does. */
  readOnly = false;
  readonly #files = new Map<string, MemoryFile>();
  /** How many files are below each folder. */
  readonly #folders = new Map<string, number>();
  readonly #space: Space;
  readonly #faults: FaultPlan | undefined;
  readonly #time: () => number;
  #writes = 0;
  #open = 0;
  #mostOpen = 0;

  constructor(options: MemoryFileStoreOptions = {}) {
    this.#space = options.space ?? { free: Number.POSITIVE_INFINITY };
    this.#faults = options.faults;
    this.#time = options.time ?? ((): number => ++this.#writes);
  }

  /** Paths of all files, joined with `/`, sorted. */
  paths(): string[] {
    return [...this.#files.keys()].sort();
  }

  /** What a file has, whoever has it open; for looking on from outside. */
  peek(path: readonly string[]): Pick<SparseBytes, 'read' | 'size'> {
    const file = this.#files.get(path.join('/'));
    return file?.bytes ?? new SparseBytes({ free: 0 });
  }

  /** Changes a file behind the back of whoever has it open, as another program does. */
  overwrite(path: readonly string[], offset: number, bytes: Uint8Array): void {
    const file = this.#files.get(path.join('/'));
    if (file === undefined || !file.bytes.write(offset, [bytes])) return;
    file.modified = this.#time();
  }

  /** Handles open now, and the most that were open at once. */
  get handles(): { readonly open: number; readonly most: number } {
    return { open: this.#open, most: this.#mostOpen };
  }

  async open(path: readonly string[], forWriting: boolean): Promise<StoredFile> {
    this.#check(path);
    await this.#faults?.pass('open');
    const key = path.join('/');
    this.#checkPlace(path);
    let file = this.#files.get(key);
    if (file === undefined) {
      if (!forWriting) {
        throw new DiskError('NOT_FOUND', key, `The file ${key} does not exist: download it again.`);
      }
      this.#checkWritable(key);
      file = { bytes: new SparseBytes(this.#space), modified: this.#time(), opened: false };
      this.#add(key, file);
    } else if (forWriting) {
      this.#checkWritable(key);
    }
    // The contract allows exclusive handles, so a second one is a bug of the caller and must not pass.
    if (file.opened) throw new DiskError('IO', key, `The file ${key} is open already.`);
    file.opened = true;
    this.#mostOpen = Math.max(this.#mostOpen, ++this.#open);
    return this.#handle(key, file, forWriting);
  }

  async stat(path: readonly string[]): Promise<FileFingerprint> {
    await this.#faults?.pass('stat');
    const file = this.#files.get(path.join('/'));
    return file === undefined
      ? { size: -1, modified: 0 }
      : { size: file.bytes.size, modified: file.modified };
  }

  async remove(path: readonly string[]): Promise<void> {
    this.#check(path);
    await this.#faults?.pass('remove');
    const key = path.join('/');
    const file = this.#files.get(key);
    if (file === undefined) return;
    if (file.opened) throw new DiskError('IO', key, `The file ${key} is open and cannot be removed.`);
    this.#checkWritable(key);
    file.bytes.clear();
    this.#delete(key);
  }

  async rename(from: readonly string[], to: readonly string[]): Promise<void> {
    this.#check(from);
    this.#check(to);
    await this.#faults?.pass('rename');
    this.#put(this.#take(from, to), from, to);
  }

  async adopt(other: FileStore, path: readonly string[]): Promise<boolean> {
    if (!(other instanceof MemoryFileStore) || other.#space !== this.#space) return false;
    await this.#faults?.pass('rename');
    this.#checkFree(path);
    this.#checkPlace(path);
    this.#add(path.join('/'), other.#take(path, undefined));
    return true;
  }

  async canAdopt(other: FileStore): Promise<boolean> {
    return other instanceof MemoryFileStore && other.#space === this.#space;
  }

  async freeSpace(): Promise<number | undefined> {
    return Number.isFinite(this.#space.free) ? this.#space.free : undefined;
  }

  label(path: readonly string[]): string {
    return path.join('/');
  }

  /** Takes a file out, if it may go to `to`. */
  #take(from: readonly string[], to: readonly string[] | undefined): MemoryFile {
    const key = from.join('/');
    const file = this.#files.get(key);
    if (file === undefined) throw new DiskError('NOT_FOUND', key, `The file ${key} does not exist.`);
    if (file.opened) throw new DiskError('IO', key, `The file ${key} is open and cannot be renamed.`);
    this.#checkWritable(key);
    if (to !== undefined) this.#checkFree(to);
    this.#delete(key);
    return file;
  }

  #put(file: MemoryFile, from: readonly string[], to: readonly string[]): void {
    try {
      this.#checkPlace(to);
    } catch (error) {
      this.#add(from.join('/'), file);
      throw error;
    }
    this.#add(to.join('/'), file);
  }

  #checkFree(path: readonly string[]): void {
    const key = path.join('/');
    if (this.#files.has(key) || (this.#folders.get(key) ?? 0) > 0) throw existing(key);
  }

  #handle(key: string, file: MemoryFile, forWriting: boolean): StoredFile {
    let open = true;
    const use = async (operation: 'read' | 'write' | 'flush'): Promise<void> => {
      if (!open) throw new DiskError('CLOSED', key, `The file ${key} was used after it was closed.`);
      await this.#faults?.pass(operation);
    };
    return {
      read: async (offset, into) => {
        await use('read');
        return file.bytes.read(offset, into);
      },
      write: async (offset, parts) => {
        await use('write');
        if (!forWriting) throw new DiskError('IO', key, `The file ${key} was opened for reading only.`);
        this.#checkWritable(key);
        if (!file.bytes.write(offset, parts)) {
          throw new DiskError('FULL', key, `There is no room left to write ${key}: free some space.`);
        }
        file.modified = this.#time();
      },
      truncate: async (length) => {
        await use('write');
        if (!forWriting) throw new DiskError('IO', key, `The file ${key} was opened for reading only.`);
        this.#checkWritable(key);
        if (file.bytes.truncate(length)) file.modified = this.#time();
      },
      sync: () => use('flush'),
      close: async () => {
        if (!open) throw new DiskError('CLOSED', key, `The file ${key} was closed twice.`);
        open = false;
        file.opened = false;
        this.#open--;
      },
    };
  }

  #check(path: readonly string[]): void {
    const reason = unsafePathReason(path);
    if (reason === undefined) return;
    const key = path.join('/');
    throw new DiskError('UNSAFE_PATH', key, `The path ${JSON.stringify(key)} is refused because ${reason}.`);
  }

  #checkPlace(path: readonly string[]): void {
    const key = path.join('/');
    if ((this.#folders.get(key) ?? 0) > 0) {
      throw new DiskError('IO', key, `${key} is a folder, where a file should be: move it away.`);
    }
    for (const folder of foldersOf(key)) {
      if (!this.#files.has(folder)) continue;
      throw new DiskError('IO', key, `${folder} is a file, where a folder should be: move it away.`);
    }
  }

  #add(key: string, file: MemoryFile): void {
    this.#files.set(key, file);
    for (const folder of foldersOf(key)) this.#folders.set(folder, (this.#folders.get(folder) ?? 0) + 1);
  }

  #delete(key: string): void {
    this.#files.delete(key);
    for (const folder of foldersOf(key)) this.#folders.set(folder, (this.#folders.get(folder) ?? 0) - 1);
  }

  #checkWritable(key: string): void {
    if (this.readOnly) {
      throw new DiskError('READ_ONLY', key, `${key} cannot be written: the folder is read-only.`);
    }
  }
}

/** All folders above a file, the outermost first. */
function foldersOf(key: string): string[] {
  const folders: string[] = [];
  for (let at = key.indexOf('/'); at >= 0; at = key.indexOf('/', at + 1)) folders.push(key.slice(0, at));
  return folders;
}
