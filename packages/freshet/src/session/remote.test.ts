import { describe, expect, it } from 'vitest';
import { World } from '../../testing/memory-world.ts';
import { HostedEngine, remoteClient } from '../../testing/remote-client.ts';
import { sessionPipe } from '../../testing/session-pipe.ts';
import type { Torrent } from '../api/torrent.ts';
import { SeededRandom } from '../memory/index.ts';
import { DestroyedError } from './errors.ts';
import { RemoteSession } from './remote.ts';

const content = Uint8Array.from({ length: 400_000 }, (_, index) => (index * 31 + (index >> 8)) & 255);
const SEED = { pieceLength: 16_384, name: 'Folder' } as const;
const PEERS = { peers: ['10.0.0.1:1000'] };

function inputs(): (Uint8Array & { name?: string })[] {
  return [
    Object.assign(content.slice(), { name: 'a.bin' }),
    Object.assign(content.slice(0, 100_000), { name: 'b.bin' }),
  ];
}

async function seeded(): Promise<{ world: World; seed: Torrent }> {
  const world = new World();
  const seeder = world.client('10.0.0.1', { torrentPort: 1000 });
  return { world, seed: await world.run(seeder.seed(inputs(), SEED).untilDone()) };
}

/** Reads a file bit by bit; `between` is called after each part. */
async function readAll(
  torrent: Torrent,
  place: number,
  between: (length: number) => Promise<void> | undefined,
): Promise<Uint8Array> {
  const parts: number[] = [];
  for await (const part of torrent.files[place]!) {
    parts.push(...part);
    await between(parts.length);
  }
  return Uint8Array.from(parts);
}

