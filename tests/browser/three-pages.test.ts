/** Films in real Chromium and Firefox, and from one to the other: a page that seeds, one that watches, one that comes later; and a page with a web seed only. */

import { copyFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createTracker, type Tracker } from 'freshet-tracker';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTorrentWithLibtorrent } from '../interop/peers/libtorrent.ts';
import {
  BROWSER_NAMES,
  type Browser,
  type BrowserName,
  type BrowserPage,
  startBrowser,
} from '../support/browser.ts';
import { makeTempDir, removeDir, sha256 } from '../support/files.ts';
import { type StaticServer, serveFolder } from '../support/static-server.ts';
import { waitUntil, within } from '../support/wait.ts';
import type { SwarmHarness } from './harness/swarm-page.ts';
import { type SwarmSite, startSwarmSite } from './harness/swarm-site.ts';

const FILM = fileURLToPath(new URL('../../assets/sample-film.mp4', import.meta.url));
const PATIENCE = 60_000;
/** Bytes per second: the film of 12 MB takes long enough to seek in what is not there yet. */
const RATE = 1_500_000;
/** Seconds; the film has 96. */
const FAR = 80;

declare const harness: SwarmHarness;

describe('pages with a film', () => {
  let folder: string;
  let pictures: string;
  let site: SwarmSite;
  let browsers: Record<BrowserName, Browser>;
  let tracker: Tracker;
  let announce: string[];
  let hash: string;

  beforeAll(async () => {
    folder = await makeTempDir('film');
    pictures = process.env['FRESHET_SCREENSHOTS'] ?? join(folder, 'screenshots');
    hash = await sha256(FILM);
    tracker = createTracker({ host: '127.0.0.1', port: 0, interval: 5 });
    announce = [(await tracker.listen()).wsUrl];
    site = await startSwarmSite(folder);
    const [chromium, firefox] = await Promise.all([startBrowser('chromium'), startBrowser('firefox')]);
    browsers = { chromium, firefox };
  });

  afterAll(async () => {
    await Promise.all(Object.values(browsers ?? {}).map((browser) => browser.close()));
    await site?.close();
    await tracker?.close();
    await removeDir(folder);
  });

  /** The film under a name of its own, and so with a torrent of its own: pages keep what they had of another. */
  async function filmNamed(name: string): Promise<string> {
    const path = join(folder, name);
    await copyFile(FILM, path);
    return path;
  }

  /** Drops the file of this machine onto the page, as from a file manager, and seeds it. */
  async function dropAndSeed(page: BrowserPage, path: string): Promise<string> {
    const magnet = page.evaluate((trackers) => harness.seedDropped(trackers), announce);
    await page.evaluate(() => {
      const input = document.createElement('input');
      input.type = 'file';
      document.body.append(input);
    });
    await page.chooseFiles('input', path);
    await page.evaluate(() => {
      const input = document.querySelector('input')!;
      const dataTransfer = new DataTransfer();
      dataTransfer.items.add(input.files![0]!);
      input.remove();
      document.body.dispatchEvent(new DragEvent('drop', { dataTransfer, bubbles: true, cancelable: true }));
    });
    return within(magnet, PATIENCE, 'the page, seeding what was dropped');
  }

  function status(page: BrowserPage): Promise<ReturnType<SwarmHarness['status']>> {
    return page.evaluate(() => harness.status());
  }

  /** Adds the torrent and plays its film; resolves with the time of the first frame. */
  function watch(page: BrowserPage, magnet: string): Promise<number> {
    return page.evaluate(async (id) => {
      await harness.serve();
      harness.add(id);
      const first = harness.frame(0);
      await harness.watch();
      return first;
    }, magnet);
  }

  function finish(page: BrowserPage): Promise<Record<string, string>> {
    const finished = page.evaluate(async () => {
      await harness.untilDone();
      return harness.hashes();
    });
    return within(finished, PATIENCE, 'a page, downloading to the end');
  }

  async function expectNoComplaint(page: BrowserPage): Promise<void> {
    expect(page.errors).toEqual([]);
    expect(await page.evaluate(() => harness.failures)).toEqual([]);
  }

  it.each([
    ['chromium', 'chromium', 'chromium'],
    ['firefox', 'firefox', 'firefox'],
    ['chromium', 'firefox', 'chromium'],
  ] as const)(
    '%s seeds a dropped file, %s watches it with a seek ahead, and passes it on to %s when the seeder is gone',
    async (seeder, viewer, latecomer) => {
      const [a, b, c] = await Promise.all([
        site.open(browsers[seeder], 'freshet', { place: 'seeder', uploadLimit: RATE }),
        site.open(browsers[viewer], 'freshet', { place: 'viewer' }),
        site.open(browsers[latecomer], 'freshet', { place: 'latecomer' }),
      ]);
      const name = `${seeder} ${viewer} ${latecomer}.mp4`;
      const film = await filmNamed(name);
      const magnet = await dropAndSeed(a, film);

      expect(await within(watch(b, magnet), PATIENCE, 'the first frame')).toBeLessThan(5);
      await b.screenshot(join(pictures, 'first-frame.png'));
      const atSeek = await status(b);
      expect(atSeek.progress).toBeLessThan(0.6);
      await within(
        b.evaluate((to) => harness.seek(to), FAR),
        PATIENCE,
        'a frame after the seek',
      );
      const afterSeek = await status(b);
      await b.screenshot(join(pictures, 'after-seek.png'));
      // It came out of order: in order, all before it would have come too.
      expect(afterSeek.progress).toBeLessThan(FAR / 96);
      expect(await finish(b)).toEqual({ [name]: hash });

      await expectNoComplaint(a);
      await a.close();
      // B plays on to the end while it gives the film to C.
      expect(await within(watch(c, magnet), PATIENCE, "the latecomer's first frame")).toBeLessThan(5);
      await c.screenshot(join(pictures, 'latecomer.png'));
      expect(await finish(c)).toEqual({ [name]: hash });
      expect((await status(b)).uploaded).toBeGreaterThan(11_000_000);
      for (const page of [b, c]) {
        await expectNoComplaint(page);
        await page.close();
      }
    },
  );

  it('keeps what it has when the seeder closes in mid-transfer, and finishes when it is back', async () => {
    const film = await filmNamed('other-name.mp4');
    const [a, b] = await Promise.all([
      site.open(browsers.chromium, 'freshet', { place: 'seeder', uploadLimit: 4 * RATE }),
      site.open(browsers.chromium, 'freshet', { place: 'viewer' }),
    ]);
    const magnet = await dropAndSeed(a, film);
    await b.evaluate((id) => harness.add(id), magnet);
    await waitUntil('a third of the film', async () => (await status(b)).progress > 0.33, {
      timeout: PATIENCE,
    });
    await a.close();
    await waitUntil('the seeder to be missed', async () => (await status(b)).peers === 0, {
      timeout: PATIENCE,
    });
    const { downloaded, progress } = await status(b);
    expect(progress).toBeLessThan(1);

    const back = await site.open(browsers.chromium, 'freshet', { place: 'seeder' });
    expect(await dropAndSeed(back, film)).toBe(magnet);
    expect(await finish(b)).toEqual({ 'other-name.mp4': hash });
    const { received } = await status(b);
    // Nothing that was verified came twice; a few blocks that were on their way may have.
    expect(received).toBeLessThan(11_952_684 + 1_000_000);
    expect(downloaded).toBeGreaterThan(3_000_000);
    for (const page of [back, b]) {
      await expectNoComplaint(page);
      await page.close();
    }
  });

  it.each(BROWSER_NAMES)('plays from a web seed alone in %s', async (name) => {
    const torrentFile = join(folder, 'web.torrent');
    const seed: StaticServer = await serveFolder(fileURLToPath(new URL('../../assets', import.meta.url)));
    const page = await site.open(browsers[name], 'freshet');
    try {
      await createTorrentWithLibtorrent({
        path: FILM,
        output: torrentFile,
        pieceLength: 65_536,
        webSeeds: [`${seed.url}/sample-film.mp4`],
      });
      const played = page.evaluate(
        async ([bytes, far]) => {
          await harness.serve();
          harness.add(bytes);
          const first = harness.frame(0);
          await harness.watch();
          const shown = await first;
          await harness.seek(far);
          return shown;
        },
        [[...(await readFile(torrentFile))], FAR] as const,
      );
      expect(await within(played, PATIENCE, 'a film from a web seed')).toBeLessThan(5);
      await page.screenshot(join(pictures, 'web-seed.png'));
      expect(await finish(page)).toEqual({ 'sample-film.mp4': hash });
      expect((await status(page)).peers).toBe(0);
      // Another origin, and no request that needs its leave first.
      expect(new Set(seed.requests.map(({ method }) => method))).toEqual(new Set(['GET']));
      // Requests that a seek cancels cost what is in the buffers of the network, but no piece is fetched twice.
      expect((await status(page)).received).toBeLessThan(1.05 * 11_952_684);
      await expectNoComplaint(page);
    } finally {
      await page.close();
      await seed.close();
    }
  });
});
