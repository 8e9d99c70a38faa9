/**
 * Where the bytes of files go that nobody wants: those that share a piece with a wanted file must be kept, but
 * their own file must not appear.
 *
 * One file for each torrent, a log:
 *
 *     header   64 bytes: "Freshet parts 1\n", info-hash (20), zeros
 *     record   32 bytes: "FPrt", kind, offset, length, position, checksum; then the data, if it is of kind 1
 *     ...
 *     zeros    32 bytes: no record, the end
 *
 * Kind 1 says "these are the torrent's bytes from `offset` on", kind 2 "the bytes from `offset` on are no longer
 * here". Numbers are big-endian; offset, length and position have 48 bits. A record's head is written after its
 * data and after the zeros behind it, so a process that is killed at any moment leaves a log that ends with the
 * last whole record. When nothing is left in it the file is removed; until then no place in it is used twice,
 * so that a read under way cannot meet other bytes.
 */

import {
  equalBytes,
  readUint16,
  readUint32,
  utf8Encode,
  writeUint16,
  writeUint32,
} from '../../protocol/index.ts';
import { DiskError } from '../ports.ts';
import { type Extent, ExtentMap } from './extent-map.ts';
import type { FileStore, StoredFile } from './file-store.ts';
import type { HandlePool } from './handle-pool.ts';

const TITLE = utf8Encode('Freshet parts 1\n');
const HEADER_LENGTH = 64;
const HEAD_LENGTH = 32;
const MAGIC = 0x46507274;
const KIND_DATA = 1;
const KIND_DROP = 2;
const END_MARK = new Uint8Array(HEAD_LENGTH);

export class PartsFile {
  readonly #store: FileStore;
  readonly #path: readonly string[];
  readonly #infoHash: Uint8Array;
  readonly #pool: HandlePool;
  readonly #index: number;
  readonly #extents = new ExtentMap();
  /** Where the next record begins; 0 while there is no file. */
  #end = 0;
  #loaded = false;
  #refusal: DiskError | undefined;
  /** Records are appended one after another, or a torn one would hide those behind it. */
  #appending: Promise<unknown> = Promise.resolve();

  /** `index` is the name of the file in the pool. */
  constructor(
    store: FileStore,
    path: readonly string[],
    infoHash: Uint8Array,
    pool: HandlePool,
    index: number,
  ) {
    this.#store = store;
    this.#path = path;
    this.#infoHash = infoHash;
    this.#pool = pool;
    this.#index = index;
  }

  get isEmpty(): boolean {
    return this.#extents.isEmpty;
  }

  /** What is kept of [start, end), in order, as stretches of the torrent. */
  extents(start: number, end: number): readonly Extent[] {
    return this.#extents.within(start, end);
  }

  /** The file is there with nothing in it that matters. */
  get isSpent(): boolean {
    return this.#end > 0 && this.#extents.isEmpty;
  }