describe('a session over a port', () => {
  it('has selections made in the call of `metadata` and `ready` in force before anything is requested', async () => {
    for (const event of ['metadata', 'ready'] as const) {
      const { world, seed } = await seeded();
      const { client, remote } = remoteClient(world);
      // Long, beside the 10 ms of the network.
      new HostedEngine(world, '10.0.0.2').connect(remote, () => 60);
      const torrent = client.add(seed.magnetURI!, PEERS);
      torrent.once(event, () => torrent.files[0]!.deselect());
      await world.run(torrent.untilDone());
      const missing = torrent.pieces.slice(0, 24).filter((piece) => piece !== null);
      expect(missing).toHaveLength(24);
      expect(torrent.files[1]!.done).toBe(true);
      expect(torrent.received).toBeLessThan(120_000);
      await world.run(client.destroy());
    }
  });

  it('is not held up by a client that does not answer', async () => {
    const { world, seed } = await seeded();
    const engine = new HostedEngine(world, '10.0.0.2');
    const pipe = sessionPipe(world.clock);
    engine.host.connect(pipe.host);
    const types: string[] = [];
    pipe.client.onMessage = (message) => {
      for (const each of message as { type: string; event?: { event: { type: string } } }[]) {
        types.push(each.event?.event.type ?? each.type);
      }
    };
    const args = {
      torrent: 1,
      source: { kind: 'metainfo', bytes: seed.torrentFile! },
      options: PEERS,
    };
    pipe.client.post([{ type: 'request', id: 1, command: 'add', args }]);
    for (let i = 0; i < 100 && !types.includes('done'); i++) await world.clock.advanceAsync(100);
    expect(types).toContain('ready');
    expect(types).toContain('done');
    await world.run(engine.host.close());
    expect(types.at(-1)).toBe('gone');
  });

  it('keeps what is asked for until there is a host', async () => {
    const { world, seed } = await seeded();
    const { client, remote } = remoteClient(world);
    const torrent = client.add(seed.torrentFile!, PEERS);
    torrent.deselectFile(0);
    const removed = client.add('ab'.repeat(20));
    await world.clock.advanceAsync(100);
    await Promise.resolve();
    const gone = removed.destroy();
    await world.clock.advanceAsync(1000);
    const engine = new HostedEngine(world, '10.0.0.2');
    engine.connect(remote);
    await world.run(gone);
    await world.run(torrent.untilDone());
    expect(torrent.files.map((file) => file.done)).toEqual([false, true]);
    await world.run(client.destroy());
  });

  it('drops what is no message, and says so', async () => {
    const { world, seed } = await seeded();
    const { client, remote } = remoteClient(world);
    const engine = new HostedEngine(world, '10.0.0.2');
    const { pipe } = engine.connect(remote);
    const rubbish: unknown[] = [
      undefined,
      null,
      7,
      'request',
      {},
      [[]],
      [{ type: 'request', id: -1, command: 'add', args: {} }],
      [{ type: 'request', id: 1, command: 'constructor', args: {} }],
      [{ type: 'request', id: 1, command: 'add', args: null }],
      [{ type: 'open', reader: 1, torrent: 1, start: 0.5, end: 2 }],
      [{ type: 'read', reader: 1, max: 0 }],
      [{ type: 'heard', hold: 'all' }],
      [{ type: 'answer' }],
      [{ type: 'failure', id: 1, error: 'no' }],
      [{ type: 'event', event: { torrent: 1, event: { type: 'ready', verified: [1] } } }],
      [{ type: 'event', event: { torrent: 1, event: { type: 'metadata' } } }],
      [{ type: 'bytes', reader: 1, bytes: [1, 2] }],
    ];
    for (const message of rubbish) {
      pipe.client.post(message);
      pipe.host.post(message);
    }
    await world.clock.advanceAsync(100);
    // Each is none for either end.
    expect(world.warnings).toHaveLength(2 * rubbish.length);
    world.warnings.length = 0;
    // Well-formed, and still wrong: answered, or passed over.
    pipe.client.post([
      { type: 'request', id: 900, command: 'selectFiles', args: { torrent: 'one' } },
      { type: 'request', id: 901, command: 'add', args: { torrent: 77, source: 3, options: {} } },
      { type: 'request', id: 902, command: 'seed', args: { torrent: 78, inputs: [null], options: {} } },
      { type: 'request', id: 903, command: 'selectFiles', args: { torrent: 5, files: 3 } },
      { type: 'read', reader: 99, max: 100 },
      { type: 'cancel', reader: 99 },
      { type: 'heard', hold: 12345 },
    ]);
    pipe.host.post([
      { type: 'answer', id: 12345, result: 1 },
      { type: 'event', event: { torrent: 999, event: { type: 'done' } } },
      { type: 'bytes', reader: 99, bytes: new Uint8Array(3) },
    ]);
    await world.clock.advanceAsync(100);
    expect(world.warnings).toHaveLength(2);
    const torrent = client.add(seed.torrentFile!, PEERS);
    await world.run(torrent.untilDone());
    pipe.client.post([
      { type: 'request', id: 904, command: 'selectFiles', args: { torrent: torrent.key, files: 3 } },
      { type: 'request', id: 905, command: 'selectFiles', args: { torrent: torrent.key, files: [null] } },
    ]);
    await world.clock.advanceAsync(100);
    expect(await world.run(torrent.pieceMap())).toMatchObject({ pieceCount: torrent.pieces.length });
    await world.run(client.destroy());
  });

  it('rejects a request that cannot be cloned, and sends the others', async () => {
    const { world } = await seeded();
    const remote = new RemoteSession();
    new HostedEngine(world, '10.0.0.2').connect(remote);
    const directory: unknown = () => undefined;
    const source = { kind: 'infoHash', text: 'ab'.repeat(20) } as const;
    const refused = remote.request('add', { torrent: 1, source, options: { location: { directory } } });
    const taken = remote.request('add', { torrent: 2, source, options: {} });
    await expect(world.run(refused)).rejects.toMatchObject({ code: 'NOT_SENT' });
    await world.run(taken);
    await world.run(remote.close());
  });

  it('can be closed in every state', async () => {
    const { world, seed } = await seeded();
    const never = new RemoteSession();
    const waiting = never.request('peers', { torrent: 1 });
    const removing = never.request('remove', { torrent: 1, destroyStore: false });
    const reader = never.openReader({ torrent: 1, start: 0, end: 10 });
    const read = reader.read(10);
    await never.close();
    await expect(waiting).rejects.toBeInstanceOf(DestroyedError);
    await expect(read).rejects.toBeInstanceOf(DestroyedError);
    await removing;
    await expect(never.request('peers', { torrent: 1 })).rejects.toBeInstanceOf(DestroyedError);
    await never.request('remove', { torrent: 1, destroyStore: false });
    await expect(never.openReader({ torrent: 1, start: 0, end: 1 }).read(1)).rejects.toThrow('destroyed');
    const late = sessionPipe(world.clock);
    never.attach(late.client);
    expect(never.attached).toBe(false);

    // After so many milliseconds, and with the host there, gone without a word, or lost and known to be.
    for (const after of [0, 30, 1500]) {
      for (const state of ['there', 'silent', 'detached'] as const) {
        const { client, remote } = remoteClient(world);
        const engine = new HostedEngine(world, '10.0.0.3');
        engine.connect(remote);
        const torrent = client.add(seed.torrentFile!, PEERS);
        const done = torrent.untilDone().catch(() => undefined);
        const bytes = torrent.untilReady().then(() => torrent.files[0]!.arrayBuffer());
        bytes.catch(() => undefined);
        await world.clock.advanceAsync(after);
        if (state !== 'there') await world.run(engine.crash());
        if (state === 'detached') remote.detach();
        const destroyed = client.destroy();
        await world.clock.advanceAsync(1000);
        if (state === 'silent') remote.detach();
        await world.run(destroyed);
        await done;
        expect(remote.attached).toBe(false);
        expect(world.files.get('10.0.0.3')).toBeDefined();
        await world.run(engine.host.close());
      }
    }
  });
});

