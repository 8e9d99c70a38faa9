/** Torrents of version 2 and hybrids (BEP 52) through the API: how they are named, found, selected and handed on. */

import { describe, expect, it } from 'vitest';
import { World } from '../../testing/memory-world.ts';
import type { Client } from '../api/client.ts';
import type { Torrent } from '../api/torrent.ts';
import { parseMagnet, parseTorrent } from '../protocol/index.ts';

type Version = 1 | 2 | 'hybrid';

const content = Uint8Array.from({ length: 150_000 }, (_, index) => (index * 31 + (index >> 8)) & 255);

function inputs(): (Uint8Array & { name: string })[] {
  return [
    Object.assign(content.slice(), { name: 'a.bin' }),
    Object.assign(content.slice(0, 50_000), { name: 'b.bin' }),
    Object.assign(content.slice(0, 40_000), { name: 'c.bin' }),
  ];
}

const LENGTHS = [150_000, 50_000, 40_000];
const SEEDER = '10.0.0.1:1000';

async function seeded(version: Version): Promise<{ world: World; seeder: Client; seed: Torrent }> {
  const world = new World();
  const seeder = world.client('10.0.0.1', { torrentPort: 1000 });
  const options = { pieceLength: 16_384, name: 'Folder', version };
  return { world, seeder, seed: await world.run(seeder.seed(inputs(), options).untilDone()) };
}

async function bytesOf(world: World, torrent: Torrent, place: number): Promise<Uint8Array> {
  return new Uint8Array(await world.run(torrent.files[place]!.arrayBuffer()));
}

describe('a torrent’s names', () => {
  it.each([
    [1, true, false],
    [2, false, true],
    ['hybrid', true, true],
  ] as const)('of version %s are in its properties, its link and its file', async (version, hasV1, hasV2) => {
    const { world, seeder, seed } = await seeded(version);
    expect([seed.infoHashV1 !== undefined, seed.infoHashV2 !== undefined]).toEqual([hasV1, hasV2]);
    expect(seed.infoHash).toBe(hasV1 ? seed.infoHashV1 : seed.infoHashV2!.slice(0, 40));
    expect(seed.infoHash).toHaveLength(40);
    const { hashes } = parseMagnet(seed.magnetURI!);
    expect([hashes.v1 !== undefined, hashes.v2 !== undefined]).toEqual([hasV1, hasV2]);
    const { info, pieceLayers } = parseTorrent(seed.torrentFile!);
    expect([info.hasV1, info.hasV2, pieceLayers.size]).toEqual([hasV1, hasV2, hasV2 ? 3 : 0]);
    expect(seed.files.map((file) => [file.name, file.length, file.index])).toEqual(
      ['a.bin', 'b.bin', 'c.bin'].map((name, place) => [name, LENGTHS[place], place]),
    );
    const links = [
      seed.infoHash!,
      ...(hasV1 ? [`magnet:?xt=urn:btih:${seed.infoHashV1}`] : []),
      ...(hasV2
        ? [seed.infoHashV2!, seed.infoHashV2!.toUpperCase(), `magnet:?xt=urn:btmh:1220${seed.infoHashV2}`]
        : []),
      ...(hasV2 ? [seed.infoHashV2!.slice(0, 40), Uint8Array.from(hashes.v2!)] : []),
      seed.torrentFile!,
      seed.magnetURI!,
    ];
    for (const id of links) expect(await seeder.get(id)).toBe(seed);
    expect(await seeder.get('ab'.repeat(32))).toBeNull();
    await expect(seeder.add(links.at(-3)!).untilReady()).rejects.toMatchObject({ code: 'DUPLICATE_TORRENT' });
    await world.run(seeder.remove(hasV2 ? `magnet:?xt=urn:btmh:1220${seed.infoHashV2}` : seed.infoHash!));
    expect(seeder.torrents).toEqual([]);
    await world.run(seeder.destroy());
  });
});

describe('a download by hash', () => {
  it.each([
    ['hybrid', 'v1'],
    ['hybrid', 'v2'],
    ['hybrid', 'both'],
    [2, 'v2'],
  ] as const)('of a torrent of version %s, by %s, learns all there is to know', async (version, by) => {
    const { world, seeder, seed } = await seeded(version);
    // Slow enough for a connection by version 1 to be upgraded before all is there and both sides part.
    const client = world.client('10.0.0.2', { downloadLimit: 50_000 });
    const id = { v1: seed.infoHashV1!, v2: seed.infoHashV2!, both: seed.magnetURI! }[by];
    const torrent = client.add(id, { peers: [SEEDER] });
    await world.run(torrent.untilDone());
    expect(torrent.infoHash).toBe(by === 'v2' ? seed.infoHashV2!.slice(0, 40) : seed.infoHashV1);
    expect([torrent.infoHashV1, torrent.infoHashV2]).toEqual([seed.infoHashV1, seed.infoHashV2]);
    expect(parseMagnet(torrent.magnetURI!).hashes).toEqual(parseMagnet(seed.magnetURI!).hashes);
    expect(torrent.files.map((file) => file.length)).toEqual(LENGTHS);
    expect(await bytesOf(world, torrent, 1)).toEqual(content.slice(0, 50_000));
    expect(await client.get(seed.torrentFile!)).toBe(torrent);
    await expect(client.add(seed.torrentFile!).untilReady()).rejects.toMatchObject({
      code: 'DUPLICATE_TORRENT',
    });
    // What a v2 torrent file must have came from the peers.
    const file = parseTorrent(torrent.torrentFile!);
    expect(file.pieceLayers).toEqual(parseTorrent(seed.torrentFile!).pieceLayers);
    expect(file.infoBytes).toEqual(parseTorrent(seed.torrentFile!).infoBytes);
    await world.run(Promise.all([client.destroy(), seeder.destroy()]));
  });
});

