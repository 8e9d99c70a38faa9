/** Pages with Freshet and pages with WebTorrent's own bundle in real Chromium, and Freshet in Node with a page of each
 * browser. */

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import Client from 'freshet';
import { createTracker, type Tracker } from 'freshet-tracker';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  BROWSER_NAMES,
  type Browser,
  type BrowserName,
  type BrowserPage,
  startBrowser,
} from '../support/browser.ts';
import { makeFile, makeTempDir, removeDir, sha256, sha256Tree } from '../support/files.ts';
import { within } from '../support/wait.ts';
import type { SwarmHarness } from './harness/swarm-page.ts';
import { type Library, type SwarmSite, startSwarmSite } from './harness/swarm-site.ts';

const PATIENCE = 60_000;
/** Seconds. WebTorrent offers again only when it announces again. */
const INTERVAL = 5;

declare const harness: SwarmHarness;

const TITLE: Record<Library, string> = { freshet: 'Freshet', webtorrent: 'WebTorrent' };
const pairs: readonly [seeder: Library, leecher: Library][] = [
  ['webtorrent', 'freshet'],
  ['freshet', 'webtorrent'],
  ['freshet', 'freshet'],
];

describe('pages', () => {
  let folder: string;
  let site: SwarmSite;
  let browsers: Record<BrowserName, Browser>;
  let tracker: Tracker;
  let announce: string[];
  /** By the names that they get in the torrent. */
  let hashes: Record<string, string>;

  beforeAll(async () => {
    folder = await makeTempDir('pages');
    await makeFile(join(folder, 'data', 'one.bin'), 4_000_001, 31);
    await makeFile(join(folder, 'data', 'two.bin'), 777, 32);
    hashes = {
      'один.bin': await sha256(join(folder, 'data', 'one.bin')),
      'two.bin': await sha256(join(folder, 'data', 'two.bin')),
    };
    tracker = createTracker({ host: '127.0.0.1', port: 0, interval: INTERVAL });
    announce = [(await tracker.listen()).wsUrl];
    site = await startSwarmSite(join(folder, 'data'));
    const [chromium, firefox] = await Promise.all([startBrowser('chromium'), startBrowser('firefox')]);
    browsers = { chromium, firefox };
  });

  afterAll(async () => {
    await Promise.all(Object.values(browsers ?? {}).map((browser) => browser.close()));
    await site?.close();
    await tracker?.close();
    await removeDir(folder);
  });

  function open(library: Library, place: string, browser: BrowserName = 'chromium'): Promise<BrowserPage> {
    return site.open(browsers[browser], library, { place });
  }

  function seed(page: BrowserPage, name: string): Promise<string> {
    const files = { 'один.bin': '/data/one.bin', 'two.bin': '/data/two.bin' };
    return page.evaluate(([list, title, trackers]) => harness.seed(list, title, trackers), [
      files,
      name,
      announce,
    ] as const);
  }

  /** With the name of the torrent before each path. */
  function under(name: string): Record<string, string> {
    return Object.fromEntries(Object.entries(hashes).map(([path, hash]) => [`${name}/${path}`, hash]));
  }

  for (const [from, to] of pairs) {
    it(`a page with ${TITLE[to]} downloads from a page with ${TITLE[from]}`, async () => {
      const name = `${from} to ${to}`;
      const [seeder, leecher] = await Promise.all([open(from, 'seeder'), open(to, 'leecher')]);
      const magnet = await seed(seeder, name);
      const finished = leecher.evaluate(async (id) => {
        harness.add(id);
        await harness.untilDone();
        return harness.hashes();
      }, magnet);
      expect(await within(finished, PATIENCE, name)).toEqual(under(name));
      for (const page of [seeder, leecher]) {
        expect(page.errors).toEqual([]);
        expect(await page.evaluate(() => harness.failures)).toEqual([]);
        await page.close();
      }
    });
  }

  it.each(BROWSER_NAMES)('Freshet in Node downloads from a page with Freshet in %s', async (name) => {
    const page = await open('freshet', 'page', name);
    const client = new Client({ tcp: false, tracker: { rtcConfig: { iceServers: [] } } });
    const dir = join(folder, name);
    try {
      const torrent = client.add(await seed(page, `${name} to node`), { path: dir });
      await within(torrent.untilDone(), PATIENCE, 'Freshet in Node from the page');
      const tree = await sha256Tree(join(dir, `${name} to node`));
      expect(tree).toEqual(hashes);
      expect(page.errors).toEqual([]);
    } finally {
      await client.destroy();
      await page.close();
    }
  });

  it.each(BROWSER_NAMES)(
    'a page with Freshet in %s downloads from Freshet in Node, and gets it from storage after a reload',
    async (name) => {
      const page = await open('freshet', 'page', name);
      const client = new Client({ tcp: false, tracker: { rtcConfig: { iceServers: [] } } });
      try {
        const one = new Uint8Array(await readFile(join(folder, 'data', 'one.bin')));
        const torrent = client.seed(Object.assign(one, { name: 'one.bin' }), { announce });
        await torrent.untilDone();
        const downloaded = page.evaluate(async (id) => {
          harness.add(id);
          await harness.untilDone();
          return harness.hashes();
        }, torrent.magnetURI!);
        const expected = { 'one.bin': hashes['один.bin'] };
        expect(await within(downloaded, PATIENCE, 'the page from Freshet in Node')).toEqual(expected);
        const torrentFile = [...torrent.torrentFile!];
        await client.destroy();

        await page.reload();
        await page.waitFor(() => 'harness' in globalThis);
        const kept = page.evaluate(async (id) => {
          harness.add(id);
          await harness.untilDone();
          return { hashes: await harness.hashes(), received: harness.status().received };
        }, torrentFile);
        expect(await within(kept, PATIENCE, 'the page from its own storage')).toEqual({
          hashes: expected,
          received: 0,
        });
      } finally {
        await client.destroy();
        await page.close();
      }
    },
  );
});
