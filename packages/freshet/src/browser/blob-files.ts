/** Files that the user gave to the page, as they are: nothing is copied, nothing is written. */

import { DiskError, type FileFingerprint } from '../engine/ports.ts';
import type { FileStore, StoredFile } from '../engine/storage/file-store.ts';

export interface BlobFile {
  readonly path: readonly string[];
  /** A `File` from a drop or an input element, or any `Blob`. */
  readonly blob: Blob;
}

/**
 * Reads one part after the other: of parts of one blob that are read side by side in a worker, Firefox now and then
 * answers none (seen in version 153 with a `File` that a page had made of many parts).
 */
class BlobReader {
  readonly blob: Blob;
  #last: Promise<unknown> = Promise.resolve();

  constructor(blob: Blob) {
    this.blob = blob;
  }

  read(start: number, end: number): Promise<ArrayBuffer> {
    const part = this.#last.then(() => this.blob.slice(start, end).arrayBuffer());
    this.#last = part.catch(() => undefined);
    return part;
  }
}

class StoredBlob implements StoredFile {
  readonly #reader: BlobReader;
  readonly #label: string;

  constructor(reader: BlobReader, label: string) {
    this.#reader = reader;
    this.#label = label;
  }

  async read(offset: number, into: Uint8Array): Promise<number> {
    let data: ArrayBuffer;
    try {
      data = await this.#reader.read(offset, offset + into.length);
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
  readonly #readers: ReadonlyMap<string, BlobReader>;

  constructor(files: readonly BlobFile[]) {
    this.#readers = new Map(files.map(({ path, blob }) => [keyOf(path), new BlobReader(blob)]));
  }

  async open(path: readonly string[], forWriting: boolean): Promise<StoredFile> {
    const label = this.label(path);
    if (forWriting) throw readOnly(label);
    const reader = this.#readers.get(keyOf(path));
    if (reader) return new StoredBlob(reader, label);
    throw new DiskError('NOT_FOUND', label, `"${label}" is not among the files that were chosen.`);
  }

  async stat(path: readonly string[]): Promise<FileFingerprint> {
    const blob = this.#readers.get(keyOf(path))?.blob;
    if (!blob) return { size: -1, modified: 0 };
    return { size: blob.size, modified: 'lastModified' in blob ? Number(blob.lastModified) : 0 };
  }

  async remove(path: readonly string[]): Promise<void> {
    if (this.#readers.has(keyOf(path))) throw readOnly(this.label(path));
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
