/** The pages in examples/ in a real Chromium: one shares a film, the others play it from there. Needs a build. */

import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startChromium, type TestBrowser, type TestPage } from '../support/chromium.ts';
import { Program } from '../support/process.ts';
import { type StaticServer, serveFolder } from '../support/static-server.ts';
import { waitUntil } from '../support/wait.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const FILM = '/assets/sample-film.mp4';
// No name is looked up, so that no STUN server is asked.
const LOOPBACK_ONLY =
  '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE *.localhost, EXCLUDE localhost, EXCLUDE 127.0.0.1';

/** The Content-Security-Policy that docs/api.md names: what a page needs and nothing else. */
const POLICY =
  "default-src 'none'; script-src 'self'; worker-src 'self'; connect-src 'self' ws:; media-src 'self'";
const STRICT_PAGE = `<!doctype html><meta http-equiv="Content-Security-Policy" content="${POLICY}">
<video muted autoplay></video><script type="module" src="main.js"></script>`;
const STRICT_SCRIPT = `
  import Client, { registerServiceWorker } from '/packages/freshet/dist/bundle/freshet.min.js';
  const client = new Client();
  client.createServer({ controller: await registerServiceWorker('../freshet-sw.js') });
  const torrent = await client.add(location.hash.slice(1)).untilReady();
  torrent.files[0].streamTo(document.querySelector('video'));`;

let browser: TestBrowser;
let tracker: Program;
let site: StaticServer;
let sharer: TestPage;
let magnet: string;

beforeAll(async () => {
  browser = await startChromium([LOOPBACK_ONLY]);
  site = await serveFolder(ROOT, {
    pages: {
      '/examples/strict/': () => ({ type: 'text/html', body: STRICT_PAGE }),
      '/examples/strict/main.js': () => ({ type: 'text/javascript', body: STRICT_SCRIPT }),
    },
  });
  tracker = new Program('own-tracker.mjs', process.execPath, [`${ROOT}/examples/own-tracker.mjs`, '0']);
  const lines: string[] = [];
  tracker.onLine((line) => lines.push(line));
  const listening = waitUntil('the site', () => /^Site:\s+(\S+)/.exec(lines[0] ?? '')?.[1]);
  sharer = await browser.open(await tracker.orEnd(listening, 11_000, 'said where it is'));
  magnet = await dropFilm(sharer);
}, 60_000);

afterAll(async () => {
  await browser?.close();
  await tracker?.stop();
  await site?.close();
});

/** Drops the sample film onto the page, as from a folder, and waits for its magnet link. */
async function dropFilm({ page }: TestPage): Promise<string> {
  await page.evaluate(async (address) => {
    const film = new File([await (await fetch(address)).blob()], 'film.mp4');
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(film);
    document.body.dispatchEvent(new DragEvent('drop', { dataTransfer, bubbles: true, cancelable: true }));
  }, FILM);
  const link = page.locator('li a').first();
  await link.waitFor();
  return (await link.textContent()) ?? '';
}

interface Playing {
  readonly time: number;
  readonly width: number;
  readonly duration: number;
}

/** Waits until the video has shown half a second, which takes decoded pictures. */
async function untilPlaying({ page, log }: TestPage, find: string): Promise<Playing> {
  const state = (): Promise<Playing> =>
    page.evaluate((code) => {
      const video = new Function(`return ${code}`)() as HTMLVideoElement;
      return { time: video.currentTime, width: video.videoWidth, duration: video.duration };
    }, find);
  try {
    return await waitUntil(
      'the film to play',
      async () => {
        const playing = await state();
        return playing.time > 0.5 && playing.width > 0 && playing;
      },
      { timeout: 20_000 },
    );
  } catch (error) {
    const text = await page.locator('body').textContent();
    throw new Error(`${(error as Error).message}; the page says: ${text}\n${log.join('\n')}`);
  }
}

