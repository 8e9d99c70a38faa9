/** Where a torrent's files and what is remembered of them are kept: a folder that can change while it is in use. */

import { type InfoHash, safePath, toHex } from '../../protocol/index.ts';
import { LazySet } from '../../protocol/lazy-collections.ts';
import { type Disk, DiskError, type StateStore } from '../ports.ts';
import { refuseExisting, takeOver } from './copy-files.ts';
import { withEnd } from './disk-end.ts';
import { type FileStore, unsafePathReason } from './file-store.ts';
import {
  decodeFilesRecord,
  encodeFilesRecord,
  type FilesRecord,
  isEmptyRecord,
  NO_RECORD,
} from './files-record.ts';
import { inTurns } from './in-turns.ts';
import { type MappedDiskOptions, partsPathOf } from './mapped-disk.ts';
import { type MovableDisk, openMovableDisk } from './movable-disk.ts';
import { PathTable } from './path-table.ts';
import { noRoom } from './relocation.ts';

export interface Folder {
  /** By which it is remembered and opened again: an absolute path. */
  readonly name: string;
  readonly store: FileStore;
  readonly state: StateStore;
}

export interface TorrentFolderOptions {
  readonly infoHash: InfoHash;
  readonly at: Folder;
  /** Opens another folder, to move to; creates nothing. Absent where there is only one. */
  readonly open?: ((name: string) => Folder) | undefined;
}

export interface MoveFolderOptions {
  onProgress(moved: number, total: number): void;
  cancelled(): boolean;
  /** Saves the torrent's resume data, now. */
  save(): Promise<void>;
}

/** Other names and another place for a torrent's files. */
export interface MovableFiles {
  /** The folder that the files are in. */
  readonly name: string;
  /** Files that are not where the torrent has them, by index. */
  readonly paths: ReadonlyMap<number, readonly string[]>;
  rename(changes: ReadonlyMap<number, readonly string[]>): Promise<void>;
  move(name: string, options: MoveFolderOptions): Promise<void>;
}

/**
 * What was begun before a crash is found out when the disk is opened, whichever of the two folders the torrent is added
 * with: both say what is going on. When files are renamed one by one, each is in one of the two. When they are copied,
 * the old ones count until all copies are whole.
 */
export class TorrentFolder implements MovableFiles {
  readonly #options: TorrentFolderOptions;
  readonly #recordKey: string;
  #at: Folder;
  /** Where files may still be that belong here. */
  #from: Folder | undefined;
  /** Holds copies of a move that was not completed. */
  #abandoned: Folder | undefined;
  #record: FilesRecord = NO_RECORD;
  #info: MappedDiskOptions['info'] | undefined;
  #disk: MovableDisk | undefined;
  /** Names under which something was kept. */
  readonly #keys = new LazySet<string>();
  #last: Promise<unknown> = Promise.resolve();

  private constructor(options: TorrentFolderOptions) {
    this.#options = options;
    this.#at = options.at;
    this.#recordKey = `${toHex(options.infoHash)}-files`;
  }

  /** Finds out where the torrent is. Rejects with the fault of the state store. */
  static async open(options: TorrentFolderOptions): Promise<TorrentFolder> {
    const folder = new TorrentFolder(options);
    await folder.#find();
    return folder;
  }

  /** The folder. */
  get name(): string {
    return this.#at.name;
  }

  /** Files that are not where the torrent has them, by index. */
  get paths(): ReadonlyMap<number, readonly string[]> {
    return this.#record.paths;
  }

