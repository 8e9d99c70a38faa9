/** Pages with Freshet and pages with WebTorrent's own bundle in real Chromium, and Freshet in Node with a page. */

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import Client from 'freshet';
import { createTracker, type Tracker } from 'freshet-tracker';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startChromium, type TestBrowser, type TestPage } from '../support/chromium.ts';
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

describe('pages in Chromium', () => {
  let folder: string;
  let site: SwarmSite;
  let browser: TestBrowser;
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
    browser = await startChromium();
  });

  afterAll(async () => {
    await browser?.close();
    await site?.close();
    await tracker?.close();
    await removeDir(folder);
  });

  function open(library: Library): Promise<TestPage> {
    return site.open(browser, library);
  }

  function seed(page: TestPage, name: string): Promise<string> {
    const files = { 'один.bin': '/data/one.bin', 'two.bin': '/data/two.bin' };
    return page.page.evaluate(([list, title, trackers]) => harness.seed(list, title, trackers), [
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
      const [seeder, leecher] = await Promise.all([open(from), open(to)]);
      const magnet = await seed(seeder, name);
      const finished = leecher.page.evaluate(async (id) => {
        harness.add(id);
        await harness.untilDone();
        return harness.hashes();
      }, magnet);
      expect(await within(finished, PATIENCE, name)).toEqual(under(name));
      for (const page of [seeder, leecher]) {
        expect(page.errors).toEqual([]);
        expect(await page.page.evaluate(() => harness.failures)).toEqual([]);
        await page.close();
      }
    });
  }

  it('Freshet in Node downloads from a page with Freshet', async () => {
    const page = await open('freshet');
    const client = new Client({ tcp: false, tracker: { rtcConfig: { iceServers: [] } } });
    const dir = join(folder, 'node');
    try {
      const torrent = client.add(await seed(page, 'to node'), { path: dir });
      await within(torrent.untilDone(), PATIENCE, 'Freshet in Node from the page');
      const tree = await sha256Tree(join(dir, 'to node'));
      expect(tree).toEqual(hashes);
      expect(page.errors).toEqual([]);
    } finally {
      await client.destroy();
      await page.close();
    }
  });

  it('a page with Freshet downloads from Freshet in Node, and gets it from storage after a reload', async () => {
    const page = await open('freshet');
    const client = new Client({ tcp: false, tracker: { rtcConfig: { iceServers: [] } } });
    try {
      const one = new Uint8Array(await readFile(join(folder, 'data', 'one.bin')));
      const torrent = client.seed(Object.assign(one, { name: 'one.bin' }), { announce });
      await torrent.untilDone();
      const downloaded = page.page.evaluate(async (id) => {
        harness.add(id);
        await harness.untilDone();
        return harness.hashes();
      }, torrent.magnetURI!);
      const expected = { 'one.bin': hashes['один.bin'] };
      expect(await within(downloaded, PATIENCE, 'the page from Freshet in Node')).toEqual(expected);
      const torrentFile = [...torrent.torrentFile!];
      await client.destroy();

      await page.page.reload();
      await page.page.waitForFunction(() => 'harness' in globalThis);
      const kept = page.page.evaluate(async (id) => {
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
  });
});
