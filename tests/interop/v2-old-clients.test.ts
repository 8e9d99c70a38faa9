/**
 * Hybrids (BEP 52) with WebTorrent, which knows version 1 only: to it they are torrents like any other. Not so to
 * Transmission 3.00, which refuses every hybrid, and to aria2 1.36, which does not take the info-hash of the dictionary
 * as it is and has another one of every hybrid, libtorrent's too.
 */

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import Client, { type ClientOptions, type Torrent } from 'freshet';
import { createTracker, type Tracker } from 'freshet-tracker';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeTempDir, removeDir, sha256Tree } from '../support/files.ts';
import { within } from '../support/wait.ts';
import { type Content, makeFolder, makeSingleFile } from './contents.ts';
import type { TestPeer } from './peers/types.ts';
import { WebtorrentPeer } from './peers/webtorrent.ts';

const PATIENCE = 60_000;
/** Seconds. WebTorrent offers again only when it announces again. */
const INTERVAL = 5;

let folder: string;
let contents: Record<'single file' | 'folder', Content>;
let tracker: Tracker;
let wsUrl: string;

beforeAll(async () => {
  folder = await makeTempDir('interop-hybrid');
  const [single, album] = await Promise.all([makeSingleFile(folder), makeFolder(folder)]);
  contents = { 'single file': single, folder: album };
  tracker = createTracker({ host: '127.0.0.1', port: 0, interval: INTERVAL });
  wsUrl = (await tracker.listen()).wsUrl;
});

afterAll(async () => {
  await tracker?.close();
  await removeDir(folder);
});

const others: readonly { name: string; webrtc: boolean; start(): Promise<TestPeer> }[] = [
  { name: 'WebTorrent over TCP', webrtc: false, start: () => WebtorrentPeer.start({ transport: 'tcp' }) },
  {
    name: 'WebTorrent over WebRTC',
    webrtc: true,
    start: () => WebtorrentPeer.start({ transport: 'webrtc' }),
  },
];

describe.concurrent.each(others)('$name', ({ name, webrtc, start }) => {
  it.for(['single file', 'folder'] as const)('downloads a hybrid of a %s from Freshet', async (content) => {
    const dir = join(folder, `to ${name} ${content}`);
    const client = startFreshet({ webrtc, tcp: !webrtc });
    const leecher = await start();
    try {
      const seeded = await seedHybrid(client, contents[content], `${name} ${content}`, webrtc);
      const torrentFile = join(folder, `to ${name} ${content}.torrent`);
      await writeFile(torrentFile, seeded.torrentFile!);
      const spoken = wiresOf(seeded);
      const { completed } = await leecher.download({ torrentFile, dir });
      if (!webrtc) seeded.addPeer(leecher.address);
      await within(completed, PATIENCE, `${leecher.name} from Freshet`);
      expect(await downloaded(dir, contents[content])).toEqual(contents[content].hashes);
      expect(new Set(spoken)).toEqual(new Set(['v1']));
    } finally {
      await Promise.all([client.destroy(), leecher.stop()]);
    }
  });

  // Of several files it would look for the padding too, in files that are not there.
  it('gives a hybrid of a single file to Freshet, by a link with both hashes', async () => {
    const content = contents['single file'];
    const dir = join(folder, `from ${name}`);
    const maker = startFreshet({ webrtc: false });
    const client = startFreshet({ webrtc, tcp: !webrtc });
    const seeder = await start();
    try {
      const made = await seedHybrid(maker, content, `from ${name}`, webrtc);
      const magnet = made.magnetURI!;
      const torrentFile = join(folder, `from ${name}.torrent`);
      await writeFile(torrentFile, made.torrentFile!);
      await maker.destroy();
      await seeder.seed({ torrentFile, dataDir: content.dataDir, trackers: webrtc ? [wsUrl] : [] });
      const torrent = client.add(magnet, { path: dir, peers: webrtc ? [] : [seeder.address] });
      const spoken = wiresOf(torrent);
      await within(torrent.untilDone(), PATIENCE, `Freshet from ${seeder.name}`);
      expect(await downloaded(dir, content)).toEqual(content.hashes);
      expect(new Set(spoken)).toEqual(new Set(['v1']));
    } finally {
      await Promise.all([maker.destroy(), client.destroy(), seeder.stop()]);
    }
  });
});

/** What each connection of the torrent speaks, as they come. */
function wiresOf(torrent: Torrent): string[] {
  const spoken: string[] = [];
  torrent.on('wire', ({ status }) => spoken.push(status.v2 ? 'v2' : 'v1'));
  return spoken;
}

/** A swarm of its own: the same content under another info-hash. */
function seedHybrid(client: Client, content: Content, source: string, webrtc: boolean): Promise<Torrent> {
  const torrent = client.seed(join(content.dataDir, content.name), {
    version: 'hybrid',
    source,
    announce: webrtc ? [wsUrl] : [],
  });
  return within(torrent.untilDone(), PATIENCE, 'Freshet, hashing what it has');
}

/** The hashes of what was downloaded, without what a client keeps beside it and without padding. */
async function downloaded(dir: string, { name }: Content): Promise<Record<string, string>> {
  const all = Object.entries(await sha256Tree(dir));
  return Object.fromEntries(
    all.filter(([path]) => (path === name || path.startsWith(`${name}/`)) && !path.includes('/.pad/')),
  );
}

function startFreshet(options: ClientOptions): Client {
  const client = new Client({ host: '127.0.0.1', ...options });
  // Told by what waits for the torrent; without a listener an error would end the test's process.
  client.on('error', () => undefined);
  return client;
}
