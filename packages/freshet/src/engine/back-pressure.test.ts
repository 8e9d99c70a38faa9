import { describe, expect, it } from 'vitest';
import { type Entry, ManyWorld } from '../../testing/many-torrents.ts';
import { sampleTorrent } from '../../testing/memory-swarm.ts';
import { MemoryDisk } from '../memory/index.ts';
import type { Disk, Link } from './ports.ts';

const KiB = 1024;
const BUDGET = 1024 * KiB;

/** A disk in virtual time that takes so many milliseconds for a write, or stands still until it is told to go on. */
function slowDisk(world: ManyWorld, length: number, milliseconds: number) {
  const disk = new MemoryDisk({ length });
  const write = disk.write.bind(disk);
  const waiting: (() => void)[] = [];
  const state = { stuck: false };
  disk.write = (offset, parts) =>
    new Promise((resolve, reject) => {
      const go = (): void => void write(offset, parts).then(resolve, reject);
      if (state.stuck) waiting.push(go);
      else world.clock.setTimer(milliseconds, go);
    });
  const goOn = (): void => {
    state.stuck = false;
    for (const go of waiting.splice(0)) go();
  };
  return { disk: disk as Disk, state, goOn };
}

/** Counts how often incoming data is held back. */
function countPauses(link: Link, count: { pauses: number; resumes: number }): Link {
  const pause = link.pauseReading.bind(link);
  const resume = link.resumeReading.bind(link);
  link.pauseReading = () => {
    count.pauses++;
    pause();
  };
  link.resumeReading = () => {
    count.resumes++;
    resume();
  };
  return link;
}

async function setUp(disks: readonly number[], length = 4096 * KiB) {
  const world = new ManyWorld();
  const seed = await world.client();
  const count = { pauses: 0, resumes: 0 };
  const dialer = world.network.dialer('10.0.0.2');
  const client = await world.client({
    engine: { bufferBudget: BUDGET },
    ports: {
      dialer: {
        dial: (address, handler) =>
          dialer.dial(address, {
            onLink: (link) => handler.onLink(countPauses(link, count)),
            onError: (error) => handler.onError(error),
          }),
      },
    },
  });
  const entries: (Entry & ReturnType<typeof slowDisk>)[] = [];
  for (const [i, milliseconds] of disks.entries()) {
    const sample = await sampleTorrent(length, 64 * KiB, { seed: i + 1 });
    await seed.add(sample, { seed: true });
    const slow = slowDisk(world, length, milliseconds);
    const entry = await client.add(sample, { disk: slow.disk });
    entries.push({ ...entry, ...slow });
    world.introduce(entry, seed);
  }
  let most = 0;
  const until = (done: () => boolean, limit: number): Promise<number> =>
    world.until(() => {
      most = Math.max(most, client.engine.usage.pieceMemory);
      return done();
    }, limit);
  return { world, client, entries, count, until, most: () => most };
}

describe('memory while disks are slow', () => {
  it('stays within the budget; links are not read meanwhile, and all goes on', async () => {
    const { world, entries, count, until, most } = await setUp([400, 400, 400]);
    await until(() => entries.every(({ torrent }) => torrent.done), 60_000);
    // One piece at a time is always possible for who has nothing else.
    expect(most()).toBeLessThanOrEqual(BUDGET + 2 * 64 * KiB);
    expect(most()).toBeGreaterThanOrEqual((BUDGET * 7) / 8);
    expect(count.pauses).toBeGreaterThan(0);
    expect(count.resumes).toBe(count.pauses);
    await world.close();
    expect(world.clock.pending).toBe(0);
  });

  it('of one torrent does not stop those whose disks work', async () => {
    const { world, entries, until, most } = await setUp([400, 1]);
    entries[0]!.state.stuck = true;
    await until(() => entries[1]!.torrent.done, 60_000);
    expect(entries[0]!.torrent.done).toBe(false);
    expect(most()).toBeLessThanOrEqual(BUDGET + 128 * KiB);
    await world.advance(60_000);
    entries[0]!.goOn();
    await until(() => entries[0]!.torrent.done, 60_000);
    await world.close();
    expect(world.clock.pending).toBe(0);
  });

  it('does not keep readers from what they need', async () => {
    const { world, entries, until, most } = await setUp([300]);
    const { torrent, sample } = entries[0]!;
    await until(() => torrent.state === 'active', 1000);
    await world.advance(500);
    const start = 3000 * KiB;
    const reader = torrent.createReader({ start, end: start + 600 * KiB });
    const parts: Uint8Array[] = [];
    let failed: unknown;
    void (async () => {
      for (let part = await reader.read(65_536); part !== undefined; part = await reader.read(65_536))
        parts.push(part);
    })().catch((error: unknown) => {
      failed = error;
    });
    const read = (): number => parts.reduce((sum, part) => sum + part.length, 0);
    await until(() => failed !== undefined || read() === 600 * KiB, 20_000);
    expect(failed).toBeUndefined();
    expect(Buffer.concat(parts).equals(sample.content.subarray(start, start + 600 * KiB))).toBe(true);
    expect(most()).toBeLessThanOrEqual(2 * BUDGET);
    await until(() => torrent.done, 60_000);
    reader.close();
    await world.close();
    expect(world.clock.pending).toBe(0);
  });
});
