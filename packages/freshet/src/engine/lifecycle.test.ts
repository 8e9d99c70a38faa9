import { describe, expect, it } from 'vitest';
import { ManyWorld } from '../../testing/many-torrents.ts';
import { sampleTorrent } from '../../testing/memory-swarm.ts';
import { Bandwidth } from '../memory/bandwidth.ts';
import { MemoryDisk } from '../memory/index.ts';
import { encode } from '../protocol/index.ts';
import { type Disk, DiskError } from './ports.ts';

const KiB = 1024;
const TRACKER = 'http://tracker.example/announce';

/** A disk whose writes fail, or throw, or never end. */
function badDisk(length: number, how: 'reject' | 'throw' | 'hang'): Disk {
  const disk = new MemoryDisk({ length });
  const fault = new DiskError('IO', 'sample', 'The medium is broken.');
  disk.write = () => {
    if (how === 'throw') throw fault;
    return how === 'reject' ? Promise.reject(fault) : new Promise(() => {});
  };
  return disk;
}

async function setUp(count: number, length = 1024 * KiB) {
  const world = new ManyWorld();
  world.http.route(`${TRACKER}*`, () => ({ body: encode({ interval: 1800, peers: new Uint8Array() }) }));
  const samples = await Promise.all(
    Array.from({ length: count }, (_, i) => sampleTorrent(length, 32 * KiB, { seed: i + 1 })),
  );
  const seed = await world.client({ line: { latencyMs: 10, up: new Bandwidth(400_000) } });
  for (const sample of samples) await seed.add(sample, { seed: true });
  return { world, samples, seed };
}

describe('a client that is closed', () => {
  it('leaves no timer, connection or buffer, whatever its torrents were doing', async () => {
    for (const moment of [0, 15, 60, 500, 3000, 40_000]) {
      const { world, samples, seed } = await setUp(6);
      const client = await world.client({
        engine: { queue: { maxActiveDownloads: 4, goals: { seedTime: 1e9 } } },
      });
      const spec = { trackers: [[TRACKER]], webSeeds: ['http://web.example/'] };
      const entries = [
        await client.add(samples[0]!, { magnet: true, spec }),
        await client.add(samples[1]!, { spec }),
        await client.add(samples[2]!, { seed: true, spec }),
        await client.add(samples[3]!, { spec: { ...spec, paused: true } }),
        await client.add(samples[4]!, { disk: badDisk(1024 * KiB, 'reject'), spec }),
        await client.add(samples[5]!, { spec: { ...spec, downloadLimit: 20_000 } }),
      ];
      for (const entry of entries) world.introduce(entry, seed);
      await world.advance(moment);
      if (entries[1]!.torrent.state === 'active') {
        const reader = entries[1]!.torrent.createReader({ start: 0, end: 1000 * KiB });
        void reader.read(1000).catch(() => undefined);
        await world.advance(5);
      }
      await world.close();
      // What is on the simulated wire arrives.
      await world.advance(200);
      expect([moment, world.clock.pending]).toEqual([moment, 0]);
      expect(client.engine.usage).toEqual({ connections: 0, dialing: 0, pieceMemory: 0 });
      for (const { torrent } of entries) expect(torrent.state).toBe('closed');
    }
  });

  it('leaves nothing of one torrent that is removed while the others go on', async () => {
    const { world, samples, seed } = await setUp(2);
    const client = await world.client();
    const [stays, goes] = [await client.add(samples[0]!), await client.add(samples[1]!)];
    for (const entry of [stays, goes]) world.introduce(entry, seed);
    await world.advance(1000);
    let closed = false;
    void goes.torrent.close().then(() => {
      closed = true;
    });
    await world.advance(10);
    expect([closed, goes.torrent.stats().connectedPeers, client.engine.torrents.size]).toEqual([true, 0, 1]);
    await world.until(() => stays.torrent.done, 20_000);
    await world.close();
    expect(world.clock.pending).toBe(0);
  });
});

describe('a fault of one torrent', () => {
  it.each(['reject', 'throw', 'hang'] as const)('does not reach another: writes that %s', async (how) => {
    const { world, samples, seed } = await setUp(2, 256 * KiB);
    const client = await world.client();
    const bad = await client.add(samples[0]!, { disk: badDisk(256 * KiB, how) });
    const good = await client.add(samples[1]!);
    for (const entry of [bad, good]) world.introduce(entry, seed);
    await world.until(() => good.torrent.done, 20_000);
    await world.advance(1000);
    expect(bad.torrent.state).toBe(how === 'hang' ? 'active' : 'failed');
    expect([good.torrent.state, good.log.errors, good.log.warnings]).toEqual(['active', [], []]);
    if (how !== 'hang') {
      expect(bad.log.errors).toHaveLength(1);
      await world.close();
      expect(world.clock.pending).toBe(0);
    }
  });

  it('does not reach another: storage that cannot be opened, synchronously or not', async () => {
    const { world, samples, seed } = await setUp(3, 256 * KiB);
    const client = await world.client();
    const fault = new DiskError('READ_ONLY', 'x', 'Nothing can be written.');
    const bad = [
      await client.add(samples[0]!, { spec: { openDisk: () => Promise.reject(fault) } }),
      await client.add(samples[1]!, {
        spec: {
          openDisk: () => {
            throw fault;
          },
        },
      }),
    ];
    const good = await client.add(samples[2]!);
    for (const entry of [...bad, good]) world.introduce(entry, seed);
    await world.until(() => good.torrent.done, 20_000);
    for (const { torrent, log } of bad) expect([torrent.state, log.errors]).toEqual(['failed', [fault]]);
    expect(good.log.errors).toEqual([]);
    await world.close();
    expect(world.clock.pending).toBe(0);
  });
});
