import { describe, expect, it } from 'vitest';
import { type Entry, ManyWorld } from '../../testing/many-torrents.ts';
import { sampleTorrent } from '../../testing/memory-swarm.ts';
import { MemoryDisk } from '../memory/index.ts';
import type { Disk } from './ports.ts';

const KiB = 1024;

/** A disk in virtual time whose reads take their time, and tell how many run. */
function slowDisk(
  world: ManyWorld,
  content: Uint8Array,
  milliseconds: number,
  watch: { running: number },
): Disk {
  const disk = new MemoryDisk({ length: content.length });
  void disk.write(0, [content]);
  const read = disk.read.bind(disk);
  disk.read = (offset, into) =>
    new Promise((resolve, reject) => {
      watch.running++;
      world.clock.setTimer(milliseconds, () => {
        watch.running--;
        read(offset, into).then(resolve, reject);
      });
    });
  return disk;
}

async function setUp(count: number) {
  const world = new ManyWorld();
  const client = await world.client();
  const entries: Entry[] = [];
  const watches: { running: number }[] = [];
  for (let i = 0; i < count; i++) {
    const sample = await sampleTorrent(256 * KiB, 16 * KiB, { seed: i + 1 });
    const watch = { running: 0 };
    watches.push(watch);
    entries.push(await client.add(sample, { disk: slowDisk(world, sample.content, 20, watch) }));
  }
  return { world, client, entries, watches };
}

describe('checking many torrents', () => {
  it('reads two at a time, in order, and tells how far each is', async () => {
    const { world, entries, watches } = await setUp(10);
    const ready: number[] = [];
    let most = 0;
    await world.until(() => {
      most = Math.max(most, watches.filter(({ running }) => running > 0).length);
      for (const [i, { torrent }] of entries.entries()) {
        if (torrent.state === 'active' && !ready.includes(i)) ready.push(i);
      }
      return ready.length === 10;
    }, 60_000);
    expect(most).toBe(2);
    expect(ready).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    for (const { torrent } of entries) expect(torrent.done).toBe(true);
    await world.close();
    expect(world.clock.pending).toBe(0);
  });

  it('ends one that waits at once, and the others go on', async () => {
    const { world, entries } = await setUp(5);
    await world.advance(10);
    expect(entries.map(({ torrent }) => torrent.state)).toEqual(entries.map(() => 'checking'));
    let closed = false;
    void entries[4]!.torrent.close().then(() => {
      closed = true;
    });
    await world.advance(1);
    expect([closed, entries[0]!.torrent.state]).toEqual([true, 'checking']);
    await world.until(() => entries.slice(0, 4).every(({ torrent }) => torrent.done), 30_000);
    await world.close();
    expect(world.clock.pending).toBe(0);
  });

  it('does not hold up a download that works while others are checked', async () => {
    const alone = await download(0);
    const beside = await download(6);
    expect(beside).toBeLessThan(1.2 * alone + 50);
  });
});

/** How long a download takes beside so many checks, in milliseconds. */
async function download(checks: number): Promise<number> {
  const { world, client, entries } = await setUp(checks);
  const sample = await sampleTorrent(512 * KiB, 32 * KiB, { seed: 99 });
  const seed = await world.client();
  await seed.add(sample, { seed: true });
  const entry = await client.add(sample);
  world.introduce(entry, seed);
  const start = world.clock.now();
  await world.until(() => entry.torrent.done, 60_000);
  const took = world.clock.now() - start;
  if (checks > 0) expect(entries.at(-1)!.torrent.state).toBe('checking');
  await world.close();
  return took;
}
