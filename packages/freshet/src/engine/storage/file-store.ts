/**
 * Port under the disk mapping: named files in one folder. Node (files), the browser (OPFS) and memory implement
 * it, and `contracts/file-store.contract.ts` holds for all of them.
 *
 * Every method rejects with `DiskError` and nothing else. A path is a list of names from the folder down;
 * `unsafePathReason` tells which ones must be refused with the code `UNSAFE_PATH`.
 */

import type { FileFingerprint } from '../ports.ts';

/** One open file. Operations may overlap; those on the same bytes do not. */
export interface StoredFile {
  /** What it was when it was opened, where that was looked at. */
  readonly opened?: FileFingerprint | undefined;
  /**
   * Fills `into` from `offset`. Resolves with the number of bytes that were there: less than `into.length` only
   * at the end of the file, 0 beyond it.
   */
  read(offset: number, into: Uint8Array): Promise<number>;
  /**
   * Writes all views in order from `offset`, in one vectored call where the platform has it. The file grows as
   * needed, a gap reads as zeros. The views do not change until the promise settles.
   */
  write(offset: number, parts: readonly Uint8Array[]): Promise<void>;
  /**
   * Cuts off what the file has beyond its first `length` bytes. A file that is not longer stays as it is. Rejects for a
   * file that was opened for reading only.
   */
  truncate(length: number): Promise<void>;
  /** Makes what was written durable. */
  sync?(): Promise<void>;
  /** Called once, after all other operations have settled. */
  close(): Promise<void>;
}

export interface FileStore {
  /**
   * With `forWriting` the file and its parent folders are created when missing, and reading works too. Without,
   * a missing file rejects with `NOT_FOUND` and nothing is created. Nobody opens a path again before its
   * handle is closed, so an exclusive handle is fine.
   */
  open(path: readonly string[], forWriting: boolean): Promise<StoredFile>;
  /** Size -1 and time 0 when the file does not exist, or a folder is in its place. */
  stat(path: readonly string[]): Promise<FileFingerprint>;
  /**
   * Removes the file, then its parent folders as far as they are empty, never the store's own folder.
   * Resolves when there is no such file. The file is not open.
   */
  remove(path: readonly string[]): Promise<void>;
  /**
   * Gives a file another path, with the folders that takes, and removes folders that are empty afterwards. Rejects with
   * `EXISTS` when something is at `to`, with `NOT_FOUND` when nothing is at `from`. The file is not open. Absent where
   * the files are not ours.
   */
  rename?(from: readonly string[], to: readonly string[]): Promise<void>;
  /**
   * Takes the file at `path` over from another store, to the same path here, without copying its bytes. Resolves with
   * false, and nothing has happened, where that cannot be done: the other store is of another kind or on another device.
   * Rejects as `rename` does.
   */
  adopt?(other: FileStore, path: readonly string[]): Promise<boolean>;
  /** Whether `adopt` will do for the files of that store, as far as one can tell beforehand. */
  canAdopt?(other: FileStore): Promise<boolean>;
  /** Bytes that may still be written; `undefined` where nobody knows. */
  freeSpace?(): Promise<number | undefined>;
  /** The path as shown to people. Never throws. */
  label(path: readonly string[]): string;
}

/** Why this path could leave the folder or is impossible on some platform; `undefined` when it is safe. */
export function unsafePathReason(path: readonly string[]): string | undefined {
  if (path.length === 0) return 'it is empty';
  for (const name of path) {
    if (name === '') return 'it has an empty name in it';
    if (name === '.' || name === '..') return `it has "${name}" in it`;
    if (/[/\\\0]/.test(name)) return 'a name in it has a slash, a backslash or a NUL';
  }
  return undefined;
}