describe('the example pages', () => {
  it('page-share makes a magnet link of a dropped film, with the tracker of its own site', () => {
    expect(magnet).toMatch(/^magnet:\?xt=urn:btih:[0-9a-f]{40}&/);
    expect(new URLSearchParams(magnet.slice(8)).get('dn')).toBe('film.mp4');
    expect(new URLSearchParams(magnet.slice(8)).get('tr')).toMatch(/^ws:\/\/localhost:\d+\/announce$/);
    expect(sharer.errors).toEqual([]);
  });

  it('page-share takes chosen files too', async () => {
    const files = ['one', 'two'].map((name) => ({
      name: `${name}.txt`,
      mimeType: 'text/plain',
      buffer: Buffer.from(`the ${name} file`),
    }));
    await sharer.page.locator('input').setInputFiles(files);
    const second = sharer.page.locator('li').nth(1);
    await second.locator('a').waitFor();
    expect(await second.textContent()).toMatch(/^one\.txt: magnet:/);
  });

  it('page-video plays it, and can seek to its end', async () => {
    const viewer = await browser.open(`${site.url}/examples/page-video/index.html#${magnet}`);
    const { duration } = await untilPlaying(viewer, `document.querySelector('video')`);
    expect(duration).toBeGreaterThan(59);
    await viewer.page.evaluate(() => {
      const video = document.querySelector('video')!;
      video.currentTime = video.duration - 3;
    });
    await waitUntil('the end to play', () =>
      viewer.page.evaluate(() => {
        const video = document.querySelector('video')!;
        return video.currentTime > video.duration - 2.5 && video.readyState >= 2;
      }),
    );
    expect(await viewer.page.locator('body > p').textContent()).toMatch(/^\d+ % from \d+ peers$/);
    expect(viewer.errors).toEqual([]);
    await viewer.close();
  });

  it('page-element plays it and tells what it counts', async () => {
    // Another origin than the last test's, so that nothing is in its storage yet.
    const origin = site.url.replace('127.0.0.1', 'localhost');
    const viewer = await browser.open(`${origin}/examples/page-element/index.html#${magnet}`);
    await untilPlaying(viewer, `document.querySelector('freshet-video').video`);
    expect(await viewer.page.title()).toBe('film.mp4');
    const numbers = viewer.page.locator('body > p');
    await waitUntil('the numbers', async () =>
      /^[1-9]\d* bytes here, \d+ peers, \d+ bytes given$/.test((await numbers.textContent()) ?? ''),
    );
    expect(viewer.errors).toEqual([]);
    await viewer.close();
  });

  it('page-video says in a sentence what is wrong with its address', async () => {
    const viewer = await browser.open(`${site.url}/examples/page-video/index.html`);
    const line = viewer.page.locator('body > p');
    await waitUntil(
      'the sentence',
      async () => (await line.textContent()) === 'Put a magnet link behind a # in the address of this page.',
    );
    await viewer.close();
  });

  it('a page with a strict Content-Security-Policy plays it, and keeps it in OPFS', async () => {
    const { port } = new URL(site.url);
    // Once more an origin that has stored nothing.
    const viewer = await browser.open(`http://strict.localhost:${port}/examples/strict/#${magnet}`);
    await untilPlaying(viewer, `document.querySelector('video')`);
    const kept = await viewer.page.evaluate(async () => {
      const folder = await navigator.storage.getDirectory();
      const files = await (await folder.getDirectoryHandle('freshet')).getDirectoryHandle('files');
      const names: string[] = [];
      for await (const name of (files as unknown as { keys(): AsyncIterable<string> }).keys())
        names.push(name);
      return names;
    });
    expect(kept).toEqual([/btih:([0-9a-f]{40})/.exec(magnet)![1]]);
    expect(viewer.log.filter((line) => line.includes('Content Security Policy'))).toEqual([]);
    expect(viewer.errors).toEqual([]);
    await viewer.close();
  });
});
