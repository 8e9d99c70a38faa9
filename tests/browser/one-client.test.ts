/** Several tabs of one site in real browsers: one engine, one copy of the data, and a film that outlives the leader's tab. */

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { createTracker, type Tracker } from 'freshet-tracker';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createTorrentWithLibtorrent } from '../interop/peers/libtorrent.ts';
import { BROWSER_NAMES, type Browser, type BrowserPage, startBrowser } from '../support/browser.ts';
import { shippedBundle } from '../support/bundles.ts';
import { startChromium, type TestBrowser } from '../support/chromium.ts';
import { makeTempDir, removeDir, sha256 } from '../support/files.ts';
import { type PacedServer, servePaced } from '../support/paced-server.ts';
import { type StaticServer, serveFolder } from '../support/static-server.ts';
import { sleep, waitUntil, within } from '../support/wait.ts';
import type { OneClientTab } from './harness/one-client-page.ts';

const FILM = fileURLToPath(new URL('../../assets/sample-film.mp4', import.meta.url));
const LENGTH = 11_952_684;
const PATIENCE = 60_000;
/** Bytes per second: the film, of 12 MB and 96 s, takes 8 s. */
const RATE = 1_500_000;
const FAST = 100_000_000;
/** Seconds; the film has 96. */
const FAR = 80;

declare const tab: OneClientTab;

interface SiteTab {
  readonly page: BrowserPage;
  run<Result, Argument>(
    what: (argument: Argument) => Result | Promise<Result>,
    argument: Argument,
  ): Promise<Result>;
  close(): Promise<void>;
}

