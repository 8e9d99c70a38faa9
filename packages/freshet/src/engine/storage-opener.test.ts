import { describe, expect, it } from 'vitest';
import { sampleTorrent } from '../../testing/memory-swarm.ts';
import { MemoryDisk, MemoryHasher } from '../memory/index.ts';
import type { Disk } from './ports.ts';
import { CheckQueue } from './storage/check-queue.ts';
import { DiskPipeline } from './storage/disk-pipeline.ts';
import { StorageOpener } from './storage-opener.ts';

describe('StorageOpener', () => {
  it('has one disk open at a time, and hands over the last one only, whenever it is called again', async () => {
    const { info } = await sampleTorrent(1000, 100);
    for (let turns = 0; turns < 40; turns++) {
      let open = 0;
      let most = 0;
      const given: number[] = [];
      let held: Disk | undefined;
      const opener = new StorageOpener({
        pipeline: new DiskPipeline(),
        checks: new CheckQueue(),
        hasher: new MemoryHasher(),
        openDisk: async () => {
          most = Math.max(most, ++open);
          const disk = new MemoryDisk({ length: 1000 });
          const close = disk.close.bind(disk);
          disk.close = async () => {
            open--;
            await close();
          };
          return disk;
        },
        onChecking: () => {},
      });
      const start = (n: number): Promise<void> =>
        opener.open({
          info,
          trusted: n === 1,
          resume: async () => {
            await held?.close();
            held = undefined;
            return undefined;
          },
          onOpened: (disk) => {
            given.push(n);
            held = disk;
          },
        });
      const first = start(0);
      for (let turn = 0; turn < turns; turn++) await undefined;
      const second = start(1);
      await Promise.all([first, second]);
      expect([given.at(-1), most, open]).toEqual([1, 1, 1]);
      const third = start(2);
      for (let turn = 0; turn < turns; turn++) await undefined;
      const before = given.length;
      await opener.cancel();
      await third;
      expect(given.length).toBe(before);
      await held?.close();
      expect(open).toBe(0);
    }
  });

  it('closes what it opened when that cannot be read, says why, and can go on', async () => {
    const { info } = await sampleTorrent(1000, 100);
    let closed = 0;
    let broken = true;
    const opener = new StorageOpener({
      pipeline: new DiskPipeline(),
      checks: new CheckQueue(),
      hasher: new MemoryHasher(),
      openDisk: async () => {
        const disk = new MemoryDisk({ length: 1000 });
        disk.fingerprints = () =>
          broken ? Promise.reject(new Error('no answer')) : Promise.resolve([{ size: -1, modified: 0 }]);
        disk.close = async () => void closed++;
        return disk;
      },
      onChecking: () => {},
    });
    let opened = 0;
    const options = { info, trusted: false, resume: async () => undefined, onOpened: () => void opened++ };
    await expect(opener.open(options)).rejects.toThrow('no answer');
    expect([opened, closed]).toEqual([0, 1]);
    broken = false;
    await opener.open(options);
    expect([opened, closed]).toEqual([1, 1]);
  });
});
