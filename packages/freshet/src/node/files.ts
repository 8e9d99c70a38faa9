/** Files in a folder of the operating system. */

import type { Stats } from 'node:fs';
import { lstat, realpath, rename, rmdir, stat, statfs, unlink } from 'node:fs/promises';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { DiskError, type FileFingerprint } from '../engine/ports.ts';
import { existing } from '../engine/storage/copy-files.ts';
import { type FileStore, type StoredFile, unsafePathReason } from '../engine/storage/file-store.ts';
import { LazyMap } from '../protocol/lazy-collections.ts';
import { diskError, symbolicLink } from './disk-error.ts';
import { makeFolder } from './make-folder.ts';
import { fingerprintOf, openNodeFile, REFUSES_LINKS } from './node-file.ts';
import { errorCode } from './system-error.ts';

const MISSING: FileFingerprint = { size: -1, modified: 0 };

/**
 * For how long a folder that was found to be inside counts as such, in ms. With many small files the looks at folders
 * cost more than the files.
 */
const FOLDER_TRUST = 1_000;
const MAX_TRUSTED = 10_000;

/**
 * All files below one folder. Nothing is preallocated, so files are sparse where the file system can. Nothing
 * outside the folder is ever touched: not by `..`, and not through a symbolic link that somebody put there.
 */
export class NodeFileStore implements FileStore {
  readonly #root: string;
  /** Folders that exist and are inside, and when they were found so. */
  readonly #inside = new LazyMap<string, number>();

  /** `root` is created when the first file is. It may itself be a symbolic link: that is its owner's choice. */
  constructor(root: string) {
    this.#root = resolve(root);
  }

  label(path: readonly string[]): string {
    return join(this.#root, ...path.map(String));
  }

  async open(path: readonly string[], forWriting: boolean): Promise<StoredFile> {
    const full = this.#checked(path);
    try {
      if (this.#isTrusted(dirname(full))) {
        const file = await this.#openQuickly(full, forWriting);
        if (file !== undefined) return file;
      }
      await this.#refuseEscape(full, forWriting);
      if (forWriting) await makeFolder(dirname(full));
      const file = await openNodeFile(full, forWriting);
      this.#trust(dirname(full));
      return file;
    } catch (error) {
      throw diskError(error, full, forWriting ? 'write' : 'read');
    }
  }

  async stat(path: readonly string[]): Promise<FileFingerprint> {
    const full = this.#checked(path);
    try {
      const stats = await lstat(full);
      if (!stats.isSymbolicLink() && this.#isTrusted(dirname(full))) return fingerprintOf(stats);
      await this.#refuseEscape(full, false);
      if (!stats.isSymbolicLink()) this.#trust(dirname(full));
      return fingerprintOf(await stat(full));
    } catch (error) {
      if (isMissing(error)) return MISSING;
      throw diskError(error, full, 'read');
    }
  }

  async rename(from: readonly string[], to: readonly string[]): Promise<void> {
    const source = this.#checked(from);
    await this.#rename(this, source, this.#checked(to));
  }

  /** Both on one device: that takes no copying. */
  async adopt(other: FileStore, path: readonly string[]): Promise<boolean> {
    if (!(other instanceof NodeFileStore)) return false;
    const source = other.#checked(path);
    try {
      await this.#rename(other, source, this.#checked(path));
      return true;
    } catch (error) {
      if (error instanceof DiskError && errorCode(error.cause) === 'EXDEV') return false;
      throw error;
    }
  }

  async canAdopt(other: FileStore): Promise<boolean> {
    if (!(other instanceof NodeFileStore)) return false;
    return (await deviceOf(this.#root)) === (await deviceOf(other.#root));
  }

  async freeSpace(): Promise<number | undefined> {
    for (let folder = this.#root; ; folder = dirname(folder)) {
      try {
        const { bavail, bsize } = await statfs(folder);
        return bavail * bsize;
      } catch (error) {
        // Made when it is needed.
        if (!isMissing(error) || folder === dirname(folder)) return undefined;
      }
    }
  }

  async #rename(owner: NodeFileStore, source: string, target: string): Promise<void> {
    try {
      await owner.#refuseEscape(source, true);
      await this.#refuseEscape(target, true);
      const there = await lstatOrMissing(target);
      // Only the case of a name may change where the file system does not tell them apart.
      const here = await lstat(source);
      if (there !== undefined && (there.ino !== here.ino || source.toLowerCase() !== target.toLowerCase())) {
        throw existing(target);
      }
      await makeFolder(dirname(target));
      await rename(source, target);
    } catch (error) {
      throw diskError(error, target, 'write');
    }
    await owner.#removeEmptyFolders(source);
  }

  async remove(path: readonly string[]): Promise<void> {
    const full = this.#checked(path);
    try {
      await this.#refuseEscape(dirname(full), false);
      await unlink(full);
    } catch (error) {
      if (!isMissing(error)) throw diskError(error, full, 'write');
    }
    await this.#removeEmptyFolders(full);
  }

  /** A file that the quick look at it allows; `undefined` when it takes a thorough one. */
  async #openQuickly(full: string, forWriting: boolean): Promise<StoredFile | undefined> {
    if (!REFUSES_LINKS && (await isLink(full))) return undefined;
    try {
      return await openNodeFile(full, forWriting, false);
    } catch (error) {
      // A link that stays inside may be read.
      if (!forWriting && error instanceof DiskError && error.code === 'UNSAFE_PATH') return undefined;
      // The folder may have gone in the meantime.
      if (forWriting && error instanceof DiskError && error.code === 'NOT_FOUND') return undefined;
      throw error;
    }
  }

  #isTrusted(folder: string): boolean {
    const since = this.#inside.get(folder);
    return since !== undefined && performance.now() - since < FOLDER_TRUST;
  }

  #trust(folder: string): void {
    if (this.#inside.size >= MAX_TRUSTED) this.#inside.clear();
    this.#inside.set(folder, performance.now());
  }

  /** Removes the folders above that are empty, up to the store's own. */
  async #removeEmptyFolders(full: string): Promise<void> {
    for (let folder = dirname(full); folder !== this.#root; folder = dirname(folder)) {
      this.#inside.delete(folder);
      try {
        await rmdir(folder);
      } catch (error) {
        // Not empty, which is the usual end, or missing, which may be so all the way up.
        if (errorCode(error) !== 'ENOENT') return;
      }
    }
  }

