/**
 * The engine in a worker, in real pages: the page stays free while it downloads at full speed, a hidden tab goes on, and
 * where there can be no worker the engine runs in the page. Needs a build.
 */

import { fileURLToPath } from 'node:url';
import type Freshet from 'freshet';
import type { Torrent } from 'freshet';
import { createTracker, type Tracker } from 'freshet-tracker';
import puppeteer, { type Page } from 'puppeteer-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BROWSER_NAMES, type Browser, type BrowserName, type BrowserPage } from '../support/browser.ts';
import { shippedBundle } from '../support/bundles.ts';
import { startChromium, type TestBrowser, type TestPage } from '../support/chromium.ts';
import { makeTempDir, removeDir } from '../support/files.ts';
import { startFirefox } from '../support/firefox.ts';
import { type StaticServer, serveFolder } from '../support/static-server.ts';
import { waitUntil, within } from '../support/wait.ts';

const MB = 1_000_000;
const LARGE = 128 * MB;
const SMALL = 6 * MB;
const PATIENCE = 100_000;
/** What browsers call a long task. */
const LONG = 50;

const html = (head: string): string => `<!doctype html><title>engine</title>${head}
<script type="module">import * as library from '/freshet.min.js'; globalThis.library = library;</script>`;
/** Takes the library from another origin, as from a content delivery network. */
const htmlFrom = (origin: string): string =>
  html('').replace("'/freshet.min.js'", `'${origin}/freshet.min.js'`);
const noWorkers = `<meta http-equiv="Content-Security-Policy" content="worker-src 'none'">`;

declare const library: { default: typeof Freshet };
declare let client: Freshet;
declare let torrent: Torrent;
/** What the clients of this page have warned of. */
declare const warnings: string[];

let server: StaticServer;
let chromium: TestBrowser;
let browsers: Record<BrowserName, Browser>;
let tracker: Tracker;
let announce: string;

beforeAll(async () => {
  await shippedBundle('freshet-worker.js');
  const pages = { '/': html(''), '/no-workers/': html(noWorkers) };
  server = await serveFolder(fileURLToPath(new URL('../../packages/freshet/dist/bundle', import.meta.url)), {
    pages: {
      ...Object.fromEntries(
        Object.entries(pages).map(([path, body]) => [path, () => ({ type: 'text/html', body })]),
      ),
      '/elsewhere/': () => ({ type: 'text/html', body: htmlFrom(server.url) }),
    },
  });
  tracker = createTracker({ host: '127.0.0.1', port: 0, interval: 5 });
  announce = (await tracker.listen()).wsUrl;
  const [first, firefox] = await Promise.all([startChromium(), startFirefox()]);
  chromium = first;
  browsers = { chromium, firefox };
});

afterAll(async () => {
  await Promise.all(Object.values(browsers ?? {}).map((browser) => browser.close()));
  await tracker?.close();
  await server?.close();
});

/** Each name is an origin of its own, with storage and an engine of its own. */
function address(name: string, path = '/'): string {
  return `http://${name}.localhost:${server.port}${path}`;
}

async function openIn<Opened extends BrowserPage>(
  browser: { open(url: string): Promise<Opened> },
  name: string,
  path?: string,
): Promise<Opened> {
  const opened = await browser.open(address(name, path));
  await opened.waitFor(() => 'library' in globalThis);
  return opened;
}

const open = (name: string): Promise<TestPage> => openIn(chromium, name);

/** Anything that runs functions in a page: the two drivers here agree in that. */
type Runner = Pick<Page, 'evaluate'> | TestPage['page'] | BrowserPage;

/** Seeds random bytes; resolves with the magnet link. */
function seed(page: Runner, length: number): Promise<string> {
  const run = async ([bytes, tracker]: readonly [number, string]): Promise<string> => {
    const parts = Array.from({ length: Math.ceil(bytes / 62_500) }, () =>
      crypto.getRandomValues(new Uint8Array(62_500)),
    );
    const made = new library.default({ tracker: { rtcConfig: { iceServers: [] } } });
    const seeding = made.seed(new File(parts, 'data.bin'), { announce: [tracker], pieceLength: 2 ** 18 });
    return (await seeding.untilDone()).magnetURI!;
  };
  return (page as TestPage['page']).evaluate(run, [length, announce] as const);
}

interface AddOptions {
  readonly magnet: string;
  readonly worker?: string | false;
}

