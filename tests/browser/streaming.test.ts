/** Films and files through the service worker, whatever happens to it and to the tabs. Needs a build. */

import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import Client from 'freshet';
import type { CDPSession } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BROWSER_NAMES, type Browser, type BrowserPage, startBrowser } from '../support/browser.ts';
import { startChromium, type TestBrowser, type TestPage } from '../support/chromium.ts';
import { makeFile, makeTempDir, removeDir } from '../support/files.ts';
import { needProgram } from '../support/process.ts';
import { type StaticPage, type StaticServer, serveFolder } from '../support/static-server.ts';
import { sleep, waitUntil } from '../support/wait.ts';
import type { StreamingHarness } from './harness/streaming-page.ts';

const FILM = fileURLToPath(new URL('../../assets/sample-film.mp4', import.meta.url));
const BUNDLES = fileURLToPath(new URL('../../packages/freshet/dist/bundle', import.meta.url));
/** A name that leads to this machine and is not localhost: a page without TLS can have no service worker. */
const PLAIN = 'plain.test';
const SW = 'freshet-sw.js';
/** Bytes. */
const MIB = 1024 * 1024;
const FILE_LENGTH = 8 * MIB + 321;
/** Seconds of the heavy film, and its bytes per second about. */
const HEAVY_LENGTH = 45;
const HEAVY_RATE = 750_000;

/** What the media are made of the sample film with. All last a few seconds, and the moov box is last unless told. */
const MEDIA: Readonly<Record<string, readonly string[]>> = {
  'moov-last.mp4': ['-t', '24', '-c', 'copy'],
  'moov-first.mp4': ['-t', '24', '-c', 'copy', '-movflags', '+faststart'],
  'h264.mkv': ['-t', '24', '-c', 'copy'],
  'vp8.webm': [
    '-t',
    '12',
    '-vf',
    'scale=160:90',
    '-r',
    '12',
    '-c:v',
    'libvpx',
    '-deadline',
    'realtime',
  ].concat(['-cpu-used', '8', '-b:v', '300k', '-g', '24', '-c:a', 'libopus']),
  // Noise keeps it from being compressed: there is more of it than any player reads ahead.
  'heavy.mp4': ['-t', String(HEAVY_LENGTH), '-vf', 'scale=320:180,noise=alls=60:allf=t', '-r', '24']
    .concat([
      '-c:v',
      'libx264',
      '-preset',
      'ultrafast',
      '-g',
      '24',
      '-c:a',
      'copy',
      '-movflags',
      '+faststart',
    ])
    .concat(['-b:v', '6M', '-minrate', '6M', '-maxrate', '6M', '-bufsize', '6M']),
};

declare const streaming: StreamingHarness;

let folder: string;
let server: StaticServer;
let browser: TestBrowser;
let bytes: Buffer;
/** Changes with each version that the site has had of its service worker. */
let version = 0;

async function page(at?: string): Promise<TestPage>;
async function page(at: string, where: Browser): Promise<BrowserPage>;
async function page(at = '/app/', where: Browser = browser): Promise<BrowserPage> {
  const opened = await where.open(`${server.url}${at}`);
  await opened.waitFor(() => 'streaming' in globalThis);
  return opened;
}

/** Opens a torrent in a page. Returns the number of its file there, and its address. */
function openIn(
  tab: BrowserPage,
  name: string,
  options: Parameters<StreamingHarness['open']>[1] = {},
): Promise<{ file: number; url: string }> {
  return tab.evaluate(
    ([torrent, settings]) => streaming.open(torrent, settings) as Promise<{ file: number; url: string }>,
    [`${server.url}/data/${name}.torrent`, { script: SW, ...options }] as const,
  );
}

function played(tab: BrowserPage, seconds: number): Promise<void> {
  return tab.evaluate((more) => streaming.played(more), seconds);
}