  #checked(path: readonly string[]): string {
    const reason = unsafePathReason(path);
    if (reason === undefined) return this.label(path);
    const shown = path.join('/');
    throw new DiskError('UNSAFE_PATH', shown, `The path "${shown}" is refused because ${reason}`);
  }

  /**
   * Follows all symbolic links of what exists of `full` and refuses what ends outside the folder.
   * @throws {DiskError} UNSAFE_PATH; other errors of the file system as they are.
   */
  async #refuseEscape(full: string, forWriting: boolean): Promise<void> {
    const root = await realpathOrMissing(this.#root);
    if (root === undefined) return;
    // A link as the last name is never written through, wherever it leads; a dangling one would create a file.
    if (forWriting && (await isLink(full))) throw symbolicLink(full);
    let existing = full;
    let real = await realpathOrMissing(existing);
    while (real === undefined && existing !== this.#root) {
      // A link that leads nowhere must not be taken for a folder that is still to be made.
      if (await isLink(existing)) throw symbolicLink(full);
      existing = dirname(existing);
      real = await realpathOrMissing(existing);
    }
    if (real !== undefined && !isInside(root, real)) throw symbolicLink(full);
  }
}

export interface PlacedFile {
  /** Path within the torrent. */
  readonly path: readonly string[];
  /** Where the file lies: an absolute path. */
  readonly file: string;
  /** What the file was when it was hashed. Default: what it is when it is first looked at. */
  readonly expected?: FileFingerprint | undefined;
}

/**
 * The user's own files, seeded where they lie and only read. A file whose size or time is not what it was is no
 * longer what the torrent describes: reading it rejects with `CHANGED`.
 */
export function fileStoreForPaths(files: Iterable<PlacedFile>): FileStore {
  return new PlacedFileStore(files);
}

class PlacedFileStore implements FileStore {
  readonly #files = new Map<string, { readonly file: string; expected: FileFingerprint | undefined }>();

  constructor(files: Iterable<PlacedFile>) {
    for (const { path, file, expected } of files)
      this.#files.set(path.join('/'), { file: resolve(file), expected });
  }

