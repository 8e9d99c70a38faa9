/** Copies files from one store to another. */

import { DiskError } from '../ports.ts';
import { ExtentMap } from './extent-map.ts';
import type { FileStore, StoredFile } from './file-store.ts';

const CHUNK = 1 << 20;
/** What need not be written where nothing was before. */
const HOLE = 64 * 1024;

/** Refuses to move to where something is already: whose it is nobody knows. @throws {DiskError} EXISTS */
export async function refuseExisting(store: FileStore, path: readonly string[]): Promise<void> {
  if ((await store.stat(path)).size >= 0) throw existing(store.label(path));
}

export function existing(label: string): DiskError {
  return new DiskError('EXISTS', label, `${label} exists already; move it away or choose another name.`);
}

/** Copies [start, end) of a file. With `sparse`, zeros are left out: nothing may be there yet. */
export async function copyRange(
  from: StoredFile,
  to: StoredFile,
  start: number,
  end: number,
  sparse: boolean,
  onCopied: (bytes: number) => void = () => {},
): Promise<void> {
  const buffer = new Uint8Array(Math.min(CHUNK, Math.max(0, end - start)));
  for (let at = start; at < end; ) {
    const target = buffer.subarray(0, Math.min(buffer.length, end - at));
    const count = await from.read(at, target);
    if (count === 0) break;
    for (let begin = 0; begin < count; begin += HOLE) {
      const stop = Math.min(begin + HOLE, count);
      const bytes = target.subarray(begin, stop);
      // The last byte gives the file its length.
      if (sparse && at + stop < end && bytes.every((byte) => byte === 0)) continue;
      await to.write(at + begin, [bytes]);
    }
    at += count;
    onCopied(count);
  }
}

/** Copies a whole file that nobody uses to the same path of another store, and makes it durable. */
export async function copyFile(from: FileStore, to: FileStore, path: readonly string[]): Promise<void> {
  const { size } = await from.stat(path);
  const source = await from.open(path, false);
  try {
    const target = await to.open(path, true);
    try {
      await copyRange(source, target, 0, size, true);
      await target.sync?.();
    } finally {
      await target.close();
    }
  } finally {
    await source.close();
  }
}

/** Brings a file to the other store in whatever way there is, and removes it here. */
export async function takeOver(from: FileStore, to: FileStore, path: readonly string[]): Promise<void> {
  if ((await to.adopt?.(from, path)) === true) return;
  try {
    await copyFile(from, to, path);
  } catch (error) {
    await to.remove(path).catch(() => {});
    throw error;
  }
  await from.remove(path);
}

/** What was written while files are being copied: it must be copied again. In the torrent's address space. */
export class DirtyRanges {
  #map = new ExtentMap();
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  add(start: number, end: number): void {
    for (const known of this.#map.within(start, end)) this.#bytes -= known.end - known.start;
    this.#map.remove(start, end);
    this.#map.add({ start, end, at: 0 });
    this.#bytes += end - start;
  }

  /** All of them, in order, and none afterwards. */
  take(): { readonly start: number; readonly end: number }[] {
    const taken = this.#map.within(0, Number.POSITIVE_INFINITY);
    this.#map = new ExtentMap();
    this.#bytes = 0;
    return taken;
  }
}
