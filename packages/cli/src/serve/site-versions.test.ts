/** A site that shares torrents of version 2 and hybrids (BEP 52): what it says of them, and that they are found by either hash. */

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Client from 'freshet';
import { parseMagnet, parseTorrent } from 'freshet/protocol';
import { createTracker, type Tracker } from 'freshet-tracker';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type SharedTorrent, type SiteDescription, shareTorrent } from './catalogue.ts';
import { createSite, type SiteServer } from './site-server.ts';
import { WebSeed } from './web-seed.ts';

const film = Uint8Array.from({ length: 200_000 }, (_, i) => (i * 7 + (i >> 8)) & 255);
const PIECE_LENGTH = 65_536;

let folder: string;
let tracker: Tracker;
let seeder: Client;
let viewer: Client;
let webSeed: WebSeed;
let site: SiteServer;
let origin: string;
let shared: SharedTorrent[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'freshet-site-'));
  await mkdir(join(folder, 'Films'));
  await writeFile(join(folder, 'Films', 'film.mp4'), film);
  await writeFile(join(folder, 'Films', 'notes.txt'), film.subarray(0, 1000));
  await writeFile(join(folder, 'Films', 'poster.jpg'), film.subarray(0, 70_000));
  tracker = createTracker();
  webSeed = new WebSeed({ onChanged: () => {} });
  shared = [];
  site = createSite({
    pageFolder: folder,
    tracker,
    webSeed,
    version: '0',
    iceServers: undefined,
    torrents: shared,
    stats: () => ({}),
  });
  origin = `http://127.0.0.1:${await site.listen(0, '127.0.0.1')}`;
  seeder = new Client({ host: '127.0.0.1', webrtc: false });
  viewer = new Client({ host: '127.0.0.1', webrtc: false, webSeeds: false });
});

afterEach(async () => {
  await Promise.all([seeder.destroy(), viewer.destroy()]);
  await site.close();
  await tracker.close();
  await rm(folder, { recursive: true, force: true });
});

async function share(version: 2 | 'hybrid'): Promise<SharedTorrent> {
  const torrent = seeder.seed(join(folder, 'Films'), {
    version,
    pieceLength: PIECE_LENGTH,
    announce: [`${origin}/announce`],
  });
  await torrent.untilDone();
  const made = await shareTorrent(torrent, new Set());
  shared.push(made);
  webSeed.add(made);
  return made;
}

describe.each([2, 'hybrid'] as const)('a site with a torrent of version %s', (version) => {
  it('tells both names, and hands on a torrent file with all hashes', async () => {
    const { torrent, infoHash } = await share(version);
    const site = (await (await fetch(`${origin}/api/site.json`)).json()) as SiteDescription;
    const [described] = site.torrents;
    expect(described).toMatchObject({ infoHash, infoHashV2: torrent.infoHashV2, name: 'Films' });
    expect(described!.files.map(({ name, length }) => [name, length])).toEqual([
      ['film.mp4', 200_000],
      ['notes.txt', 1000],
      ['poster.jpg', 70_000],
    ]);
    const magnet = parseMagnet(described!.magnet);
    expect([magnet.hashes.v1 !== undefined, magnet.hashes.v2 !== undefined]).toEqual([
      version === 'hybrid',
      true,
    ]);
    const file = await fetch(`${origin}${described!.torrent}`);
    const metainfo = parseTorrent(new Uint8Array(await file.arrayBuffer()));
    expect([metainfo.info.hasV2, metainfo.pieceLayers.size]).toEqual([true, 2]);
    expect(metainfo.urlList).toEqual([`${origin}/webseed/`]);
    const part = await fetch(`${origin}${described!.files[2]!.url!}`, { headers: { range: 'bytes=10-19' } });
    expect(new Uint8Array(await part.arrayBuffer())).toEqual(film.slice(10, 20));
  });

  it('introduces who comes by the hash of version 2 alone', async () => {
    const { torrent } = await share(version);
    const link = `magnet:?xt=urn:btmh:1220${torrent.infoHashV2}&tr=${encodeURIComponent(`${origin}/announce`)}`;
    const download = await viewer.add(link, { path: join(folder, 'got') }).untilDone();
    expect(download.infoHashV1).toBe(torrent.infoHashV1);
    expect(new Uint8Array(await download.files[0]!.arrayBuffer())).toEqual(film);
    expect(download.stats.received).toMatchObject({ tcp: 271_000 });
    const { address } = tracker.stats();
    expect(address.swarms).toBe(version === 'hybrid' ? 2 : 1);
    const counts = await viewer.torrents[0]!.trackers();
    expect(counts).toMatchObject([{ url: `${origin}/announce`, state: 'working' }]);
  });
});
