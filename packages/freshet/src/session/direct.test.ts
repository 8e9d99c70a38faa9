import { describe, expect, it } from 'vitest';
import { Client } from '../api/client.ts';
import type { ClientPlatform } from '../api/platform.ts';
import { WebReadStream } from '../api/read-stream.ts';
import { createBlobFileStore } from '../browser/blob-files.ts';
import { openMappedDisk } from '../engine/storage/mapped-disk.ts';
import type { FaultPlan } from '../memory/faults.ts';
import {
  MemoryFileStore,
  MemoryHasher,
  MemoryHttp,
  MemoryMessageSockets,
  MemoryNetwork,
  MemoryState,
  SeededRandom,
  VirtualClock,
} from '../memory/index.ts';
import { DirectSession } from './direct.ts';
import { DestroyedError, StorageError, StreamError } from './errors.ts';
import type { SessionPlatform } from './platform.ts';
import type { SessionEvent, SessionSettings } from './protocol.ts';

/** Machines of one network, each with storage of its own; time moves by `run`. */
class World {
  readonly clock = new VirtualClock({ settle: () => new Promise((resolve) => setImmediate(resolve)) });
  readonly network = new MemoryNetwork(this.clock, { link: { latencyMs: 10 } });
  readonly http = new MemoryHttp(this.clock);
  readonly files = new Map<string, MemoryFileStore>();
  readonly #states = new Map<string, MemoryState>();
  closed = 0;
  #seeds = 0;

  /** Why downloads are not kept, if they are not. */
  reason: string | undefined;