  /** What is kept of the torrent, wherever it is at the moment. */
  readonly state: StateStore = {
    load: async (key) => {
      this.#keys.add(key);
      return (await this.#at.state.load(key)) ?? (await this.#from?.state.load(key));
    },
    save: (key, value) => {
      this.#keys.add(key);
      return this.#at.state.save(key, value);
    },
    remove: async (key) => {
      await this.#from?.state.remove(key);
      await this.#at.state.remove(key);
    },
  };

  /** Finishes what an earlier run began, and opens the files. Rejects with `DiskError`. */
  openDisk(info: MappedDiskOptions['info'], wanted?: readonly boolean[]): Promise<Disk> {
    return this.#inTurn(async () => {
      this.#info = info;
      await this.#settlePending();
      await this.#finishMove();
      const { infoHash } = this.#options;
      const disk = openMovableDisk({ info, infoHash, store: this.#at.store, paths: this.paths, wanted });
      this.#disk = disk;
      return withEnd(disk, {
        closed: () => {
          if (this.#disk === disk) this.#disk = undefined;
        },
        destroyed: () => this.#save(NO_RECORD),
      });
    });
  }

  /** Gives files other paths, all or none. Rejects with `DiskError`: `EXISTS`, `UNSAFE_PATH`, `CLOSED` and others. */
  rename(changes: ReadonlyMap<number, readonly string[]>): Promise<void> {
    return this.#inTurn(async () => {
      const { disk, info } = this.#opened();
      refuseUnsafe(changes);
      const table = new PathTable(info.files, this.paths);
      const clashing = table.clash(changes);
      if (clashing !== undefined) throw clash(clashing.path, clashing.other);
      const before = this.#record;
      await this.#save({ ...before, pending: changes });
      const done: number[] = [];
      try {
        for (const [index, path] of changes) {
          await disk.rename(index, path);
          done.push(index);
        }
      } catch (error) {
        for (const index of done.reverse()) await disk.rename(index, table.pathOf(index)).catch(() => {});
        await this.#save(before);
        throw error;
      }
      await this.#save({ ...before, paths: table.with(changes) });
    });
  }

