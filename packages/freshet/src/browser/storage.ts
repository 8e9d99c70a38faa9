/** Where a page keeps its torrents: OPFS where there is one, else memory. */

import type { Disk, StateStore } from '../engine/ports.ts';
import { type MappedDiskOptions, openMappedDisk } from '../engine/storage/mapped-disk.ts';
import { MemoryFileStore } from '../memory/file-store.ts';
import { MemoryState } from '../memory/state.ts';
import { toHex } from '../protocol/index.ts';
import { createOpfsFileStore } from './opfs.ts';
import { OpfsHost, type OpfsHostOptions } from './opfs-host.ts';
import { createTwoSlotState } from './opfs-state.ts';

export interface BrowserStorageOptions extends OpfsHostOptions {
  /** `memory` keeps nothing beyond the page. Default `auto`: OPFS, and memory where there is none. */
  readonly kind?: 'auto' | 'memory' | undefined;
  /** Folder in OPFS, one name. Default `freshet`. */
  readonly folder?: string | undefined;
  /** Bytes that torrents kept in memory may take together. Default 1 GiB. */
  readonly memoryLimit?: number | undefined;
}

/** The files of a torrent, its v1 info-hash, and which of the files are wanted. */
export type TorrentLayout = Pick<MappedDiskOptions, 'info' | 'infoHash' | 'wanted'>;

/** The disk of one torrent, and what became of it. */
export interface BrowserDisk {
  readonly disk: Disk;
  readonly kind: 'opfs' | 'memory';
  /** A sentence that says why it is in memory. */
  readonly reason: string | undefined;
  /** Resume data of this disk belongs here: two tabs must not write each other's. */
  readonly state: StateStore;
}

const DEFAULT_MEMORY = 1024 ** 3;
/** A page that was just reloaded may still hold its lock. */
const LOCK_LIMIT = 500;

/** All storage of one page, over one worker. */
export class BrowserStorage {
  /** Survives the page when `kind` is `opfs`. */
  readonly state: StateStore;
  readonly kind: 'opfs' | 'memory';
  /** A sentence that says why this is memory; absent for OPFS and when memory was asked for. */
  readonly reason: string | undefined;

  readonly #host: OpfsHost | undefined;
  readonly #folder: string;
  readonly #memory: { free: number };

  private constructor(
    host: OpfsHost | undefined,
    reason: string | undefined,
    options: BrowserStorageOptions,
  ) {
    this.#host = host;
    this.#folder = options.folder ?? 'freshet';
    this.#memory = { free: options.memoryLimit ?? DEFAULT_MEMORY };
    this.kind = host ? 'opfs' : 'memory';
    this.reason = reason;
    this.state = host
      ? createTwoSlotState(createOpfsFileStore(host, [this.#folder, 'state']))
      : new MemoryState();
  }

  /** Never rejects: what keeps OPFS from being used is in `reason`. */
  static async open(options: BrowserStorageOptions = {}): Promise<BrowserStorage> {
    if (options.kind === 'memory') return new BrowserStorage(undefined, undefined, options);
    try {
      return new BrowserStorage(await OpfsHost.start(options), undefined, options);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      return new BrowserStorage(undefined, reason, options);
    }
  }

  /**
   * The disk of one torrent. One tab at a time keeps a torrent in OPFS; in the others it is in memory. Never rejects.
   */
  async openDisk(torrent: TorrentLayout): Promise<BrowserDisk> {
    const host = this.#host;
    if (!host) return this.#inMemory(torrent, this.reason);
    const key = toHex(torrent.infoHash);
    const release = await lock(`freshet ${this.#folder} ${key}`);
    if (!release) {
      const reason = 'Another tab of this site stores this torrent already; this one keeps it in memory.';
      return this.#inMemory(torrent, reason);
    }
    const path = [this.#folder, 'files', key];
    const disk = openMappedDisk({ ...torrent, store: createOpfsFileStore(host, path) });
    // The disk has removed its files; if their empty folder stays, that is no reason to fail.
    const removeFolder = (): Promise<void> =>
      host.request({ op: 'removeTree', path }).then(
        () => {},
        () => {},
      );
    return { kind: 'opfs', reason: undefined, state: this.state, disk: withEnd(disk, release, removeFolder) };
  }

  /** Ends the worker. Close the disks first: what they have not written is lost. Idempotent. */
  close(): void {
    this.#host?.close();
  }

  #inMemory(torrent: TorrentLayout, reason: string | undefined): BrowserDisk {
    const store = new MemoryFileStore({ space: this.#memory });
    return { kind: 'memory', reason, state: new MemoryState(), disk: openMappedDisk({ ...torrent, store }) };
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

/** The disk, which tells when it has been closed or destroyed. */
function withEnd(disk: Disk, closed: () => void, destroyed: () => Promise<void>): Disk {
  return {
    length: disk.length,
    read: (offset, into) => disk.read(offset, into),
    write: (offset, parts) => disk.write(offset, parts),
    setWanted: (wanted) => disk.setWanted(wanted),
    flush: () => disk.flush(),
    fingerprints: () => disk.fingerprints(),
    close: () => disk.close().finally(closed),
    destroy: () => disk.destroy().then(destroyed).finally(closed),
  };
}
