/** What every `FileStore` must do. */

import { afterEach, describe, expect, it } from 'vitest';
import { DiskError } from '../ports.ts';
import type { FileStore, StoredFile } from '../storage/file-store.ts';
import { testBytes, testRandom } from './waiting.contract.ts';

export interface FileStoreFixture {
  readonly store: FileStore;
  /** Another store over the same folder, as after a restart; absent where nothing survives. */
  readonly reopen?: (() => Promise<FileStore>) | undefined;
  dispose(): Promise<void> | void;
}

export async function rejection(promise: Promise<unknown>): Promise<DiskError> {
  const reason: unknown = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(reason).toBeInstanceOf(DiskError);
  return reason as DiskError;
}

export function fileStoreContract(name: string, make: () => Promise<FileStoreFixture>): void {
  describe(`FileStore contract: ${name}`, () => {
    let fixture: FileStoreFixture | undefined;
    afterEach(async () => {
      await fixture?.dispose();
      fixture = undefined;
    });
    async function open(): Promise<FileStoreFixture> {
      fixture = await make();
      return fixture;
    }
    async function use<T>(
      store: FileStore,
      path: readonly string[],
      forWriting: boolean,
      action: (file: StoredFile) => Promise<T>,
    ): Promise<T> {
      const file = await store.open(path, forWriting);
      try {
        return await action(file);
      } finally {
        await file.close();
      }
    }
    async function content(store: FileStore, path: readonly string[], length: number): Promise<Uint8Array> {
      const into = new Uint8Array(length);
      const count = await use(store, path, false, (file) => file.read(0, into));
      return into.subarray(0, count);
    }

    it('creates a file in new folders, reads it back and tells its size', async () => {
      const { store } = await open();
      const path = ['folder', 'inner', 'file.bin'];
      const data = testBytes(100_000, 1);
      await use(store, path, true, async (file) => {
        await file.write(0, [data]);
        const into = new Uint8Array(1000);
        expect(await file.read(50_000, into)).toBe(1000);
        expect(into).toEqual(data.subarray(50_000, 51_000));
        await file.sync?.();
      });
      expect(await content(store, path, 200_000)).toEqual(data);
      const { size, modified } = await store.stat(path);
      expect(size).toBe(data.length);
      expect(modified).toBeGreaterThanOrEqual(0);
      expect(store.label(path)).toContain('file.bin');
    });

    it('renames a file, makes and removes folders for it, and replaces nothing', async () => {
      const { store } = await open();
      if (store.rename === undefined) return expect(store.label(['read-only'])).toContain('read-only');
      const data = testBytes(5000, 9);
      await use(store, ['old', 'deep', 'file'], true, (file) => file.write(0, [data]));
      await use(store, ['taken'], true, async () => {});
      await store.rename(['old', 'deep', 'file'], ['new', 'name']);
      expect(await content(store, ['new', 'name'], 9000)).toEqual(data);
      expect((await store.stat(['old', 'deep', 'file'])).size).toBe(-1);
      // The old folders have gone: a file may have their name.
      await use(store, ['old'], true, async () => {});
      expect((await rejection(store.rename(['new', 'name'], ['taken']))).code).toBe('EXISTS');
      expect((await rejection(store.rename(['taken'], ['new']))).code).toBe('EXISTS');
      expect((await rejection(store.rename(['missing'], ['there']))).code).toBe('NOT_FOUND');
      expect((await rejection(store.rename(['taken'], ['..', 'out']))).code).toBe('UNSAFE_PATH');
      expect((await rejection(store.rename(['..', 'out'], ['taken']))).code).toBe('UNSAFE_PATH');
      expect(await content(store, ['new', 'name'], 9000)).toEqual(data);
    });

    it('creates an empty file by opening it for writing, and keeps what a file has', async () => {
      const { store } = await open();
      await use(store, ['empty'], true, async () => {});
      expect((await store.stat(['empty'])).size).toBe(0);
      await use(store, ['full'], true, (file) => file.write(0, [Uint8Array.of(1, 2, 3)]));
      await use(store, ['full'], true, (file) => file.write(1, [Uint8Array.of(9)]));
      expect([...(await content(store, ['full'], 10))]).toEqual([1, 9, 3]);
    });

    it('knows missing files', async () => {
      const { store } = await open();
      expect((await rejection(store.open(['missing'], false))).code).toBe('NOT_FOUND');
      expect((await rejection(store.open(['no folder', 'missing'], false))).code).toBe('NOT_FOUND');
      expect(await store.stat(['missing'])).toEqual({ size: -1, modified: 0 });
      expect(await store.stat(['no folder', 'missing'])).toEqual({ size: -1, modified: 0 });
      await store.remove(['missing']);
      await store.remove(['no folder', 'missing']);
    });

    it('reads short at the end and nothing beyond, and zeros in a gap', async () => {
      const { store } = await open();
      await use(store, ['file'], true, async (file) => {
        await file.write(10, [Uint8Array.of(1, 2), new Uint8Array(0), Uint8Array.of(3)]);
        const into = new Uint8Array(20).fill(7);
        expect(await file.read(5, into)).toBe(8);
        expect([...into.subarray(0, 8)]).toEqual([0, 0, 0, 0, 0, 1, 2, 3]);
        expect(await file.read(13, into)).toBe(0);
        expect(await file.read(500, into)).toBe(0);
        expect(await file.read(0, new Uint8Array(0))).toBe(0);
      });
    });

    it('writes many views at once and in parallel', async () => {
      const { store } = await open();
      const random = testRandom(2);
      const data = testBytes(400_000, 3);
      await use(store, ['file'], true, async (file) => {
        const writes: Promise<void>[] = [];
        for (let at = 0; at < data.length; ) {
          const start = at;
          const parts: Uint8Array[] = [];
          // More views than a system call takes (IOV_MAX is 1024) in one of the writes.
          for (let i = at === 0 ? 3000 : 1 + random(5); i > 0 && at < data.length; i--) {
            const size = Math.min(data.length - at, start === 0 ? random(20) : random(20_000));
            parts.push(data.subarray(at, at + size));
            at += size;
          }
          writes.push(file.write(start, parts));
        }
        await Promise.all(writes);
        const reads = [0, 1, 2, 3].map(async (i) => {
          const into = new Uint8Array(100_000);
          expect(await file.read(i * 100_000, into)).toBe(into.length);
          expect(Buffer.compare(into, data.subarray(i * 100_000, (i + 1) * 100_000))).toBe(0);
        });
        await Promise.all(reads);
      });
    });

    it('shortens a file, and leaves one alone that is not longer', async () => {
      const { store } = await open();
      const data = testBytes(200_000, 4);
      await use(store, ['file'], true, async (file) => {
        await file.write(0, [data]);
        await file.truncate(150_000);
        const into = new Uint8Array(1000);
        expect(await file.read(149_500, into)).toBe(500);
        await file.truncate(180_000);
        expect(await file.read(150_000, into)).toBe(0);
      });
      expect(await content(store, ['file'], 200_000)).toEqual(data.subarray(0, 150_000));
      expect((await store.stat(['file'])).size).toBe(150_000);
      await use(store, ['file'], true, async (file) => {
        await file.truncate(100_000);
        // What was cut off does not come back.
        await file.write(100_010, [Uint8Array.of(7)]);
      });
      const grown = await content(store, ['file'], 200_000);
      expect([...grown.subarray(99_999)]).toEqual([data[99_999], 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7]);
      await use(store, ['file'], false, async (file) => rejection(file.truncate(0)));
      await use(store, ['file'], true, (file) => file.truncate(0));
      expect((await store.stat(['file'])).size).toBe(0);
    });

    it('works on several files at a time', async () => {
      const { store } = await open();
      const files = await Promise.all([0, 1, 2, 3].map((i) => store.open(['d', `f${i}`], true)));
      await Promise.all(files.map((file, i) => file.write(i, [new Uint8Array(100).fill(i + 1)])));
      await Promise.all(files.map((file) => file.close()));
      for (let i = 0; i < 4; i++) {
        const bytes = await content(store, ['d', `f${i}`], 200);
        expect(bytes.length).toBe(100 + i);
        expect(bytes.at(-1)).toBe(i + 1);
      }
    });

    it('removes a file and the folders it leaves empty, and nothing else', async () => {
      const { store } = await open();
      for (const path of [['a', 'b', 'one'], ['a', 'b', 'two'], ['a', 'three'], ['four']]) {
        await use(store, path, true, (file) => file.write(0, [Uint8Array.of(1)]));
      }
      await store.remove(['a', 'b', 'one']);
      expect((await store.stat(['a', 'b', 'one'])).size).toBe(-1);
      expect((await store.stat(['a', 'b', 'two'])).size).toBe(1);
      await store.remove(['a', 'b', 'two']);
      expect((await store.stat(['a', 'three'])).size).toBe(1);
      // The folder is gone, so its name is free for a file.
      await use(store, ['a', 'b'], true, (file) => file.write(0, [Uint8Array.of(2, 2)]));
      expect((await store.stat(['a', 'b'])).size).toBe(2);
      await store.remove(['four']);
      await store.remove(['a', 'three']);
      await store.remove(['a', 'b']);
      await use(store, ['again'], true, async () => {});
      expect((await store.stat(['again'])).size).toBe(0);
    });

    it('refuses unsafe paths', async () => {
      const { store } = await open();
      for (const path of [
        [],
        [''],
        ['..', 'x'],
        ['a', '..', '..', 'x'],
        ['.'],
        ['a/b'],
        ['a\\b'],
        ['a\0b'],
      ]) {
        expect((await rejection(store.open(path, true))).code).toBe('UNSAFE_PATH');
        expect((await rejection(store.open(path, false))).code).toBe('UNSAFE_PATH');
        expect((await rejection(store.remove(path))).code).toBe('UNSAFE_PATH');
        expect(typeof store.label(path)).toBe('string');
      }
    });

    it('says so when a folder is in the place of a file, or a file in the place of a folder', async () => {
      const { store } = await open();
      await use(store, ['folder', 'file'], true, async () => {});
      const folder = await rejection(store.open(['folder'], true));
      expect(folder.message).toContain('folder');
      const inner = await rejection(store.open(['folder', 'file', 'inner'], true));
      expect(inner.message).toContain('file');
      expect(await store.stat(['folder'])).toEqual({ size: -1, modified: 0 });
      expect(await store.stat(['folder', 'file', 'inner'])).toEqual({ size: -1, modified: 0 });
    });

    it('survives a restart', async () => {
      const { store, reopen } = await open();
      await use(store, ['d', 'file'], true, (file) => file.write(3, [Uint8Array.of(4)]));
      const again = reopen === undefined ? store : await reopen();
      expect([...(await content(again, ['d', 'file'], 10))]).toEqual([0, 0, 0, 4]);
    });
  });
}
