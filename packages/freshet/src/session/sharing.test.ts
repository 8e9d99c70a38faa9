import { describe, expect, it } from 'vitest';
import { World } from '../../testing/memory-world.ts';
import { HostedEngine, remoteClient } from '../../testing/remote-client.ts';
import type { Torrent } from '../api/torrent.ts';
import { DuplicateTorrentError } from './errors.ts';

const content = Uint8Array.from({ length: 400_000 }, (_, index) => (index * 31 + (index >> 8)) & 255);
const SEED = { pieceLength: 16_384, name: 'Folder' } as const;
const PEERS = { peers: ['10.0.0.1:1000'] };
const HOST = '10.0.0.2';

function inputs(): (Uint8Array & { name?: string })[] {
  return [
    Object.assign(content.slice(0, 200_000), { name: 'a.bin' }),
    Object.assign(content.slice(0, 100_000), { name: 'b.bin' }),
    Object.assign(content.slice(0, 50_000), { name: 'c.bin' }),
  ];
}

async function seeded(): Promise<{ world: World; seed: Torrent }> {
  const world = new World();
  const seeder = world.client('10.0.0.1', { torrentPort: 1000 });
  return { world, seed: await world.run(seeder.seed(inputs(), SEED).untilDone()) };
}

function doneFiles(torrent: Torrent): boolean[] {
  return torrent.files.map((file) => file.done);
}

