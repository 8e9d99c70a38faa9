import { describe, expect, it } from 'vitest';
import { stateStoreContract } from '../engine/contracts/state-store.contract.ts';
import { DiskError, type FileFingerprint } from '../engine/ports.ts';
import type { FileStore, StoredFile } from '../engine/storage/file-store.ts';
import { createTwoSlotState, slotName } from './opfs-state.ts';

/** Files that can be looked at and damaged, with exclusive handles as OPFS has them. */
class Medium implements FileStore {
  readonly files = new Map<string, Uint8Array>();
  readonly #open = new Set<string>();
  /** Bytes that are still written before the power fails. */
  budget = Number.POSITIVE_INFINITY;

  async open([name = '']: readonly string[], forWriting: boolean): Promise<StoredFile> {
    if (this.#open.has(name)) throw new DiskError('READ_ONLY', name, 'open already');
    if (!this.files.has(name)) {
      if (!forWriting) throw new DiskError('NOT_FOUND', name, 'not there');
      this.files.set(name, new Uint8Array(0));
    }
    this.#open.add(name);
    return {
      read: async (offset, into) => {
        const piece = this.files.get(name)!.subarray(offset, offset + into.length);
        into.set(piece);
        return piece.length;
      },
      write: async (offset, parts) => {
        for (const part of parts) {
          const piece = part.subarray(0, this.budget);
          this.budget -= piece.length;
          const old = this.files.get(name)!;
          const grown = new Uint8Array(Math.max(old.length, offset + piece.length));
          grown.set(old);
          grown.set(piece, offset);
          this.files.set(name, grown);
          offset += piece.length;
          if (piece.length < part.length) throw new DiskError('IO', name, 'power failure');
        }
      },
      truncate: async (length) => {
        this.files.set(name, this.files.get(name)!.slice(0, length));
      },
      close: async () => {
        this.#open.delete(name);
      },
    };
  }

  async stat([name = '']: readonly string[]): Promise<FileFingerprint> {
    return { size: this.files.get(name)?.length ?? -1, modified: 0 };
  }

  async remove([name = '']: readonly string[]): Promise<void> {
    this.files.delete(name);
  }

  label(path: readonly string[]): string {
    return path.join('/');
  }
}

stateStoreContract('two slots in memory', async () => {
  const medium = new Medium();
  return {
    store: createTwoSlotState(medium),
    reopen: async () => createTwoSlotState(medium),
    dispose: () => expect([...medium.files.keys()].every((name) => /\.[01]$/.test(name))).toBe(true),
  };
});

describe('two-slot state', () => {
  it('has the old or the new value after a crash at any byte of a save', async () => {
    const [first, second, third] = [1, 2, 3].map((fill, i) => new Uint8Array(40 - 15 * i).fill(fill));
    let crashes = 0;
    for (let budget = 0; budget <= 16 + third!.length; budget++) {
      const medium = new Medium();
      const store = createTwoSlotState(medium);
      await store.save('key', first!);
      await store.save('key', second!);
      medium.budget = budget;
      const crashed = await store.save('key', third!).then(
        () => false,
        () => true,
      );
      if (crashed) crashes++;
      medium.budget = Number.POSITIVE_INFINITY;
      const again = createTwoSlotState(medium);
      expect(await again.load('key')).toEqual(crashed ? second : third);
      await again.save('key', first!);
      expect(await again.load('key')).toEqual(first);
    }
    expect(crashes).toBe(16 + third!.length);
  });

  it('finds a value whose other file is rubbish', async () => {
    const medium = new Medium();
    const store = createTwoSlotState(medium);
    await store.save('key', Uint8Array.of(1));
    for (const rubbish of [new Uint8Array(0), new Uint8Array(100).fill(0xff), new Uint8Array(16)]) {
      medium.files.set(slotName('key', 1), rubbish);
      expect(await store.load('key')).toEqual(Uint8Array.of(1));
    }
  });

  it('gives every key names of its own that differ in more than case', () => {
    const keys = ['a', 'A', 'a.0', 'a/b', 'a%2fb', 'ü', '..', ''];
    const names = keys.flatMap((key) => [slotName(key, 0), slotName(key, 1)]);
    expect(new Set(names.map((name) => name.toLowerCase())).size).toBe(names.length);
    for (const name of names) expect(name).toMatch(/^[a-z0-9%_-]*\.[01]$/);
  });
});
