import { describe, expect, it } from 'vitest';
import { settled } from '../../../testing/store-fixture.ts';
import { FaultPlan, MemoryDisk, MemoryFileStore } from '../../memory/index.ts';
import { DiskError } from '../ports.ts';
import { openMappedDisk } from '../storage/mapped-disk.ts';
import { CachedReader, ReadCache } from './read-cache.ts';

describe('CachedReader', () => {
  it('reads a piece behind one that is not there yet', async () => {
    const pieceLength = 16_384;
    const files = ['a', 'b'].map((name, index) => ({
      path: [name],
      length: 2 * pieceLength,
      offset: index * 2 * pieceLength,
      padding: false,
    }));
    const disk = openMappedDisk({
      info: { length: 4 * pieceLength, files },
      infoHash: new Uint8Array(20),
      store: new MemoryFileStore(),
    });
    // The last piece of the second file; of the first file there is nothing.
    const piece = Uint8Array.from({ length: pieceLength }, (_, index) => (index % 255) + 1);
    await disk.write(3 * pieceLength, [piece]);
    const reader = new CachedReader(disk, new ReadCache(1 << 20), pieceLength);
    const read = (): Uint8Array[] | Error | undefined => reader.read(3 * pieceLength, pieceLength, wake);
    let wake = (): void => undefined;
    const woken = new Promise<void>((resolve) => {
      wake = resolve;
    });
    expect(read()).toBeUndefined();
    await woken;
    expect(read()).toEqual([piece]);
    await disk.close();
  });

  const KiB = 1024;
  const filled = async (length: number, faults = new FaultPlan()): Promise<MemoryDisk> => {
    const disk = new MemoryDisk({ length, faults });
    await disk.write(0, [Uint8Array.from({ length }, (_, index) => index >> 10)]);
    return disk;
  };

  const settledRead = async (
    reader: CachedReader,
    at: number,
    length: number,
  ): Promise<Uint8Array[] | Error | undefined> => {
    reader.read(at, length, () => undefined);
    await settled();
    return reader.read(at, length, () => undefined);
  };

  it('reads into memory that the disk lends', async () => {
    const disk = await filled(256 * KiB);
    const memory = new Uint8Array(256 * KiB);
    const lending = Object.assign(disk, {
      lend: (offset: number, length: number) => memory.subarray(offset, offset + length),
    });
    const reader = new CachedReader(lending, new ReadCache(0), 64 * KiB);
    const read = (await settledRead(reader, 100 * KiB, 10 * KiB)) as Uint8Array[];
    expect(
      read.map(({ buffer, byteOffset, length }) => [buffer === memory.buffer, byteOffset, length]),
    ).toEqual([[true, 100 * KiB, 10 * KiB]]);
    expect(read[0]![0]).toBe(100);
  });

  it('reads a region once for all who want it, and wakes each once', async () => {
    const faults = new FaultPlan();
    const reader = new CachedReader(await filled(1024 * KiB, faults), new ReadCache(0), 512 * KiB);
    const woken: string[] = [];
    const a = (): void => void woken.push('a');
    const b = (): void => void woken.push('b');
    expect(reader.read(250 * KiB, 10 * KiB, a)).toBeUndefined();
    expect(reader.read(250 * KiB, 10 * KiB, a)).toBeUndefined();
    expect(reader.read(0, 10, b)).toBeUndefined();
    await settled();
    expect(faults.count('read')).toBe(2);
    expect(woken).toEqual(['a', 'b']);
    const views = reader.read(250 * KiB, 10 * KiB, a) as Uint8Array[];
    expect(views.map((view) => view.length)).toEqual([10 * KiB]);
    expect([views[0]![0], views[0]![6 * KiB]]).toEqual([250, 0]);
  });

  it('joins what spans two reads', async () => {
    const reader = new CachedReader(await filled(512 * KiB), new ReadCache(0), 64 * KiB);
    await settledRead(reader, 0, 64 * KiB);
    const views = (await settledRead(reader, 60 * KiB, 10 * KiB)) as Uint8Array[];
    expect(views.map((view) => [view.length, view[0]])).toEqual([
      [4 * KiB, 60],
      [6 * KiB, 64],
    ]);
  });

  it('keeps within its budget over several torrents, least recently used out first', async () => {
    const cache = new ReadCache(0);
    const one = new CachedReader(await filled(2048 * KiB), cache, 256 * KiB);
    const two = new CachedReader(await filled(2048 * KiB), cache, 256 * KiB);
    const wake = (): void => undefined;
    one.prefetch(0, 2048 * KiB);
    await settled();
    expect(cache.used).toBe(2048 * KiB);
    expect(one.read(0, 1, wake)).toHaveLength(1);
    two.prefetch(0, 256 * KiB);
    await settled();
    expect(cache.used).toBe(2048 * KiB);
    expect(one.read(0, 1, wake)).toHaveLength(1);
    expect(one.read(256 * KiB, 1, wake)).toBeUndefined();
    await settled();
    one.close();
    two.close();
    expect(cache.used).toBe(0);
  });

  it('reads together what is asked for together, and nothing that is not', async () => {
    const faults = new FaultPlan();
    const cache = new ReadCache(4096 * KiB);
    const reader = new CachedReader(await filled(2048 * KiB, faults), cache, 32 * KiB);
    for (let piece = 3; piece < 19; piece++) reader.prefetch(piece * 32 * KiB, 32 * KiB);
    for (const piece of [40, 22, 60]) reader.prefetch(piece * 32 * KiB, 16 * KiB);
    await settled();
    // Sixteen pieces in two reads of 256 KiB, then three by themselves.
    expect(faults.count('read')).toBe(5);
    expect(cache.used).toBe(19 * 32 * KiB);
    expect(reader.read(19 * 32 * KiB, 1, () => undefined)).toBeUndefined();
  });

  it('reads ever more of a large piece for who asks for one block after the other, and not beyond its end', async () => {
    const faults = new FaultPlan();
    const cache = new ReadCache(4096 * KiB);
    const reader = new CachedReader(await filled(2048 * KiB, faults), cache, 1024 * KiB);
    for (let at = 0; at < 1024; at += 16) {
      const views = await settledRead(reader, at * KiB, 16 * KiB);
      expect((views as Uint8Array[])[0]![0]).toBe(at & 255);
    }
    // 64 and 128 KiB, then 256 KiB three times, then the rest.
    expect(faults.count('read')).toBe(6);
    expect(cache.used).toBe(1024 * KiB);
  });

  it.each(['being read', 'read'])(
    'drops the whole run of which a part is written when it is %s',
    async (when) => {
      const disk = await filled(512 * KiB);
      const cache = new ReadCache(0);
      const reader = new CachedReader(disk, cache, 32 * KiB);
      const seen: (number | undefined)[] = [];
      const look = (): void => {
        const views = reader.read(64 * KiB, 1, look);
        if (Array.isArray(views)) seen.push(views[0]![0]);
      };
      reader.prefetch(0, 128 * KiB);
      if (when === 'read') await settled();
      look();
      const written = disk.write(64 * KiB, [Uint8Array.of(99)]);
      reader.invalidate(64 * KiB, 32 * KiB);
      // What comes next must not join it any more.
      reader.prefetch(128 * KiB, 1);
      await written;
      await settled();
      expect(cache.used).toBe((when === 'read' ? 1 : 2) * 32 * KiB);
      look();
      await settled();
      expect(seen).toEqual(when === 'read' ? [64, 99] : [99, 99]);
      reader.close();
      expect(cache.used).toBe(0);
    },
  );

  it('gives nobody what was read before it was written', async () => {
    const disk = await filled(256 * KiB);
    const reader = new CachedReader(disk, new ReadCache(0), 64 * KiB);
    const seen: (number | undefined)[] = [];
    const look = (): void => {
      const views = reader.read(0, 1, look);
      if (Array.isArray(views)) seen.push(views[0]![0]);
    };
    look();
    // The read has begun; the write comes in between.
    await disk.write(0, [Uint8Array.of(99)]);
    reader.invalidate(0, 1);
    await settled();
    expect(seen).toEqual([99]);
    await disk.write(0, [Uint8Array.of(98)]);
    reader.invalidate(0, 1);
    look();
    await settled();
    expect(seen).toEqual([99, 98]);
  });

  it('tells a fault to those who waited, and tries again for the next', async () => {
    const faults = new FaultPlan();
    const reader = new CachedReader(await filled(256 * KiB, faults), new ReadCache(0), 64 * KiB);
    faults.fail('read', 0, new Error('scratched'));
    const seen: unknown[] = [];
    const look = (): void => void seen.push(reader.read(0, 1, look));
    look();
    await settled();
    expect(seen[1]).toEqual(new Error('scratched'));
    look();
    await settled();
    expect(seen[3]).toEqual([Uint8Array.of(0)]);
    expect(faults.fired).toBe(1);
  });

  it('takes what is missing of a verified piece for changed, not for zeros', async () => {
    const disk = new MemoryDisk({ length: 64 * KiB });
    await disk.write(0, [new Uint8Array(25 * KiB).fill(1)]);
    const reader = new CachedReader(disk, new ReadCache(0), 16 * KiB);
    const wake = (): void => undefined;
    reader.prefetch(0, 1);
    await settled();
    expect(reader.read(0, 16 * KiB, wake)).toHaveLength(1);
    expect(reader.read(16 * KiB, 16 * KiB, wake)).toBeUndefined();
    await settled();
    const lost = reader.read(16 * KiB, 16 * KiB, wake);
    expect(lost).toBeInstanceOf(DiskError);
    expect((lost as DiskError).code).toBe('CHANGED');
  });
});