/** Stops all service workers as the browser does it with those that are idle, and waits until they are. */
async function stopWorkers(tab: TestPage): Promise<void> {
  const session: CDPSession = await browser.context.newCDPSession(tab.page);
  // It may be started again at once.
  const seen = new Set<string>();
  session.on('ServiceWorker.workerVersionUpdated', ({ versions }) => {
    for (const { runningStatus } of versions) seen.add(runningStatus);
  });
  await session.send('ServiceWorker.enable');
  await waitUntil('a running service worker', () => seen.has('running'));
  seen.clear();
  await session.send('ServiceWorker.stopAllWorkers');
  await waitUntil('the end of the service worker', () => seen.has('stopped'));
  await session.detach();
}

beforeAll(async () => {
  await needProgram('ffmpeg', 'ffmpeg');
  folder = await makeTempDir('streaming');
  const run = promisify(execFile);
  for (const [name, how] of Object.entries(MEDIA))
    await run('ffmpeg', ['-v', 'error', '-y', '-i', FILM, ...how, join(folder, name)]);
  await makeFile(join(folder, 'file.bin'), FILE_LENGTH);
  bytes = await readFile(join(folder, 'file.bin'));
  const harness = await build({
    entryPoints: [fileURLToPath(new URL('./harness/streaming-page.ts', import.meta.url))],
    bundle: true,
    write: false,
    format: 'esm',
    target: 'es2022',
  });
  const html = `<!doctype html><meta charset="utf-8"><title>streaming</title><video muted playsinline></video>
    <script type="module">
      import Client, { registerServiceWorker } from '/app/freshet.min.js';
      import { createStreaming } from '/harness.js';
      globalThis.streaming = createStreaming(Client, registerServiceWorker);
    </script>`;
  const worker = await readFile(join(BUNDLES, SW), 'utf8');
  const script = (headers?: StaticPage['headers']) => (): StaticPage => ({
    type: 'text/javascript',
    body: `${worker}\n// Version ${version}.`,
    headers,
  });
  const document = (): StaticPage => ({ type: 'text/html', body: html });
  server = await serveFolder(
    { '/data/': folder, '/app/': BUNDLES },
    {
      pages: {
        '/app/': document,
        '/app/deep/': document,
        '/wide/deep/': document,
        '/harness.js': () => ({ type: 'text/javascript', body: harness.outputFiles[0]!.text }),
        [`/app/${SW}`]: script(),
        [`/wide/scripts/${SW}`]: script({ 'service-worker-allowed': '/wide/' }),
      },
    },
  );
  const client = new Client({ tracker: false, webrtc: false, tcp: false });
  for (const name of [...Object.keys(MEDIA), 'file.bin']) {
    const url = `${server.url}/data/${name}`;
    const torrent = await client
      .seed(join(folder, name), { urlList: [url], pieceLength: 65_536 })
      .untilDone();
    await writeFile(join(folder, `${name}.torrent`), torrent.torrentFile!);
  }
  // Another length of piece makes another torrent.
  const bare = client.seed(join(folder, 'vp8.webm'), { pieceLength: 32_768 });
  await writeFile(join(folder, 'bare.torrent'), (await bare.untilDone()).torrentFile!);
  await client.destroy();
  browser = await startChromium([`--host-resolver-rules=MAP ${PLAIN} 127.0.0.1`]);
}, 180_000);

afterAll(async () => {
  await browser?.close();
  await server?.close();
  await removeDir(folder);
});

