/** Where a page keeps its torrents: OPFS where there is one, else memory. */

import { type Disk, DiskError, type StateStore } from '../engine/ports.ts';
import { withEnd } from '../engine/storage/disk-end.ts';
import { type MappedDiskOptions, openMappedDisk } from '../engine/storage/mapped-disk.ts';
import { type MovableFiles, TorrentFolder } from '../engine/storage/torrent-folder.ts';
import { MemoryFileStore } from '../memory/file-store.ts';
import { MemoryState } from '../memory/state.ts';
import { type InfoHash, infoHashToHex } from '../protocol/index.ts';
import { createOpfsFileStore } from './opfs.ts';
import { needOpfs, removeTree } from './opfs-access.ts';
import { createTwoSlotState } from './opfs-state.ts';

export interface BrowserStorageOptions {
  /** `memory` keeps nothing beyond the page. Default `auto`: OPFS, and memory where there is none. */
  readonly kind?: 'auto' | 'memory' | undefined;
  /** Folder in OPFS, one name. Default `freshet`. */
  readonly folder?: string | undefined;
  /** Bytes that torrents kept in memory may take together. Default 1 GiB. */
  readonly memoryLimit?: number | undefined;
}

/** Where one torrent is kept. */
export interface TorrentPlace {
  readonly kind: 'opfs' | 'memory';
  /** A sentence that says why it is in memory; absent when that was asked for. */
  readonly reason: string | undefined;
  /** For this torrent's resume data: two tabs must not write each other's. */
  readonly state: StateStore;
  /** For other names of files; absent in memory. */
  readonly files?: MovableFiles | undefined;
  /**
   * Opens the disk; again after it was closed. In memory nothing is lost by that. Rejects with `DiskError` when
   * another tab has taken the torrent over in between.
   */
  openDisk(info: MappedDiskOptions['info'], wanted?: readonly boolean[]): Promise<Disk>;
}

const DEFAULT_MEMORY = 1024 ** 3;
/** A page that was just reloaded may still hold its lock. */
const LOCK_LIMIT = 500;
const TAKEN = 'Another tab of this site stores this torrent already, so this one keeps it in memory.';

/** All storage of one engine. OPFS is for one that runs in a dedicated worker. */
export class BrowserStorage {
  /** Survives the page when `kind` is `opfs`. */
  readonly state: StateStore;
  readonly kind: 'opfs' | 'memory';
  /** A sentence that says why this is memory; absent for OPFS and when memory was asked for. */
  readonly reason: string | undefined;

  readonly #folder: string;
  readonly #memory: { free: number };
  /** Torrents that are ours and have no open disk: what gives each up. */
  readonly #claimed = new Map<string, () => void>();

  private constructor(kind: 'opfs' | 'memory', reason: string | undefined, options: BrowserStorageOptions) {
    this.#folder = options.folder ?? 'freshet';
    this.#memory = { free: options.memoryLimit ?? DEFAULT_MEMORY };
    this.kind = kind;
    this.reason = reason;
    this.state =
      kind === 'opfs' ? createTwoSlotState(createOpfsFileStore([this.#folder, 'state'])) : new MemoryState();
  }

  /** Never rejects: what keeps OPFS from being used is in `reason`. */
  static async open(options: BrowserStorageOptions = {}): Promise<BrowserStorage> {
    if (options.kind === 'memory') return new BrowserStorage('memory', undefined, options);
    try {
      await needOpfs();
      return new BrowserStorage('opfs', undefined, options);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      return new BrowserStorage('memory', reason, options);
    }
  }

  /**
   * Finds the place of a torrent. One tab at a time keeps it in OPFS, from here until its disk is closed; in the others
   * it is in memory. Never rejects.
   */
  async openTorrent(infoHash: InfoHash): Promise<TorrentPlace> {
    if (this.kind === 'memory') return this.#inMemory(infoHash, this.reason);
    const key = infoHashToHex(infoHash);
    if (!(await this.#claim(key))) return this.#inMemory(infoHash, TAKEN);
    const path = [this.#folder, 'files', key];
    const store = createOpfsFileStore(path);
    const folder = await TorrentFolder.open({ infoHash, at: { name: key, store, state: this.state } });
    // The disk has removed its files; if their empty folder stays, that is no reason to fail.
    const removeFolder = (): Promise<void> => removeTree(path).catch(() => undefined);
    return {
      kind: 'opfs',
      reason: undefined,
      state: folder.state,
      files: onlyNames(folder),
      openDisk: async (info, wanted) => {
        await this.#claim(key);
        const release = this.#claimed.get(key);
        if (!release)
          throw new DiskError(
            'READ_ONLY',
            key,
            'Another tab of this site stores this torrent now; close one of them.',
          );
        this.#claimed.delete(key);
        const disk = await folder.openDisk(info, wanted).catch((error: unknown) => {
          release();
          throw error;
        });
        return withEnd(disk, { closed: release, destroyed: removeFolder });
      },
    };
  }

  /** Gives up torrents that have no open disk. Idempotent. */
  close(): void {
    for (const release of this.#claimed.values()) release();
    this.#claimed.clear();
  }

  /** Whether the lock of the torrent is ours and waits in `#claimed` for a disk. */
  async #claim(key: string): Promise<boolean> {
    if (this.#claimed.has(key)) return true;
    const release = await lock(`freshet ${this.#folder} ${key}`);
    if (release) this.#claimed.set(key, release);
    return release !== undefined;
  }

  #inMemory(infoHash: InfoHash, reason: string | undefined): TorrentPlace {
    const store = new MemoryFileStore({ space: this.#memory });
    return {
      kind: 'memory',
      reason,
      state: new MemoryState(),
      openDisk: async (info, wanted) => openMappedDisk({ info, infoHash, store, wanted }),
    };
  }
}

/** Takes the lock of that name and resolves with what releases it; `undefined` when another tab has it. */
function lock(name: string): Promise<(() => void) | undefined> {
  return new Promise((resolve) => {
    const options = { signal: AbortSignal.timeout(LOCK_LIMIT) };
    const held = navigator.locks.request(
      name,
      options,
      () =>
        new Promise<void>((release) => {
          resolve(() => release());
        }),
    );
    held.catch(() => resolve(undefined));
  });
}

/** A site's storage is one place: nothing can be moved in it. */
function onlyNames(folder: TorrentFolder): MovableFiles {
  return {
    name: '',
    get paths() {
      return folder.paths;
    },
    rename: (changes) => folder.rename(changes),
    move: (name, options) => folder.move(name, options),
  };
}
