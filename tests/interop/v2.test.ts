/** Torrents of version 1, version 2 and both (BEP 52), with libtorrent: made by either, given by either. */

import { cp, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import Client, { type ClientOptions, type Torrent } from 'freshet';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeFile, makeTempDir, removeDir, sha256Tree } from '../support/files.ts';
import { waitUntil, within } from '../support/wait.ts';
import { LibtorrentPeer } from './peers/libtorrent.ts';
import { WebtorrentPeer } from './peers/webtorrent.ts';

const PATIENCE = 60_000;
const PIECE_LENGTH = 65_536;
const VERSIONS = { v1: 1, v2: 2, hybrid: 'hybrid' } as const;
type Version = keyof typeof VERSIONS;
/** What a link may name: of a hybrid torrent one hash is enough. */
type By = 'torrent file' | 'magnet link' | 'btih' | 'btmh';

interface Made {
  readonly torrentFile: string;
  readonly magnet: string;
}

let folder: string;
let hashes: Record<string, string>;
const made = new Map<string, Made>();
const NAME = 'odd sizes';

beforeAll(async () => {
  folder = await makeTempDir('interop-v2');
  const root = join(folder, 'data', NAME);
  await mkdir(join(root, 'sub'), { recursive: true });
  await writeFile(join(root, 'empty.txt'), '');
  await makeFile(join(root, 'one byte.bin'), 1, 1);
  await makeFile(join(root, 'one block.bin'), 16_384, 2);
  await makeFile(join(root, 'one piece.bin'), PIECE_LENGTH, 3);
  await makeFile(join(root, 'large.bin'), 2_345_678, 4);
  await makeFile(join(root, 'sub', 'less than two blocks.bin'), 30_001, 5);
  await makeFile(join(root, 'sub', 'two pieces.bin'), 2 * PIECE_LENGTH, 6);
  await makeFile(join(root, 'sub', 'three blocks.bin'), 3 * 16_384, 7);
  await makeFile(join(root, 'sub', 'zz last and odd.bin'), PIECE_LENGTH + 12_345, 8);
  hashes = await sha256Tree(join(folder, 'data'));

  const libtorrent = await LibtorrentPeer.start();
  const client = startFreshet();
  try {
    for (const version of Object.keys(VERSIONS) as Version[]) {
      const output = join(folder, `${version} by libtorrent.torrent`);
      const { magnet } = await libtorrent.create({ path: root, output, pieceLength: PIECE_LENGTH, version });
      made.set(`${version} libtorrent`, { torrentFile: output, magnet });
      const torrent = await client
        .seed(root, { announce: [], pieceLength: PIECE_LENGTH, version: VERSIONS[version] })
        .untilDone();
      const torrentFile = join(folder, `${version} by Freshet.torrent`);
      await writeFile(torrentFile, torrent.torrentFile!);
      made.set(`${version} Freshet`, { torrentFile, magnet: torrent.magnetURI! });
      await client.remove(torrent);
    }
  } finally {
    await Promise.all([client.destroy(), libtorrent.stop()]);
  }
});

afterAll(async () => {
  await removeDir(folder);
});

const cases = (Object.keys(VERSIONS) as Version[]).flatMap((version) =>
  (['libtorrent', 'Freshet'] as const).flatMap((maker) =>
    (version === 'hybrid'
      ? (['torrent file', 'magnet link', 'btih', 'btmh'] as const)
      : (['torrent file', 'magnet link'] as const)
    ).map((by) => ({ version, maker, by })),
  ),
);