  session(host: string, settings: SessionSettings = {}, faults?: FaultPlan): DirectSession {
    const store = this.files.get(host) ?? new MemoryFileStore({ faults });
    this.files.set(host, store);
    const state = this.#states.get(host) ?? new MemoryState();
    this.#states.set(host, state);
    const platform: SessionPlatform = {
      ports: {
        clock: this.clock,
        random: new SeededRandom(++this.#seeds),
        hasher: new MemoryHasher(),
        http: this.http,
        sockets: new MemoryMessageSockets(this.clock),
        dialer: this.network.dialer(host),
        listener: this.network.listener(host),
      },
      pathOf: () => `/${host}`,
      openStorage: async (_location, infoHash) => ({
        openDisk: async (info) => openMappedDisk({ info, infoHash, store }),
        state,
        reason: this.reason,
      }),
      openSeed: (placed) =>
        createBlobFileStore(
          placed.map(({ path, seed }) => ({
            path,
            blob: seed.content.kind === 'bytes' ? new Blob([seed.content.bytes as BlobPart]) : new Blob([]),
          })),
        ),
      close: async () => {
        this.closed++;
      },
    };
    return new DirectSession(platform, settings);
  }

  client(host: string, settings: SessionSettings = {}, faults?: FaultPlan): Client {
    return new Client({}, API, this.session(host, settings, faults));
  }

  /** Lets time pass until the promise is settled, at most a minute of it. */
  async run<T>(promise: Promise<T>): Promise<T> {
    let settled = false;
    const done = (): void => {
      settled = true;
    };
    promise.then(done, done);
    for (let i = 0; i < 600 && !settled; i++) await this.clock.advanceAsync(100);
    expect(settled).toBe(true);
    return promise;
  }
}

const API: ClientPlatform = {
  webrtc: false,
  openSession: () => {
    throw new Error('A session is given.');
  },
  createReadStream: (iterator) => new WebReadStream(iterator),
  createServer: () => {
    throw new Error('No server here.');
  },
};

const content = Uint8Array.from({ length: 200_000 }, (_, index) => (index * 31 + (index >> 8)) & 255);
const SEED = { pieceLength: 16_384, name: 'Folder' } as const;

function inputs(): (Uint8Array & { name?: string })[] {
  return [
    Object.assign(content.slice(), { name: 'a.bin' }),
    Object.assign(content.slice(0, 50_000), { name: 'b.bin' }),
  ];
}

describe('DirectSession', () => {
  it('warns when a download is not kept where it should be', async () => {
    const world = new World();
    world.reason = 'Another tab of this site stores this torrent.';
    const client = world.client('10.0.0.1');
    const torrent = client.add('a'.repeat(40));
    const warnings: unknown[] = [];
    torrent.on('warning', (warning) => warnings.push(warning));
    await world.run(new Promise((resolve) => torrent.once('warning', resolve)));
    expect(warnings).toMatchObject([{ name: 'StorageError', code: 'NOT_KEPT', message: world.reason }]);
    await world.run(client.destroy());
  });

  it('carries a download from one client to another, in order', async () => {
    const world = new World();
    const seeder = world.client('10.0.0.1', { torrentPort: 1000 });
    const order: string[] = [];
    const seeding = seeder.seed(inputs(), SEED, () => order.push('seeding'));
    const seed = await world.run(seeding.untilDone());
    const session = world.session('10.0.0.2');
    const events: string[] = [];
    session.subscribe(({ event }: SessionEvent) => {
      if (events.at(-1) !== event.type) events.push(event.type);
    });
    const leecher = new Client({}, API, session);
    const torrent = leecher.add(seed.magnetURI!, { peers: ['10.0.0.1:1000'] });
    await world.run(torrent.untilDone());
    expect(order).toEqual(['seeding']);
    expect(events.filter((type) => !['peers', 'progress', 'checking', 'announce'].includes(type))).toEqual([
      'listening',
      'infoHash',
      'peer',
      'metadata',
      'ready',
      'done',
      // Two who have everything are of no use to each other.
      'peerClosed',
    ]);
    expect(torrent.progress).toBe(1);
    expect(torrent.timeRemaining).toBe(0);
    expect(new Uint8Array(await world.run(torrent.files[0]!.arrayBuffer()))).toEqual(content);
    expect(world.files.get('10.0.0.2')?.paths()).toEqual(['Folder/a.bin', 'Folder/b.bin']);
    const map = await torrent.pieceMap();
    expect(map.partial).toEqual([]);
    expect([...map.verified]).toEqual([...torrent.bitfield!.toBytes()]);
    expect(await torrent.peers()).toEqual([]);
    expect(await torrent.webSeeds()).toEqual([]);
    await world.run(Promise.all([leecher.destroy(), seeder.destroy()]));
    expect(world.closed).toBe(2);
    await expect(session.request('addPeer', { torrent: 1, address: 'x:1' })).rejects.toBeInstanceOf(
      DestroyedError,
    );
  });

  it('fetches only what is wanted, from a web seed too, and what a stream asks for besides', async () => {
    const world = new World();
    const seeder = world.client('10.0.0.1');
    const seed = await world.run(seeder.seed(inputs(), SEED).untilDone());
    await world.run(seeder.destroy());
    for (const [name, bytes] of [
      ['a.bin', content],
      ['b.bin', content.slice(0, 50_000)],
    ] as const) {
      world.http.route(`http://web/Folder/${name}`, ({ range }) => ({
        status: 206,
        body: bytes.slice(range?.first, (range?.last ?? bytes.length - 1) + 1),
        headers: { 'content-range': `bytes ${range?.first}-${range?.last}/${bytes.length}` },
      }));
    }
    const client = world.client('10.0.0.2');
    const torrent = client.add(seed.torrentFile!, { urlList: ['http://web/'], so: [1] });
    await world.run(torrent.untilDone());
    expect(world.files.get('10.0.0.2')?.paths()).toContain('Folder/b.bin');
    expect(world.files.get('10.0.0.2')?.paths()).not.toContain('Folder/a.bin');
    expect(torrent.files.map((file) => file.done)).toEqual([false, true]);
    const part = await world.run(torrent.files[0]!.arrayBuffer({ start: 10, end: 99 }));
    expect(new Uint8Array(part)).toEqual(content.slice(10, 100));
    expect(torrent.stats.received['webseed']).toBeGreaterThan(0);
    await world.run(client.destroy());
  });

  it('takes selections made before the metadata, by file and by piece', async () => {
    const world = new World();
    const seeder = world.client('10.0.0.1', { torrentPort: 1000 });
    const seed = await world.run(seeder.seed(inputs(), SEED).untilDone());
    const client = world.client('10.0.0.2');
    const torrent = client.add(seed.magnetURI!, { peers: ['10.0.0.1:1000'] });
    const warnings: Error[] = [];
    torrent.on('warning', (error) => warnings.push(error));
    torrent.on('metadata', () => {
      torrent.deselect(0, torrent.pieces.length - 1, false);
      torrent.select(2, 3);
      torrent.select(99, 100);
    });
    await world.run(torrent.untilDone());
    expect(torrent.pieces.flatMap((piece, index) => (piece === null ? [index] : []))).toEqual([2, 3]);
    expect(warnings.map((warning) => warning.message)).toContain(
      'There are no pieces 99 to 100 in a torrent of 16.',
    );
    await world.run(Promise.all([client.destroy(), seeder.destroy()]));
  });

  it('ends streams when the torrent goes, before and after it is ready', async () => {
    const world = new World();
    const seeder = world.client('10.0.0.1');
    const seed = await world.run(seeder.seed(inputs(), SEED).untilDone());
    const client = world.client('10.0.0.2');
    const torrent = client.add(seed.torrentFile!);
    const failed = new Promise<unknown>((resolve) => {
      torrent.on('metadata', () => void torrent.files[0]!.arrayBuffer().catch(resolve));
    });
    await world.run(torrent.untilReady());
    const second = torrent.files[1]!.arrayBuffer().catch((error: unknown) => error);
    await world.clock.advanceAsync(100);
    await world.run(torrent.destroy());
    expect(await failed).toBeInstanceOf(StreamError);
    expect(await second).toBeInstanceOf(StreamError);
    await expect(torrent.files[0]!.arrayBuffer()).rejects.toBeInstanceOf(DestroyedError);
    await world.run(Promise.all([client.destroy(), seeder.destroy()]));
  });

  it('may be removed in the midst of any event', async () => {
    for (const event of ['infoHash', 'metadata', 'ready', 'done'] as const) {
      const world = new World();
      const client = world.client('10.0.0.1');
      const torrent = client.seed(inputs(), SEED);
      const later: string[] = [];
      const closed = new Promise<void>((resolve) => {
        torrent.once(event, () => {
          void torrent.destroy().then(resolve);
          for (const other of ['infoHash', 'metadata', 'ready', 'done'] as const) {
            torrent.on(other, () => later.push(other));
          }
        });
      });
      await world.run(closed);
      await world.clock.advanceAsync(1000);
      expect(later).toEqual([]);
      // Really gone: the same torrent can be added again.
      const again = client.seed(inputs(), SEED);
      await world.run(again.untilDone());
      await world.run(client.destroy());
    }
  });

  it('reports a storage fault, and goes on from what was kept', async () => {
    const world = new World();
    const seeder = world.client('10.0.0.1', { torrentPort: 1000 });
    const seed = await world.run(seeder.seed(inputs(), SEED).untilDone());
    const client = world.client('10.0.0.2');
    world.files.get('10.0.0.2')!.readOnly = true;
    const torrent = client.add(seed.torrentFile!, { peers: ['10.0.0.1:1000'], destroyOnError: false });
    const fault = await world.run(new Promise<Error>((resolve) => torrent.once('error', resolve)));
    expect(fault).toBeInstanceOf(StorageError);
    expect(fault).toMatchObject({ code: 'READ_ONLY' });
    world.files.get('10.0.0.2')!.readOnly = false;
    torrent.resume();
    await world.run(torrent.untilDone());
    expect(new Uint8Array(await world.run(torrent.files[0]!.arrayBuffer()))).toEqual(content);
    await world.run(Promise.all([client.destroy(), seeder.destroy()]));
  });
});