  label(path: readonly string[]): string {
    return this.#files.get(path.join('/'))?.file ?? path.join('/');
  }

  async open(path: readonly string[], forWriting: boolean): Promise<StoredFile> {
    const entry = this.#entry(path);
    if (forWriting) throw notWritten(entry.file);
    const file = await openNodeFile(entry.file, false);
    try {
      const found = file.opened ?? MISSING;
      entry.expected ??= found;
      refuseChange(entry.file, entry.expected, found);
      return new WatchedFile(file, entry.file, entry.expected);
    } catch (error) {
      await file.close().catch(() => {});
      throw error;
    }
  }

  async stat(path: readonly string[]): Promise<FileFingerprint> {
    const entry = this.#entry(path);
    try {
      const found = fingerprintOf(await stat(entry.file));
      entry.expected ??= found;
      return found;
    } catch (error) {
      if (isMissing(error)) return MISSING;
      throw diskError(error, entry.file, 'read');
    }
  }

  /** The user's files are not ours to remove. */
  async remove(path: readonly string[]): Promise<void> {
    this.#entry(path);
  }

  #entry(path: readonly string[]): { readonly file: string; expected: FileFingerprint | undefined } {
    const shown = path.join('/');
    const reason = unsafePathReason(path);
    if (reason !== undefined) {
      throw new DiskError('UNSAFE_PATH', shown, `The path "${shown}" is refused because ${reason}`);
    }
    const entry = this.#files.get(shown);
    if (entry === undefined)
      throw new DiskError('NOT_FOUND', shown, `${shown} is not one of the seeded files`);
    return entry;
  }
}

/** How often an open file is looked at for changes, in ms. */
const WATCH_INTERVAL = 1_000;

/** An open file that stops giving bytes once somebody has changed it. */
class WatchedFile implements StoredFile {
  readonly #file: StoredFile & { stats(): Promise<Stats> };
  readonly #path: string;
  readonly #expected: FileFingerprint;
  #looked = performance.now();

  constructor(file: StoredFile & { stats(): Promise<Stats> }, path: string, expected: FileFingerprint) {
    this.#file = file;
    this.#path = path;
    this.#expected = expected;
  }

  async read(offset: number, into: Uint8Array): Promise<number> {
    const count = await this.#file.read(offset, into);
    const cutShort = count < into.length && offset + count < this.#expected.size;
    const now = performance.now();
    if (cutShort || now - this.#looked >= WATCH_INTERVAL) {
      this.#looked = now;
      refuseChange(this.#path, this.#expected, fingerprintOf(await this.#file.stats()));
    }
    return count;
  }

  async write(): Promise<void> {
    throw notWritten(this.#path);
  }

  async truncate(): Promise<void> {
    throw notWritten(this.#path);
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

function notWritten(path: string): DiskError {
  return new DiskError('READ_ONLY', path, `${path} is seeded where it lies and is not written to`);
}

/** @throws {DiskError} CHANGED */
function refuseChange(path: string, expected: FileFingerprint, found: FileFingerprint): void {
  if (found.size === expected.size && found.modified === expected.modified) return;
  throw new DiskError(
    'CHANGED',
    path,
    `${path} has changed since it was hashed; put the old file back, or create a new torrent of it`,
  );
}

function isMissing(error: unknown): boolean {
  const code = errorCode(error);
  return code === 'ENOENT' || code === 'ENOTDIR';
}

async function realpathOrMissing(path: string): Promise<string | undefined> {
  try {
    return await realpath(path);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

async function lstatOrMissing(path: string): Promise<Stats | undefined> {
  try {
    return await lstat(path);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** The device that the folder is on, or will be. */
async function deviceOf(folder: string): Promise<number> {
  for (let at = folder; ; at = dirname(at)) {
    try {
      return (await stat(at)).dev;
    } catch (error) {
      if (!isMissing(error) || at === dirname(at)) throw diskError(error, folder, 'read');
    }
  }
}

async function isLink(path: string): Promise<boolean> {
  try {
    return (await lstat(path)).isSymbolicLink();
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

function isInside(root: string, path: string): boolean {
  const way = relative(root, path);
  return way === '' || (way !== '..' && !way.startsWith(`..${sep}`) && resolve(root, way) === path);
}