  /** Moves everything to another folder. Rejects with `DiskError`; then it is where it was. */
  move(name: string, options: MoveFolderOptions): Promise<void> {
    return this.#inTurn(async () => {
      const { disk, info } = this.#opened();
      if (this.#options.open === undefined) {
        throw new DiskError('IO', name, 'There is only one place for torrents here: nothing can be moved.');
      }
      const from = this.#at;
      const to = this.#options.open(name);
      if (to.name === from.name) return;
      await this.#refuseTaken(info, to);
      if ((await to.store.canAdopt?.(from.store)) === true) await this.#renameTo(disk, from, to, options);
      else await this.#copyTo(disk, from, to, options);
      await options.save();
      await this.#leave(from);
    });
  }

  // --- moving

  /** Each file is in one of the folders at any time, and both folders tell of the other. */
  async #renameTo(disk: MovableDisk, from: Folder, to: Folder, options: MoveFolderOptions): Promise<void> {
    const before = this.#record;
    await this.#write(from, { ...before, to: to.name });
    await this.#enter(to, from);
    let stuck = false;
    try {
      await disk.moveTo(to.store, {
        ...options,
        copy: false,
        onStuck: () => {
          stuck = true;
        },
        commit: async () => {},
      });
    } catch (error) {
      // Both folders tell of the other: the next start brings everything together.
      if (stuck) throw error;
      this.#at = from;
      this.#from = undefined;
      await this.#save(before);
      await this.#forget(to);
      throw error;
    }
  }

  async #copyTo(disk: MovableDisk, from: Folder, to: Folder, options: MoveFolderOptions): Promise<void> {
    const before = this.#record;
    const prints = await disk.fingerprints();
    const needed = prints.reduce((sum, { size, allocated }) => sum + Math.max(0, allocated ?? size), 0);
    const free = await to.store.freeSpace?.();
    if (free !== undefined && free < needed) throw noRoom(to.name, needed, free);
    await this.#write(from, { ...before, to: to.name, copying: true });
    let entered = false;
    try {
      await disk.moveTo(to.store, {
        ...options,
        copy: true,
        onStuck: () => {},
        commit: async () => {
          await this.#enter(to, from);
          entered = true;
        },
      });
    } catch (error) {
      // Only the old copies could not be removed: the next start tries again.
      if (entered) return;
      await this.#write(from, before);
      throw error;
    }
  }

  /** From here on the other folder is the one. */
  async #enter(to: Folder, from: Folder): Promise<void> {
    for (const key of this.#keys) {
      const value = await from.state.load(key);
      if (value === undefined) await to.state.remove(key);
      else await to.state.save(key, value);
    }
    this.#record = { paths: this.#record.paths, pending: new Map(), from: from.name };
    await this.#write(to, this.#record);
    this.#at = to;
    this.#from = from;
  }

  /** Nothing of the torrent is in the old folder any more. */
  async #leave(from: Folder): Promise<void> {
    await this.#save({ paths: this.#record.paths, pending: new Map() });
    this.#from = undefined;
    await this.#forget(from);
  }

  async #forget(folder: Folder): Promise<void> {
    for (const key of [...this.#keys, this.#recordKey]) await folder.state.remove(key);
  }

  async #refuseTaken(info: MappedDiskOptions['info'], to: Folder): Promise<void> {
    const table = new PathTable(info.files, this.paths);
    await inTurns(this.#allPaths(table), (path) => refuseExisting(to.store, path));
  }

  #allPaths(table: PathTable): (readonly string[])[] {
    return [partsPathOf(this.#options.infoHash), ...table.stored()];
  }

  // --- after a restart

  async #find(): Promise<void> {
    const { at, open } = this.#options;
    this.#record = (await this.#read(at)) ?? NO_RECORD;
    if (open === undefined) return;
    const { to, copying, from } = this.#record;
    if (to !== undefined) {
      const target = open(to);
      const there = await this.#read(target);
      const arrived = there?.from === at.name;
      // Copies that were not all whole do not count.
      if (copying === true && !arrived) {
        this.#from = undefined;
        this.#record = { ...this.#record, to: undefined, copying: undefined };
        this.#abandoned = target;
        return;
      }
      this.#at = target;
      this.#from = at;
      this.#record = arrived ? there : { paths: this.#record.paths, pending: new Map(), from: at.name };
    } else if (from !== undefined) {
      this.#from = open(from);
    }
  }

  async #settlePending(): Promise<void> {
    const { pending, paths } = this.#record;
    if (pending.size === 0) return;
    const table = new PathTable(this.#info!.files, paths);
    const renamed = new Map<number, readonly string[]>();
    for (const [index, path] of pending) {
      if (index >= this.#info!.files.length) continue;
      const [before, after] = [table.pathOf(index), path];
      const gone = (await this.#at.store.stat(before)).size < 0;
      if (gone && (await this.#at.store.stat(after)).size >= 0) renamed.set(index, path);
    }
    await this.#save({ ...this.#record, paths: table.with(renamed), pending: new Map() });
  }

  async #finishMove(): Promise<void> {
    const table = new PathTable(this.#info!.files, this.paths);
    const [abandoned, from, at] = [this.#abandoned, this.#from, this.#at];
    if (abandoned !== undefined) {
      // They were not there before: that was made sure of.
      await inTurns(this.#allPaths(table), (path) => abandoned.store.remove(path));
      await this.#save(this.#record);
      this.#abandoned = undefined;
    }
    if (from === undefined) return;
    await this.#write(at, { ...this.#record, from: from.name });
    await inTurns(this.#allPaths(table), async (path) => {
      if ((await from.store.stat(path)).size < 0) return;
      if ((await at.store.stat(path)).size < 0) await takeOver(from.store, at.store, path);
      else await from.store.remove(path);
    });
    for (const key of this.#keys) {
      const value = await from.state.load(key);
      if (value !== undefined && (await at.state.load(key)) === undefined) await at.state.save(key, value);
    }
    await this.#leave(from);
  }

  // --- help

  #opened(): { readonly disk: MovableDisk; readonly info: MappedDiskOptions['info'] } {
    if (this.#disk !== undefined && this.#info !== undefined) return { disk: this.#disk, info: this.#info };
    throw new DiskError('CLOSED', this.name, 'The files are not open: wait until the torrent is ready.');
  }

  #save(record: FilesRecord): Promise<void> {
    this.#record = record;
    return this.#write(this.#at, record);
  }

  async #write(folder: Folder, record: FilesRecord): Promise<void> {
    if (isEmptyRecord(record)) await folder.state.remove(this.#recordKey);
    else await folder.state.save(this.#recordKey, encodeFilesRecord(record));
  }

  async #read(folder: Folder): Promise<FilesRecord | undefined> {
    const bytes = await folder.state.load(this.#recordKey);
    return bytes === undefined ? undefined : decodeFilesRecord(bytes);
  }

  #inTurn<T>(action: () => Promise<T>): Promise<T> {
    const result = this.#last.then(action);
    this.#last = result.catch(() => {});
    return result;
  }
}

function refuseUnsafe(changes: ReadonlyMap<number, readonly string[]>): void {
  for (const path of changes.values()) {
    const shown = path.join('/');
    const unsafe =
      unsafePathReason(path) ??
      (safePath(path).join('/') === shown ? undefined : 'not every system takes such a name') ??
      (path[0]!.startsWith('.freshet') ? 'that name is taken for what is remembered of torrents' : undefined);
    if (unsafe === undefined) continue;
    throw new DiskError('UNSAFE_PATH', shown, `The path "${shown}" is refused because ${unsafe}.`);
  }
}

function clash(path: readonly string[], other: readonly string[]): DiskError {
  const shown = path.join('/');
  return new DiskError(
    'EXISTS',
    shown,
    `"${shown}" is refused because the torrent has "${other.join('/')}": choose another name.`,
  );
}