describe.concurrent('with libtorrent', () => {
  it.for(cases)(
    'Freshet downloads $version made by $maker from it, by $by',
    async ({ version, maker, by }) => {
      const { torrentFile, magnet } = made.get(`${version} ${maker}`)!;
      const dir = join(folder, `from ${version} ${maker} ${by}`);
      const seeder = await LibtorrentPeer.start();
      const client = startFreshet();
      try {
        await seeder.seed({ torrentFile, dataDir: join(folder, 'data') });
        const id = by === 'torrent file' ? new Uint8Array(await readFile(torrentFile)) : link(magnet, by);
        const torrent = client.add(id, { path: dir, peers: [seeder.address] });
        await within(torrent.untilDone(), PATIENCE, 'Freshet');
        expect(torrent.files.every((file) => file.done)).toBe(true);
        expect(await sha256Tree(dir)).toEqual(hashes);
        // What was learnt from peers makes the same torrent again.
        await checkTorrentFile(torrent, torrentFile);
      } finally {
        await Promise.all([client.destroy(), seeder.stop()]);
      }
    },
  );

  it.for(cases)(
    'it downloads $version made by $maker from Freshet, by $by',
    async ({ version, maker, by }) => {
      const { torrentFile, magnet } = made.get(`${version} ${maker}`)!;
      const dir = join(folder, `to ${version} ${maker} ${by}`);
      const client = startFreshet();
      const leecher = await LibtorrentPeer.start();
      try {
        const file = new Uint8Array(await readFile(torrentFile));
        const torrent = client.add(file, { path: join(folder, 'data') });
        await within(torrent.untilDone(), PATIENCE, 'Freshet, checking what it has');
        await waitUntil('Freshet to listen', () => client.listening);
        expect(torrent.received).toBe(0);
        const { completed } = await leecher.download({
          ...(by === 'torrent file' ? { torrentFile } : { magnet: link(magnet, by) }),
          dir,
          peers: [`127.0.0.1:${client.torrentPort}`],
        });
        await within(completed, PATIENCE, 'libtorrent');
        expect(await sha256Tree(dir)).toEqual(hashes);
      } finally {
        await Promise.all([client.destroy(), leecher.stop()]);
      }
    },
  );

  it('Freshet and it speak version 2 of a hybrid, whoever calls', async () => {
    const { torrentFile } = made.get('hybrid libtorrent')!;
    const file = new Uint8Array(await readFile(torrentFile));
    const seeder = await LibtorrentPeer.start();
    const leecher = await LibtorrentPeer.start();
    const client = startFreshet();
    try {
      await seeder.seed({ torrentFile, dataDir: join(folder, 'data') });
      const torrent = client.add(file, { path: join(folder, 'upgraded'), peers: [seeder.address] });
      const spoken: string[] = [];
      torrent.on('wire', ({ status }) =>
        spoken.push(`${status.incoming ? 'called' : 'calling'} ${status.v2 ? 'v2' : 'v1'}`),
      );
      await within(torrent.untilDone(), PATIENCE, 'Freshet');
      expect(spoken).toEqual(['calling v2']);
      const { completed } = await leecher.download({
        torrentFile,
        dir: join(folder, 'upgraded by libtorrent'),
        peers: [`127.0.0.1:${client.torrentPort}`],
      });
      await within(completed, PATIENCE, 'libtorrent');
      expect(spoken).toContain('called v2');
      expect(spoken).not.toContain('called v1');
    } finally {
      await Promise.all([client.destroy(), seeder.stop(), leecher.stop()]);
    }
  });
});

describe.concurrent('with libtorrent, more pieces than hashes in one message', () => {
  const name = 'many pieces.bin';
  let torrentFile: string;
  let magnet: string;
  let hash: Record<string, string>;

  beforeAll(async () => {
    const dataDir = join(folder, 'many');
    await makeFile(join(dataDir, name), 20_000_003, 9);
    hash = await sha256Tree(dataDir);
    torrentFile = join(folder, 'many.torrent');
    const libtorrent = await LibtorrentPeer.start();
    try {
      const path = join(dataDir, name);
      const made = await libtorrent.create({ path, output: torrentFile, pieceLength: 32_768, version: 'v2' });
      expect(made.pieces).toBe(611);
      magnet = made.magnet;
    } finally {
      await libtorrent.stop();
    }
  });

  it('Freshet has their hashes from it', async () => {
    const dir = join(folder, 'many from');
    const seeder = await LibtorrentPeer.start();
    const client = startFreshet();
    try {
      await seeder.seed({ torrentFile, dataDir: join(folder, 'many') });
      const torrent = client.add(magnet, { path: dir, peers: [seeder.address] });
      await within(torrent.untilDone(), PATIENCE, 'Freshet');
      expect(await sha256Tree(dir)).toEqual(hash);
    } finally {
      await Promise.all([client.destroy(), seeder.stop()]);
    }
  });

  it('it has their hashes from Freshet', async () => {
    const dir = join(folder, 'many to');
    const client = startFreshet();
    const leecher = await LibtorrentPeer.start();
    try {
      const file = new Uint8Array(await readFile(torrentFile));
      await within(client.add(file, { path: join(folder, 'many') }).untilDone(), PATIENCE, 'Freshet');
      await waitUntil('Freshet to listen', () => client.listening);
      const { completed } = await leecher.download({
        magnet,
        dir,
        peers: [`127.0.0.1:${client.torrentPort}`],
      });
      await within(completed, PATIENCE, 'libtorrent');
      expect(await sha256Tree(dir)).toEqual(hash);
    } finally {
      await Promise.all([client.destroy(), leecher.stop()]);
    }
  });
});

