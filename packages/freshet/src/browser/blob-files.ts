/** Files that the user gave to the page, as they are: nothing is copied, nothing is written. */

import { DiskError, type FileFingerprint } from '../engine/ports.ts';
import type { FileStore, StoredFile } from '../engine/storage/file-store.ts';

export interface BlobFile {
  readonly path: readonly string[];
  /** A `File` from a drop or an input element, or any `Blob`. */
  readonly blob: Blob;
}

class StoredBlob implements StoredFile {
  readonly #blob: Blob;
  readonly #label: string;

  constructor(blob: Blob, label: string) {
    this.#blob = blob;
    this.#label = label;
  }

  async read(offset: number, into: Uint8Array): Promise<number> {
    let data: ArrayBuffer;
    try {
      data = await this.#blob.slice(offset, offset + into.length).arrayBuffer();
    } catch (cause) {
      // Browsers compare size and time with those of the moment the file was chosen.
      const message = `"${this.#label}" has changed or moved since it was chosen; choose it again to go on seeding.`;
      throw new DiskError('CHANGED', this.#label, message, { cause });
    }
    into.set(new Uint8Array(data));
    return data.byteLength;
  }

  write(): Promise<void> {
    return Promise.reject(readOnly(this.#label));
  }

  truncate(): Promise<void> {
    return Promise.reject(readOnly(this.#label));
  }

  async close(): Promise<void> {}
}

class BlobFileStore implements FileStore {
  readonly #blobs: ReadonlyMap<string, Blob>;

  constructor(files: readonly BlobFile[]) {
    this.#blobs = new Map(files.map(({ path, blob }) => [keyOf(path), blob]));
  }

  async open(path: readonly string[], forWriting: boolean): Promise<StoredFile> {
    const label = this.label(path);
    if (forWriting) throw readOnly(label);
    const blob = this.#blobs.get(keyOf(path));
    if (blob) return new StoredBlob(blob, label);
    throw new DiskError('NOT_FOUND', label, `"${label}" is not among the files that were chosen.`);
  }

  async stat(path: readonly string[]): Promise<FileFingerprint> {
    const blob = this.#blobs.get(keyOf(path));
    if (!blob) return { size: -1, modified: 0 };
    return { size: blob.size, modified: 'lastModified' in blob ? Number(blob.lastModified) : 0 };
  }

  async remove(path: readonly string[]): Promise<void> {
    if (this.#blobs.has(keyOf(path))) throw readOnly(this.label(path));
  }

  label(path: readonly string[]): string {
    return path.join('/');
  }
}

/** No name has a NUL in it that comes from a file system. */
function keyOf(path: readonly string[]): string {
  return path.join('\0');
}

function readOnly(label: string): DiskError {
  return new DiskError('READ_ONLY', label, `"${label}" is a file the user chose; a page may only read it.`);
}

/** A read-only store of the given files, found by their paths. */
export function createBlobFileStore(files: readonly BlobFile[]): FileStore {
  return new BlobFileStore(files);
}
