/** The browser's ports in real Chromium and Firefox: contract suites in the page, and what needs two pages or a reload. */

import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocketServer } from 'ws';
import { BROWSER_NAMES, type Browser, type BrowserPage, startBrowser } from '../support/browser.ts';
import { type StaticServer, serveFolder } from '../support/static-server.ts';
import type { Harness } from './harness/ports-page.ts';

const FILE_HASH = 'aa'.repeat(20);
const FILE_LENGTH = 30_000_000;

declare const harness: Harness;

function path(relative: string): string {
  return fileURLToPath(new URL(relative, import.meta.url));
}

async function bundle(entry: string, format: 'esm' | 'iife'): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [path(entry)],
    bundle: true,
    write: false,
    format,
    target: 'es2022',
    platform: 'browser',
    conditions: ['source', 'browser'],
    // As it ships: what works only unminified must fail here.
    minify: true,
    alias: { vitest: path('harness/vitest-in-page.ts') },
  });
  return outputFiles[0]!.text;
}

let server: StaticServer;
let browser: Browser;
let page: BrowserPage;

beforeAll(async () => {
  const scripts = {
    '/app/ports-page.js': await bundle('harness/ports-page.ts', 'esm'),
    '/app/freshet-sw.js': await bundle('../../packages/freshet/src/browser/service-worker.ts', 'iife'),
    '/app/ports-worker.js': await bundle('harness/ports-worker.ts', 'esm'),
  };
  const html = '<!doctype html><title>ports</title><script type="module" src="ports-page.js"></script>';
  server = await serveFolder(path('harness'), {
    pages: {
      '/app/': () => ({ type: 'text/html', body: html }),
      ...Object.fromEntries(
        Object.entries(scripts).map(([name, body]) => [name, () => ({ type: 'text/javascript', body })]),
      ),
    },
  });
});

afterAll(async () => {
  await server?.close();
});

async function openPage(): Promise<BrowserPage> {
  const opened = await browser.open(`${server.url}/app/`);
  await opened.waitFor(() => 'harness' in globalThis);
  return opened;
}