describe.each(BROWSER_NAMES)('a film in a page of %s', (kind) => {
  let own: Browser;

  beforeAll(async () => {
    own = kind === 'chromium' ? browser : await startBrowser(kind);
  }, 60_000);

  afterAll(async () => {
    if (own !== browser) await own?.close();
  });

  it.each(Object.keys(MEDIA).filter((name) => name !== 'heavy.mp4'))('plays and seeks: %s', async (name) => {
    const tab = await page('/app/', own);
    const { file } = await openIn(tab, name);
    await tab.evaluate((place) => streaming.play(place), file);
    await played(tab, 1);
    const { duration } = await tab.evaluate(() => streaming.video());
    await tab.evaluate((to) => streaming.seek(to), duration * 0.8);
    await played(tab, 1);
    const { time, width } = await tab.evaluate(() => streaming.video());
    expect(time).toBeGreaterThan(duration * 0.8 + 0.9);
    expect(width).toBeGreaterThan(0);
    const [delivery] = await tab.evaluate((place) => streaming.deliveries(place), file);
    expect(delivery).toMatchObject({ kind: 'service-worker' });
    expect(tab.errors).toEqual([]);
    await tab.close();
  });
});

describe('a film in a page', () => {
  it('goes on when the service worker is stopped', async () => {
    const tab = await page();
    const { file } = await openIn(tab, 'heavy.mp4');
    await tab.evaluate((place) => streaming.play(place), file);
    await played(tab, 1);
    const before = await tab.evaluate(() => streaming.video());
    expect(before.buffered).toBeLessThan(HEAVY_LENGTH - 5);
    await stopWorkers(tab);
    // Beyond what the player had at that time.
    await tab.evaluate((to) => streaming.seek(to), before.buffered - 1);
    await played(tab, 4);
    const after = await tab.evaluate(() => streaming.video());
    expect(after.time).toBeGreaterThan(before.buffered + 2);
    expect(after.error).toBeUndefined();
    // The worker that is gone has left no stream behind.
    await tab.waitFor((place) => {
      const { streams, ended } = streaming.reads(place);
      return streams >= 2 && streams - ended <= 1;
    }, file);
    await tab.close();
  });

  it('goes on when a new version of the service worker takes over', async () => {
    const tab = await page();
    const { file } = await openIn(tab, 'heavy.mp4');
    await tab.evaluate((place) => streaming.play(place), file);
    await played(tab, 1);
    const before = await tab.evaluate(() => streaming.video());
    const session = await browser.context.newCDPSession(tab.page);
    const versions = new Map<string, string>();
    const statuses = (wanted: string): number =>
      [...versions.values()].filter((status) => status === wanted).length;
    session.on('ServiceWorker.workerVersionUpdated', ({ versions: changed }) => {
      for (const { versionId, status } of changed) versions.set(versionId, status);
    });
    await session.send('ServiceWorker.enable');
    await waitUntil('the first version', () => statuses('activated') === 1);
    version++;
    await tab.evaluate(() => streaming.update());
    await waitUntil('the second version', () => statuses('installed') + statuses('activated') === 2);
    // Chromium lets the first version go on while it streams.
    await tab.evaluate((to) => streaming.seek(to), before.buffered + 2);
    await played(tab, 2);
    await tab.evaluate(() => streaming.unload());
    await waitUntil('the second version in charge', () => statuses('redundant') === 1);
    await tab.evaluate((place) => streaming.play(place), file);
    await played(tab, 2);
    expect((await tab.evaluate(() => streaming.video())).error).toBeUndefined();
    await session.detach();
    await tab.close();
  });

  it('is not read to its end while it is paused', async () => {
    const tab = await page();
    const { file, url } = await openIn(tab, 'heavy.mp4');
    await tab.evaluate((address) => streaming.play(address), url);
    await tab.evaluate(() => streaming.pause());
    const read = async (): Promise<number> =>
      (await tab.evaluate((place) => streaming.reads(place), file)).bytes;
    await sleep(2_000);
    const first = await read();
    await sleep(2_000);
    const second = await read();
    // Chromium's player reads some seconds ahead by itself.
    expect(second).toBe(first);
    expect(second).toBeLessThan(0.6 * HEAVY_LENGTH * HEAVY_RATE);
    await tab.evaluate(() => streaming.unload());
    await tab.waitFor((place) => {
      const { streams, ended } = streaming.reads(place);
      return streams === ended;
    }, file);
    await tab.close();
  });
});

