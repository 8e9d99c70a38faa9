/** What a site keeps in real browsers: returning visitors, the quota, and what makes room for what. Needs a build. */

import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type Freshet from 'freshet';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BROWSER_NAMES, type Browser, type BrowserPage, startBrowser } from '../support/browser.ts';
import { shippedBundle } from '../support/bundles.ts';
import { makeTempDir, removeDir } from '../support/files.ts';
import { type StaticServer, serveFolder } from '../support/static-server.ts';

const MB = 1_000_000;
/** Two films fit, three do not. */
const QUOTA = 9 * MB;
const LENGTH = 3_500_000;
const FILMS = ['one', 'two', 'three'] as const;
type Film = (typeof FILMS)[number];
const PAGE = `<!doctype html><title>storage</title>
<script type="module">import * as library from './freshet.min.js'; globalThis.library = library;</script>`;

declare const library: { default: typeof Freshet };
/** Torrent files by name, made in the page. */
declare const kept: { client: Freshet; torrents: Record<Film, Uint8Array> };

let folder: string;
let server: StaticServer;

beforeAll(async () => {
  folder = await makeTempDir('storage');
  for (const name of FILMS) await writeFile(join(folder, `${name}.bin`), randomBytes(LENGTH));
  const scripts = await Promise.all(
    ['freshet.min.js', 'freshet-worker.js'].map(async (name) => [name, await shippedBundle(name)] as const),
  );
  server = await serveFolder(folder, {
    pages: {
      '/app/': () => ({ type: 'text/html', body: PAGE }),
      ...Object.fromEntries(
        scripts.map(([name, body]) => [`/app/${name}`, () => ({ type: 'text/javascript', body })]),
      ),
    },
  });
});

afterAll(async () => {
  await server?.close();
  await removeDir(folder);
});

describe.each(BROWSER_NAMES)('storage in %s', (name) => {
  let browser: Browser;
  let page: BrowserPage;

  beforeAll(async () => {
    browser = await startBrowser(name, { quota: QUOTA });
    page = await browser.open(`${server.url}/app/`);
    await page.waitFor(() => 'library' in globalThis);
    await page.evaluate(
      async ({ base, films }) => {
        const { default: Client } = library;
        const seeder = new Client({ tracker: false, shared: false });
        const torrents: Record<string, Uint8Array> = {};
        for (const film of films) {
          const bytes = await (await fetch(`${base}/${film}.bin`)).arrayBuffer();
          const options = { pieceLength: 65_536, urlList: [`${base}/${film}.bin`] };
          const torrent = await seeder.seed(new File([bytes], `${film}.bin`), options).untilDone();
          torrents[film] = torrent.torrentFile!;
        }
        await seeder.destroy();
        const client = new Client({ tracker: false });
        Object.assign(globalThis, { kept: { client, torrents } });
      },
      { base: server.url, films: FILMS },
    );
  });

  afterAll(async () => {
    await browser?.close();
  });

  /** Downloads a film; resolves with the bytes it took from elsewhere, or with the error's code. */
  function download(film: Film): Promise<number | string> {
    return page.evaluate(async (which) => {
      const torrent = kept.client.add(kept.torrents[which]);
      try {
        await torrent.untilDone();
        return torrent.received;
      } catch (error) {
        return (error as { code: string }).code;
      }
    }, film);
  }

  function letGo(film: Film): Promise<void> {
    return page.evaluate(async (which) => {
      await kept.client.remove(kept.torrents[which]);
    }, film);
  }

  function names(): Promise<string[]> {
    return page.evaluate(async () => (await kept.client.storage.list()).map((torrent) => torrent.name));
  }

  it('keeps what was downloaded, and tells of it', async () => {
    expect(await download('one')).toBeGreaterThanOrEqual(LENGTH);
    const [first, ...others] = await page.evaluate(() => kept.client.storage.list());
    expect(others).toEqual([]);
    expect(first).toMatchObject({ name: 'one.bin', length: LENGTH, inUse: true });
    expect(first!.stored).toBeGreaterThanOrEqual(LENGTH);
    expect(Math.abs(first!.lastUsed - Date.now())).toBeLessThan(120_000);
    expect(await page.evaluate((hash) => kept.client.storage.remove(hash), first!.infoHash)).toBe(false);
    const estimate = await page.evaluate(() => kept.client.storage.estimate());
    expect(estimate!.usage).toBeGreaterThanOrEqual(LENGTH);
    expect(estimate!.quota).toBeGreaterThan(estimate!.usage);
  });

  it('makes room for a new film with the one that was used longest ago', async () => {
    await letGo('one');
    expect(await download('two')).toBeGreaterThanOrEqual(LENGTH);
    expect(await names()).toEqual(['two.bin', 'one.bin']);
    // Another look at the first one: the second is now the oldest.
    await letGo('two');
    expect(await download('one')).toBe(0);
    await letGo('one');
    expect(await download('three')).toBeGreaterThanOrEqual(LENGTH);
    expect(await names()).toEqual(['three.bin', 'one.bin']);
  });

  it('fails with one sentence when all that is kept is in use, and goes on when there is room', async () => {
    expect(await download('one')).toBe(0);
    const told = await page.evaluate(async () => {
      const torrent = kept.client.add(kept.torrents.two, { destroyOnError: false });
      const error = await new Promise<Error>((resolve) => torrent.once('error', resolve));
      await kept.client.remove(kept.torrents.one);
      torrent.resume();
      await torrent.untilDone();
      return { code: (error as Error & { code: string }).code, message: error.message };
    });
    expect(told.code).toBe('FULL');
    expect(told.message).toMatch(/two\.bin.*no more space; free some, or remove other downloads/);
    expect(await names()).toEqual(['two.bin', 'three.bin']);
  });

  it('clears what no client has', async () => {
    await letGo('three');
    expect(await page.evaluate(() => kept.client.storage.clear())).toBeGreaterThanOrEqual(LENGTH);
    expect(await names()).toEqual(['two.bin']);
    expect(page.errors).toEqual([]);
  });
});
