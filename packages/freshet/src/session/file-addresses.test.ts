import { describe, expect, it } from 'vitest';
import { PLACES, World } from '../../testing/memory-world.ts';

const named = (name: string, length: number): Uint8Array & { name: string } =>
  Object.assign(new Uint8Array(length).fill(7), { name });
const KEY = 1;

describe.each(PLACES)('The addresses of a file, from a session %s', (place) => {
  it('are those of its web seeds, the ones that have failed last, and no others', async () => {
    const world = new World(place);
    const seeder = world.client('10.0.0.1');
    // A torrent of both versions has padding between its files, which nobody counts.
    const files = [named('a.bin', 20_000), named('b ü.bin', 5_000)];
    const seed = await world.run(
      seeder.seed(files, { name: 'Folder', pieceLength: 16_384, version: 'hybrid' }).untilDone(),
    );
    world.http.route('http://dead/Folder/a.bin', () => ({
      status: 404,
      body: new Uint8Array(0),
      headers: {},
    }));
    world.http.route('http://dead/Folder/b%20%C3%BC.bin', () => ({
      status: 404,
      body: new Uint8Array(0),
      headers: {},
    }));
    const session = world.session('10.0.0.2');
    const request = (index: number): Promise<readonly string[]> =>
      world.run(session.request('fileAddresses', { torrent: KEY, index }));
    const client = world.clientOf(session);
    const torrent = client.add(seed.torrentFile!, {
      urlList: ['http://dead/', 'ftp://old/', 'http://live/x'],
    });
    await world.run(torrent.untilReady());
    expect(torrent.files.map(({ name }) => name)).toEqual(['a.bin', 'b ü.bin']);
    await world.clock.advanceAsync(2_000);
    expect(await request(1)).toEqual([
      'http://live/x/Folder/b%20%C3%BC.bin',
      'http://dead/Folder/b%20%C3%BC.bin',
    ]);
    expect(await request(2)).toEqual([]);
    await world.run(Promise.all([client.destroy(), seeder.destroy()]));
  });

  it('are none before the metadata is known', async () => {
    const world = new World(place);
    const session = world.session('10.0.0.1');
    const client = world.clientOf(session);
    const torrent = client.add('a'.repeat(40), { urlList: ['http://web/'] });
    await world.run(new Promise<void>((resolve) => void torrent.once('infoHash', resolve)));
    expect(await world.run(session.request('fileAddresses', { torrent: KEY, index: 0 }))).toEqual([]);
    await world.run(client.destroy());
  });
});
