import { describe, expect, it } from 'vitest';
import { type Entry, ManyWorld } from '../../testing/many-torrents.ts';
import { sampleTorrent } from '../../testing/memory-swarm.ts';

const KB = 1000;
const BLOCK = 16_384;

/** A client that downloads each of `count` torrents from `peers` seeds. */
async function setUp(options: {
  torrents: number;
  peers: number;
  length: number;
  limit?: number;
  own?: (number | undefined)[];
  side: 'download' | 'upload';
}) {
  const world = new ManyWorld();
  const samples = await Promise.all(
    Array.from({ length: options.torrents }, (_, i) =>
      sampleTorrent(options.length, 65_536, { seed: i + 1 }),
    ),
  );
  const engine =
    options.side === 'download' ? { downloadLimit: options.limit } : { uploadLimit: options.limit };
  const limited = await world.client({ engine });
  const entries: Entry[] = [];
  for (const [i, sample] of samples.entries()) {
    const own = options.own?.[i];
    entries.push(
      await limited.add(sample, {
        seed: options.side === 'upload',
        spec: options.side === 'download' ? { downloadLimit: own } : { uploadLimit: own },
      }),
    );
  }
  for (let p = 0; p < options.peers; p++) {
    const peer = await world.client();
    for (const [i, sample] of samples.entries()) {
      const entry = await peer.add(sample, { seed: options.side === 'download' });
      if (options.side === 'download') world.introduce(entries[i]!, peer);
      else world.introduce(entry, limited);
    }
  }
  const bytes = (): number[] =>
    entries.map(({ torrent }) => {
      const stats = torrent.stats();
      return options.side === 'upload' ? stats.uploaded : stats.received.memory;
    });
  /** What passed in the next ten seconds, by torrent. */
  const tenSeconds = async (): Promise<number[]> => {
    const before = bytes();
    await world.advance(10_000);
    return bytes().map((now, i) => now - before[i]!);
  };
  return { world, limited, entries, tenSeconds };
}

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);

describe('rate limits in a swarm', () => {
  it.each([
    { side: 'download', rate: 10 * KB, peers: 1 },
    { side: 'download', rate: 100 * KB, peers: 1 },
    { side: 'download', rate: 1000 * KB, peers: 10 },
    { side: 'download', rate: 100 * KB, peers: 20 },
    { side: 'upload', rate: 10 * KB, peers: 1 },
    { side: 'upload', rate: 100 * KB, peers: 8 },
    { side: 'upload', rate: 1000 * KB, peers: 8 },
  ] as const)(
    'hold for the $side of two torrents: $rate bytes/s, $peers peers',
    async ({ side, rate, peers }) => {
      const { world, tenSeconds } = await setUp({
        torrents: 2,
        peers,
        length: Math.max(12 * rate * (side === 'upload' ? 1 : 2), 1_000_000),
        limit: rate,
        side,
      });
      await world.advance(5000);
      const passed = await tenSeconds();
      expect(Math.abs(sum(passed) - 10 * rate)).toBeLessThanOrEqual(0.03 * 10 * rate + BLOCK);
      // Fair: no torrent has more than a block or two that the other has not.
      expect(Math.abs(passed[0]! - passed[1]!)).toBeLessThanOrEqual(0.03 * 10 * rate + 4 * BLOCK);
      await world.close();
      expect(world.clock.pending).toBe(0);
    },
  );

  it('of a torrent leave the rest to the others, and are in force at once', async () => {
    const { world, entries, limited, tenSeconds } = await setUp({
      torrents: 2,
      peers: 3,
      length: 12_000_000,
      limit: 500 * KB,
      own: [100 * KB],
      side: 'download',
    });
    await world.advance(3000);
    let passed = await tenSeconds();
    expect(Math.abs(passed[0]! / 1_000_000 - 1)).toBeLessThan(0.05);
    expect(Math.abs(passed[1]! / 4_000_000 - 1)).toBeLessThan(0.05);
    entries[0]!.torrent.setLimits({ download: 0 });
    // What was on its way is still taken.
    await world.advance(500);
    passed = await tenSeconds();
    expect(passed[0]).toBe(0);
    expect(Math.abs(passed[1]! / 5_000_000 - 1)).toBeLessThan(0.05);
    entries[0]!.torrent.setLimits({});
    entries[1]!.torrent.setLimits({ download: 0 });
    limited.engine.setLimits({ download: 50 * KB });
    await world.advance(500);
    passed = await tenSeconds();
    expect(passed[1]).toBe(0);
    expect(Math.abs(passed[0]! - 500_000)).toBeLessThanOrEqual(0.05 * 500_000 + BLOCK);
    await world.close();
    expect(world.clock.pending).toBe(0);
  });

  it('of 0 let nothing pass from the start, while peers stay connected', async () => {
    for (const side of ['download', 'upload'] as const) {
      const { world, entries, limited, tenSeconds } = await setUp({
        torrents: 1,
        peers: 2,
        length: 500_000,
        limit: 0,
        side,
      });
      for (let i = 0; i < 30; i++) expect(await tenSeconds()).toEqual([0]);
      expect(entries[0]!.torrent.stats().connectedPeers).toBe(2);
      limited.engine.setLimits({});
      await world.advance(side === 'upload' ? 60_000 : 5000);
      expect(entries[0]!.torrent.stats()).toMatchObject(
        side === 'upload' ? { state: 'active' } : { verifiedBytes: 500_000 },
      );
      await world.close();
      expect(world.clock.pending).toBe(0);
    }
  });
});
