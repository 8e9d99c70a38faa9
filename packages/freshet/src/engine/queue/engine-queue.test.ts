import { describe, expect, it } from 'vitest';
import { type Entry, ManyWorld } from '../../../testing/many-torrents.ts';
import { sampleTorrent } from '../../../testing/memory-swarm.ts';
import { Bandwidth } from '../../memory/bandwidth.ts';
import { encode } from '../../protocol/index.ts';

const KiB = 1024;

function samples(count: number, length = 256 * KiB) {
  return Promise.all(
    Array.from({ length: count }, (_, i) => sampleTorrent(length, 32 * KiB, { seed: i + 1 })),
  );
}

const TRACKER = 'http://tracker.example/announce';

describe('the queue of a client', () => {
  it('downloads one torrent after the other, in order, and seeds them all', async () => {
    const world = new ManyWorld();
    const torrents = await samples(3);
    const seed = await world.client();
    for (const sample of torrents) await seed.add(sample, { seed: true });
    const client = await world.client({ engine: { queue: { maxActiveDownloads: 1 } } });
    const entries: Entry[] = [];
    for (const sample of torrents) {
      const entry = await client.add(sample);
      world.introduce(entry, seed);
      entries.push(entry);
    }
    const finished: number[] = [];
    let most = 0;
    await world.until(() => {
      const downloading = entries.filter(({ torrent }) => !torrent.done && torrent.swarm.running);
      most = Math.max(most, downloading.length);
      for (const [i, { torrent }] of entries.entries()) {
        if (torrent.done && !finished.includes(i)) finished.push(i);
      }
      return finished.length === 3;
    }, 60_000);
    expect([most, finished]).toEqual([1, [0, 1, 2]]);
    await world.advance(6000);
    expect(entries.map(({ torrent }) => [torrent.state, torrent.stats().queued])).toEqual(
      entries.map(() => ['active', false]),
    );
    expect(entries.map(({ log }) => log.queued)).toEqual([[], [true, false], [true, false]]);
    await world.close();
    expect(world.clock.pending).toBe(0);
  });

  it('has a torrent wait without connections, announces and timers, and lets it go on when it is forced', async () => {
    const world = new ManyWorld();
    const asked: string[] = [];
    world.http.route(`${TRACKER}*`, ({ url }) => {
      asked.push(/event=(\w+)/.exec(url)?.[1] ?? 'update');
      return { body: encode({ interval: 1800, peers: new Uint8Array() }) };
    });
    const [sample, other] = await samples(2);
    const seed = await world.client();
    await seed.add(sample!, { seed: true });
    const client = await world.client({ engine: { queue: { maxActive: 0 } } });
    const entry = await client.add(sample!, { spec: { trackers: [[TRACKER]] } });
    const magnet = await client.add(other!, { magnet: true, spec: { trackers: [[TRACKER]] } });
    world.introduce(entry, seed);
    await world.advance(60_000);
    expect(asked).toEqual([]);
    expect(entry.torrent.stats()).toMatchObject({ state: 'paused', queued: true, connectedPeers: 0 });
    expect(magnet.torrent.stats()).toMatchObject({ state: 'metadata', queued: true });
    entry.torrent.turn.force(true);
    await world.until(() => entry.torrent.done, 10_000);
    expect(asked).toEqual(['started', 'completed']);
    expect(magnet.torrent.stats().queued).toBe(true);
    await world.close();
    expect(world.clock.pending).toBe(0);
  });

  it('starts what somebody reads', async () => {
    const world = new ManyWorld();
    const torrents = await samples(2);
    const seed = await world.client();
    for (const sample of torrents) await seed.add(sample, { seed: true });
    const client = await world.client({ engine: { queue: { maxActiveDownloads: 1 } } });
    const first = await client.add(torrents[0]!);
    const second = await client.add(torrents[1]!);
    await world.advance(100);
    world.introduce(second, seed);
    const reader = second.torrent.createReader({ start: 0, end: 1000 });
    const reading = reader.read(1000);
    await world.until(() => second.torrent.state === 'active', 6000);
    await world.advance(3000);
    expect(await reading).toEqual(torrents[1]!.content.slice(0, 1000));
    expect(first.torrent.state).toBe('active');
    reader.close();
    await world.close();
    expect(world.clock.pending).toBe(0);
  });

  it('pauses a seed that has reached its ratio, and lets it go on when it is resumed', async () => {
    const world = new ManyWorld();
    const [sample] = await samples(1);
    const seed = await world.client();
    const given = await seed.add(sample!, { seed: true, spec: { goals: { ratio: 1 } } });
    const client = await world.client();
    const taken = await client.add(sample!);
    world.introduce(taken, seed);
    await world.until(() => taken.torrent.done, 10_000);
    await world.advance(10_000);
    expect(given.log.goals).toEqual(['ratio']);
    expect(given.torrent.stats()).toMatchObject({
      state: 'paused',
      reachedGoal: 'ratio',
      queued: false,
      connectedPeers: 0,
    });
    given.torrent.resume();
    await world.advance(30_000);
    expect(given.torrent.stats()).toMatchObject({ state: 'active', reachedGoal: undefined });
    expect(given.log.goals).toEqual(['ratio']);
    await world.close();
    expect(world.clock.pending).toBe(0);
  });
});

describe('a pause', () => {
  it('leaves no connection, no timer and nothing announced but stopped; of magnets too', async () => {
    const world = new ManyWorld();
    const asked: string[] = [];
    world.http.route(`${TRACKER}*`, ({ url }) => {
      asked.push(/event=(\w+)/.exec(url)?.[1] ?? 'update');
      return { body: encode({ interval: 60, peers: new Uint8Array() }) };
    });
    const [half, full, unknown] = await samples(3, 2048 * KiB);
    const seed = await world.client({ line: { latencyMs: 10, up: new Bandwidth(300_000) } });
    for (const sample of [half!, full!]) await seed.add(sample, { seed: true });
    const client = await world.client();
    const entries = [
      await client.add(half!, { spec: { trackers: [[TRACKER]] } }),
      await client.add(full!, { seed: true, spec: { trackers: [[TRACKER]] } }),
      await client.add(unknown!, { magnet: true, spec: { trackers: [[TRACKER]] } }),
    ];
    for (const entry of entries) world.introduce(entry, seed);
    await world.advance(5000);
    expect(entries[0]!.torrent.stats().verifiedBytes).toBeGreaterThan(0);
    expect(asked).toEqual(['started', 'started', 'started']);
    for (const { torrent } of entries) torrent.pause();
    for (const { torrent } of entries) expect(torrent.stats().connectedPeers).toBe(0);
    await world.advance(1000);
    expect(asked.slice(3)).toEqual(['stopped', 'stopped', 'stopped']);
    // The other client would call, and may be told.
    const closing = seed.engine.close();
    await world.advance(20_000);
    await closing;
    expect(world.clock.pending).toBe(0);
    await world.advance(3600_000);
    expect(asked).toHaveLength(6);
    expect(client.engine.usage).toMatchObject({ connections: 0, dialing: 0 });
    for (const { torrent } of entries) torrent.resume();
    await world.advance(1000);
    expect(asked.slice(6)).toEqual(['started', 'started', 'started']);
    await world.close();
    expect(world.clock.pending).toBe(0);
  });
});