describe('several clients of one engine', () => {
  it('share a torrent, by whatever each has added it', async () => {
    const { world, seed } = await seeded();
    world.http.route('http://web/film.torrent', () => ({ status: 200, body: seed.torrentFile! }));
    const engine = new HostedEngine(world, HOST, { downloadLimit: 300_000 });
    const ids = [
      seed.magnetURI!,
      seed.torrentFile!,
      'http://web/film.torrent',
      seed.infoHash!,
      new Blob([seed.torrentFile! as Uint8Array<ArrayBuffer>]),
    ];
    const clients = ids.map(() => remoteClient(world));
    const torrents: Torrent[] = [];
    for (const [i, { client, remote }] of clients.entries()) {
      engine.connect(remote, () => 1 + i * 3);
      torrents.push(client.add(ids[i]!, PEERS));
      // Some at the same time, some when it is under way.
      if (i > 1) await world.clock.advanceAsync(700);
    }
    await world.run(Promise.all(torrents.map((torrent) => torrent.untilDone())));
    for (const [i, torrent] of torrents.entries()) {
      expect(torrent.infoHash).toBe(seed.infoHash);
      expect(torrent.progress).toBe(1);
      const { heard } = clients[i]!;
      const [first, second, third] = ['infoHash', 'metadata', 'ready'].map((type) => heard.indexOf(type));
      expect(first).toBeGreaterThanOrEqual(0);
      expect(second).toBeGreaterThan(first!);
      expect(third).toBeGreaterThan(second!);
      expect(heard.filter((type) => type === 'done')).toHaveLength(1);
      expect(new Uint8Array(await world.run(torrent.files[1]!.arrayBuffer()))).toEqual(
        content.slice(0, 100_000),
      );
    }
    // It was downloaded once.
    expect(torrents[0]!.received).toBeLessThan(420_000);
    // Who comes when all is there, is told so.
    const late = remoteClient(world);
    engine.connect(late.remote);
    const torrent = await world.run(late.client.add(seed.infoHash!).untilDone());
    expect(doneFiles(torrent)).toEqual([true, true, true]);
    expect(torrent.wires.length).toBe(torrents[0]!.wires.length);
    await world.run(Promise.all([...clients, late].map(({ client }) => client.destroy())));
    await world.run(engine.host.close());
  });

  it('have the metadata, trackers and peers that one of them brings', async () => {
    const { world, seed } = await seeded();
    const engine = new HostedEngine(world, HOST);
    const [one, other] = [remoteClient(world), remoteClient(world)];
    engine.connect(one.remote);
    engine.connect(other.remote);
    const first = one.client.add(seed.infoHash!);
    await world.clock.advanceAsync(2000);
    expect(first.files).toEqual([]);
    const link = `magnet:?xt=urn:btih:${seed.infoHash}&tr=http%3A%2F%2Ftracker.example%2Fannounce&x.pe=10.0.0.9:9`;
    const third = remoteClient(world);
    engine.connect(third.remote);
    third.client.add(link);
    const second = other.client.add(seed.torrentFile!, PEERS);
    await world.run(Promise.all([first.untilDone(), second.untilDone()]));
    expect(first.files).toHaveLength(3);
    expect((await world.run(first.trackers())).map(({ url }) => url)).toEqual([
      'http://tracker.example/announce',
    ]);
    await world.run(Promise.all([one, other, third].map(({ client }) => client.destroy())));
    await world.run(engine.host.close());
  });

  it('may not add it twice each', async () => {
    const { world, seed } = await seeded();
    const engine = new HostedEngine(world, HOST);
    const [one, other] = [remoteClient(world), remoteClient(world)];
    engine.connect(one.remote);
    engine.connect(other.remote);
    const torrents = [one, other].map(({ client }) => client.add(seed.torrentFile!, PEERS));
    await world.run(Promise.all(torrents.map((torrent) => torrent.untilReady())));
    const again = world.run(one.client.add(seed.magnetURI!).untilReady());
    await expect(again).rejects.toBeInstanceOf(DuplicateTorrentError);
    await world.run(Promise.all(torrents.map((torrent) => torrent.untilDone())));
    await world.run(Promise.all([one.client.destroy(), other.client.destroy()]));
  });

  it('get what any of them wants, until nobody wants it any more', async () => {
    const { world, seed } = await seeded();
    const engine = new HostedEngine(world, HOST);
    const [one, other] = [remoteClient(world), remoteClient(world)];
    engine.connect(one.remote);
    engine.connect(other.remote);
    const first = one.client.add(seed.torrentFile!, { ...PEERS, so: [0] });
    await world.run(first.untilDone());
    expect(doneFiles(first)).toEqual([true, false, false]);
    let left = 0;
    const second = other.client.add(seed.magnetURI!, { paused: true });
    second.once('ready', () => {
      second.files[0]!.deselect();
      second.files[2]!.deselect();
      left++;
    });
    const done = world.run(second.untilDone());
    await done;
    expect(left).toBe(1);
    expect(doneFiles(second)).toEqual([true, true, false]);
    expect(doneFiles(first)).toEqual([true, true, false]);
    expect(world.files.get(HOST)!.paths()).not.toContain('Folder/c.bin');
    // By pieces, on top of what was chosen.
    const last = first.pieces.length - 1;
    first.select(last, last);
    await world.clock.advanceAsync(3000);
    expect(first.pieces[last]).toBeNull();
    expect(first.files[2]!.done).toBe(false);
    await expect(
      world.run(one.remote.request('selectPieces', { torrent: first.key, first: 5, last: 999, priority: 1 })),
    ).rejects.toThrow('There are no pieces 5 to 999');
    await world.run(Promise.all([one.client.destroy(), other.client.destroy()]));
  });

  it('go on with what one of them wants when the other has gone', async () => {
    const { world, seed } = await seeded();
    const engine = new HostedEngine(world, HOST, { downloadLimit: 50_000 });
    const [one, other] = [remoteClient(world), remoteClient(world)];
    const { connection } = engine.connect(one.remote);
    engine.connect(other.remote);
    const first = one.client.add(seed.torrentFile!, { ...PEERS, so: [0] });
    const second = other.client.add(seed.torrentFile!, { ...PEERS, so: [2] });
    await world.run(Promise.all([first.untilReady(), second.untilReady()]));
    await world.clock.advanceAsync(500);
    await world.run(connection.close());
    await world.run(second.untilDone());
    expect(second.files[2]!.done).toBe(true);
    expect(second.files[0]!.done).toBe(false);
    await world.run(other.client.destroy());
    expect(engine.host.size).toBe(0);
    await world.run(engine.host.close());
  });

  it('pause it together, and any of them has it go on', async () => {
    const { world, seed } = await seeded();
    const engine = new HostedEngine(world, HOST, { downloadLimit: 20_000 });
    const [one, other] = [remoteClient(world), remoteClient(world)];
    engine.connect(one.remote);
    const { connection } = engine.connect(other.remote);
    const first = one.client.add(seed.torrentFile!, { ...PEERS, paused: true });
    await world.run(first.untilReady());
    expect(first.stats.state).toBe('paused');
    const second = other.client.add(seed.torrentFile!);
    await world.run(second.untilReady());
    await world.clock.advanceAsync(1000);
    expect(first.stats.state).toBe('active');
    second.pause();
    await world.clock.advanceAsync(1000);
    expect(first.stats.state).toBe('paused');
    first.resume();
    await world.clock.advanceAsync(1000);
    expect(second.stats.state).toBe('active');
    first.pause();
    await world.clock.advanceAsync(1000);
    expect(second.stats.state).toBe('paused');
    second.resume();
    await world.clock.advanceAsync(1000);
    expect(first.stats.state).toBe('active');
    // The one that has it run goes: nobody does.
    await world.run(connection.close());
    await world.clock.advanceAsync(1000);
    expect(first.stats.state).toBe('paused');
    await world.run(one.client.destroy());
    await world.run(engine.host.close());
  });

  it('let go of it one by one; data goes with the last, if that one says so', async () => {
    const { world, seed } = await seeded();
    const engine = new HostedEngine(world, HOST);
    const [one, other] = [remoteClient(world), remoteClient(world)];
    engine.connect(one.remote);
    engine.connect(other.remote);
    const first = one.client.add(seed.torrentFile!, PEERS);
    const second = other.client.add(seed.torrentFile!);
    await world.run(Promise.all([first.untilDone(), second.untilDone()]));
    const stream = first.files[0]!.arrayBuffer();
    const failed = expect(stream).rejects.toMatchObject({ code: 'DESTROYED' });
    await world.run(first.destroy({ destroyStore: true }));
    await failed;
    const paths = world.files.get(HOST)!.paths();
    expect(paths).toHaveLength(3);
    expect(new Uint8Array(await world.run(second.files[2]!.arrayBuffer()))).toEqual(content.slice(0, 50_000));
    await world.run(second.destroy({ destroyStore: true }));
    expect(world.files.get(HOST)!.paths()).toEqual([]);
    await world.run(Promise.all([one.client.destroy(), other.client.destroy()]));
  });

  it('may come back before all of the one that has gone is released', async () => {
    const { world, seed } = await seeded();
    const engine = new HostedEngine(world, HOST);
    let before = remoteClient(world);
    let { connection } = engine.connect(before.remote);
    let torrent = before.client.add(seed.torrentFile!, PEERS);
    await world.run(torrent.untilReady());
    for (let i = 0; i < 5; i++) {
      const next = remoteClient(world);
      const closing = connection.close();
      ({ connection } = engine.connect(next.remote));
      torrent = next.client.add(i % 2 === 0 ? seed.magnetURI! : seed.torrentFile!, PEERS);
      await world.run(torrent.untilReady());
      await world.run(closing);
      before = next;
    }
    await world.run(torrent.untilDone());
    await world.run(before.client.destroy());
    await world.run(engine.host.close());
  });

  it('are told of the first one’s hybrid torrent by either of its hashes', async () => {
    const world = new World();
    const seeder = world.client('10.0.0.1', { torrentPort: 1000 });
    const seed = await world.run(seeder.seed(inputs(), { ...SEED, version: 'hybrid' }).untilDone());
    const engine = new HostedEngine(world, HOST);
    const clients = [remoteClient(world), remoteClient(world)];
    for (const { remote } of clients) engine.connect(remote);
    const first = clients[0]!.client.add(seed.torrentFile!, PEERS);
    await world.run(first.untilDone());
    const second = clients[1]!.client.add(`magnet:?xt=urn:btmh:1220${seed.infoHashV2}`);
    await world.run(second.untilDone());
    expect(second.infoHashV1).toBe(seed.infoHashV1);
    await world.run(Promise.all(clients.map(({ client }) => client.destroy())));
    await world.run(engine.host.close());
  });

  it('go on with another host together, each with what it had', async () => {
    const { world, seed } = await seeded();
    const first = new HostedEngine(world, HOST, { downloadLimit: 60_000 });
    const clients = [remoteClient(world), remoteClient(world)];
    const torrents = clients.map(({ client, remote }, i) => {
      first.connect(remote);
      return client.add(seed.magnetURI!, { ...PEERS, so: [i] });
    });
    await world.run(Promise.all(torrents.map((torrent) => torrent.untilReady())));
    const reads = torrents.map((torrent, i) => torrent.files[i]!.arrayBuffer());
    await world.clock.advanceAsync(1500);
    // Its owner closes it: nothing of that looks like the end of torrents.
    await world.run(first.host.close());
    expect(clients.map(({ remote }) => remote.attached)).toEqual([false, false]);
    expect(torrents.map(({ destroyed }) => destroyed)).toEqual([false, false]);
    const second = new HostedEngine(world, HOST);
    for (const { remote } of clients) second.connect(remote);
    const bytes = await world.run(Promise.all(reads));
    expect(bytes.map((buffer) => new Uint8Array(buffer))).toEqual([
      content.slice(0, 200_000),
      content.slice(0, 100_000),
    ]);
    await world.run(Promise.all(torrents.map((torrent) => torrent.untilDone())));
    expect(torrents.map((torrent) => doneFiles(torrent))).toEqual([
      [true, true, false],
      [true, true, false],
    ]);
    for (const { heard } of clients) {
      expect(heard.filter((type) => type === 'metadata' || type === 'infoHash')).toHaveLength(2);
    }
    await world.run(Promise.all(clients.map(({ client }) => client.destroy())));
    await world.run(second.host.close());
  });
});
