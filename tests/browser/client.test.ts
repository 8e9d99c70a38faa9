/** The client in real pages of Chromium and Firefox: seeds what the user chose, downloads from a web seed into OPFS, streams. Needs a build. */

import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type Freshet from 'freshet';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { BROWSER_NAMES, type Browser, startBrowser } from '../support/browser.ts';
import { shippedBundle } from '../support/bundles.ts';
import { type StaticServer, serveFolder } from '../support/static-server.ts';

const film = randomBytes(1_500_000);
const LIBRARY = '/app/freshet.min.js';

const HTML = `<!doctype html><title>client</title>
<script type="module">import * as library from '${LIBRARY}'; globalThis.library = library;</script>`;

declare const library: {
  default: typeof Freshet;
  registerServiceWorker(url: string): Promise<unknown>;
};

let folder: string;
let server: StaticServer;
let browser: Browser | undefined;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'freshet-client-'));
  await writeFile(join(folder, 'film.mp4'), film);
  const script = await shippedBundle('freshet.min.js');
  const engine = await shippedBundle('freshet-worker.js');
  const worker = await shippedBundle('freshet-sw.js');
  server = await serveFolder(folder, {
    pages: {
      '/app/': () => ({ type: 'text/html', body: HTML }),
      [LIBRARY]: () => ({ type: 'text/javascript', body: script }),
      '/app/freshet-worker.js': () => ({ type: 'text/javascript', body: engine }),
      '/app/freshet-sw.js': () => ({ type: 'text/javascript', body: worker }),
    },
  });
});

afterEach(async () => {
  await browser?.close();
  browser = undefined;
});

afterAll(async () => {
  await server?.close();
  await rm(folder, { recursive: true, force: true });
});

describe('a client in a page', () => {
  it.each(BROWSER_NAMES)(
    'of %s seeds a chosen file, downloads it from a web seed, keeps it, and serves ranges of it',
    async (name) => {
      browser = await startBrowser(name);
      const page = await browser.open(`${server.url}/app/`);
      await page.waitFor(() => 'library' in globalThis);
      const first = await page.evaluate(async (base) => {
        const { default: Client, registerServiceWorker } = library;
        const sha1 = async (data: ArrayBuffer): Promise<string> => {
          const digest = new Uint8Array(await crypto.subtle.digest('SHA-1', data));
          return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
        };
        const bytes = await (await fetch(`${base}/film.mp4`)).arrayBuffer();
        const seeder = new Client({ tracker: false });
        const seed = await seeder.seed(new File([bytes], 'film.mp4'), { pieceLength: 65_536 }).untilDone();
        const seeded = await sha1(await seed.files[0]!.arrayBuffer());
        const torrentFile = seed.torrentFile!;
        await seeder.destroy();

        const client = new Client({ tracker: false });
        client.createServer({ controller: await registerServiceWorker('freshet-sw.js') });
        const torrent = client.add(torrentFile, { urlList: [`${base}/film.mp4`], deselect: true });
        await torrent.untilReady();
        const file = torrent.files[0]!;
        const part = await fetch(file.streamURL, { headers: { range: 'bytes=1000000-1000099' } });
        const middle = [...new Uint8Array(await part.arrayBuffer())];
        file.select();
        await new Promise<void>((resolve) => torrent.once('done', resolve));
        const downloaded = await sha1(await (await file.blob()).arrayBuffer());
        const streamed = await sha1(await (await fetch(file.streamURL)).arrayBuffer());
        const { received } = torrent;
        await client.destroy();

        const again = new Client({ tracker: false });
        const kept = await again.add(torrentFile).untilDone();
        const outcome = {
          seeded,
          status: part.status,
          range: part.headers.get('content-range'),
          type: part.headers.get('content-type'),
          middle,
          downloaded,
          streamed,
          received,
          receivedAgain: kept.received,
          kept: await sha1(await kept.files[0]!.arrayBuffer()),
        };
        await again.remove(kept, { destroyStore: true });
        await again.destroy();
        return outcome;
      }, server.url);
      const hash = createHash('sha1').update(film).digest('hex');
      expect(first).toMatchObject({
        seeded: hash,
        status: 206,
        range: `bytes 1000000-1000099/${film.length}`,
        type: 'video/mp4',
        middle: [...film.subarray(1_000_000, 1_000_100)],
        downloaded: hash,
        streamed: hash,
        receivedAgain: 0,
        kept: hash,
      });
      expect(first.received).toBeGreaterThanOrEqual(film.length);
      expect(page.errors).toEqual([]);
    },
  );
});
