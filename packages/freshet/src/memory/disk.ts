/** A torrent's bytes in memory, as one sparse stretch. For tests, simulation and tabs without OPFS. */

import { type Disk, DiskError, type FileFingerprint } from '../engine/ports.ts';
import type { FaultPlan } from './faults.ts';
import { type Space, SparseBytes } from './sparse-bytes.ts';

export interface MemoryDiskOptions {
  readonly length: number;
  /** The torrent's files, for fingerprints. Default: one of the whole length. */
  readonly files?:
    | readonly { readonly offset: number; readonly length: number; readonly padding?: boolean | undefined }[]
    | undefined;
  /** Bytes that may be stored, in whole pages of 64 KiB. Default unlimited. */
  readonly space?: Space | undefined;
  readonly faults?: FaultPlan | undefined;
}

const LABEL = 'memory';

export class MemoryDisk implements Disk {
  readonly length: number;
  readonly #files: NonNullable<MemoryDiskOptions['files']>;
  readonly #faults: FaultPlan | undefined;
  readonly #bytes: SparseBytes;
  readonly #running = new Set<Promise<unknown>>();
  #closed: Promise<void> | undefined;

  constructor(options: MemoryDiskOptions) {
    this.length = options.length;
    this.#files = options.files ?? [{ offset: 0, length: options.length }];
    this.#faults = options.faults;
    this.#bytes = new SparseBytes(options.space ?? { free: Number.POSITIVE_INFINITY });
  }

  read(offset: number, into: Uint8Array): Promise<number> {
    return this.#run(async () => {
      await this.#faults?.pass('read');
      const length = Math.min(into.length, Math.max(0, this.length - offset));
      return this.#bytes.read(offset, into.subarray(0, length));
    });
  }

  write(offset: number, parts: readonly Uint8Array[]): Promise<void> {
    return this.#run(async () => {
      await this.#faults?.pass('write');
      if (!this.#bytes.write(offset, parts)) {
        throw new DiskError(
          'FULL',
          LABEL,
          'There is no memory left for this torrent: remove something first.',
        );
      }
    });
  }

  /** All bytes are kept alike: nothing is created that could be unwanted. */
  setWanted(_wanted: readonly boolean[]): void {}

  flush(): Promise<void> {
    return this.#run(async () => {
      await this.#faults?.pass('flush');
    });
  }

  fingerprints(): Promise<FileFingerprint[]> {
    return this.#run(async () => {
      const { size } = this.#bytes;
      return this.#files.map((file) => {
        const end = file.offset + file.length;
        const there = file.padding !== true && size > 0 && size >= Math.min(end, file.offset + 1);
        return { size: there ? Math.min(size, end) - file.offset : -1, modified: 0 };
      });
    });
  }

  close(): Promise<void> {
    this.#closed ??= Promise.allSettled([...this.#running]).then(() => {});
    return this.#closed;
  }

  async destroy(): Promise<void> {
    await this.close();
    this.#bytes.clear();
  }

  #run<T>(action: () => Promise<T>): Promise<T> {
    if (this.#closed !== undefined) {
      return Promise.reject(new DiskError('CLOSED', LABEL, 'The storage of this torrent is closed.'));
    }
    const running = action();
    this.#running.add(running);
    const done = (): void => {
      this.#running.delete(running);
    };
    running.then(done, done);
    return running;
  }
}
