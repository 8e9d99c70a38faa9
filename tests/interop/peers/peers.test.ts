import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeFile, makeTempDir, removeDir, sha256Tree } from '../../support/files.ts';
import { within } from '../../support/wait.ts';
import { Aria2Peer } from './aria2.ts';
import { createTorrentWithLibtorrent, LibtorrentPeer } from './libtorrent.ts';
import { TransmissionPeer } from './transmission.ts';
import type { DownloadOptions, TestPeer } from './types.ts';
import { type NpmTracker, startNpmTracker, WebtorrentPeer } from './webtorrent.ts';

// The drivers against each other: when an interop test fails, this says whether the other program still works.
const starters: Record<string, () => Promise<TestPeer>> = {
  libtorrent: () => LibtorrentPeer.start(),
  aria2: () => Aria2Peer.start(),
  Transmission: () => TransmissionPeer.start(),
  'WebTorrent over TCP': () => WebtorrentPeer.start({ transport: 'tcp' }),
};

// Concurrent because nearly all of the time is spent waiting for their choking rounds.
// The torrent names no tracker, so every pair is a swarm of its own.
describe.concurrent('drivers of other programs', () => {
  let folder: string;
  let torrentFile: string;
  let magnet: string;
  let expected: Record<string, string>;
  let tracker: NpmTracker;

  beforeAll(async () => {
    folder = await makeTempDir('peers');
    await makeFile(join(folder, 'data', 'album', 'one.bin'), 3_000_001, 1);
    await makeFile(join(folder, 'data', 'album', 'inner', 'two.bin'), 700_000, 2);
    torrentFile = join(folder, 'album.torrent');
    tracker = await startNpmTracker();
    ({ magnet } = await createTorrentWithLibtorrent({
      path: join(folder, 'data', 'album'),
      output: torrentFile,
      pieceLength: 65_536,
    }));
    expected = await sha256Tree(join(folder, 'data', 'album'));
  });

  afterAll(async () => {
    await tracker?.stop();
    await removeDir(folder);
  });

  async function transfer(
    seeder: TestPeer,
    leecher: TestPeer,
    name: string,
    source: Omit<DownloadOptions, 'dir'>,
  ): Promise<void> {
    const dir = join(folder, name);
    await seeder.seed({ torrentFile, dataDir: join(folder, 'data'), trackers: source.trackers });
    const { completed } = await leecher.download({ dir, ...source });
    await within(completed, 60_000, `${leecher.name} from ${seeder.name}`);
    expect(await sha256Tree(join(dir, 'album'))).toEqual(expected);
    expect((await leecher.status()).progress).toBe(1);
    expect((await leecher.usage()).peakResidentBytes).toBeGreaterThan(1_000_000);
  }

  for (const [name, start] of Object.entries(starters)) {
    it(`${name} downloads from libtorrent by its address`, async () => {
      const seeder = await LibtorrentPeer.start({ listen: '0.0.0.0' });
      const leecher = await start();
      try {
        await transfer(seeder, leecher, `from libtorrent to ${name}`, {
          torrentFile,
          peers: [seeder.address],
        });
      } finally {
        await Promise.all([seeder.stop(), leecher.stop()]);
      }
    });

    it(`libtorrent downloads from ${name} by its address, with a magnet`, async () => {
      const seeder = await start();
      const leecher = await LibtorrentPeer.start();
      try {
        await transfer(seeder, leecher, `from ${name}`, { magnet, peers: [seeder.address] });
      } finally {
        await Promise.all([seeder.stop(), leecher.stop()]);
      }
    });
  }

  it('WebTorrent downloads from WebTorrent over WebRTC alone', async () => {
    const seeder = await WebtorrentPeer.start({ transport: 'webrtc' });
    const leecher = await WebtorrentPeer.start({ transport: 'webrtc' });
    try {
      await transfer(seeder, leecher, 'webrtc', { torrentFile, trackers: [tracker.ws] });
      const wires = await leecher.wires();
      expect(wires.webrtc).toBeGreaterThan(0);
      expect(wires.tcp + wires.other).toBe(0);
    } finally {
      await Promise.all([seeder.stop(), leecher.stop()]);
    }
  });

  it('libtorrent keeps its upload limit on loopback', async () => {
    const seeder = await LibtorrentPeer.start();
    const leecher = await LibtorrentPeer.start();
    try {
      await seeder.seed({ torrentFile, dataDir: join(folder, 'data'), uploadRate: 1_500_000 });
      const began = performance.now();
      const { completed } = await leecher.download({
        torrentFile,
        dir: join(folder, 'slow'),
        peers: [seeder.address],
      });
      await completed;
      // 3.7 MB at 1.5 MB/s; without the limit it is far below half a second.
      expect(performance.now() - began).toBeGreaterThan(1500);
    } finally {
      await Promise.all([seeder.stop(), leecher.stop()]);
    }
  });
});