/** Makes a client, and has it download. */
function add(page: Runner, options: AddOptions): Promise<void> {
  const run = ({ magnet, worker }: AddOptions): void => {
    const said: string[] = [];
    const made = new library.default({ tracker: { rtcConfig: { iceServers: [] } }, worker });
    made.on('warning', ({ message }) => said.push(message));
    const added = made.add(magnet);
    added.on('warning', (error) => said.push((error as Error & { code: string }).code));
    Object.assign(globalThis, { client: made, torrent: added, warnings: said });
  };
  return (page as TestPage['page']).evaluate(run, options);
}

async function finished(page: BrowserPage, length: number): Promise<void> {
  const received = page.evaluate(async () => {
    await torrent.untilDone();
    return (await torrent.files[0]!.arrayBuffer()).byteLength;
  });
  expect(await within(received, PATIENCE, 'the download')).toBe(length);
}

interface Strain {
  /** Milliseconds of each long task. */
  readonly long: readonly number[];
  /** Milliseconds between frames. */
  readonly frames: readonly number[];
  readonly seconds: number;
  readonly received: number;
  /** Part of the time for which the page's thread had the processor. */
  busy: number;
}

/** Watches the page's thread until the torrent is done, or for `ms` milliseconds. */
async function strain(page: TestPage, ms?: number): Promise<Strain> {
  const session = await chromium.context.newCDPSession(page.page);
  await session.send('Performance.enable', { timeDomain: 'threadTicks' });
  const worked = async (): Promise<number> => {
    const { metrics } = await session.send('Performance.getMetrics');
    return metrics.find(({ name }) => name === 'TaskDuration')!.value;
  };
  const before = await worked();
  const seen = await page.evaluate(async (limit) => {
    const long: number[] = [];
    const frames: number[] = [];
    const observer = new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) long.push(duration);
    });
    observer.observe({ type: 'longtask' });
    const began = performance.now();
    let last = began;
    let watching = true;
    const frame = (): void => {
      const now = performance.now();
      frames.push(now - last);
      last = now;
      if (watching) requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
    if (limit === undefined) await torrent.untilDone();
    else await new Promise((resolve) => setTimeout(resolve, limit));
    const ended = performance.now();
    // What was under way is told of afterwards.
    await new Promise((resolve) => setTimeout(resolve, 100));
    watching = false;
    observer.disconnect();
    const received = limit === undefined ? torrent.received : 0;
    return { long, frames, seconds: (ended - began) / 1000, received, busy: 0 };
  }, ms);
  seen.busy = ((await worked()) - before) / seen.seconds;
  await session.detach();
  return seen;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

function print(what: string, { long, frames, seconds, received, busy }: Strain): void {
  const rate = received > 0 ? `${(received / MB / seconds).toFixed(1)} MB/s, ` : '';
  console.log(
    `${what}: ${rate}${long.length} long tasks (longest ${Math.max(0, ...long).toFixed(0)} ms), frames: median ` +
      `${median(frames).toFixed(1)} ms, worst ${Math.max(...frames).toFixed(0)} ms; thread busy ${(100 * busy).toFixed(1)} %`,
  );
}

describe('a page with the engine in a worker', () => {
  it('stays free while it downloads at full speed', async () => {
    const seeder = await open('seeder');
    const leecher = await open('leecher');
    const magnet = await seed(seeder.page, LARGE);
    const idle = await strain(leecher, 3_000);
    print('idle', idle);
    await add(leecher.page, { magnet });
    const loaded = await within(strain(leecher), PATIENCE, 'the download');
    print('downloading', loaded);
    expect(loaded.received).toBeGreaterThanOrEqual(LARGE);
    expect(await leecher.evaluate(() => warnings)).toEqual([]);
    expect(leecher.page.workers()).toHaveLength(1);
    // The machine may stop a page that does nothing, too: a thread that computes has the processor then.
    expect(loaded.busy).toBeLessThan(0.25);
    const noise = idle.long.length / idle.seconds;
    expect(loaded.long.filter((ms) => ms > LONG).length).toBeLessThanOrEqual(1 + 2 * noise * loaded.seconds);
    expect(median(loaded.frames)).toBeLessThan(2 * median(idle.frames));
    await finished(leecher, LARGE);
    await leecher.evaluate(() => client.destroy());
    await waitUntil('the end of the worker', () => leecher.page.workers().length === 0);
    expect(leecher.errors).toEqual([]);
    await leecher.close();
    await seeder.close();
  });

  it.each(BROWSER_NAMES)(
    'takes the worker of another origin in %s, and one whose address it is given',
    async (browser) => {
      const seeder = await openIn(browsers[browser], 'seeder');
      const magnet = await seed(seeder, SMALL);
      for (const [name, path, worker] of [
        ['elsewhere', '/elsewhere/', undefined],
        ['given', '/', '../freshet-worker.js'],
      ] as const) {
        const leecher = await openIn(browsers[browser], name, path);
        await add(leecher, { magnet, ...(worker !== undefined && { worker }) });
        await finished(leecher, SMALL);
        expect(await leecher.evaluate(() => warnings)).toEqual([]);
        expect(leecher.workers()).toBe(1);
        await leecher.close();
      }
      await seeder.close();
    },
  );
});

