/** Where a page keeps its torrents: OPFS where there is one, else memory. */

import { type Disk, DiskError, type StateStore } from '../engine/ports.ts';
import { withEnd } from '../engine/storage/disk-end.ts';
import { type MappedDiskOptions, openMappedDisk } from '../engine/storage/mapped-disk.ts';
import { MemoryFileStore } from '../memory/file-store.ts';
import { MemoryState } from '../memory/state.ts';
import { type InfoHash, infoHashToHex } from '../protocol/index.ts';
import { KeptTorrents, type Shelf } from './kept-torrents.ts';
import { createOpfsFileStore } from './opfs.ts';
import { folderSizes, namesIn, needOpfs, removeTree } from './opfs-access.ts';
import { createTwoSlotState } from './opfs-state.ts';
import { withRoomMaking } from './room-making.ts';

export interface BrowserStorageOptions {
  /** `memory` keeps nothing beyond the page. Default `auto`: OPFS, and memory where there is none. */
  readonly kind?: 'auto' | 'memory' | undefined;
  /** Folder in OPFS, one name. Default `freshet`. */
  readonly folder?: string | undefined;
  /** Bytes that torrents kept in memory may take together. Default 1 GiB. */
  readonly memoryLimit?: number | undefined;
  /** Bytes that torrents kept in OPFS may take together; see `KeptTorrents`. Default: as many as the browser allows. */
  readonly limit?: number | undefined;
}

/** Where one torrent is kept. */
export interface TorrentPlace {
  readonly kind: 'opfs' | 'memory';
  /** A sentence that says why it is in memory; absent when that was asked for. */
  readonly reason: string | undefined;
  /** For this torrent's resume data: two tabs must not write each other's. */
  readonly state: StateStore;
  /**
   * Opens the disk; again after it was closed. In memory nothing is lost by that. Rejects with `DiskError` when
   * another tab has taken the torrent over in between.
   */
  openDisk(
    info: MappedDiskOptions['info'] & { readonly name: string },
    wanted?: readonly boolean[],
  ): Promise<Disk>;
}

const DEFAULT_MEMORY = 1024 ** 3;
/** A page that was just reloaded may still hold its lock. */
const LOCK_LIMIT = 2000;
const TAKEN = 'Another tab of this site stores this torrent already, so this one keeps it in memory.';

/** All storage of one engine. OPFS is for one that runs in a dedicated worker. */
export class BrowserStorage {
  /** Survives the page when `kind` is `opfs`. */
  readonly state: StateStore;
  readonly kind: 'opfs' | 'memory';
  /** A sentence that says why this is memory; absent for OPFS and when memory was asked for. */
  readonly reason: string | undefined;
  /** What is kept beyond the page; absent for memory. */
  readonly kept: KeptTorrents | undefined;

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
    if (kind === 'opfs') {
      const { limit } = options;
      this.kept = new KeptTorrents({ shelf: this.#shelf(), state: this.state, limit, now: Date.now });
    }
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
    const store = withRoomMaking(createOpfsFileStore(path), async (bytes) => {
      return (await this.kept?.makeRoom(bytes)) ?? 0;
    });
    // The disk has removed its files; if their empty folder stays, that is no reason to fail.
    const removeFolder = (): Promise<void> => removeTree(path).catch(() => undefined);
    return {
      kind: 'opfs',
      reason: undefined,
      state: this.state,
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
        // A catalogue that cannot be written keeps no torrent from being stored.
        await this.kept?.describe(key, info.name, info.length).catch(() => undefined);
        const disk = openMappedDisk({ info, infoHash, store, wanted });
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
    const unlock = await lock(this.#lockOf(key));
    if (!unlock) return false;
    // It is in use from now on; nobody waits until that is written down.
    void this.kept?.open(key).catch(() => undefined);
    this.#claimed.set(key, () => {
      unlock();
      this.kept?.close(key).catch(() => undefined);
    });
    return true;
  }

  #lockOf(key: string): string {
    return `freshet ${this.#folder} ${key}`;
  }

  #shelf(): Shelf {
    const state = [this.#folder, 'state'];
    const files = [this.#folder, 'files'];
    return {
      sizes: () => folderSizes(files),
      remove: async (infoHash) => {
        const unlock = await lock(this.#lockOf(infoHash));
        if (!unlock) return false;
        try {
          await removeTree([...files, infoHash]);
          // Its resume data and its record of names; their names begin with the hash.
          const records = (await namesIn(state)).filter((name) => name.startsWith(infoHash));
          for (const name of records) await removeTree([...state, name]);
        } finally {
          unlock();
        }
        return true;
      },
    };
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
