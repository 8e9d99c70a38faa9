/** Small named values in a `FileStore` that can only write in place. */

import { DiskError, type StateStore } from '../engine/ports.ts';
import type { FileStore } from '../engine/storage/file-store.ts';
import { readUint32, utf8Encode, writeUint32 } from '../protocol/index.ts';

/** "FrS1": a value has this, a sequence number, its length and a checksum before it, 32 bits each. */
const MAGIC = 0x46725331;
const HEADER = 16;
const SLOTS = [0, 1] as const;

interface Slot {
  readonly sequence: number;
  readonly value: Uint8Array;
}

/**
 * Every value has two files that are written in turn: a write that a crash tears is found by its checksum, and the
 * other file still has the value before. (OPFS' atomic writers are slower and not everywhere.)
 */
class TwoSlotState implements StateStore {
  readonly #store: FileStore;
  /** Operations on one key run one after the other: handles are exclusive. */
  readonly #last = new Map<string, Promise<unknown>>();

  constructor(store: FileStore) {
    this.#store = store;
  }

  load(key: string): Promise<Uint8Array | undefined> {
    return this.#inTurn(key, async () => newest(await this.#slots(key))?.value);
  }

  save(key: string, value: Uint8Array): Promise<void> {
    const copy = value.slice();
    return this.#inTurn(key, async () => {
      const slots = await this.#slots(key);
      const current = newest(slots);
      const target = current !== undefined && current === slots[0] ? 1 : 0;
      const header = new Uint8Array(HEADER);
      writeUint32(header, 0, MAGIC);
      writeUint32(header, 4, current === undefined ? 1 : (current.sequence + 1) >>> 0);
      writeUint32(header, 8, copy.length);
      writeUint32(header, 12, checksum(header, copy));
      const file = await this.#store.open([slotName(key, target)], true);
      try {
        await file.write(0, [header, copy]);
        await file.sync?.();
      } finally {
        await file.close();
      }
    });
  }

  remove(key: string): Promise<void> {
    return this.#inTurn(key, async () => {
      for (const slot of SLOTS) await this.#store.remove([slotName(key, slot)]);
    });
  }

  async #inTurn<T>(key: string, run: () => Promise<T>): Promise<T> {
    const turn = (this.#last.get(key) ?? Promise.resolve()).then(run, run);
    this.#last.set(key, turn);
    try {
      return await turn;
    } finally {
      if (this.#last.get(key) === turn) this.#last.delete(key);
    }
  }

  async #slots(key: string): Promise<readonly [Slot | undefined, Slot | undefined]> {
    return [await this.#read(slotName(key, 0)), await this.#read(slotName(key, 1))];
  }

  async #read(name: string): Promise<Slot | undefined> {
    const { size } = await this.#store.stat([name]);
    if (size < HEADER) return undefined;
    const bytes = new Uint8Array(size);
    try {
      const file = await this.#store.open([name], false);
      try {
        if ((await file.read(0, bytes)) < size) return undefined;
      } finally {
        await file.close();
      }
    } catch (error) {
      if (error instanceof DiskError && error.code === 'NOT_FOUND') return undefined;
      throw error;
    }
    const length = readUint32(bytes, 8);
    if (readUint32(bytes, 0) !== MAGIC || HEADER + length > size) return undefined;
    // A longer value was here before: what is left of it does not count.
    const value = bytes.slice(HEADER, HEADER + length);
    if (checksum(bytes, value) !== readUint32(bytes, 12)) return undefined;
    return { sequence: readUint32(bytes, 4), value };
  }
}

function newest(slots: readonly [Slot | undefined, Slot | undefined]): Slot | undefined {
  const [a, b] = slots;
  if (a === undefined || b === undefined) return a ?? b;
  // Sequence numbers wrap: the newer one is less than half the circle ahead.
  return (a.sequence - b.sequence) >> 0 > 0 ? a : b;
}

/** FNV-1a over the header up to the checksum, and the value. */
function checksum(header: Uint8Array, value: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < 12; i++) hash = Math.imul(hash ^ header[i]!, 0x01000193);
  for (let i = 0; i < value.length; i++) hash = Math.imul(hash ^ value[i]!, 0x01000193);
  return hash >>> 0;
}

/** A file name that is its own for every key, also where upper and lower case are the same. */
export function slotName(key: string, slot: 0 | 1): string {
  let name = '';
  for (const byte of utf8Encode(key)) {
    const plain = (byte >= 97 && byte <= 122) || (byte >= 48 && byte <= 57) || byte === 45 || byte === 95;
    name += plain ? String.fromCharCode(byte) : `%${byte.toString(16).padStart(2, '0')}`;
  }
  return `${name}.${slot}`;
}

/** Values of a few megabytes at most, each in two files of `store`. */
export function createTwoSlotState(store: FileStore): StateStore {
  return new TwoSlotState(store);
}
