import { beforeAll, describe, expect, it } from 'vitest';
import { MemorySwarm, type SampleTorrent, sampleTorrent } from '../../testing/memory-swarm.ts';
import { reopening } from '../../testing/reopening-disk.ts';
import { closed } from '../../testing/swarm-checks.ts';
import { FaultPlan, MemoryDisk, MemoryState } from '../memory/index.ts';
import { type Disk, DiskError } from './ports.ts';
import { ReaderError } from './streaming/reader.ts';

const KiB = 1024;
const MiB = 1024 * KiB;

let small: SampleTorrent;
let large: SampleTorrent;
beforeAll(async () => {
  small = await sampleTorrent(1 * MiB + 5000, 64 * KiB);
  large = await sampleTorrent(4 * MiB + 123, 128 * KiB);
});

describe('a disk that fails', () => {
  it('stops a torrent whose disk is full, loses nothing, and goes on when there is room', async () => {
    const swarm = new MemorySwarm(large);
    const seed = await swarm.add({ seed: true });
    const space = { free: 1 * MiB };
    const disk = new MemoryDisk({ length: large.content.length, space });
    const storage = reopening(disk);
    const leech = await swarm.add({ disk, spec: { openDisk: storage.open, state: new MemoryState() } });
    const reader = leech.torrent.createReader({ start: 3 * MiB, end: 4 * MiB });
    let rejected: unknown;
    const readOn = async (): Promise<void> => {
      while ((await reader.read(1000)) !== undefined);
    };
    readOn().catch((error: unknown) => {
      rejected = error;
    });
    leech.torrent.selectPieces(0, 7, 7);
    swarm.introduce(leech, seed);
    await swarm.until(() => leech.torrent.state === 'failed', 10_000);
    expect(leech.log.errors).toHaveLength(1);
    expect(leech.log.errors[0]).toBeInstanceOf(DiskError);
    expect((leech.log.errors[0] as DiskError).code).toBe('FULL');
    expect(rejected).toBeInstanceOf(ReaderError);
    expect(leech.torrent.stats().connectedPeers).toBe(0);
    const { verifiedBytes } = leech.torrent.stats();
    expect(verifiedBytes).toBeLessThanOrEqual(1 * MiB);
    expect(() => leech.torrent.createReader({ start: 0, end: 1 })).toThrow(ReaderError);
    await swarm.clock.advanceAsync(20_000);
    expect(leech.torrent.state).toBe('failed');

    space.free = 100 * MiB;
    leech.torrent.resume();
    await swarm.until(() => leech.torrent.state === 'active', 1000);
    expect(leech.torrent.stats().verifiedBytes).toBeGreaterThanOrEqual(verifiedBytes);
    await swarm.until(() => leech.torrent.done, 10_000);
    expect(await swarm.hasContent(leech)).toBe(true);
    expect(storage.opens).toBe(2);
    await closed(swarm);
    expect(storage.isOpen).toBe(0);
  });

  it('downloads a piece again that cannot be read, and takes back that it has it', async () => {
    const swarm = new MemorySwarm(small);
    const faults = new FaultPlan();
    const disk = new MemoryDisk({ length: small.content.length, faults });
    const broken = await swarm.add({ seed: true, disk, engine: { uploadLimit: 1 * MiB } });
    const whole = await swarm.add({ seed: true, engine: { uploadLimit: 100 * KiB } });
    const leech = await swarm.add();
    swarm.introduce(broken, leech);
    swarm.introduce(whole, leech);
    await swarm.until(() => leech.torrent.stats().connectedPeers === 2, 5000);
    // A fault of a read ahead is nobody's yet: several in a row meet somebody who waits.
    const fault = new DiskError('IO', 'sample', 'sample cannot be read: bad sector.');
    for (let nth = 0; nth < 4; nth++) faults.fail('read', nth, fault);
    await swarm.until(() => leech.torrent.done && broken.torrent.done, 30_000);
    expect(faults.fired).toBe(4);
    expect(broken.log.warnings.length).toBeGreaterThan(0);
    for (const { message } of broken.log.warnings) {
      expect(message).toMatch(/^Piece \d+ cannot be read and is downloaded again: sample cannot be read/);
    }
    expect(broken.torrent.stats().received.memory).toBeGreaterThan(0);
    expect(await swarm.hasContent(leech)).toBe(true);
    await closed(swarm);
  });

  it('stops when a piece cannot be read again and again, and does not download it for ever', async () => {
    const swarm = new MemorySwarm(small);
    const faults = new FaultPlan();
    const disk = new MemoryDisk({ length: small.content.length, faults });
    const broken = await swarm.add({ disk });
    const seed = await swarm.add({ seed: true });
    swarm.introduce(broken, seed);
    await swarm.until(() => broken.torrent.done, 10_000);
    const fault = new DiskError('IO', 'sample', 'sample cannot be read: bad sector.');
    for (let nth = 0; nth < 200; nth++) faults.fail('read', nth, fault);
    const player = async (): Promise<void> => {
      while (broken.torrent.state === 'active') {
        const reader = broken.torrent.createReader({ start: 0, end: 1000 });
        await reader.read(1000).catch(() => {});
        reader.close();
        await new Promise<void>((resolve) => void swarm.clock.setTimer(1000, resolve));
      }
    };
    void player();
    await swarm.until(() => broken.torrent.state === 'failed', 60_000);
    expect(broken.log.errors).toEqual([fault]);
    expect(broken.log.warnings.map((warning) => warning.message)).toEqual(
      new Array(3).fill(`Piece 0 cannot be read and is downloaded again: ${fault.message}`),
    );
    expect(faults.fired).toBeGreaterThanOrEqual(4);
    await swarm.clock.advanceAsync(1000);
    await closed(swarm);
  });

  it('fails a seed whose file is not there any more', async () => {
    const swarm = new MemorySwarm(small);
    const seed = await swarm.add({
      disk: new MemoryDisk({ length: small.content.length }),
      spec: { skipCheck: true },
    });
    const leech = await swarm.add();
    swarm.introduce(leech, seed);
    await swarm.until(() => seed.torrent.state === 'failed', 5000);
    expect((seed.log.errors[0] as DiskError).code).toBe('CHANGED');
    expect(leech.torrent.stats().verifiedBytes).toBe(0);
    expect(leech.torrent.stats().hashFailures).toBe(0);
    await closed(swarm);
  });

  it('tells what is wrong when the storage cannot be opened, and tries again', async () => {
    const swarm = new MemorySwarm(small);
    let broken = true;
    const disk = new MemoryDisk({ length: small.content.length });
    const openDisk = (): Promise<Disk> =>
      broken
        ? Promise.reject(new DiskError('READ_ONLY', '/x', 'The folder /x is read-only.'))
        : Promise.resolve(disk);
    const leech = await swarm.add({ disk, spec: { openDisk } });
    expect(leech.torrent.state).toBe('failed');
    leech.torrent.pause();
    leech.torrent.resume();
    await swarm.clock.advanceAsync(10);
    expect(leech.log.errors.map((error) => error.message)).toEqual(
      new Array(2).fill('The folder /x is read-only.'),
    );
    broken = false;
    leech.torrent.resume();
    await swarm.clock.advanceAsync(10);
    expect(leech.torrent.state).toBe('active');
    await closed(swarm);
  });

  it('keeps memory bounded while the disk is slower than the network', async () => {
    const swarm = new MemorySwarm(large);
    const seed = await swarm.add({ seed: true });
    const disk = new MemoryDisk({ length: large.content.length });
    let waiting = 0;
    let most = 0;
    const slow = new Proxy(disk as Disk, {
      get(target, property): unknown {
        if (property === 'write') {
          return async (offset: number, parts: readonly Uint8Array[]): Promise<void> => {
            most = Math.max(most, ++waiting);
            await new Promise<void>((resolve) => void swarm.clock.setTimer(100, resolve));
            waiting--;
            await target.write(offset, parts);
          };
        }
        const value: unknown = Reflect.get(target, property, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
    const leech = await swarm.add({
      disk,
      engine: { bufferBudget: 512 * KiB },
      spec: { openDisk: () => Promise.resolve(slow) },
    });
    swarm.introduce(leech, seed);
    const took = await swarm.until(() => leech.torrent.done, 20_000);
    expect(most).toBeLessThanOrEqual(5);
    // 33 pieces, four at a time, 100 ms each: as fast as the disk, no second-long naps in between.
    expect(took).toBeLessThan(3500);
    expect(await swarm.hasContent(leech)).toBe(true);
    await closed(swarm);
  });
});