describe('two links that name the two hashes of one torrent', () => {
  it('make one torrent as soon as that is known; the other one ends', async () => {
    const { world, seeder, seed } = await seeded('hybrid');
    const client = world.client('10.0.0.2');
    const ids = [seed.infoHashV1!, `magnet:?xt=urn:btmh:1220${seed.infoHashV2}`];
    const torrents = ids.map((id) => client.add(id, { peers: [SEEDER] }));
    const ends = await world.run(Promise.allSettled(torrents.map((torrent) => torrent.untilDone())));
    expect(ends.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    const lost = ends.find((end) => end.status === 'rejected');
    expect(lost?.reason).toMatchObject({ code: 'DUPLICATE_TORRENT' });
    expect(client.torrents).toHaveLength(1);
    for (const id of ids) expect(await client.get(id)).toBe(client.torrents[0]);
    expect(await bytesOf(world, client.torrents[0]!, 0)).toEqual(content);
    await world.run(Promise.all([client.destroy(), seeder.destroy()]));
  });
});

describe('files of a hybrid torrent', () => {
  it('are selected by their places, which padding has no part in', async () => {
    const { world, seeder, seed } = await seeded('hybrid');
    const client = world.client('10.0.0.2');
    const torrent = client.add(seed.torrentFile!, { peers: [SEEDER], so: [2] });
    await world.run(torrent.untilDone());
    expect(torrent.files.map((file) => file.done)).toEqual([false, false, true]);
    expect(world.files.get('10.0.0.2')?.paths()).toEqual(['Folder/c.bin']);
    torrent.files[1]!.select();
    await world.run(torrent.untilDone());
    expect(torrent.files.map((file) => file.done)).toEqual([false, true, true]);
    expect(await bytesOf(world, torrent, 2)).toEqual(content.slice(0, 40_000));
    await world.run(Promise.all([client.destroy(), seeder.destroy()]));
  });
});

describe('selections from before the metadata', () => {
  it.each([1, 'hybrid'] as const)('are in force when it comes, in version %s', async (version) => {
    const { world, seeder, seed } = await seeded(version);
    const client = world.client('10.0.0.2');
    const torrent = client.add(seed.magnetURI!, { peers: [SEEDER] });
    torrent.selectFile(1, 3);
    torrent.deselectFile(0);
    torrent.deselectFile(2);
    torrent.selectFile(99);
    await world.run(torrent.untilDone());
    expect(torrent.files.map((file) => file.done)).toEqual([false, true, false]);
    expect(world.files.get('10.0.0.2')?.paths()).not.toContain('Folder/a.bin');
    await world.run(Promise.all([client.destroy(), seeder.destroy()]));
  });

  it('add to nothing when nothing was wanted, and take pieces as well as files', async () => {
    const { world, seeder, seed } = await seeded(1);
    const client = world.client('10.0.0.2');
    const torrent = client.add(seed.magnetURI!, { peers: [SEEDER], deselect: true });
    const warnings: string[] = [];
    torrent.on('warning', (error) => warnings.push(error.message));
    torrent.select(0, 1);
    torrent.critical(1, 1);
    torrent.select(14, 99);
    torrent.select(3, 2);
    await world.run(torrent.untilDone());
    expect([...torrent.bitfield!.indexes()]).toEqual([0, 1]);
    expect(warnings).toEqual([
      '"3 to 2" is no range of pieces.',
      'There are no pieces 14 to 99 in a torrent of 15.',
    ]);
    await world.run(Promise.all([client.destroy(), seeder.destroy()]));
  });
});

describe('a magnet link’s xs', () => {
  it('is of use when it answers late and no peer has sent the metadata', async () => {
    for (const version of ['hybrid', 2] as const) {
      const { world, seeder, seed } = await seeded(version);
      const client = world.client('10.0.0.2');
      world.http.route('http://site/late.torrent', () => ({ body: seed.torrentFile!, delayMs: 8000 }));
      const named = version === 2 ? `btmh:1220${seed.infoHashV2}` : `btih:${seed.infoHashV1}`;
      const torrent = client.add(`magnet:?xt=urn:${named}&xs=http%3A%2F%2Fsite%2Flate.torrent`);
      let metadata = 0;
      torrent.on('metadata', () => metadata++);
      await world.clock.advanceAsync(5000);
      expect([torrent.infoHash !== undefined, metadata]).toEqual([true, 0]);
      await world.run(torrent.untilReady());
      expect(metadata).toBe(1);
      expect(torrent.infoHashV2).toBe(seed.infoHashV2);
      expect(parseTorrent(torrent.torrentFile!).pieceLayers.size).toBe(3);
      torrent.addPeer(SEEDER);
      await world.run(torrent.untilDone());
      await world.run(Promise.all([client.destroy(), seeder.destroy()]));
    }
  });

  it('changes nothing when the peers were first', async () => {
    const { world, seeder, seed } = await seeded('hybrid');
    const client = world.client('10.0.0.2');
    world.http.route('http://site/late.torrent', () => ({ body: seed.torrentFile!, delayMs: 8000 }));
    const link = `magnet:?xt=urn:btih:${seed.infoHashV1}&xs=http%3A%2F%2Fsite%2Flate.torrent`;
    const torrent = client.add(link, { peers: [SEEDER] });
    let metadata = 0;
    torrent.on('metadata', () => metadata++);
    await world.run(torrent.untilDone());
    await world.clock.advanceAsync(10_000);
    expect(metadata).toBe(1);
    await world.run(Promise.all([client.destroy(), seeder.destroy()]));
  });
});