describe('the address of a file', () => {
  let tab: TestPage;
  let opened: { file: number; url: string };
  const ask = (headers: Record<string, string>, method = 'GET') =>
    tab.evaluate(([url, fields, how]) => streaming.fetch(url, fields, how), [
      opened.url,
      headers,
      method,
    ] as const);
  const hashOf = (from: number, to: number): string =>
    createHash('sha256').update(bytes.subarray(from, to)).digest('hex');

  beforeAll(async () => {
    tab = await page();
    opened = await openIn(tab, 'file.bin');
  });

  afterAll(async () => {
    await tab.close();
  });

  it('gives all of it', async () => {
    const answer = await ask({});
    expect(answer).toMatchObject({ status: 200, length: FILE_LENGTH, hash: hashOf(0, FILE_LENGTH) });
    expect(answer.headers).toMatchObject({
      'accept-ranges': 'bytes',
      'content-length': String(FILE_LENGTH),
      'content-type': 'application/octet-stream',
      'content-disposition': `inline; filename="file.bin"; filename*=UTF-8''file.bin`,
    });
    expect(answer.headers['etag']).toMatch(/^"[0-9a-f]{40}-0"$/);
  });

  it.each([
    ['bytes=0-0', 0, 1],
    ['bytes=65535-65536', 65_535, 65_537],
    ['bytes=1000000-3000000', 1_000_000, 3_000_001],
    ['bytes=8388600-', 8_388_600, FILE_LENGTH],
    ['bytes=-1', FILE_LENGTH - 1, FILE_LENGTH],
    ['bytes=8388600-99999999', 8_388_600, FILE_LENGTH],
  ])('gives %s', async (range, from, to) => {
    const answer = await ask({ range });
    expect(answer).toMatchObject({ status: 206, length: to - from, hash: hashOf(from, to) });
    expect(answer.headers['content-range']).toBe(`bytes ${from}-${to - 1}/${FILE_LENGTH}`);
    expect(answer.headers['content-length']).toBe(String(to - from));
  });

  it('gives several ranges in one body', async () => {
    const answer = await ask({ range: 'bytes=0-4, 70000-70009, -3' });
    expect(answer.status).toBe(206);
    const boundary = /^multipart\/byteranges; boundary=(\S+)$/.exec(answer.headers['content-type']!)?.[1];
    const part = (from: number, to: number): string =>
      `--${boundary}\r\nContent-Type: application/octet-stream\r\nContent-Range: bytes ${from}-${to - 1}/${FILE_LENGTH}\r\n\r\n${bytes
        .subarray(from, to)
        .toString('latin1')}\r\n`;
    expect(answer.text).toBe(
      `${part(0, 5)}${part(70_000, 70_010)}${part(FILE_LENGTH - 3, FILE_LENGTH)}--${boundary}--\r\n`,
    );
    expect(answer.headers['content-length']).toBe(String(answer.text.length));
  });

  it.each([`bytes=${FILE_LENGTH}-`, 'bytes=-0'])('refuses %s', async (range) => {
    const answer = await ask({ range });
    expect(answer).toMatchObject({ status: 416, length: 0 });
    expect(answer.headers['content-range']).toBe(`bytes */${FILE_LENGTH}`);
  });

  it('answers HEAD without reading, and conditions', async () => {
    const before = await tab.evaluate((file) => streaming.reads(file), opened.file);
    const head = await ask({}, 'HEAD');
    expect(head).toMatchObject({ status: 200, length: 0 });
    expect(head.headers['content-length']).toBe(String(FILE_LENGTH));
    const etag = head.headers['etag']!;
    expect(await ask({ 'if-none-match': etag })).toMatchObject({ status: 304, length: 0 });
    expect(await tab.evaluate((file) => streaming.reads(file), opened.file)).toEqual(before);
    expect(await ask({ range: 'bytes=5-9', 'if-range': etag })).toMatchObject({ status: 206, length: 5 });
    expect(await ask({ range: 'bytes=5-9', 'if-range': '"other"' })).toMatchObject({
      status: 200,
      length: FILE_LENGTH,
    });
  });

  it('says that there is no such file or torrent', async () => {
    const asked = await tab.evaluate(async (url) => {
      const none = await streaming.fetch(`${url}.none`);
      const foreign = await streaming.fetch(url.replace(/[0-9a-f]{40}/, 'ab'.repeat(20)));
      return [none.status, none.text, foreign.status, foreign.text];
    }, opened.url);
    expect(asked).toEqual([
      404,
      'The torrent has no such file.',
      404,
      'No open tab has this torrent; open the page that downloads it, then try again.',
    ]);
  });

  it('is read no further than somebody reads, and no longer', async () => {
    const before = await tab.evaluate((file) => streaming.reads(file), opened.file);
    await tab.evaluate(([url]) => streaming.beginSlow(url, 1), [opened.url] as const);
    await sleep(1_000);
    const waiting = await tab.evaluate((file) => streaming.reads(file), opened.file);
    expect(waiting.streams).toBe(before.streams + 1);
    // A chunk in the service worker, and what the browser has taken from it for the page.
    expect(waiting.bytes - before.bytes).toBeLessThan(2 * MIB);
    const began = Date.now();
    await tab.evaluate(() => streaming.abortSlow());
    await tab.waitFor(([file, ended]) => streaming.reads(file).ended === ended, [
      opened.file,
      waiting.streams,
    ] as const);
    expect(Date.now() - began).toBeLessThan(2_000);
  });

  it('is answered for the right client where a page has several', async () => {
    const other = await openIn(tab, 'vp8.webm');
    const both = await tab.evaluate(
      async ([first, second]) => [
        await streaming.fetch(first, { range: 'bytes=0-9' }),
        await streaming.fetch(second, { range: 'bytes=0-9' }),
      ],
      [opened.url, other.url] as const,
    );
    const webm = await readFile(join(folder, 'vp8.webm'));
    expect(both.map(({ status, text }) => [status, text])).toEqual([
      [206, bytes.toString('latin1', 0, 10)],
      [206, webm.toString('latin1', 0, 10)],
    ]);
    await tab.evaluate((file) => streaming.destroy(file), other.file);
  });

  it('is asked of one tab only: the one that asks, else one that has it', async () => {
    const second = await page();
    const own = await openIn(second, 'file.bin');
    const viewer = await page();
    const reads = async (): Promise<number[]> => [
      (await tab.evaluate((file) => streaming.reads(file), opened.file)).streams,
      (await second.evaluate((file) => streaming.reads(file), own.file)).streams,
    ];
    const [first = 0, other = 0] = await reads();
    const fetched = { range: 'bytes=100-199' };
    await second.evaluate(([url, range]) => streaming.fetch(url, range), [own.url, fetched] as const);
    expect(await reads()).toEqual([first, other + 1]);
    const answer = await viewer.evaluate(([url, range]) => streaming.fetch(url, range), [
      own.url,
      fetched,
    ] as const);
    expect(answer).toMatchObject({ status: 206, hash: hashOf(100, 200) });
    const now = await reads();
    expect(now.reduce((sum, streams) => sum + streams, 0)).toBe(first + other + 2);
    await viewer.close();
    await second.close();
  });

  it('goes on from another tab when the one that sends is closed', async () => {
    const tabs = [await page(), await page()];
    const files = [await openIn(tabs[0]!, 'file.bin'), await openIn(tabs[1]!, 'file.bin')];
    // Only these two have it.
    await tab.evaluate((file) => streaming.destroy(file), opened.file);
    const viewer = await page();
    await viewer.evaluate((url) => streaming.beginSlow(url, 1), opened.url);
    const streams = await Promise.all(
      tabs.map((one, index) => one.evaluate((file) => streaming.reads(file).streams, files[index]!.file)),
    );
    expect([...streams].sort()).toEqual([0, 1]);
    const sender = streams.indexOf(1);
    await tabs[sender]!.close();
    const rest = await viewer.evaluate(() => streaming.finishSlow());
    expect(rest).toEqual({ length: FILE_LENGTH, hash: hashOf(0, FILE_LENGTH) });
    const other = tabs[1 - sender]!;
    expect(await other.evaluate((file) => streaming.reads(file).streams, files[1 - sender]!.file)).toBe(1);
    await other.close();
    await viewer.close();
  });
});