  /** Reads the log, once. A file that is not this torrent's is left alone and refuses to be written. */
  async load(): Promise<void> {
    if (this.#loaded) return;
    const { size } = await this.#store.stat(this.#path);
    if (size >= HEADER_LENGTH) await this.#readLog(size);
    this.#loaded = true;
  }

  async #readLog(size: number): Promise<void> {
    await this.#pool.read(this.#index, async (file) => {
      const header = new Uint8Array(HEADER_LENGTH);
      await file.read(0, header);
      // All zeros is what a lost write leaves.
      if (header.every((byte) => byte === 0)) return;
      if (!equalBytes(header, this.#header())) {
        const label = this.#store.label(this.#path);
        this.#refusal = new DiskError(
          'IO',
          label,
          `${label} is not the parts file of this torrent: move it away.`,
        );
        return;
      }
      await this.#scan(file, size);
    });
  }

  async #scan(file: StoredFile, size: number): Promise<void> {
    const head = new Uint8Array(HEAD_LENGTH);
    let at = HEADER_LENGTH;
    while (at + HEAD_LENGTH <= size && (await file.read(at, head)) === HEAD_LENGTH) {
      const record = decodeHead(head, at);
      if (record === undefined) break;
      const dataAt = at + HEAD_LENGTH;
      const next = dataAt + (record.kind === KIND_DATA ? record.length : 0);
      if (next > size) break;
      this.#extents.remove(record.offset, record.offset + record.length);
      if (record.kind === KIND_DATA) {
        this.#extents.add({ start: record.offset, end: record.offset + record.length, at: dataAt });
      }
      at = next;
    }
    this.#end = at;
  }

  /** Fills `into` from where `extent` keeps the torrent's byte `offset`. Returns how many bytes were there. */
  read(extent: Extent, offset: number, into: Uint8Array): Promise<number> {
    return this.#pool.read(this.#index, (file) => file.read(extent.at + offset - extent.start, into));
  }

  /** Keeps `parts`, `length` bytes in all, as the torrent's bytes from `offset` on. */
  write(offset: number, length: number, parts: readonly Uint8Array[]): Promise<void> {
    return this.#append(async () => {
      const [only, more] = this.#extents.within(offset, offset + length);
      if (only !== undefined && more === undefined && only.start <= offset && only.end >= offset + length) {
        // The same bytes again, as after a failed check: the log must not grow for it.
        await this.#pool.write(this.#index, (file) => file.write(only.at + offset - only.start, parts));
        return;
      }
      const at = await this.#record(KIND_DATA, offset, length, parts);
      this.#extents.remove(offset, offset + length);
      this.#extents.add({ start: offset, end: offset + length, at });
    });
  }

  /** Forgets what is kept of [start, end). */
  drop(start: number, end: number): Promise<void> {
    return this.#append(async () => {
      if (this.#extents.within(start, end).length === 0) return;
      await this.#record(KIND_DROP, start, end - start, []);
      this.#extents.remove(start, end);
    });
  }

  /** Removes the file if nothing is left in it. Nobody may be reading. */
  trim(): Promise<void> {
    return this.#append(async () => {
      if (this.isSpent) await this.#remove();
    });
  }

  /** Removes the file with all that is in it. Nobody may be reading. */
  async destroy(): Promise<void> {
    await this.#append(async () => {
      if (this.#refusal !== undefined) return;
      this.#extents.clear();
      await this.#remove();
    });
  }

  async #remove(): Promise<void> {
    await this.#pool.release(this.#index);
    await this.#store.remove(this.#path);
    this.#end = 0;
  }

  #append<T>(action: () => Promise<T>): Promise<T> {
    const result = this.#appending.then(() => this.load()).then(action);
    this.#appending = result.catch(() => {});
    return result;
  }

  /** Returns where the data lies in the file. */
  async #record(kind: number, offset: number, length: number, data: readonly Uint8Array[]): Promise<number> {
    if (this.#refusal !== undefined) throw this.#refusal;
    const at = this.#end === 0 ? HEADER_LENGTH : this.#end;
    const dataAt = at + HEAD_LENGTH;
    await this.#pool.write(this.#index, async (file) => {
      await file.write(dataAt, [...data, END_MARK]);
      await file.write(at, [encodeHead(kind, offset, length, at)]);
      if (this.#end === 0) await file.write(0, [this.#header()]);
    });
    this.#end = dataAt + (kind === KIND_DATA ? length : 0);
    return dataAt;
  }

  #header(): Uint8Array {
    const header = new Uint8Array(HEADER_LENGTH);
    header.set(TITLE);
    header.set(this.#infoHash.subarray(0, HEADER_LENGTH - TITLE.length), TITLE.length);
    return header;
  }
}

function encodeHead(kind: number, offset: number, length: number, at: number): Uint8Array {
  const head = new Uint8Array(HEAD_LENGTH);
  writeUint32(head, 0, MAGIC);
  head[4] = kind;
  writeUint48(head, 8, offset);
  writeUint48(head, 14, length);
  writeUint48(head, 20, at);
  writeUint32(head, 28, checksum(head.subarray(0, 28)));
  return head;
}

function decodeHead(
  head: Uint8Array,
  at: number,
): { readonly kind: number; readonly offset: number; readonly length: number } | undefined {
  const kind = head[4]!;
  if (readUint32(head, 0) !== MAGIC || (kind !== KIND_DATA && kind !== KIND_DROP)) return undefined;
  if (readUint32(head, 28) !== checksum(head.subarray(0, 28)) || readUint48(head, 20) !== at)
    return undefined;
  return { kind, offset: readUint48(head, 8), length: readUint48(head, 14) };
}

function writeUint48(bytes: Uint8Array, at: number, value: number): void {
  writeUint16(bytes, at, Math.floor(value / 2 ** 32));
  writeUint32(bytes, at + 2, value % 2 ** 32);
}

function readUint48(bytes: Uint8Array, at: number): number {
  return readUint16(bytes, at) * 2 ** 32 + readUint32(bytes, at + 2);
}

/** FNV-1a: it has to find torn heads, not forgers. */
function checksum(bytes: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}
