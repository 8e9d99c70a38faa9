/** Freshet and the other programs, every pair in both directions over TCP. */

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import Client, { type ClientOptions, type Torrent } from 'freshet';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeTempDir, removeDir, sha256Tree } from '../support/files.ts';
import { ownAddress } from '../support/ports.ts';
import { waitUntil, within } from '../support/wait.ts';
import { type Content, makeFolder, makeSingleFile } from './contents.ts';
import { Aria2Peer } from './peers/aria2.ts';
import { LibtorrentPeer } from './peers/libtorrent.ts';
import { TransmissionPeer } from './peers/transmission.ts';
import type { TestPeer } from './peers/types.ts';
import { WebtorrentPeer } from './peers/webtorrent.ts';

/** One transfer takes a second or two; what waits for another program's choking round or its tracker, ten more. */
const PATIENCE = 60_000;

interface Other {
  readonly name: string;
  /** With its own preference for encryption: those that try it first must come back without. */
  start(): Promise<TestPeer>;
  /** Transmission leaves out files without content. */
  readonly skipsEmptyFiles?: boolean;
}

const others: readonly Other[] = [
  { name: 'libtorrent', start: () => LibtorrentPeer.start({ encryption: 'allowed' }) },
  {
    name: 'Transmission',
    start: () => TransmissionPeer.start({ encryption: 'allowed' }),
    skipsEmptyFiles: true,
  },
  { name: 'aria2', start: () => Aria2Peer.start() },
  { name: 'WebTorrent', start: () => WebtorrentPeer.start({ transport: 'tcp' }) },
];

const cases = (['single file', 'folder'] as const).flatMap((content) =>
  (['torrent file', 'magnet link'] as const).map((by) => ({ content, by })),
);

// Most of the time is waiting for somebody's round of choking or announcing. The torrents name no tracker, so every
// pair is a swarm of its own.
describe.concurrent('over TCP', () => {
  let folder: string;
  let contents: Record<'single file' | 'folder', Content>;

  beforeAll(async () => {
    folder = await makeTempDir('interop');
    const [single, album] = await Promise.all([makeSingleFile(folder), makeFolder(folder)]);
    contents = { 'single file': single, folder: album };
  });

  afterAll(async () => {
    await removeDir(folder);
  });

  for (const other of others) {
    it.for(cases)(`Freshet downloads a $content from ${other.name} by $by`, async ({ content, by }) => {
      const { torrentFile, magnet, dataDir, hashes } = contents[content];
      const dir = join(folder, `from ${other.name} ${content} ${by}`);
      const seeder = await other.start();
      const client = startFreshet({ host: '127.0.0.1' });
      try {
        await seeder.seed({ torrentFile, dataDir });
        const id = by === 'torrent file' ? new Uint8Array(await readFile(torrentFile)) : magnet;
        const torrent = client.add(id, { path: dir, peers: [seeder.address] });
        await within(torrent.untilDone(), PATIENCE, `Freshet from ${seeder.name}`);
        expect(torrent.files.every((file) => file.done)).toBe(true);
        expect(torrent.progress).toBe(1);
        expect(await downloaded(dir, contents[content])).toEqual(hashes);
      } finally {
        await Promise.all([client.destroy(), seeder.stop()]);
      }
    });

    it.for(cases)(`${other.name} downloads a $content from Freshet by $by`, async ({ content, by }) => {
      const { hashes } = contents[content];
      const dir = join(folder, `to ${other.name} ${content} ${by}`);
      // On every address, for Transmission.
      const client = startFreshet({});
      const leecher = await other.start();
      try {
        const seeded = await seed(client, contents[content], content === 'folder');
        const torrentFile = join(folder, `to ${other.name} ${content} ${by}.torrent`);
        await writeFile(torrentFile, seeded.torrentFile!);
        const dialled = leecher instanceof TransmissionPeer && ownAddress() === undefined;
        const { completed } = await leecher.download({
          ...(by === 'torrent file' ? { torrentFile } : { magnet: seeded.magnetURI! }),
          dir,
          peers: dialled ? [] : [`127.0.0.1:${client.torrentPort}`],
        });
        if (dialled) seeded.addPeer(leecher.address);
        await within(completed, PATIENCE, `${leecher.name} from Freshet`);
        const expected = Object.entries(hashes).filter(
          ([path]) => other.skipsEmptyFiles !== true || !path.endsWith('empty.txt'),
        );
        expect(await downloaded(dir, contents[content])).toEqual(Object.fromEntries(expected));
      } finally {
        await Promise.all([client.destroy(), leecher.stop()]);
      }
    });
  }
});

function startFreshet(options: ClientOptions): Client {
  const client = new Client({ webrtc: false, ...options });
  // Told by what waits for the torrent; without a listener an error would end the test's process.
  client.on('error', () => undefined);
  return client;
}

/** Seeds with the torrent of another program, or with one that Freshet makes of the same files. */
async function seed(client: Client, content: Content, own: boolean): Promise<Torrent> {
  const torrent = own
    ? client.seed(join(content.dataDir, content.name), { announce: [] })
    : client.add(new Uint8Array(await readFile(content.torrentFile)), { path: content.dataDir });
  await within(torrent.untilDone(), PATIENCE, 'Freshet, checking what it has');
  await waitUntil('Freshet to listen', () => client.listening);
  expect(torrent.received).toBe(0);
  return torrent;
}

/** The hashes of what was downloaded, without what a client keeps beside it. */
async function downloaded(dir: string, { name }: Content): Promise<Record<string, string>> {
  const all = Object.entries(await sha256Tree(dir));
  return Object.fromEntries(all.filter(([path]) => path === name || path.startsWith(`${name}/`)));
}