describe('a service worker of another scope', () => {
  it.each([
    ['narrower than its folder', '/app/deep/', `/app/${SW}`, '/app/deep/'],
    ['wider than its folder', '/wide/deep/', `/wide/scripts/${SW}`, '/wide/'],
  ])('serves where it is %s', async (_, at, script, scope) => {
    const tab = await page(at);
    const { file, url } = await openIn(tab, 'vp8.webm', { script, scope });
    expect(url).toMatch(new RegExp(`^${scope}webtorrent/[0-9a-f]{40}/vp8\\.webm$`));
    expect(await tab.evaluate(() => streaming.controller())).toBe(`${server.url}${script}`);
    await tab.evaluate((place) => streaming.play(place), file);
    await played(tab, 1);
    await tab.close();
  });
});

describe('a page without a service worker', () => {
  const plain = async (): Promise<TestPage> => {
    const opened = await browser.open(`${server.url.replace('127.0.0.1', PLAIN)}/app/`);
    await opened.waitFor(() => 'streaming' in globalThis);
    return opened;
  };

  it('plays from a web seed, and says so', async () => {
    const tab = await plain();
    const { file, url } = await openIn(tab, 'moov-first.mp4', { webSeeds: [`${server.url}/data/none/`] });
    expect(url).toBeUndefined();
    await tab.evaluate((place) => streaming.play(place), file);
    await played(tab, 1);
    await tab.evaluate((to) => streaming.seek(to), 20);
    await played(tab, 1);
    const deliveries = await tab.evaluate((place) => streaming.deliveries(place), file);
    expect(deliveries.at(-1)).toEqual({
      kind: 'web-seed',
      url: `${server.url}/data/moov-first.mp4`,
      reason: 'This page cannot have a service worker: it needs https: or localhost, and no private window.',
    });
    await tab.close();
  });

  it('plays what it seeds as a blob', async () => {
    const tab = await plain();
    const kinds = await tab.evaluate(async (url) => {
      const place = await streaming.seed(url);
      await streaming.play(place);
      return streaming.deliveries(place).map(({ kind }) => kind);
    }, `http://${PLAIN}:${server.port}/data/vp8.webm`);
    expect(kinds).toEqual(['blob', 'blob']);
    await played(tab, 1);
    await tab.close();
  });

  it('plays a film as a blob once it is complete, where the web seed does not give it to the element', async () => {
    const tab = await plain();
    const { file } = await openIn(tab, 'bare', { webSeeds: [`${server.url}/data/none/`] });
    const playing = tab.evaluate((place) => streaming.play(place), file);
    await tab.waitFor((place) => streaming.deliveries(place).length === 2, file);
    const before = await tab.evaluate((place) => streaming.deliveries(place), file);
    expect(before.map(({ kind, url }) => [kind, url])).toEqual([
      ['web-seed', `${server.url}/data/none/vp8.webm`],
      ['blob', undefined],
    ]);
    await tab.evaluate(([place, url]) => streaming.addWebSeed(place, url), [
      file,
      `${server.url}/data/vp8.webm`,
    ] as const);
    await playing;
    await played(tab, 1);
    const last = await tab.evaluate((place) => streaming.deliveries(place).at(-1), file);
    expect(last?.url).toMatch(/^blob:/);
    await tab.close();
  });
});
