/** Freshet and WebTorrent in Node over WebRTC, through our tracker and through the npm one. */

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import Client from 'freshet';
import { createTracker, type Tracker } from 'freshet-tracker';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeTempDir, removeDir, sha256Tree } from '../support/files.ts';
import { within } from '../support/wait.ts';
import { type Content, makeFolder, makeSingleFile } from './contents.ts';
import { type NpmTracker, startNpmTracker, WebtorrentPeer } from './peers/webtorrent.ts';

const PATIENCE = 60_000;
/** Seconds. WebTorrent offers again only when it announces again. */
const INTERVAL = 5;

type ContentName = 'single file' | 'folder';
const cases: readonly { content: ContentName; by: 'torrent file' | 'magnet link' }[] = [
  { content: 'single file', by: 'torrent file' },
  { content: 'folder', by: 'magnet link' },
];

describe.concurrent('over WebRTC', () => {
  let folder: string;
  let contents: Record<ContentName, Content>;
  let ours: Tracker;
  let theirs: NpmTracker;
  let urls: Record<'freshet-tracker' | 'bittorrent-tracker', string>;

  beforeAll(async () => {
    folder = await makeTempDir('interop-webrtc');
    const [single, album] = await Promise.all([makeSingleFile(folder), makeFolder(folder)]);
    contents = { 'single file': single, folder: album };
    ours = createTracker({ host: '127.0.0.1', port: 0, interval: INTERVAL });
    theirs = await startNpmTracker();
    urls = { 'freshet-tracker': (await ours.listen()).wsUrl, 'bittorrent-tracker': theirs.ws };
  });

  afterAll(async () => {
    await theirs?.stop();
    await ours?.close();
    await removeDir(folder);
  });

  /** A swarm of its own: the same content under another info-hash. */
  async function seedOwn(client: Client, content: Content, source: string, tracker: string) {
    const torrent = client.seed(join(content.dataDir, content.name), { source, announce: [tracker] });
    return within(torrent.untilDone(), PATIENCE, 'Freshet, hashing what it has');
  }

  for (const tracker of ['freshet-tracker', 'bittorrent-tracker'] as const) {
    it.for(cases)(
      `Freshet downloads a $content from WebTorrent by $by through ${tracker}`,
      async ({ content, by }) => {
        const { dataDir, hashes } = contents[content];
        const name = `from WebTorrent ${content} ${tracker}`;
        const made = await makeTorrent(contents[content], join(folder, `${name}.torrent`), name);
        const seeder = await WebtorrentPeer.start({ transport: 'webrtc' });
        const client = startFreshet();
        try {
          const announce = [urls[tracker]];
          await seeder.seed({ torrentFile: made.torrentFile, dataDir, trackers: announce });
          const id = by === 'torrent file' ? new Uint8Array(await readFile(made.torrentFile)) : made.magnet;
          const torrent = client.add(id, { path: join(folder, name), announce });
          const types = new Set<string>();
          torrent.on('wire', (wire) => types.add(wire.type));
          await within(torrent.untilDone(), PATIENCE, `Freshet from ${seeder.name}`);
          expect(await downloaded(join(folder, name), contents[content])).toEqual(hashes);
          expect([...types]).toEqual(['webrtc']);
        } finally {
          await Promise.all([client.destroy(), seeder.stop()]);
        }
      },
    );

    it.for(cases)(
      `WebTorrent downloads a $content from Freshet by $by through ${tracker}`,
      async ({ content, by }) => {
        const { hashes } = contents[content];
        const name = `to WebTorrent ${content} ${tracker}`;
        const client = startFreshet();
        const leecher = await WebtorrentPeer.start({ transport: 'webrtc' });
        try {
          const seeded = await seedOwn(client, contents[content], name, urls[tracker]);
          const torrentFile = join(folder, `${name}.torrent`);
          await writeFile(torrentFile, seeded.torrentFile!);
          const { completed } = await leecher.download({
            ...(by === 'torrent file' ? { torrentFile } : { magnet: seeded.magnetURI! }),
            dir: join(folder, name),
          });
          await within(completed, PATIENCE, `${leecher.name} from Freshet`);
          expect(await downloaded(join(folder, name), contents[content])).toEqual(hashes);
          expect(await leecher.wires()).toMatchObject({ tcp: 0, other: 0 });
        } finally {
          await Promise.all([client.destroy(), leecher.stop()]);
        }
      },
    );
  }

  it('Freshet downloads from Freshet through bittorrent-tracker', async () => {
    const seeder = startFreshet();
    const leecher = startFreshet();
    const dir = join(folder, 'from Freshet');
    try {
      const seeded = await seedOwn(seeder, contents.folder, 'pair', urls['bittorrent-tracker']);
      const torrent = leecher.add(seeded.magnetURI!, { path: dir });
      await within(torrent.untilDone(), PATIENCE, 'Freshet from Freshet');
      expect(await downloaded(dir, contents.folder)).toEqual(contents.folder.hashes);
    } finally {
      await Promise.all([seeder.destroy(), leecher.destroy()]);
    }
  });
});

function startFreshet(): Client {
  // No STUN: nothing leaves the machine.
  const client = new Client({ tcp: false, tracker: { rtcConfig: { iceServers: [] } } });
  // Told by what waits for the torrent; without a listener an error would end the test's process.
  client.on('error', () => undefined);
  return client;
}

/** A torrent of the content with an info-hash of its own. */
async function makeTorrent(
  content: Content,
  torrentFile: string,
  source: string,
): Promise<{ torrentFile: string; magnet: string }> {
  const client = new Client({ tcp: false, webrtc: false, tracker: false });
  try {
    const torrent = await client
      .seed(join(content.dataDir, content.name), { source, announce: [] })
      .untilDone();
    await writeFile(torrentFile, torrent.torrentFile!);
    return { torrentFile, magnet: torrent.magnetURI! };
  } finally {
    await client.destroy();
  }
}

/** The hashes of what was downloaded, without what a client keeps beside it. */
async function downloaded(dir: string, { name }: Content): Promise<Record<string, string>> {
  const all = Object.entries(await sha256Tree(dir));
  return Object.fromEntries(all.filter(([path]) => path === name || path.startsWith(`${name}/`)));
}
