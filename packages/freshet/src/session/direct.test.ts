import { describe, expect, it } from 'vitest';
import { PLACES, World } from '../../testing/memory-world.ts';
import { DestroyedError, StorageError } from './errors.ts';
import type { SessionEvent } from './protocol.ts';

const content = Uint8Array.from({ length: 200_000 }, (_, index) => (index * 31 + (index >> 8)) & 255);
const SEED = { pieceLength: 16_384, name: 'Folder' } as const;

function inputs(): (Uint8Array & { name?: string })[] {
  return [
    Object.assign(content.slice(), { name: 'a.bin' }),
    Object.assign(content.slice(0, 50_000), { name: 'b.bin' }),
  ];
}

describe.each(PLACES)('A session %s', (place) => {
  it('warns when a download is not kept where it should be', async () => {
    const world = new World(place);
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
    const world = new World(place);
    const seeder = world.client('10.0.0.1', { torrentPort: 1000 });
    const order: string[] = [];
    const seeding = seeder.seed(inputs(), SEED, () => order.push('seeding'));
    const seed = await world.run(seeding.untilDone());
    const session = world.session('10.0.0.2');
    const events: string[] = [];
    session.subscribe(({ event }: SessionEvent) => {
      if (events.at(-1) !== event.type) events.push(event.type);
    });
    const leecher = world.clientOf(session);
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
    const map = await world.run(torrent.pieceMap());
    expect(map.partial).toEqual([]);
    expect([...map.verified]).toEqual([...torrent.bitfield!.toBytes()]);
    expect(await world.run(torrent.peers())).toEqual([]);
    expect(await world.run(torrent.webSeeds())).toEqual([]);
    await world.run(Promise.all([leecher.destroy(), seeder.destroy()]));
    expect(world.closed).toBe(2);
    await expect(session.request('addPeer', { torrent: 1, address: 'x:1' })).rejects.toBeInstanceOf(
      DestroyedError,
    );
  });

  it('fetches only what is wanted, from a web seed too, and what a stream asks for besides', async () => {
    const world = new World(place);
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
    const world = new World(place);
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
    const world = new World(place);
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
    expect(await failed).toBeInstanceOf(DestroyedError);
    expect(await second).toBe(torrent.signal.reason);
    await expect(torrent.files[0]!.arrayBuffer()).rejects.toBeInstanceOf(DestroyedError);
    await world.run(Promise.all([client.destroy(), seeder.destroy()]));
  });

  it('super-seeds when told to: the others never see all of it, and get it all the same', async () => {
    const world = new World(place);
    const seeder = world.client('10.0.0.1', { torrentPort: 1000 });
    const seed = await world.run(seeder.seed(inputs(), { ...SEED, superSeed: true }).untilDone());
    const client = world.client('10.0.0.2');
    const torrent = client.add(seed.torrentFile!, { peers: ['10.0.0.1:1000'] });
    const claimed: number[] = [];
    torrent.on('download', () => {
      void torrent.peers().then((peers) => {
        for (const peer of peers) claimed.push(peer.progress);
      });
    });
    await world.run(torrent.untilDone());
    expect(claimed[0]).toBeLessThan(0.3);
    expect(new Uint8Array(await world.run(torrent.files[0]!.arrayBuffer()))).toEqual(content);
    await world.run(Promise.all([client.destroy(), seeder.destroy()]));
  });

  it('may be removed in the midst of any event', async () => {
    for (const event of ['infoHash', 'metadata', 'ready', 'done'] as const) {
      const world = new World(place);
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
    const world = new World(place);
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
