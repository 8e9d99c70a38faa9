/** Files in the browser's origin private file system. For a dedicated worker: see `opfs-access.ts`. */

import { DiskError, type DiskErrorCode, type FileFingerprint } from '../engine/ports.ts';
import { type FileStore, type StoredFile, unsafePathReason } from '../engine/storage/file-store.ts';
import {
  exceptionName,
  freeSpace,
  moveFile,
  openAccess,
  removeFile,
  type SyncAccessHandle,
  sizeOf,
  writeAll,
} from './opfs-access.ts';

/** Names of the browser's exceptions, and what they mean for a file. */
const FAULTS: Readonly<Record<string, readonly [DiskErrorCode, string]>> = {
  QuotaExceededError: [
    'FULL',
    'the browser allows this site no more space; free some, or remove other downloads',
  ],
  NoModificationAllowedError: ['READ_ONLY', 'another tab of this site has it open; close that tab'],
  InvalidModificationError: ['EXISTS', 'something of that name is there already; choose another name'],
  NotFoundError: ['NOT_FOUND', 'it is not there; the browser may have cleared the data of this site'],
  InvalidStateError: ['CLOSED', 'it is closed'],
};

/** Written at a time: each call into the browser costs as much as some ten kilobytes. */
const RUN = 1 << 20;
/** Where views that lie behind each other in the file are put together. One will do, as nothing waits meanwhile. */
let run: Uint8Array | undefined;

/** Every operation is done when it returns: its promise is for the contract. */
class OpfsFile implements StoredFile {
  readonly #access: SyncAccessHandle;
  readonly #label: string;
  readonly #writable: boolean;

  constructor(access: SyncAccessHandle, label: string, writable: boolean) {
    this.#access = access;
    this.#label = label;
    this.#writable = writable;
  }

  async read(offset: number, into: Uint8Array): Promise<number> {
    return this.#do('read', () => this.#access.read(into, { at: offset }));
  }

  async write(offset: number, parts: readonly Uint8Array[]): Promise<void> {
    this.#checkWritable();
    this.#do('written', () => writeParts(this.#access, parts, offset));
  }

  async truncate(length: number): Promise<void> {
    this.#checkWritable();
    this.#do('written', () => {
      if (this.#access.getSize() > length) this.#access.truncate(length);
    });
  }

  async sync(): Promise<void> {
    this.#do('written', () => this.#access.flush());
  }

  async close(): Promise<void> {
    this.#do('closed', () => this.#access.close());
  }

  /** Firefox knows no handles that are for reading only: it would write. */
  #checkWritable(): void {
    if (this.#writable) return;
    throw new DiskError('READ_ONLY', this.#label, `"${this.#label}" was opened for reading only.`);
  }

  #do<T>(done: string, action: () => T): T {
    try {
      return action();
    } catch (error) {
      throw translated(error, this.#label, done);
    }
  }
}

/** In runs of up to a mebibyte; what is that long already is not copied. */
function writeParts(access: SyncAccessHandle, parts: readonly Uint8Array[], offset: number): void {
  let at = offset;
  let filled = 0;
  const flush = (): void => {
    if (filled === 0) return;
    writeAll(access, run!.subarray(0, filled), at);
    at += filled;
    filled = 0;
  };
  parts.forEach((part, index) => {
    if (filled + part.length > RUN) flush();
    const alone = filled === 0 && index === parts.length - 1;
    if (alone || part.length > RUN) {
      writeAll(access, part, at);
      at += part.length;
      return;
    }
    run ??= new Uint8Array(RUN);
    run.set(part, filled);
    filled += part.length;
  });
  flush();
}

class OpfsFileStore implements FileStore {
  readonly #folder: readonly string[];

  constructor(folder: readonly string[]) {
    this.#folder = folder;
  }

  async open(path: readonly string[], forWriting: boolean): Promise<StoredFile> {
    const full = this.#full(path);
    const label = this.label(path);
    const access = await openAccess(full, forWriting).catch(translate(label, 'opened'));
    return new OpfsFile(access, label, forWriting);
  }

  async stat(path: readonly string[]): Promise<FileFingerprint> {
    const size = await sizeOf(this.#full(path)).catch(translate(this.label(path), 'read'));
    // Not the file's `lastModified`: it does not follow what is written through an access handle.
    return { size, modified: 0 };
  }

  async remove(path: readonly string[]): Promise<void> {
    await removeFile(this.#full(path), this.#folder.length).catch(translate(this.label(path), 'removed'));
  }

  async rename(from: readonly string[], to: readonly string[]): Promise<void> {
    const [source, target] = [this.#full(from), this.#full(to)];
    await moveFile(source, target, this.#folder.length).catch(translate(this.label(to), 'renamed'));
  }

  freeSpace(): Promise<number | undefined> {
    return freeSpace().catch(() => undefined);
  }

  label(path: readonly string[]): string {
    return path.join('/');
  }

  #full(path: readonly string[]): string[] {
    const reason = unsafePathReason(path);
    if (reason === undefined) return [...this.#folder, ...path];
    const label = this.label(path);
    throw new DiskError('UNSAFE_PATH', label, `The path "${label}" is refused: ${reason}.`);
  }
}

function translated(cause: unknown, label: string, done: string): DiskError {
  const message = cause instanceof Error ? cause.message : String(cause);
  const [code, reason] = FAULTS[exceptionName(cause)] ?? (['IO', message] as const);
  const sentence = `"${label}" could not be ${done} in browser storage: ${reason}.`;
  return new DiskError(code, label, sentence, { cause });
}

function translate(label: string, done: string): (error: unknown) => never {
  return (cause) => {
    throw translated(cause, label, done);
  };
}

/** Files below `folder` of OPFS; the folder is made with the first file. */
export function createOpfsFileStore(folder: readonly string[]): FileStore {
  return new OpfsFileStore(folder);
}
