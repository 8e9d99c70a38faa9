import { copyFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createTracker } from 'freshet-tracker';
import type { FrameTiming, SwarmHarness } from '../tests/browser/harness/swarm-page.ts';
import { type Library, startSwarmSite } from '../tests/browser/harness/swarm-site.ts';
import { createTorrentWithLibtorrent } from '../tests/interop/peers/libtorrent.ts';
import type { TestPeer } from '../tests/interop/peers/types.ts';
import { WebtorrentPeer } from '../tests/interop/peers/webtorrent.ts';
import { startChromium } from '../tests/support/chromium.ts';
import { within } from '../tests/support/wait.ts';
import type { BenchContext } from './main.ts';
import { FreshetPeer } from './peers/freshet.ts';
import { addRound, type Result, type Row } from './report.ts';
import { rotated } from './tcp.ts';

declare const harness: SwarmHarness;

const FILM = fileURLToPath(new URL('../assets/sample-film.mp4', import.meta.url));
/** Bytes per second: eight times what the film needs. */
const RATE = 1_000_000;
/** Seconds; the film has 96. */
const SEEK_TO = 80;
/** Milliseconds of playing before the seek. */
const PAUSE = 1000;
const TIMEOUT = 60_000;

const seeders: Record<Library, () => Promise<TestPeer>> = {
  freshet: () => FreshetPeer.start({ transport: 'webrtc' }),
  webtorrent: () => WebtorrentPeer.start({ transport: 'webrtc' }),
};

/** A page watches the sample film from a seeder in Node that is held to 1 MB/s. */
export async function playback(context: BenchContext): Promise<Result> {
  const dataDir = join(context.folder, 'data');
  await mkdir(dataDir);
  await copyFile(FILM, join(dataDir, 'film.mp4'));
  const site = await startSwarmSite(dataDir);
  const rows: Row[] = [];
  let version = '';

  async function watch(library: Library, pieceLength: number): Promise<FrameTiming> {
    const tracker = createTracker({ host: '127.0.0.1', port: 0, interval: 5 });
    const trackers = [(await tracker.listen()).wsUrl];
    const torrentFile = join(context.folder, 'film.torrent');
    const { magnet } = await createTorrentWithLibtorrent({
      path: join(dataDir, 'film.mp4'),
      output: torrentFile,
      pieceLength,
      trackers,
    });
    const seeder = await seeders[library]();
    const browser = await startChromium();
    version = browser.version;
    try {
      await seeder.seed({ torrentFile, dataDir, trackers, uploadRate: RATE });
      const page = await site.open(browser, library);
      await page.page.evaluate(() => harness.serve());
      const watched = page.page.evaluate(([id, seekTo, pause]) => harness.timeFrames(id, {}, seekTo, pause), [
        magnet,
        SEEK_TO,
        PAUSE,
      ] as const);
      const timing = await within(watched, TIMEOUT, `${library}, watching`);
      if (timing.progressAtSeek > SEEK_TO / 96 - 0.1)
        throw new Error('The film came too fast to seek ahead.');
      return timing;
    } finally {
      await browser.close();
      await seeder.stop();
      await tracker.close();
    }
  }

  const contestants = [256, 64].flatMap((kib) =>
    (['freshet', 'webtorrent'] as const).map((library) => ({
      library,
      kib,
      name: `${library === 'freshet' ? 'Freshet' : 'WebTorrent'}, pieces of ${kib} KiB`,
    })),
  );
  try {
    for (let round = 0; round < context.rounds; round++) {
      for (const { library, kib, name } of rotated(contestants, round)) {
        if (context.only !== undefined && !name.toLowerCase().includes(context.only)) continue;
        const { firstFrame, seek, progressAtSeek } = await watch(library, kib * 1024);
        addRound(rows, name, { firstFrame, seek });
        context.say(
          `${round + 1} ${name}: first frame ${firstFrame.toFixed(0)} ms, seek ${seek.toFixed(0)} ms ` +
            `(at ${(100 * progressAtSeek).toFixed(0)} %)`,
        );
      }
    }
  } finally {
    await site.close();
  }
  rows.sort((a, b) => a.name.localeCompare(b.name));
  return {
    bench: 'playback',
    title: 'First frame and seek',
    about:
      `The sample film (12 MB, 96 s) in a page of Chromium ${version}, from one seeder of the same kind in Node over ` +
      'WebRTC that is held to 1 MB/s. First frame: from `add` with a magnet link, the service worker being there, so ' +
      'connecting through the tracker and fetching the metadata are in it. Seek: to 80 s after one second of playing, ' +
      `until a frame of there is shown. Median of ${context.rounds} (least to greatest).`,
    columns: [
      { key: 'firstFrame', title: 'first frame, ms', digits: 0 },
      { key: 'seek', title: 'seek, ms', digits: 0 },
    ],
    rows,
  };
}