describe.concurrent('a hybrid, with WebTorrent, which knows nothing of version 2 and asks for padding too', () => {
  it.for(['libtorrent', 'Freshet'])('Freshet downloads what %s has made from it', async (maker) => {
    const { torrentFile } = made.get(`hybrid ${maker}`)!;
    const dir = join(folder, `from webtorrent ${maker}`);
    const dataDir = join(folder, `webtorrent data ${maker}`);
    await writePadded(dataDir, maker === 'libtorrent');
    const seeder = await WebtorrentPeer.start({ transport: 'tcp' });
    const client = startFreshet();
    try {
      await seeder.seed({ torrentFile, dataDir });
      const file = new Uint8Array(await readFile(torrentFile));
      const torrent = client.add(file, { path: dir, peers: [seeder.address] });
      await within(torrent.untilDone(), PATIENCE, 'Freshet');
      expect(await sha256Tree(dir)).toEqual(hashes);
    } finally {
      await Promise.all([client.destroy(), seeder.stop()]);
    }
  });

  it.for(['libtorrent', 'Freshet'])('it downloads what %s has made from Freshet', async (maker) => {
    const { torrentFile } = made.get(`hybrid ${maker}`)!;
    const dir = join(folder, `to webtorrent ${maker}`);
    const client = startFreshet();
    const leecher = await WebtorrentPeer.start({ transport: 'tcp' });
    try {
      const file = new Uint8Array(await readFile(torrentFile));
      await within(client.add(file, { path: join(folder, 'data') }).untilDone(), PATIENCE, 'Freshet');
      await waitUntil('Freshet to listen', () => client.listening);
      const peers = [`127.0.0.1:${client.torrentPort}`];
      const { completed } = await leecher.download({ torrentFile, dir, peers });
      await within(completed, PATIENCE, 'WebTorrent');
      const found = Object.entries(await sha256Tree(dir));
      // It leaves out files without content.
      const expected = Object.entries(hashes).filter(([path]) => !path.endsWith('empty.txt'));
      expect(found.filter(([path]) => !path.includes('.pad'))).toEqual(expected);
    } finally {
      await Promise.all([client.destroy(), leecher.stop()]);
    }
  });
});

/** The data with its padding as files, as a program of version 1 has it. */
async function writePadded(dataDir: string, behindTheLast: boolean): Promise<void> {
  const root = join(dataDir, NAME);
  await cp(join(folder, 'data', NAME), root, { recursive: true });
  const lengths = Object.keys(hashes).map(async (path) => (await stat(join(dataDir, path))).size);
  const gaps = (await Promise.all(lengths))
    .map((length) => (PIECE_LENGTH - (length % PIECE_LENGTH)) % PIECE_LENGTH)
    .filter((gap) => gap > 0);
  expect(gaps.length).toBeGreaterThan(behindTheLast ? 1 : 2);
  await mkdir(join(root, '.pad'));
  for (const gap of gaps) await writeFile(join(root, '.pad', `${gap}`), new Uint8Array(gap));
}

/** The link, with only the hash that is asked for. */
function link(magnet: string, by: By): string {
  if (by === 'magnet link' || by === 'torrent file') return magnet;
  const other = by === 'btih' ? 'btmh' : 'btih';
  return magnet.replace(new RegExp(`xt=urn:${other}:[0-9a-z]+&?`, 'i'), '');
}

async function checkTorrentFile(torrent: Torrent, torrentFile: string): Promise<void> {
  const client = startFreshet();
  try {
    const [ours, theirs] = [torrent.torrentFile!, new Uint8Array(await readFile(torrentFile))].map((file) =>
      client.add(file, { path: join(folder, 'unused'), paused: true }),
    );
    expect(ours?.infoHash).toBe(theirs?.infoHash);
  } finally {
    await client.destroy();
  }
}

function startFreshet(options: ClientOptions = {}): Client {
  const client = new Client({ webrtc: false, host: '127.0.0.1', ...options });
  // Told by what waits for the torrent; without a listener an error would end the test's process.
  client.on('error', () => undefined);
  return client;
}
