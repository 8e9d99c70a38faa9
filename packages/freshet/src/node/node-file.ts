/** One open file: positional, vectored input and output on a plain descriptor. */

import { close, constants, fstat, fsync, ftruncate, open, read, type Stats, writev } from 'node:fs';
import type { FileFingerprint } from '../engine/ports.ts';
import type { StoredFile } from '../engine/storage/file-store.ts';
import { type DiskAction, diskError, isFolder } from './disk-error.ts';

/** Most views a system call takes (IOV_MAX on Linux and macOS). */
const MAX_VIEWS = 1024;

/** Without O_NONBLOCK a named pipe in the place of a file would block a thread for ever. */
const READ_FLAGS: number = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);
/** Windows has neither O_NONBLOCK nor O_NOFOLLOW. */
const WRITE_FLAGS: number =
  constants.O_RDWR | constants.O_CREAT | (constants.O_NONBLOCK ?? 0) | (constants.O_NOFOLLOW ?? 0);
/** Opening for writing refuses a symbolic link by itself. */
export const REFUSES_LINKS: boolean = constants.O_NOFOLLOW !== undefined;

/**
 * Opens the regular file `path`; `forWriting` creates it and refuses a symbolic link, as does not to `follow` it where
 * the system can (`REFUSES_LINKS`).
 * @throws {DiskError}
 */
export async function openNodeFile(path: string, forWriting: boolean, follow = true): Promise<NodeFile> {
  const action: DiskAction = forWriting ? 'write' : 'read';
  const flags = forWriting ? WRITE_FLAGS : follow ? READ_FLAGS : READ_FLAGS | (constants.O_NOFOLLOW ?? 0);
  const descriptor = await new Promise<number>((resolve, reject) => {
    open(path, flags, (error, fd) => (error === null ? resolve(fd) : reject(diskError(error, path, action))));
  });
  const file = new NodeFile(descriptor, path);
  try {
    const stats = await file.stats();
    // A folder can be opened for reading.
    if (!stats.isFile()) throw isFolder(path);
    file.opened = fingerprintOf(stats);
  } catch (error) {
    await file.close().catch(() => {});
    throw error;
  }
  return file;
}

/** Whole milliseconds, so that a fingerprint can be stored as an integer. */
export function fingerprintOf(stats: Stats): FileFingerprint {
  if (!stats.isFile()) return { size: -1, modified: 0 };
  // Windows does not tell blocks.
  const allocated = stats.blocks === undefined ? undefined : stats.blocks * 512;
  return { size: stats.size, modified: Math.floor(stats.mtimeMs), allocated };
}

export class NodeFile implements StoredFile {
  readonly path: string;
  opened: FileFingerprint | undefined;
  readonly #descriptor: number;
  #closed = false;

  constructor(descriptor: number, path: string) {
    this.#descriptor = descriptor;
    this.path = path;
  }

  stats(): Promise<Stats> {
    return new Promise((resolve, reject) => {
      fstat(this.#open('read'), (error, stats) =>
        error === null ? resolve(stats) : reject(diskError(error, this.path, 'read')),
      );
    });
  }

  read(offset: number, into: Uint8Array): Promise<number> {
    return new Promise((resolve, reject) => {
      const descriptor = this.#open('read');
      let done = 0;
      // A read may be cut short anywhere; only 0 means the end.
      const next = (): void => {
        if (done === into.length) resolve(done);
        else read(descriptor, into, done, into.length - done, offset + done, onRead);
      };
      const onRead = (error: Error | null, count: number): void => {
        if (error !== null) reject(diskError(error, this.path, 'read'));
        else if (count === 0) resolve(done);
        else {
          done += count;
          next();
        }
      };
      next();
    });
  }

  write(offset: number, parts: readonly Uint8Array[]): Promise<void> {
    return new Promise((resolve, reject) => {
      const descriptor = this.#open('write');
      let left = parts.filter((part) => part.length > 0);
      let at = offset;
      const next = (): void => {
        if (left.length === 0) resolve();
        else writev(descriptor, left.length > MAX_VIEWS ? left.slice(0, MAX_VIEWS) : left, at, onWritten);
      };
      const onWritten = (error: Error | null, count: number): void => {
        if (error !== null) {
          reject(diskError(error, this.path, 'write'));
          return;
        }
        at += count;
        left = without(left, count);
        next();
      };
      next();
    });
  }

  async truncate(length: number): Promise<void> {
    // It would make a shorter file longer.
    if ((await this.stats()).size <= length) return;
    await new Promise<void>((resolve, reject) => {
      ftruncate(this.#open('write'), length, (error) =>
        error === null ? resolve() : reject(diskError(error, this.path, 'write')),
      );
    });
  }

  sync(): Promise<void> {
    return new Promise((resolve, reject) => {
      fsync(this.#open('write'), (error) =>
        error === null ? resolve() : reject(diskError(error, this.path, 'write')),
      );
    });
  }

  close(): Promise<void> {
    if (this.#closed) return Promise.resolve();
    this.#closed = true;
    return new Promise((resolve, reject) => {
      close(this.#descriptor, (error) => {
        if (error === null || error === undefined) resolve();
        else reject(diskError(error, this.path, 'write'));
      });
    });
  }

  /** The descriptor, which after `close` may already be another file's. */
  #open(action: DiskAction): number {
    if (this.#closed)
      throw diskError(Object.assign(new Error('closed'), { code: 'EBADF' }), this.path, action);
    return this.#descriptor;
  }
}

/** `parts` without their first `count` bytes. */
function without(parts: Uint8Array[], count: number): Uint8Array[] {
  let index = 0;
  let left = count;
  while (index < parts.length && left >= parts[index]!.length) left -= parts[index++]!.length;
  const rest = parts.slice(index);
  if (left > 0) rest[0] = rest[0]!.subarray(left);
  return rest;
}
