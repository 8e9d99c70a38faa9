import { type Disk, DiskError, type FileFingerprint } from 'freshet/engine';
import type { PhantomBytes } from './phantom-bytes.ts';
import { WrittenRanges } from './written-ranges.ts';

type File = { readonly offset: number; readonly length: number; readonly padding?: boolean | undefined };

const NONE = Promise.resolve();

/** Storage for phantom bytes: it knows which of them were written, and has no others. */
export class PhantomDisk implements Disk {
  readonly length: number;
  readonly #bytes: PhantomBytes;
  readonly #files: readonly File[];
  readonly #written: WrittenRanges;
  #closed = false;

  constructor(bytes: PhantomBytes, files: readonly File[], full: boolean) {
    this.length = bytes.length;
    this.#bytes = bytes;
    this.#files = files;
    this.#written = new WrittenRanges(this.length);
    if (full) this.#written.add(0, this.length);
  }

  lend(offset: number, length: number): Uint8Array | undefined {
    return this.#bytes.view(offset, length);
  }

  read(offset: number, into: Uint8Array): Promise<number> {
    if (this.#closed) return Promise.reject(closed());
    const there = this.#written.prefix(offset, into.length);
    if (there > 0) this.#bytes.copy(offset, into.subarray(0, there));
    return Promise.resolve(there);
  }

  write(offset: number, parts: readonly Uint8Array[]): Promise<void> {
    if (this.#closed) return Promise.reject(closed());
    let end = offset;
    for (const part of parts) {
      if (!this.#bytes.matches(end, part)) return Promise.reject(refused('other bytes than the torrent’s'));
      end += part.length;
    }
    if (!this.#written.add(offset, end - offset)) return Promise.reject(refused('half a block'));
    return NONE;
  }

  setWanted(_wanted: readonly boolean[]): void {}

  flush(): Promise<void> {
    return this.#closed ? Promise.reject(closed()) : NONE;
  }

  fingerprints(): Promise<FileFingerprint[]> {
    if (this.#closed) return Promise.reject(closed());
    const { size } = this.#written;
    const prints = this.#files.map((file) => {
      const end = file.offset + file.length;
      const there = file.padding !== true && size > 0 && size >= Math.min(end, file.offset + 1);
      return { size: there ? Math.min(size, end) - file.offset : -1, modified: 0 };
    });
    return Promise.resolve(prints);
  }

  close(): Promise<void> {
    this.#closed = true;
    return NONE;
  }

  destroy(): Promise<void> {
    this.#written.clear();
    return this.close();
  }
}

function closed(): DiskError {
  return new DiskError('CLOSED', 'phantom', 'The storage of this torrent is closed.');
}

function refused(what: string): DiskError {
  return new DiskError('IO', 'phantom', `Phantom content cannot store ${what}: use real content.`);
}
