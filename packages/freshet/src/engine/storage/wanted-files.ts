import type { DiskError } from '../ports.ts';
import type { HandlePool } from './handle-pool.ts';
import { type LayoutFile, locateFile } from './layout.ts';
import type { PartsFile } from './parts-file.ts';

/** Memory for bytes that move from the parts file to their own. */
const MOVE_BUFFER = 1 << 20;

/** The disk, as far as the wanted files go. */
export interface WantedHost {
  readonly files: readonly LayoutFile[];
  readonly pool: HandlePool;
  readonly parts: PartsFile;
  /** Reads within one file, wherever its bytes are. */
  read(index: number, start: number, into: Uint8Array): Promise<number>;
  /** Writes to the file itself, which appears thereby. */
  write(index: number, start: number, parts: readonly Uint8Array[]): Promise<void>;
  asDiskError(error: unknown): DiskError;
}

/**
 * Which files are wanted, and that they get what is theirs: bytes that were kept in the parts file while nobody wanted
 * them, and a place in the folder though they are empty. What changes anything runs alone, in the caller's care.
 */
export class WantedFiles {
  readonly #host: WantedHost;
  /** Absent when all are. */
  #wanted: Uint8Array | undefined;
  /** What will be wanted when it is its turn; nothing is known of it when the disk is opened without. */
  #latest: Uint8Array | undefined;
  /** Empty files that are wanted and may not exist yet. */
  #empty: number[];
  /** Not all wanted files have been given what is theirs. */
  #unsettled = true;
  #failure: DiskError | undefined;

  /** @param wanted one flag for each file; all when nobody has said yet. */
  constructor(host: WantedHost, wanted: readonly boolean[] | undefined) {
    this.#host = host;
    this.#wanted = wanted && flags(host.files.length, wanted);
    this.#latest = this.#wanted;
    this.#empty = this.#wantedEmptyFiles();
  }

  /** Why wanted files could not be given what is theirs, when that was last tried. */
  get failure(): DiskError | undefined {
    return this.#failure;
  }

  has(index: number): boolean {
    return this.#wanted === undefined
      ? index >= 0 && index < this.#host.files.length
      : this.#wanted[index] === 1;
  }

  /** Says what will be wanted. Returns what puts it in force when it is its turn; that does not reject: `failure` tells. */
  choose(wanted: readonly boolean[]): () => Promise<void> {
    const next = flags(this.#host.files.length, wanted);
    this.#latest = next;
    return async () => {
      this.#wanted = next;
      this.#empty = this.#wantedEmptyFiles();
      this.#unsettled = true;
      await this.settle();
    };
  }

  /** Learns what lies in the parts file, before anything is read. Does not reject: `failure` tells. */
  async start(): Promise<void> {
    try {
      await this.#host.parts.load();
      // Until somebody says what is wanted, nothing gets a file that may not be.
      if (this.#latest === undefined) return;
      await this.#moveParts();
      await this.#host.parts.trim();
    } catch (error) {
      this.#failure = this.#host.asDiskError(error);
    }
  }

  /** Gives wanted files what is theirs. Does not reject: `failure` tells. */
  async settle(): Promise<void> {
    const { parts, files } = this.#host;
    if (!this.#unsettled && !parts.isSpent) return;
    this.#failure = undefined;
    try {
      await parts.load();
      await this.#moveParts();
      await parts.trim();
      while (this.#empty.length > 0) {
        const index = this.#empty.at(-1)!;
        await this.#host.write(index, files[index]!.offset, []);
        this.#empty.pop();
      }
      this.#unsettled = false;
    } catch (error) {
      this.#failure = this.#host.asDiskError(error);
    }
  }

  /** Moves bytes of files that are wanted now from the parts file to where they belong. */
  async #moveParts(): Promise<void> {
    const { parts, files } = this.#host;
    if (parts.isEmpty) return;
    const end = files.at(-1)!;
    for (const extent of parts.extents(0, end.offset + end.length)) {
      let at = extent.start;
      for (let index = locateFile(files, at); at < extent.end; index++) {
        const file = files[index]!;
        if (file.length === 0) continue;
        const stop = Math.min(extent.end, file.offset + file.length);
        const wanted = this.has(index) && this.#latest?.[index] !== 0;
        if (wanted && !file.padding) await this.#move(index, at, stop);
        at = stop;
      }
    }
  }

  async #move(index: number, start: number, end: number): Promise<void> {
    const buffer = new Uint8Array(Math.min(MOVE_BUFFER, end - start));
    for (let at = start; at < end; ) {
      const target = buffer.subarray(0, Math.min(buffer.length, end - at));
      const count = await this.#host.read(index, at, target);
      if (count === 0) break;
      await this.#host.write(index, at, [target.subarray(0, count)]);
      at += count;
    }
    // Not before the bytes are safe in their file: after a crash they are still in one of the two.
    await this.#host.pool.sync(index);
    await this.#host.parts.drop(start, end);
  }

  #wantedEmptyFiles(): number[] {
    const { files } = this.#host;
    const found: number[] = [];
    for (let index = files.length - 1; index >= 0; index--) {
      const file = files[index]!;
      if (file.length === 0 && !file.padding && this.has(index)) found.push(index);
    }
    return found;
  }
}

function flags(length: number, wanted: readonly boolean[] | undefined): Uint8Array {
  const array = new Uint8Array(length).fill(1);
  if (wanted !== undefined) for (let i = 0; i < length; i++) if (wanted[i] === false) array[i] = 0;
  return array;
}
