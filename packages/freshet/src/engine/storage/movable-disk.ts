import type { FileStore } from './file-store.ts';
import { MappedDisk, type MappedDiskOptions } from './mapped-disk.ts';
import { type MoveOptions, Relocation } from './relocation.ts';

/**
 * A disk whose files can get other names, other places and real room while it is read and written: for files that are
 * the user's. It is a class of its own so that a page, whose files nobody else sees, need not have the code.
 */
export class MovableDisk extends MappedDisk {
  /** Made when files are to go somewhere else. */
  #made: Relocation | undefined;

  get #relocation(): Relocation {
    this.#made ??= new Relocation(this.relocationHost);
    return this.#made;
  }

  /** Gives a file another path. Operations on it wait meanwhile. Rejects with `DiskError`; then nothing has changed. */
  rename(index: number, to: readonly string[]): Promise<void> {
    return this.#relocation.rename(index, to);
  }

  /** Brings all files to another store, to the same paths. Rejects with `DiskError`; then they are where they were. */
  moveTo(store: FileStore, options: MoveOptions): Promise<void> {
    return this.#relocation.moveTo(store, options);
  }

  allocate(onProgress: (allocated: number, total: number) => void): Promise<void> {
    return this.#relocation.allocate(this.wantedFiles, onProgress);
  }

  protected override wrote(start: number, end: number): void {
    this.#made?.wrote(start, end);
  }
}

/** As `openMappedDisk`. */
export function openMovableDisk(options: MappedDiskOptions): MovableDisk {
  return new MovableDisk(options);
}