describe.each(BROWSER_NAMES)('in %s', (name) => {
  beforeAll(async () => {
    browser = await startBrowser(name);
    page = await openPage();
  });

  afterAll(async () => {
    await browser?.close();
  });

  describe('ports', () => {
    it('obey their contracts', async () => {
      const results = await page.evaluate(() => harness.contracts());
      expect(results.filter(({ failure }) => failure !== undefined)).toEqual([]);
      expect(results.length).toBeGreaterThan(50);
    });

    it('draw evenly from the random pool', async () => {
      const counts = await page.evaluate(() => harness.dice(60_000));
      for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(600);
    });

    it('read files that the user chose, and never write them', async () => {
      expect(await page.evaluate(() => harness.blobs())).toEqual([
        '10',
        'true',
        '{"size":1000,"modified":1234}',
        '{"size":-1,"modified":0}',
        'READ_ONLY: "a/chosen.bin" is a file the user chose; a page may only read it.',
        'NOT_FOUND: "other" is not among the files that were chosen.',
      ]);
    });

    it('get an address with a range, and say which address fails', async () => {
      const [whole, part, gone] = await page.evaluate(async (url) => {
        return [
          await harness.httpGet(`${url}/app/`, undefined),
          await harness.httpGet(`${url}/vitest-in-page.ts`, { first: 4, last: 9 }),
          await harness.httpGet('http://127.0.0.1:1/', undefined),
        ];
      }, server.url);
      expect(whole!.at(-1)).toBe('end');
      expect(whole!.slice(1, -1).join('')).toContain('<title>ports</title>');
      expect(part).toEqual(['206 6', 'Stands', 'end']);
      expect(gone).toEqual([
        expect.stringMatching(
          /^http:\/\/127\.0\.0\.1:1\/ could not be read: (Failed to fetch|NetworkError )/,
        ),
      ]);
    });
  });

  describe('sockets', () => {
    it('carry text both ways, and tell why they end', async () => {
      const sockets = new WebSocketServer({ host: '127.0.0.1', port: 0 });
      await once(sockets, 'listening');
      sockets.on('connection', (socket) => {
        socket.on('message', (data) => {
          const text = String(data);
          if (text === 'end') socket.close(4000, 'enough');
          else socket.send(Buffer.from(`${text}!`), { binary: text === 'binary' });
        });
      });
      const url = `ws://127.0.0.1:${(sockets.address() as AddressInfo).port}/`;
      expect(await page.evaluate((to) => harness.talk(to, ['text', 'binary', 'end']), url)).toEqual([
        'open',
        'text!',
        'binary!',
        `The connection to ${url} has ended (code 4000, enough).`,
      ]);
      sockets.close();
      expect(await page.evaluate((to) => harness.talk(to, []), 'ws://127.0.0.1:1/')).toEqual([
        'The connection to ws://127.0.0.1:1/ has ended (code 1006).',
      ]);
      const [refused] = await page.evaluate((to) => harness.talk(to, []), 'rubbish:');
      expect(refused).toMatch(/^The browser refuses to open rubbish:: /);
    });
  });

  describe('WebRTC between two pages', () => {
    it('keeps up its rate from the first block on', async () => {
      const other = await openPage();
      const offer = await page.evaluate(() => harness.offer());
      const answer = await other.evaluate((sdp) => harness.answer(sdp), offer);
      await page.evaluate((sdp) => harness.accept(sdp), answer);
      const total = 64 * 1024 * 1024;
      const [received] = await Promise.all([
        other.evaluate((bytes) => harness.receiveBlocks(bytes), total),
        page.evaluate((bytes) => harness.sendBlocks(bytes), total),
      ]);
      await other.close();
      const rate = total / received.ms / 1000;
      console.log(
        `${rate.toFixed(1)} MB/s, longest pause of the receiving page ${received.longestPause.toFixed(0)} ms`,
      );
      // A bare channel makes 10 to 40 here, as the machine is busy or idle; one whose first burst was too large, 1.
      expect(rate).toBeGreaterThan(5);
    });

    it('notices that the other tab was closed in the middle', async () => {
      const other = await openPage();
      const offer = await other.evaluate(() => harness.offer());
      const answer = await page.evaluate((sdp) => harness.answer(sdp), offer);
      await other.evaluate((sdp) => harness.accept(sdp), answer);
      await other.evaluate(() => harness.receive());
      const ended = page.evaluate(() => harness.sendWithoutEnd());
      await new Promise((resolve) => setTimeout(resolve, 300));
      await other.close();
      // By a farewell and not by ICE's time limit, which would say "lost" after more than 15 seconds.
      expect(await ended).toBe('closed');
    });

    it('ends a link whose peer misbehaves, and takes a second answer for what it is', async () => {
      const ends = [
        await page.evaluate(() => harness.endAfter('text')),
        await page.evaluate(() => harness.endAfter('flood')),
        await page.evaluate(() => harness.endAfter('close connection')),
      ];
      expect(ends).toEqual([
        'The peer has sent text over its data channel where bytes belong.',
        'The peer has sent more than was asked for while reading was paused.',
        'orderly',
      ]);
    });

    it('says nothing after an attempt was cancelled', async () => {
      expect(await page.evaluate(() => harness.cancelled())).toEqual([]);
    });

    it('ends an attempt with a bad description in a sentence', async () => {
      const message = await page.evaluate(() => harness.badAnswer('rubbish'));
      expect(message).toMatch(/The WebRTC connection failed: /);
    });
  });

  describe('OPFS', () => {
    it('keeps values over a reload, and lets go of its files', async () => {
      const tab = await openPage();
      await tab.evaluate(() => harness.worker.saveState('resume', 'first'));
      await tab.evaluate(() => harness.worker.saveState('resume', 'second'));
      await tab.evaluate(() => harness.worker.holdFile());
      await tab.reload();
      await tab.waitFor(() => 'harness' in globalThis);
      expect(await tab.evaluate(() => harness.worker.loadState('resume'))).toBe('second');
      expect(await tab.evaluate(() => harness.worker.holdFile())).toBe('no error');
      await tab.close();
    });

    it('tells a second tab that the first one has the file', async () => {
      const first = await openPage();
      expect(await first.evaluate(() => harness.worker.holdFile())).toBe('no error');
      const message = await page.evaluate(() => harness.worker.holdFile());
      expect(message).toBe(
        'READ_ONLY: "film.mp4" could not be opened in browser storage: another tab of this site has it open; close that tab.',
      );
      await first.close();
      expect(await page.evaluate(() => harness.worker.holdFile())).toBe('no error');
    });

    it('keeps a torrent over a reload', async () => {
      const tab = await openPage();
      expect(await tab.evaluate(() => harness.worker.openDisk())).toMatchObject({ kind: 'opfs', there: 0 });
      await tab.evaluate(() => harness.worker.writeDisk());
      // Not closed: a tab that is closed or reloaded does not get to it.
      await tab.reload();
      await tab.waitFor(() => 'harness' in globalThis);
      const again = await tab.evaluate(() => harness.worker.openDisk());
      expect(again).toEqual({ kind: 'opfs', reason: undefined, there: 3_000_000, right: true });
      await tab.close();
    });

    it('leaves a torrent to the tab that has it, and takes it over afterwards', async () => {
      const first = await openPage();
      expect((await first.evaluate(() => harness.worker.openDisk())).kind).toBe('opfs');
      const second = await openPage();
      const beside = await second.evaluate(() => harness.worker.openDisk());
      expect(beside).toMatchObject({ kind: 'memory', there: 0 });
      expect(beside.reason).toBe(
        'Another tab of this site stores this torrent already, so this one keeps it in memory.',
      );
      await first.evaluate(() => harness.worker.closeDisk());
      expect(await second.evaluate(() => harness.worker.openDisk())).toMatchObject({
        kind: 'opfs',
        right: true,
      });
      await first.close();
      await second.close();
    });

    it('tells that the quota is used up', async () => {
      const small = await startBrowser(name, { quota: 5_000_000 });
      const tab = await small.open(`${server.url}/app/`);
      await tab.waitFor(() => 'harness' in globalThis);
      expect(await tab.evaluate(() => harness.worker.fillStorage(20_000_000))).toBe(
        'FULL: "big.bin" could not be written in browser storage: the browser allows this site no more space; free some, or remove other downloads.',
      );
      await small.close();
    });

    it('puts what is written together in longer runs, in order', async () => {
      const lengths = [1, 16_384, 0, 1_000_000, 40_000, 8_000, 2_500_000, 5, 1_048_576, 7];
      expect(await page.evaluate((parts) => harness.worker.writeParts(parts), lengths)).toBe(true);
      expect(await page.evaluate(() => harness.worker.writeParts([16_384]))).toBe(true);
    });
  });

  describe('the service worker', () => {
    let url: string;

    beforeAll(async () => {
      url = await page.evaluate(
        ([infoHash, length]) => harness.serve({ script: 'freshet-sw.js', infoHash, length }),
        [FILE_HASH, FILE_LENGTH] as const,
      );
    });

    it('gives addresses in the shape of WebTorrent', () => {
      expect(url).toBe(`${server.url}/app/webtorrent/${FILE_HASH}/a%20folder/film%20%231.bin`);
    });

    it('serves 30 MB whole', async () => {
      const whole = await page.evaluate((file) => harness.fetchFile(file), url);
      expect(whole).toMatchObject({ status: 200, length: FILE_LENGTH, right: true });
      expect(whole.headers).toMatchObject({
        'accept-ranges': 'bytes',
        'content-length': String(FILE_LENGTH),
        etag: '"v1"',
      });
    });

    it.each([
      ['bytes=1000-1999', 1000, 1000],
      ['bytes=29999000-', 29_999_000, 1000],
      ['bytes=-5', 29_999_995, 5],
    ])('serves the range %s', async (range, start, length) => {
      const part = await page.evaluate(
        ([file, header, from]) => harness.fetchFile(file, { headers: { Range: header } }, from),
        [url, range, start] as const,
      );
      expect(part).toMatchObject({ status: 206, length, right: true });
      expect(part.headers['content-range']).toBe(`bytes ${start}-${start + length - 1}/${FILE_LENGTH}`);
    });

    it('refuses a range behind the end, and answers HEAD without a body', async () => {
      const before = await page.evaluate(() => harness.state.streams);
      const beyond = await page.evaluate(
        (file) => harness.fetchFile(file, { headers: { Range: 'bytes=30000000-' } }),
        url,
      );
      expect(beyond).toMatchObject({ status: 416, length: 0 });
      expect(beyond.headers['content-range']).toBe(`bytes */${FILE_LENGTH}`);
      const head = await page.evaluate((file) => harness.fetchFile(file, { method: 'HEAD' }), url);
      expect(head).toMatchObject({ status: 200, length: 0 });
      expect(head.headers['content-length']).toBe(String(FILE_LENGTH));
      expect(await page.evaluate(() => harness.state.streams)).toBe(before);
    });

    it('tells the stream when the reader has gone', async () => {
      const before = await page.evaluate(() => ({ ...harness.state }));
      expect(await page.evaluate((file) => harness.fetchAndAbort(file), url)).toBeGreaterThan(0);
      await page.waitFor((count) => harness.state.cancelled === count, before.cancelled + 1);
      expect(await page.evaluate(() => harness.state.ended)).toBe(before.ended + 1);
    });

    it('asks the other tabs when the asking one does not know the torrent', async () => {
      const infoHash = 'bb'.repeat(20);
      const viewer = await openPage();
      const unknown = await viewer.evaluate((file) => harness.fetchFile(file), url.replaceAll('aa', 'cc'));
      expect(unknown.status).toBe(503);
      await viewer.evaluate(
        ([hash, length]) => harness.serve({ script: 'freshet-sw.js', infoHash: hash, length }),
        [infoHash, 1000] as const,
      );
      const fetched = await viewer.evaluate((file) => harness.fetchFile(file), url);
      expect(fetched).toMatchObject({ status: 200, length: FILE_LENGTH, right: true });
      const nobody = await viewer.evaluate((file) => harness.fetchFile(file), url.replaceAll('aa', 'cc'));
      expect(nobody).toMatchObject({ status: 404 });
      expect(nobody.text).toBe(
        'No open tab has this torrent; open the page that downloads it, then try again.',
      );
      await viewer.close();
    });

    it('leaves other addresses to the network', async () => {
      const other = await page.evaluate(() => harness.fetchFile('webtorrent/not-a-hash/file'));
      expect(other.status).toBe(404);
      expect(other.text).not.toContain('tab');
    });

    it('takes control after a forced reload', async () => {
      const tab = await openPage();
      await tab.reloadPastCache();
      await tab.waitFor(() => 'harness' in globalThis && navigator.serviceWorker.controller === null);
      const address = await tab.evaluate(
        ([infoHash, length]) => harness.serve({ script: 'freshet-sw.js', infoHash, length }),
        ['dd'.repeat(20), 10] as const,
      );
      expect(await tab.evaluate((file) => harness.fetchFile(file), address)).toMatchObject({
        status: 200,
        length: 10,
      });
      await tab.close();
    });
  });
});
