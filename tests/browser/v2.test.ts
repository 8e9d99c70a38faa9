/** Torrents of version 2 in real pages of Chromium: blocks are shown before their piece is whole, and each is checked.
 * Needs a build. */

import { createHash, randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type Freshet from 'freshet';
import type { Torrent } from 'freshet';
import { createTracker, type Tracker } from 'freshet-tracker';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { shippedBundle } from '../support/bundles.ts';
import { startChromium, type TestBrowser, type TestPage } from '../support/chromium.ts';
import { makeTempDir, removeDir } from '../support/files.ts';
import { type StaticServer, serveFolder } from '../support/static-server.ts';
import { within } from '../support/wait.ts';

const PIECE = 4 * 2 ** 20;
/** A piece takes four seconds at it. */
const RATE = 2 ** 20;
const film = randomBytes(2 * PIECE + 12_345);

const HTML = `<!doctype html><title>v2</title>
<script type="module">import * as library from '/freshet.min.js'; globalThis.library = library;</script>`;

declare const library: { default: typeof Freshet };
declare let torrent: Torrent;

let folder: string;
let server: StaticServer;
let browser: TestBrowser;
let tracker: Tracker;
let announce: string;

beforeAll(async () => {
  folder = await makeTempDir('v2-pages');
  await writeFile(join(folder, 'film.mp4'), film);
  const script = await shippedBundle('freshet.min.js');
  const engine = await shippedBundle('freshet-worker.js');
  server = await serveFolder(folder, {
    pages: {
      '/': () => ({ type: 'text/html', body: HTML }),
      '/freshet.min.js': () => ({ type: 'text/javascript', body: script }),
      '/freshet-worker.js': () => ({ type: 'text/javascript', body: engine }),
    },
  });
  tracker = createTracker({ host: '127.0.0.1', port: 0, interval: 5 });
  announce = (await tracker.listen()).wsUrl;
  browser = await startChromium();
});

afterAll(async () => {
  await browser?.close();
  await tracker?.close();
  await server?.close();
  await removeDir(folder);
});

async function open(origin: string): Promise<TestPage> {
  const opened = await browser.open(`${origin}/`);
  await opened.page.waitForFunction(() => 'library' in globalThis);
  return opened;
}

it('streams a version 2 magnet link from page to page, block by block', async () => {
  const seeding = await open(server.url);
  const watching = await open(server.url.replace('127.0.0.1', 'localhost'));
  const magnet = await seeding.page.evaluate(
    async ({ pieceLength, uploadLimit, tracker: url }) => {
      const client = new library.default({ tracker: { rtcConfig: { iceServers: [] } }, uploadLimit });
      const bytes = await (await fetch('/film.mp4')).arrayBuffer();
      const seed = client.seed(new File([bytes], 'film.mp4'), { version: 2, pieceLength, announce: [url] });
      await seed.untilReady();
      return seed.magnetURI!;
    },
    { pieceLength: PIECE, uploadLimit: RATE, tracker: announce },
  );
  expect(magnet).toContain('xt=urn:btmh:1220');
  expect(magnet).not.toContain('btih');

  const begun = watching.page.evaluate(async (link) => {
    const client = new library.default({ tracker: { rtcConfig: { iceServers: [] } } });
    torrent = client.add(link);
    await torrent.untilReady();
    const stream = torrent.files[0]!.stream().getReader();
    let received = 0;
    // A quarter of the first piece, none of which a v1 client could show yet.
    while (received < 2 ** 20) received += (await stream.read()).value!.length;
    await stream.cancel();
    return {
      received,
      pieces: torrent.pieces.filter((piece) => piece === null).length,
      v2: torrent.infoHashV2,
    };
  }, magnet);
  const { received, pieces, v2 } = await within(begun, 30_000, 'the first megabyte');
  expect(received).toBeGreaterThanOrEqual(2 ** 20);
  expect(pieces).toBe(0);
  expect(magnet).toContain(v2);

  const finished = watching.page.evaluate(async () => {
    await torrent.untilDone();
    const digest = await crypto.subtle.digest('SHA-256', await torrent.files[0]!.arrayBuffer());
    return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
  });
  expect(await within(finished, 60_000, 'the film')).toBe(createHash('sha256').update(film).digest('hex'));
  expect([...seeding.errors, ...watching.errors]).toEqual([]);
});
