/** A page of Chromium that has a hard time: its network goes away in mid-film, or fifty peers talk to it at once. */

import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createTracker, type Tracker } from 'freshet-tracker';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTorrentWithLibtorrent } from '../interop/peers/libtorrent.ts';
import { bundleChild, type ChildScript } from '../support/child-script.ts';
import { startChromium, type TestBrowser } from '../support/chromium.ts';
import { makeFile, makeTempDir, removeDir, sha256 } from '../support/files.ts';
import { mainThreadTasks } from '../support/main-thread.ts';
import { freePort } from '../support/ports.ts';
import { JsonProgram } from '../support/process.ts';
import { sleep, waitUntil, within } from '../support/wait.ts';
import type { SwarmHarness } from './harness/swarm-page.ts';
import { type SwarmSite, startSwarmSite } from './harness/swarm-site.ts';

const FILM = fileURLToPath(new URL('../../assets/sample-film.mp4', import.meta.url));
/** Milliseconds; for what a loaded machine takes longer for. */
const PATIENCE = 60_000;
/** Milliseconds without a network. */
const CUT = 20_000;
/** Milliseconds from the end of the cut within which the film has to go on; a few seconds where the machine has time. */
const RECOVERY = 60_000;
/** Bytes per second: five times what the film needs, so that not all of it is there before the cut. */
const RATE = 600_000;
const PEERS = 50;
/** A task of the main thread that is longer keeps a page from answering to its user, in ms. */
const LONG_TASK = 50;

declare const harness: SwarmHarness;

describe('a page that endures', () => {
  let folder: string;
  let site: SwarmSite;
  let browser: TestBrowser;
  let script: ChildScript;
  const running: { stop(): Promise<void> }[] = [];

  beforeAll(async () => {
    folder = await makeTempDir('endurance');
    site = await startSwarmSite(folder);
    script = await bundleChild(new URL('../support/many-seeds.ts', import.meta.url));
    browser = await startChromium();
  });

  afterAll(async () => {
    for (const one of running) await one.stop();
    await browser?.close();
    await site?.close();
    await script?.remove();
    await removeDir(folder);
  });

  function startSeeds(): JsonProgram {
    const seeds = new JsonProgram('seeds', process.execPath, [script.path]);
    running.push(seeds);
    return seeds;
  }

  async function listenTracker(port: number): Promise<Tracker> {
    const tracker = createTracker({ host: '127.0.0.1', port, interval: 5 });
    await tracker.listen();
    running.push({ stop: () => tracker.close() });
    return tracker;
  }

  it('goes on with its film by itself when the network comes back after 20 s', async () => {
    const port = await freePort();
    const announce = `ws://127.0.0.1:${port}`;
    const before = await listenTracker(port);
    await copyFile(FILM, join(folder, 'film.mp4'));
    const torrentFile = join(folder, 'film.torrent');
    const made = await createTorrentWithLibtorrent({
      path: join(folder, 'film.mp4'),
      output: torrentFile,
      pieceLength: 65_536,
      trackers: [announce],
    });
    const seeds = startSeeds();
    await seeds.request('seed', {
      torrentFile,
      dir: folder,
      tracker: announce,
      count: 1,
      uploadLimit: RATE,
      alone: true,
    });
    const page = await site.open(browser, 'freshet');
    const film = (): Promise<{ time: number; received: number; failed: boolean }> =>
      page.evaluate(() => {
        const { currentTime, error } = document.querySelector('video')!;
        return { time: currentTime, received: harness.status().received, failed: error !== null };
      });
    const playing = page.evaluate(async (id) => {
      await harness.serve();
      harness.add(id);
      await harness.watch();
    }, made.magnet);
    await within(playing, PATIENCE, 'the page, playing');
    await waitUntil('a second of the film', async () => (await film()).time > 1, { timeout: PATIENCE });

    // The seeder neither sends nor answers any more, and the tracker is gone.
    seeds.child.kill('SIGSTOP');
    await before.close();
    await browser.context.setOffline(true);
    await sleep(2_000);
    const cut = await film();
    await sleep(CUT - 2_000);
    const dry = await film();
    expect(dry.received).toBe(cut.received);
    expect(cut.received).toBeLessThan(11_000_000);

    seeds.child.kill('SIGCONT');
    await listenTracker(port);
    await browser.context.setOffline(false);
    const resumed = await waitUntil(
      'the film to go on',
      async () => {
        const now = await film();
        return now.time > dry.time + 2 && now.received > dry.received && now;
      },
      { timeout: RECOVERY },
    );
    expect(resumed.failed).toBe(false);
    await seeds.request('limit', { uploadLimit: 10 * RATE });
    const finished = page.evaluate(async () => {
      await harness.untilDone();
      return harness.hashes();
    });
    const hashes = await within(finished, PATIENCE, 'the page, downloading the rest');
    expect(Object.values(hashes)).toEqual([await sha256(FILM)]);
    expect(page.errors).toEqual([]);
    expect(await page.evaluate(() => harness.failures)).toEqual([]);
    await page.close();
  });

  it(`exchanges data with ${PEERS} peers at once, and its main thread stays free`, async () => {
    const port = await freePort();
    const announce = `ws://127.0.0.1:${port}`;
    await listenTracker(port);
    await makeFile(join(folder, 'content.bin'), 16 * 2 ** 20);
    const torrentFile = join(folder, 'content.torrent');
    const made = await createTorrentWithLibtorrent({
      path: join(folder, 'content.bin'),
      output: torrentFile,
      pieceLength: 65_536,
      trackers: [announce],
    });
    const page = await site.open(browser, 'freshet');
    const tasks = await mainThreadTasks(browser);
    await page.evaluate((id) => harness.add(id), made.magnet);
    const seeds = startSeeds();
    const seeding = seeds.request('seed', {
      torrentFile,
      dir: folder,
      tracker: announce,
      count: PEERS,
      // The last to come are to find something left to give.
      uploadLimit: 4_000,
    });
    let most = 0;
    await waitUntil(
      `${PEERS} peers`,
      async () => {
        most = Math.max(most, (await page.evaluate(() => harness.status())).peers);
        return most >= PEERS;
      },
      { timeout: PATIENCE, interval: 250 },
    );
    await seeding;
    await seeds.request('limit', { uploadLimit: 40_000 });
    const finished = page.evaluate(async () => {
      await harness.untilDone();
      return harness.hashes();
    });
    const hashes = await within(finished, PATIENCE, 'the page, downloading from all');
    const durations = await tasks.stop();
    expect(Object.values(hashes)).toEqual([await sha256(join(folder, 'content.bin'))]);
    const { uploaded } = (await seeds.request('status')) as { uploaded: number[] };
    expect(uploaded).toHaveLength(PEERS);
    expect(uploaded.filter((bytes) => bytes === 0)).toEqual([]);
    // That anything was measured at all.
    expect(durations.length).toBeGreaterThan(100);
    expect(durations.filter((milliseconds) => milliseconds > LONG_TASK)).toEqual([]);
    expect(page.errors).toEqual([]);
    expect(await page.evaluate(() => harness.failures)).toEqual([]);
    await page.close();
  });
});