describe.each(BROWSER_NAMES)('a page of %s that can have no worker', (browser) => {
  it.each([
    ['wants none', { path: '/', worker: false as const, warning: undefined }],
    [
      'may have none',
      { path: '/no-workers/', worker: undefined, warning: /^The engine runs in the page, as no / },
    ],
  ])('that %s has the engine itself', async (name, { path, worker, warning }) => {
    const seeder = await openIn(browsers[browser], 'seeder');
    const magnet = await seed(seeder, SMALL);
    const leecher = await openIn(browsers[browser], name.split(' ')[0]!, path);
    await add(leecher, { magnet, ...(worker !== undefined && { worker }) });
    await finished(leecher, SMALL);
    const said = await leecher.evaluate(() => warnings);
    expect(leecher.workers()).toBe(0);
    // Only workers can write to the browser's storage.
    expect(said).toContain('NOT_KEPT');
    expect(said.filter((text) => text !== 'NOT_KEPT')).toEqual(
      warning === undefined ? [] : [expect.stringMatching(warning)],
    );
    await leecher.evaluate(() => client.destroy());
    await leecher.close();
    await seeder.close();
  });

  it('says so when the engine cannot be loaded at all', async () => {
    const page = await openIn(browsers[browser], 'lost');
    const message = await page.evaluate(
      () =>
        new Promise<string>((resolve) => {
          new library.default({ worker: '/not-there.js' }).on('error', (error) => resolve(error.message));
        }),
    );
    expect(message).toMatch(/^The engine could not be loaded: /);
    await page.close();
  });
});

describe('a hidden tab', () => {
  it('downloads as fast as one that is seen', async () => {
    const profile = await makeTempDir('hidden');
    // The other driver makes every page believe that it is seen.
    const hiding = await puppeteer.launch({
      executablePath: '/usr/bin/chromium',
      headless: true,
      userDataDir: profile,
      args: ['--no-sandbox', '--disable-gpu', '--disable-features=WebRtcHideLocalIpsWithMdns'],
      ignoreDefaultArgs: [
        '--disable-background-timer-throttling',
        '--disable-renderer-backgrounding',
        '--disable-backgrounding-occluded-windows',
      ],
    });
    try {
      const load = async (name: string): Promise<Page> => {
        const page = await hiding.newPage();
        await page.goto(address(name));
        await page.waitForFunction(() => 'library' in globalThis);
        return page;
      };
      const seeder = await load('seeder');
      const magnet = await seed(seeder, 1.5 * LARGE);
      const leecher = await load('leecher');
      await add(leecher, { magnet });
      const rate = async (): Promise<number> => {
        const received = (): Promise<number> => leecher.evaluate(() => torrent.received);
        const [before, began] = [await received(), performance.now()];
        await new Promise((resolve) => setTimeout(resolve, 2_000));
        return ((await received()) - before) / (performance.now() - began) / 1000;
      };
      await leecher.waitForFunction(() => torrent.received > 1_000_000);
      const seen = await rate();
      await (await hiding.newPage()).bringToFront();
      const ticks = await leecher.evaluate(async () => {
        const end = performance.now() + 2_000;
        let count = 0;
        for (; performance.now() < end; count++) await new Promise((resolve) => setTimeout(resolve, 5));
        return { count, state: document.visibilityState };
      });
      // Else nothing would be shown: its timers are slowed down.
      expect(ticks.state).toBe('hidden');
      expect(ticks.count).toBeLessThan(20);
      const hidden = await rate();
      const progress = await leecher.evaluate(() => torrent.progress);
      console.log(
        `seen ${seen.toFixed(1)} MB/s, hidden ${hidden.toFixed(1)} MB/s, then ${(100 * progress).toFixed(0)} % there`,
      );
      // Browsers give processes of hidden tabs a lower priority, which shows where the processor is busy.
      if (progress < 1) expect(hidden).toBeGreaterThan(0.25 * seen);
      const done = leecher.evaluate(() => torrent.untilDone().then(() => torrent.progress));
      expect(await within(done, PATIENCE, 'the hidden download')).toBe(1);
      await leecher.close();
    } finally {
      await hiding.close();
      await removeDir(profile);
    }
  });
});