describe.each(BROWSER_NAMES)('tabs of one site in %s', (name) => {
  let folder: string;
  let server: StaticServer;
  let film: PacedServer;
  let browser: Browser;
  /** Has what only Chromium can be asked for. */
  let chromium: TestBrowser | undefined;
  let tracker: Tracker;
  let announce: string[];
  let hash: string;
  let torrentFile: number[];
  let tabs: SiteTab[] = [];
  /** Tests have a site each: nothing is stored when they begin. */
  let sites = 0;

  beforeAll(async () => {
    folder = await makeTempDir('one-client');
    hash = await sha256(FILM);
    tracker = createTracker({ host: '127.0.0.1', port: 0, interval: 5 });
    announce = [(await tracker.listen()).wsUrl];
    const harness = await bundle(fileURLToPath(new URL('harness/one-client-page.ts', import.meta.url)));
    const html = `<!doctype html><meta charset="utf-8"><title>tab</title><body><script type="module">
      import * as library from '/freshet/freshet.min.js';
      import { createTab } from '/one-client-page.js';
      globalThis.tab = createTab(library);</script>`;
    const policy = `<meta http-equiv="Content-Security-Policy" content="worker-src 'none'">`;
    await shippedBundle('freshet.min.js');
    const built = fileURLToPath(new URL('../../packages/freshet/dist/bundle', import.meta.url));
    server = await serveFolder(
      { '/freshet/': built },
      {
        pages: {
          '/freshet/tab/': () => ({ type: 'text/html', body: html }),
          '/freshet/tab/no-workers/': () => ({ type: 'text/html', body: `${policy}${html}` }),
          '/one-client-page.js': () => ({ type: 'text/javascript', body: harness }),
        },
      },
    );
    const path = join(folder, 'film.torrent');
    await createTorrentWithLibtorrent({ path: FILM, output: path, pieceLength: 65_536 });
    torrentFile = [...(await readFile(path))];
    if (name === 'chromium') chromium = await startChromium();
    browser = chromium ?? (await startBrowser(name));
  });

  afterAll(async () => {
    await browser?.close();
    await server?.close();
    await tracker?.close();
    await removeDir(folder);
  });

  beforeEach(async () => {
    sites += 1;
    film = await servePaced(FILM, 'sample-film.mp4', RATE);
  });

  afterEach(async () => {
    for (const { page } of tabs) await page.close();
    tabs = [];
    await film?.close();
  });

  function address(place = ''): string {
    return `http://site${sites}${place}.localhost:${server.port}/freshet/tab/`;
  }

  async function open(options: object = {}, at: string = address()): Promise<SiteTab> {
    const page = await browser.open(at);
    const opened: SiteTab = {
      page,
      run: (what, argument) => within(page.evaluate(what, argument), PATIENCE, 'a tab'),
      close: async () => {
        tabs = tabs.filter((other) => other !== opened);
        await page.close();
      },
    };
    tabs.push(opened);
    await page.waitFor(() => 'tab' in globalThis);
    await page.evaluate((given) => tab.start(given), options);
    return opened;
  }

  function add(to: SiteTab): Promise<void> {
    return to.run(([bytes, url]) => tab.add(bytes, url), [torrentFile, film.url] as const);
  }

  async function openWithFilm(): Promise<SiteTab> {
    const opened = await open();
    await add(opened);
    return opened;
  }

  function status(of: SiteTab): Promise<NonNullable<ReturnType<OneClientTab['status']>>> {
    return of.run(() => tab.status()!, undefined);
  }

  function progress(of: SiteTab, atLeast: number): Promise<unknown> {
    const reached = async (): Promise<boolean> => (await status(of)).progress >= atLeast;
    return waitUntil(`${atLeast} of the film`, reached, { timeout: PATIENCE });
  }

  async function finish(of: SiteTab): Promise<string> {
    await of.run(() => tab.untilDone(), undefined);
    return of.run(() => tab.hash(), undefined);
  }

  async function watch(of: SiteTab): Promise<void> {
    await of.run(() => tab.serve(), undefined);
    await of.run(() => tab.watch(), undefined);
  }

  function playsTo(viewer: SiteTab, time: number): Promise<unknown> {
    const there = async (): Promise<boolean> =>
      (await viewer.run(() => tab.playing(), undefined)).time >= time;
    return waitUntil(`second ${time} of the film`, there, { timeout: PATIENCE });
  }

  /** How many engines run on the site. */
  async function engines(seenBy: SiteTab): Promise<number> {
    const locks = await seenBy.run(() => tab.locks(), undefined);
    return Object.entries(locks).filter(([name]) => / freshet engine$/.test(name)).length;
  }

  async function expectContent(...of: SiteTab[]): Promise<void> {
    for (const each of of) {
      expect(await each.run(() => tab.complaints, undefined)).toEqual([]);
      expect(each.page.errors).toEqual([]);
      expect(await each.run(() => tab.events, undefined)).toEqual(['infoHash', 'metadata', 'done']);
    }
  }

  /** The longest time, in milliseconds, in which nothing arrived, from just before `began` on. */
  async function longestPause(of: SiteTab, began: number): Promise<number> {
    const arrivals = await of.run(() => tab.arrivals, undefined);
    const around = arrivals.filter((at) => at > began - 300);
    expect(around.length).toBeGreaterThan(10);
    return Math.max(...around.slice(1).map((at, index) => at - around[index]!));
  }

  it('share one engine and download once', async () => {
    const all = [await openWithFilm(), await openWithFilm(), await openWithFilm()];
    expect(await Promise.all(all.map(finish))).toEqual([hash, hash, hash]);
    expect(film.bytesSent()).toBeLessThan(1.02 * LENGTH);
    expect(await engines(all[2]!)).toBe(1);
    await expectContent(...all);
    // One that comes later has it at once.
    const late = await openWithFilm();
    expect(await finish(late)).toBe(hash);
    expect(film.bytesSent()).toBeLessThan(1.02 * LENGTH);
    await expectContent(late);
  });

  it('play on when the tab with the engine is closed in mid-film', async () => {
    const leader = await openWithFilm();
    const viewer = await openWithFilm();
    await watch(viewer);
    await playsTo(viewer, 2);
    const before = await viewer.run(() => tab.playing(), undefined);
    await leader.close();
    await sleep(3000);
    const after = await viewer.run(() => tab.playing(), undefined);
    expect(after.time - before.time).toBeGreaterThan(2.5);
    expect(after.stalls).toBe(before.stalls);
    // To where nothing has been fetched yet.
    await viewer.run((to) => tab.seek(to), FAR);
    await playsTo(viewer, FAR + 1);
    expect((await viewer.run(() => tab.playing(), undefined)).error).toBeUndefined();
    expect(await finish(viewer)).toBe(hash);
    await expectContent(viewer);
    expect(film.bytesSent()).toBeLessThan(1.1 * LENGTH);
    expect(await engines(viewer)).toBe(1);
  });

  it('go on when the leader is reloaded', async () => {
    const leader = await openWithFilm();
    const other = await openWithFilm();
    await progress(other, 0.3);
    const began = Date.now();
    await leader.page.reload();
    await leader.page.waitFor(() => 'tab' in globalThis);
    await leader.run(() => tab.start(), undefined);
    await add(leader);
    expect(await Promise.all([leader, other].map(finish))).toEqual([hash, hash]);
    expect(await longestPause(other, began)).toBeLessThan(5000);
    await expectContent(leader, other);
    expect(film.bytesSent()).toBeLessThan(1.1 * LENGTH);
    expect(await engines(leader)).toBe(1);
  });

  it('seed a file that was chosen in a tab without the engine, and go on when the leader closes', async () => {
    const leader = await open();
    const seeder = await open();
    const content = 'what a tab seeds '.repeat(20_000);
    const magnet = await seeder.run(([text, trackers]) => tab.seed(text, 'note.txt', trackers), [
      content,
      announce,
    ] as const);
    expect(await engines(seeder)).toBe(1);
    const expected = await seeder.run(() => tab.hash(), undefined);
    const elsewhere = async (place: string): Promise<string> => {
      const page = await open({}, address(place));
      await page.run((id) => tab.addMagnet(id), magnet);
      await page.run(() => tab.untilDone(), undefined);
      const got = await page.run(() => tab.hash(), undefined);
      await page.close();
      return got;
    };
    expect(await elsewhere('first')).toBe(expected);
    await leader.close();
    expect(await elsewhere('second')).toBe(expected);
    expect(await seeder.run(() => tab.complaints, undefined)).toEqual([]);
  });

  it('speak over a message port once there is a service worker', async () => {
    film.rate = FAST;
    await openWithFilm();
    const follower = await open();
    await follower.run(() => tab.countMessages(), undefined);
    await add(follower);
    await finish(follower);
    expect(await follower.run(() => tab.messages, undefined)).toBeGreaterThan(5);
    await follower.run(() => tab.serve(), undefined);
    // The port is there when nothing goes over the channel any more.
    await waitUntil('a message port', async () => {
      const [before, after] = await follower.run(async () => {
        const { messages } = tab;
        await tab.hash();
        return [messages, tab.messages];
      }, undefined);
      return after === before;
    });
    expect(await finish(follower)).toBe(hash);
    await expectContent(follower);
  });

  if (name === 'firefox') return;

  it("go on when the leader's client is destroyed, and it can be one of them again", async () => {
    const leader = await openWithFilm();
    const other = await openWithFilm();
    await progress(other, 0.3);
    const began = Date.now();
    await leader.run(() => tab.destroy(), undefined);
    await progress(other, 0.6);
    expect(await longestPause(other, began)).toBeLessThan(5000);
    await leader.run(() => tab.start(), undefined);
    expect(await finish(other)).toBe(hash);
    await expectContent(other);
    expect(film.bytesSent()).toBeLessThan(1.1 * LENGTH);
    expect(await engines(leader)).toBe(1);
  });

  it("go on when the leader's renderer crashes", async () => {
    await openWithFilm();
    const other = await openWithFilm();
    await progress(other, 0.3);
    const began = Date.now();
    // The first one has the engine.
    const page = chromium!.context.pages().find((one) => one.url() === address())!;
    const devtools = await chromium!.context.newCDPSession(page);
    const crashed = new Promise((resolve) => page.once('crash', resolve));
    devtools.send('Page.crash').catch(() => undefined);
    await within(crashed, PATIENCE, 'the crash');
    expect(await finish(other)).toBe(hash);
    expect(await longestPause(other, began)).toBeLessThan(5000);
    await expectContent(other);
    expect(film.bytesSent()).toBeLessThan(1.15 * LENGTH);
    expect(await engines(other)).toBe(1);
  });

  it('come and go ten times in any order and leave nothing stuck', async () => {
    film.rate = FAST;
    let seed = 7;
    const draw = (below: number): number => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed % below;
    };
    let opened = [await openWithFilm(), await openWithFilm()];
    for (let cycle = 0; cycle < 10; cycle++) {
      const [gone] = opened.splice(draw(opened.length), 1);
      const closing = draw(2) === 0 ? gone!.close() : gone!.run(() => tab.destroy(), undefined);
      if (draw(2) === 0) await closing;
      opened = [...opened, await openWithFilm()];
      if (draw(2) === 0) opened = [...opened, await openWithFilm()];
      await closing;
      await sleep(draw(300));
    }
    expect(await Promise.all(opened.map(finish))).toEqual(opened.map(() => hash));
    expect(await engines(opened[0]!)).toBe(1);
    await expectContent(...opened);
    const locks = await opened[0]!.run(() => tab.locks(), undefined);
    const clients = Object.keys(locks).filter((name) => / client /.test(name));
    expect(clients).toHaveLength(opened.length);
  }, 240_000);

  it('keep a torrent that one of them removes', async () => {
    const [one, other] = [await openWithFilm(), await openWithFilm()];
    await progress(other, 0.2);
    await one.run(() => tab.remove(), undefined);
    expect(await finish(other)).toBe(hash);
    await other.run(() => tab.remove(), undefined);
    // Its data was kept: nothing is fetched again.
    const before = film.bytesSent();
    await add(one);
    await one.run(() => tab.untilDone(1), undefined);
    expect(await one.run(() => tab.hash(1), undefined)).toBe(hash);
    expect(film.bytesSent()).toBe(before);
    expect(before).toBeLessThan(1.02 * LENGTH);
  });

  it('tell who wanted an engine with other settings', async () => {
    await openWithFilm();
    const other = await open({ maxConns: 7, userAgent: 'another program' });
    const complaints = (): Promise<string[]> => other.run(() => tab.complaints, undefined);
    await waitUntil('a warning', async () => (await complaints()).length > 0);
    expect(await complaints()).toEqual([
      "SETTINGS_DIFFER: Another tab of this site runs the engine, with other settings than this one's: maxConns, userAgent.",
    ]);
  });

  it('can have two clients in one of them', async () => {
    const one = await openWithFilm();
    await progress(one, 0.2);
    // The harness goes on with the second client; the first one has the engine until it is destroyed.
    await one.run(() => tab.start(), undefined);
    await add(one);
    await one.run(() => tab.untilDone(1), undefined);
    await one.run(() => tab.clients[0]!.destroy(), undefined);
    expect(await one.run(() => tab.hash(1), undefined)).toBe(hash);
    expect(film.bytesSent()).toBeLessThan(1.02 * LENGTH);
    expect(await engines(one)).toBe(1);
  });

  it.each([
    ['freezes the page', ['freeze', 'resume']],
    ['puts the page aside', ['pagehide', 'pageshow']],
  ])('go on when the browser %s that has the engine, which comes back as one of them', async (_, events) => {
    const leader = await openWithFilm();
    const other = await openWithFilm();
    await progress(other, 0.2);
    // As the browser does it; it does so with pages that nobody sees, which pages under test never are.
    const transition = (event: string): Promise<void> =>
      leader.run((type) => {
        if (type.startsWith('page')) dispatchEvent(new PageTransitionEvent(type, { persisted: true }));
        else document.dispatchEvent(new Event(type));
      }, event);
    const before = await other.run(() => tab.leader(), undefined);
    await transition(events[0]!);
    await progress(other, 0.5);
    expect(await other.run(() => tab.leader(), undefined)).not.toBe(before);
    await transition(events[1]!);
    expect(await Promise.all([leader, other].map(finish))).toEqual([hash, hash]);
    await expectContent(leader, other);
    expect(film.bytesSent()).toBeLessThan(1.1 * LENGTH);
    expect(await engines(leader)).toBe(1);
  });

  it('share an engine in a page where there can be no workers', async () => {
    film.rate = FAST;
    const withoutWorkers = `${address()}no-workers/`;
    const leader = await open({}, withoutWorkers);
    const other = await open({}, withoutWorkers);
    for (const each of [leader, other]) await add(each);
    expect(await Promise.all([leader, other].map(finish))).toEqual([hash, hash]);
    expect(film.bytesSent()).toBeLessThan(1.02 * LENGTH);
    expect(await leader.run(() => tab.complaints, undefined)).toEqual([
      expect.stringContaining('The engine runs in the page, as no worker could be had'),
      expect.stringContaining('private file system cannot be used'),
    ]);
    // What was in the memory of that tab has gone with it, so it comes again.
    await leader.close();
    expect(await finish(other)).toBe(hash);
    expect(film.bytesSent()).toBeGreaterThan(1.9 * LENGTH);
  });

  it('have engines of their own where they want to', async () => {
    film.rate = FAST;
    const shared = await open();
    const alone = await open({ shared: false });
    await add(alone);
    expect(await finish(alone)).toBe(hash);
    await add(shared);
    expect(await finish(shared)).toBe(hash);
    // Two engines, so it came twice.
    expect(film.bytesSent()).toBeGreaterThan(1.98 * LENGTH);
    const complaints = await shared.run(() => tab.complaints, undefined);
    expect(complaints).toEqual([
      expect.stringContaining('Another tab of this site stores this torrent already'),
    ]);
  });
});

async function bundle(entry: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [entry],
    bundle: true,
    write: false,
    format: 'esm',
    target: 'es2022',
    platform: 'browser',
  });
  return outputFiles[0]!.text;
}
