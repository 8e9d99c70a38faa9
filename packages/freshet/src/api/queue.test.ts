import { describe, expect, it } from 'vitest';
import { PLACES, World } from '../../testing/memory-world.ts';

function bytes(seed: number, length = 200_000): Uint8Array & { name?: string } {
  return Object.assign(
    Uint8Array.from({ length }, (_, index) => (index * seed + (index >> 8)) & 255),
    { name: `file-${seed}` },
  );
}

const SETTINGS = { pieceLength: 16_384 } as const;

describe.each(PLACES)('limits, queue and goals of torrents, with the engine %s', (place) => {
  it('runs torrents in the order of the queue, and tells who waits', async () => {
    const world = new World(place);
    const seeder = world.client('10.0.0.1', { torrentPort: 1000 });
    const seeds = [];
    for (const seed of [3, 5, 7]) seeds.push(await world.run(seeder.seed(bytes(seed), SETTINGS).untilDone()));
    const client = world.client('10.0.0.2', { queue: { maxActiveDownloads: 1 } });
    const events: string[] = [];
    const torrents = seeds.map((seed, i) => {
      const torrent = client.add(seed.torrentFile!, { peers: ['10.0.0.1:1000'] });
      torrent.on('queued', (queued) => events.push(`${i} ${queued ? 'waits' : 'runs'}`));
      torrent.on('done', () => events.push(`${i} done`));
      return torrent;
    });
    await world.run(Promise.all(torrents.map((torrent) => torrent.untilDone())));
    expect(events.filter((event) => event.endsWith('done'))).toEqual(['0 done', '1 done', '2 done']);
    expect(events.indexOf('1 runs')).toBeGreaterThan(events.indexOf('0 done'));
    expect(events.indexOf('2 runs')).toBeGreaterThan(events.indexOf('1 done'));
    expect(torrents.map(({ queued }) => queued)).toEqual([false, false, false]);
    await world.run(Promise.all([client.destroy(), seeder.destroy()]));
  });

  it('moves torrents in the queue, and forces them', async () => {
    const world = new World(place);
    const client = world.client('10.0.0.2', { queue: { maxActive: 1 } });
    const torrents = ['a', 'b', 'c'].map((letter) => client.add(letter.repeat(40)));
    const after = (milliseconds: number): Promise<void> =>
      world.run(new Promise((resolve) => void world.clock.setTimer(milliseconds, resolve)));
    await after(1000);
    expect(torrents.map(({ queued }) => queued)).toEqual([false, true, true]);
    expect(torrents.map(({ queuePosition }) => queuePosition)).toEqual([0, 1, 2]);
    torrents[2]!.moveTo(0);
    await after(1000);
    expect(torrents.map(({ queued }) => queued)).toEqual([true, true, false]);
    torrents[1]!.moveDown();
    torrents[2]!.moveDown();
    await after(1000);
    expect(torrents.map(({ queued }) => queued)).toEqual([false, true, true]);
    torrents[1]!.moveUp();
    torrents[1]!.forceStart();
    await after(1000);
    expect(torrents.map(({ queued }) => queued)).toEqual([false, false, true]);
    torrents[1]!.forceStart(false);
    torrents[0]!.pause();
    await after(1000);
    expect(torrents.map(({ queued }) => queued)).toEqual([false, false, true]);
    client.setQueue({});
    await after(1000);
    expect(torrents.map(({ queued }) => queued)).toEqual([false, false, false]);
    expect(() => client.setQueue({ maxActive: -1 })).toThrow('maxActive must be a number from 0');
    await world.run(client.destroy());
  });

  it('pauses what has seeded enough, and says why', async () => {
    const world = new World(place);
    const seeder = world.client('10.0.0.1', { torrentPort: 1000, queue: { goals: { ratio: 1 } } });
    const seed = await world.run(seeder.seed(bytes(3), SETTINGS).untilDone());
    const events: string[] = [];
    for (const name of ['goal', 'paused', 'resumed'] as const) seed.on(name, () => events.push(name));
    const client = world.client('10.0.0.2');
    const torrent = client.add(seed.torrentFile!, { peers: ['10.0.0.1:1000'] });
    await world.run(
      Promise.all([torrent.untilDone(), new Promise<void>((resolve) => seed.once('paused', resolve))]),
    );
    expect([seed.paused, seed.reachedGoal, events]).toEqual([true, 'ratio', ['goal', 'paused']]);
    seed.resume();
    expect([seed.paused, seed.reachedGoal]).toEqual([false, undefined]);
    expect(() => seed.setGoals({ seedTime: -1 })).toThrow('seedTime must be a number from 0');
    seed.setGoals({ seedRatio: Number.POSITIVE_INFINITY, seedTime: 1000 });
    await world.run(new Promise<void>((resolve) => seed.once('paused', resolve)));
    expect(seed.reachedGoal).toBe('seedTime');
    await world.run(Promise.all([client.destroy(), seeder.destroy()]));
  });

  it('limits one torrent, from the start and later', async () => {
    const world = new World(place);
    const seeder = world.client('10.0.0.1', { torrentPort: 1000 });
    const seed = await world.run(seeder.seed(bytes(3, 2_000_000), SETTINGS).untilDone());
    const client = world.client('10.0.0.2');
    const torrent = client.add(seed.torrentFile!, { peers: ['10.0.0.1:1000'], downloadLimit: 100_000 });
    const after = (milliseconds: number): Promise<void> =>
      world.run(new Promise((resolve) => void world.clock.setTimer(milliseconds, resolve)));
    await after(10_000);
    expect(Math.abs(torrent.received - 1_000_000)).toBeLessThan(60_000);
    torrent.throttleDownload(0);
    await after(500);
    const before = torrent.received;
    await after(10_000);
    expect(torrent.received).toBe(before);
    expect(() => torrent.throttleDownload(Number.NaN)).toThrow('NaN');
    torrent.throttleDownload(-1);
    seed.throttleUpload(50_000);
    await after(4000);
    expect(torrent.received - before).toBeLessThan(300_000);
    expect(torrent.received - before).toBeGreaterThan(150_000);
    seed.throttleUpload(-1);
    await world.run(torrent.untilDone());
    await world.run(Promise.all([client.destroy(), seeder.destroy()]));
  });
});
