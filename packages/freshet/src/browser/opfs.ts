/** Files in the browser's origin private file system. */

import { DiskError, type DiskErrorCode, type FileFingerprint } from '../engine/ports.ts';
import { type FileStore, type StoredFile, unsafePathReason } from '../engine/storage/file-store.ts';
import { concatBytes } from '../protocol/index.ts';
import type { OpfsHost } from './opfs-host.ts';

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

class OpfsFile implements StoredFile {
  readonly #host: OpfsHost;
  readonly #file: number;
  readonly #label: string;
  readonly #writable: boolean;

  constructor(host: OpfsHost, file: number, label: string, writable: boolean) {
    this.#host = host;
    this.#file = file;
    this.#label = label;
    this.#writable = writable;
  }

  async read(offset: number, into: Uint8Array): Promise<number> {
    const request = { op: 'read', file: this.#file, offset, length: into.length } as const;
    const data = await this.#host.request(request).catch(translate(this.#label, 'read'));
    into.set(new Uint8Array(data));
    return data.byteLength;
  }

  async write(offset: number, parts: readonly Uint8Array[]): Promise<void> {
    this.#checkWritable();
    // The engine's memory is pooled and stays here: one copy goes to the worker, moved and not cloned.
    const data = concatBytes(parts).buffer;
    await this.#host
      .request({ op: 'write', file: this.#file, offset, data }, [data])
      .catch(translate(this.#label, 'written'));
  }

  async truncate(length: number): Promise<void> {
    this.#checkWritable();
    await this.#host
      .request({ op: 'truncate', file: this.#file, length })
      .catch(translate(this.#label, 'written'));
  }

  async sync(): Promise<void> {
    await this.#host.request({ op: 'sync', file: this.#file }).catch(translate(this.#label, 'written'));
  }

  async close(): Promise<void> {
    await this.#host.request({ op: 'close', file: this.#file }).catch(translate(this.#label, 'closed'));
  }

  /** Firefox knows no handles that are for reading only: it would write. */
  #checkWritable(): void {
    if (this.#writable) return;
    throw new DiskError('READ_ONLY', this.#label, `"${this.#label}" was opened for reading only.`);
  }
}

class OpfsFileStore implements FileStore {
  readonly #host: OpfsHost;
  readonly #folder: readonly string[];

  constructor(host: OpfsHost, folder: readonly string[]) {
    this.#host = host;
    this.#folder = folder;
  }

  async open(path: readonly string[], forWriting: boolean): Promise<StoredFile> {
    const label = this.label(path);
    const file = await this.#host
      .request({ op: 'open', path: this.#full(path), forWriting })
      .catch(translate(label, 'opened'));
    return new OpfsFile(this.#host, file, label, forWriting);
  }

  async stat(path: readonly string[]): Promise<FileFingerprint> {
    return this.#host
      .request({ op: 'stat', path: this.#full(path) })
      .catch(translate(this.label(path), 'read'));
  }

  async remove(path: readonly string[]): Promise<void> {
    await this.#host
      .request({ op: 'remove', path: this.#full(path), depth: this.#folder.length })
      .catch(translate(this.label(path), 'removed'));
  }

  async rename(from: readonly string[], to: readonly string[]): Promise<void> {
    await this.#host
      .request({ op: 'rename', from: this.#full(from), to: this.#full(to), depth: this.#folder.length })
      .catch(translate(this.label(to), 'renamed'));
  }

  async freeSpace(): Promise<number | undefined> {
    return this.#host.request({ op: 'free' }).catch(() => undefined);
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

function translate(label: string, done: string): (error: unknown) => never {
  return (cause) => {
    const name = cause instanceof Error ? cause.name : '';
    const message = cause instanceof Error ? cause.message : String(cause);
    const [code, reason] = FAULTS[name] ?? (['IO', message] as const);
    throw new DiskError(code, label, `"${label}" could not be ${done} in browser storage: ${reason}.`, {
      cause,
    });
  };
}

/** Files below `folder` of OPFS; the folder is made with the first file. */
export function createOpfsFileStore(host: OpfsHost, folder: readonly string[]): FileStore {
  return new OpfsFileStore(host, folder);
}