describe('another host', () => {
  it('goes on with a download and with what is being read, and nobody notices', async () => {
    const random = new SeededRandom(7);
    for (let round = 0; round < 3; round++) {
      const { world, seed } = await seeded();
      const { client, remote, heard } = remoteClient(world);
      let engine = new HostedEngine(world, '10.0.0.2', { downloadLimit: 150_000 });
      engine.connect(remote, () => random.below(20));
      const torrent = client.add(seed.magnetURI!, PEERS);
      const counts = { infoHash: 0, metadata: 0, done: 0 };
      for (const event of ['infoHash', 'metadata', 'done'] as const) torrent.on(event, () => counts[event]++);
      await world.run(torrent.untilReady());
      let crashes = 0;
      const crashAt = [0, 1].map(() => random.below(390_000));
      const bytes = await world.run(
        readAll(torrent, 0, (length) => {
          if (crashes >= 2 || length < crashAt[crashes]!) return undefined;
          crashes++;
          const old = engine;
          engine = new HostedEngine(world, '10.0.0.2', { downloadLimit: 150_000 });
          const next = engine;
          return old.crash().then(() => {
            remote.detach();
            next.connect(remote, () => random.below(20));
          });
        }),
      );
      expect(crashes).toBeGreaterThan(0);
      expect(bytes).toEqual(content);
      await world.run(torrent.untilDone());
      expect(torrent.progress).toBe(1);
      expect(torrent.files.map((file) => file.done)).toEqual([true, true]);
      expect(counts).toEqual({ infoHash: 1, metadata: 1, done: 1 });
      expect(heard.filter((type) => type === 'infoHash' || type === 'metadata')).toHaveLength(2);
      // Nothing that the first engine had kept was fetched a second time, but what was on its way.
      expect(torrent.received).toBeLessThan(500_000 + crashes * 150_000);
      expect(torrent.received).toBeGreaterThanOrEqual(400_000);
      await world.run(client.destroy());
    }
  });

  it('has what was set: selection, pause, limits, goals, trackers, peers and web seeds', async () => {
    const { world, seed } = await seeded();
    const { client, remote } = remoteClient(world);
    const first = new HostedEngine(world, '10.0.0.2');
    first.connect(remote);
    const torrent = client.add(seed.torrentFile!, { paused: true });
    await world.run(torrent.untilReady());
    torrent.deselect(0, torrent.pieces.length - 1);
    torrent.select(3, 5, 2);
    torrent.throttleDownload(50_000);
    torrent.setGoals({ seedRatio: 3 });
    torrent.addTracker('http://tracker.example/announce');
    torrent.addWebSeed('http://web.example/');
    torrent.addWebSeed('http://gone.example/');
    torrent.removeWebSeed('http://gone.example/');
    torrent.addPeer('10.0.0.1:1000');
    client.throttleUpload(12_345);
    client.setQueue({ maxActive: 5 });
    const paused = client.add('ab'.repeat(20));
    paused.pause();
    const left = client.add('cd'.repeat(20));
    await world.clock.advanceAsync(500);
    await world.run(left.destroy());
    await world.run(first.crash());
    remote.detach();
    torrent.resume();
    // Asked while there is nobody: answered by the next.
    const seeds = torrent.webSeeds();
    const second = new HostedEngine(world, '10.0.0.2');
    const { pipe } = second.connect(remote);
    expect((await world.run(seeds)).map(({ url }) => url)).toEqual(['http://web.example/']);
    await world.run(torrent.untilDone());
    const trackers = await world.run(torrent.trackers());
    expect(trackers.map(({ url }) => url)).toEqual(['http://tracker.example/announce']);
    expect(torrent.pieces.flatMap((piece, index) => (piece === null ? [index] : []))).toEqual([3, 4, 5]);
    const said = pipe.posted.client.flat() as { command?: string; args?: Record<string, unknown> }[];
    const args = (command: string): unknown[] =>
      said.flatMap((message) => (message.command === command ? [message.args] : []));
    expect(args('add')).toMatchObject([
      {
        torrent: torrent.key,
        source: { kind: 'metainfo' },
        options: { downloadLimit: 50_000, goals: { ratio: 3 }, peers: ['10.0.0.1:1000'], paused: false },
      },
      { torrent: paused.key, source: { kind: 'infoHash' }, options: { paused: true } },
    ]);
    expect(args('setLimits')).toEqual([{ upload: 12_345 }]);
    expect(args('setQueue')).toMatchObject([{ maxActive: 5 }]);
    await world.run(client.destroy());
  });

  it('seeds what was being seeded, without a second `done`', async () => {
    const world = new World();
    const { client, remote } = remoteClient(world);
    const first = new HostedEngine(world, '10.0.0.2', { torrentPort: 1000 });
    first.connect(remote);
    const seed = client.seed(inputs(), SEED);
    const events: string[] = [];
    for (const event of ['metadata', 'done', 'seed', 'hashing'] as const) {
      seed.on(event, () => events.push(event));
    }
    await world.run(seed.untilDone());
    const before = [...events];
    await world.run(first.crash());
    remote.detach();
    await world.clock.advanceAsync(1000);
    const second = new HostedEngine(world, '10.0.0.2', { torrentPort: 1000 });
    const { pipe } = second.connect(remote);
    await world.clock.advanceAsync(1000);
    const said = pipe.posted.host.flat() as { event?: { event: { type: string } } }[];
    const types = said.map(({ event }) => event?.event.type);
    expect(types).toContain('ready');
    // Nothing is read and hashed again.
    expect(types).not.toContain('hashing');
    const leecher = world.client('10.0.0.3');
    const torrent = leecher.add(seed.magnetURI!, { peers: ['10.0.0.2:1000'] });
    await world.run(torrent.untilDone());
    expect(new Uint8Array(await world.run(torrent.files[0]!.arrayBuffer()))).toEqual(content);
    expect(events).toEqual(before);
    expect(seed.done).toBe(true);
    expect(seed.uploaded).toBeGreaterThan(0);
    await world.run(Promise.all([client.destroy(), leecher.destroy()]));
  });

  it('counts on, and has no peers of the one before', async () => {
    const { world, seed } = await seeded();
    const { client, remote } = remoteClient(world);
    const first = new HostedEngine(world, '10.0.0.2', { downloadLimit: 100_000 });
    first.connect(remote);
    const torrent = client.add(seed.torrentFile!, PEERS);
    await world.clock.advanceAsync(2500);
    const { received, downloaded } = torrent;
    expect(downloaded).toBeGreaterThan(0);
    const wires = torrent.wires;
    expect(wires).toHaveLength(1);
    await world.run(first.crash());
    remote.detach();
    expect(torrent.wires).toEqual([]);
    expect(wires[0]!.destroyed).toBe(true);
    expect(torrent.downloadSpeed).toBe(0);
    expect(torrent.downloaded).toBe(downloaded);
    const progress: number[] = [];
    torrent.on('download', () => progress.push(torrent.downloaded));
    new HostedEngine(world, '10.0.0.2').connect(remote);
    await world.run(torrent.untilDone());
    // Never back.
    expect(Math.min(...progress)).toBeGreaterThanOrEqual(downloaded - 2 * 16_384);
    expect(torrent.received).toBeGreaterThan(received);
    await world.run(client.destroy());
  });

  it('destroys what was to be destroyed when its host was lost, and does not bring back what was removed', async () => {
    const { world, seed } = await seeded();
    const { client, remote } = remoteClient(world);
    const first = new HostedEngine(world, '10.0.0.2');
    first.connect(remote);
    const torrent = client.add(seed.torrentFile!, PEERS);
    await world.run(torrent.untilDone());
    expect(world.files.get('10.0.0.2')!.paths()).toHaveLength(2);
    await world.run(first.crash());
    remote.detach();
    const destroyed = torrent.destroy({ destroyStore: true });
    const second = new HostedEngine(world, '10.0.0.2');
    second.connect(remote);
    await world.run(destroyed);
    expect(world.files.get('10.0.0.2')!.paths()).toEqual([]);
    await world.run(client.destroy());
  });

  it('may come at any time, to any number of clients, whatever they do', async () => {
    const done = { crashes: 0, closings: 0, reads: 0, removals: 0 };
    for (let round = 0; round < 6; round++) {
      const random = new SeededRandom(round);
      const { world, seed } = await seeded();
      const delay = (): number => random.below(30);
      const newEngine = (): HostedEngine => new HostedEngine(world, '10.0.0.2', { downloadLimit: 400_000 });
      let engine = newEngine();
      const clients = [0, 1, 2].map(() => remoteClient(world));
      const torrents: (Torrent | undefined)[] = [];
      const reads: Promise<void>[] = [];
      for (const { remote } of clients) engine.connect(remote, delay);
      for (let step = 0; step < 25; step++) {
        const i = random.below(3);
        const { client } = clients[i]!;
        const torrent = torrents[i];
        const what = random.below(10);
        if (torrent === undefined) {
          const id = random.below(2) === 0 ? seed.torrentFile! : seed.magnetURI!;
          torrents[i] = client.add(id, PEERS);
        } else if (what === 0) {
          done.removals++;
          torrents[i] = undefined;
          void torrent.destroy();
        } else if (what === 1 || what === 2) {
          const old = engine;
          engine = newEngine();
          if (what === 1) {
            done.crashes++;
            await world.run(old.crash());
            for (const { remote } of clients) remote.detach();
          } else {
            done.closings++;
            await world.run(old.host.close());
          }
          await world.clock.advanceAsync(random.below(500));
          for (const { remote } of clients) engine.connect(remote, delay);
        } else if (what === 3) torrent.pause();
        else if (what === 4) torrent.resume();
        else if (what === 5) torrent.deselectFile(random.below(2));
        else if (what === 6) torrent.selectFile(random.below(2), random.below(3));
        else {
          const start = random.below(100_000);
          const end = start + random.below(100_000 - start);
          const read = torrent.untilReady().then(() => torrent.files[1]!.arrayBuffer({ start, end }));
          reads.push(
            read.then(
              (bytes) => {
                done.reads++;
                expect(new Uint8Array(bytes)).toEqual(content.slice(start, end + 1));
              },
              // It was removed meanwhile.
              () => expect(torrent.destroyed).toBe(true),
            ),
          );
        }
        await world.clock.advanceAsync(random.below(400));
      }
      for (const [i, { client }] of clients.entries()) {
        torrents[i] ??= client.add(seed.torrentFile!, PEERS);
        torrents[i]!.resume();
        torrents[i]!.selectFile(0);
        torrents[i]!.selectFile(1);
      }
      await world.run(Promise.all(torrents.map((torrent) => torrent!.untilReady())));
      for (let turn = 0; turn < 100 && torrents.some((torrent) => torrent!.progress < 1); turn++) {
        await world.clock.advanceAsync(100);
      }
      expect(torrents.map((torrent) => torrent!.progress)).toEqual([1, 1, 1]);
      expect(torrents.map((torrent) => torrent!.done)).toEqual([true, true, true]);
      await world.run(Promise.all(reads));
      expect(world.warnings).toEqual([]);
      await world.run(Promise.all(clients.map(({ client }) => client.destroy())));
      expect(engine.host.size).toBe(0);
      await world.run(engine.host.close());
    }
    expect(Math.min(...Object.values(done))).toBeGreaterThan(5);
  }, 180_000);
});
