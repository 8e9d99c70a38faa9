import { describe, expect, it } from 'vitest';
import { FaultPlan, MemoryFileStore, SeededRandom } from '../../memory/index.ts';
import type { FileStore, StoredFile } from './file-store.ts';
import { HandlePool } from './handle-pool.ts';

/** The memory store refuses a second handle of a file; here its calls also take a random number of turns. */
function slow(store: MemoryFileStore, random: SeededRandom): FileStore {
  const wait = async (): Promise<void> => {
    for (let turns = random.below(12); turns > 0; turns--) await undefined;
  };
  return {
    label: (path) => store.label(path),
    stat: (path) => store.stat(path),
    remove: (path) => store.remove(path),
    open: async (path, forWriting): Promise<StoredFile> => {
      await wait();
      const file = await store.open(path, forWriting);
      return {
        read: async (offset, into) => {
          await wait();
          return file.read(offset, into);
        },
        write: async (offset, parts) => {
          await wait();
          return file.write(offset, parts);
        },
        truncate: (length) => file.truncate(length),
        close: async () => {
          await wait();
          return file.close();
        },
      };
    },
  };
}

describe('HandlePool', () => {
  it('serves any mixture of readers and writers with few handles, one for each file', async () => {
    for (let seed = 0; seed < 30; seed++) {
      const random = new SeededRandom(seed);
      const store = new MemoryFileStore();
      const max = 1 + random.below(4);
      const pool = new HandlePool(slow(store, random), (index) => [`f${index}`], max);
      for (let index = 0; index < 8; index++) {
        await pool.write(index, (file) => file.write(0, [new Uint8Array(100).fill(index)]));
      }
      const work = Array.from({ length: 200 }, async () => {
        for (let turns = random.below(60); turns > 0; turns--) await undefined;
        const index = random.below(8);
        if (random.below(3) === 0) {
          await pool.write(index, (file) => file.write(random.below(100), [Uint8Array.of(index)]));
          return;
        }
        const into = new Uint8Array(100);
        expect(await pool.read(index, (file) => file.read(0, into))).toBe(100);
        expect(into.every((byte) => byte === index)).toBe(true);
      });
      await Promise.all(work);
      expect(store.handles.most).toBeLessThanOrEqual(max);
      await pool.sync();
      await pool.close();
      expect(store.handles.open).toBe(0);
    }
  });

  it('tells each of its users that a file does not open, and tries again the next time', async () => {
    const store = new MemoryFileStore();
    const pool = new HandlePool(store, () => ['missing'], 1);
    const results = await Promise.allSettled([1, 2, 3].map(() => pool.read(0, async () => {})));
    expect(results.map((result) => result.status)).toEqual(['rejected', 'rejected', 'rejected']);
    await pool.write(0, (file) => file.write(0, [Uint8Array.of(1)]));
    expect(await pool.read(0, (file) => file.read(0, new Uint8Array(5)))).toBe(1);
    await pool.close();
  });

  it('tells of a close that failed to who asks for durability', async () => {
    const store = new MemoryFileStore();
    const broken: FileStore = {
      label: (path) => store.label(path),
      stat: (path) => store.stat(path),
      remove: (path) => store.remove(path),
      open: async (path, forWriting) => {
        const file = await store.open(path, forWriting);
        return {
          ...file,
          close: async () => {
            await file.close();
            if (path[0] === 'f0') throw new Error('EIO at close');
          },
        };
      },
    };
    const pool = new HandlePool(broken, (index) => [`f${index}`], 1);
    await pool.write(0, (file) => file.write(0, [Uint8Array.of(1)]));
    await pool.write(1, (file) => file.write(0, [Uint8Array.of(1)]));
    await expect(pool.sync()).rejects.toThrow('EIO at close');
    // It is told once.
    await expect(pool.close()).resolves.toBeUndefined();
  });

  it('waits for users before it lets a file go', async () => {
    const faults = new FaultPlan();
    const store = new MemoryFileStore({ faults });
    const pool = new HandlePool(store, () => ['file'], 4);
    await pool.write(0, (file) => file.write(0, [new Uint8Array(10)]));
    const release = faults.hold('read', 0);
    const order: string[] = [];
    const read = pool.read(0, (file) => file.read(0, new Uint8Array(10))).then(() => order.push('read'));
    const released = pool.release(0).then(() => order.push('released'));
    for (let i = 0; i < 50; i++) await undefined;
    expect(order).toEqual([]);
    release();
    await Promise.all([read, released]);
    expect(order).toEqual(['read', 'released']);
    await store.remove(['file']);
    expect(faults.fired).toBe(1);
  });
});
