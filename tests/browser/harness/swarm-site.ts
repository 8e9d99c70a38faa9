/** A web server with one page for Freshet and one for WebTorrent, each with the harness of swarm-page.ts. */

import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { webtorrentBundle, webtorrentServiceWorker } from '../../interop/peers/webtorrent.ts';
import type { TestBrowser, TestPage } from '../../support/chromium.ts';
import { type StaticServer, serveFolder } from '../../support/static-server.ts';

export type Library = 'freshet' | 'webtorrent';

export interface OpenOptions {
  /** Bytes per second. */
  readonly uploadLimit?: number | undefined;
  /**
   * Open it at another origin, with storage of its own: a page with WebTorrent that is to download finds what one of
   * the same origin has stored for seeding.
   */
  readonly elsewhere?: boolean | undefined;
}

export interface SwarmSite {
  readonly server: StaticServer;
  /** Opens a page with a client of its own in `globalThis.harness`. */
  open(browser: TestBrowser, library: Library, options?: OpenOptions): Promise<TestPage>;
  close(): Promise<void>;
}

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

const PAGES: Record<Library, string> = {
  freshet: `
    import Client, { registerServiceWorker } from './client.js';
    import { createHarness } from '/swarm-page.js';
    globalThis.harness = createHarness(Client, () => registerServiceWorker('./sw.js'));`,
  webtorrent: `
    import Client from './client.js';
    import { createHarness } from '/swarm-page.js';
    globalThis.harness = createHarness(Client, async () => {
      const registration = await navigator.serviceWorker.register('./sw.js');
      const worker = registration.active ?? registration.waiting ?? registration.installing;
      if (worker.state !== 'activated') {
        await new Promise((resolve) => {
          worker.addEventListener('statechange', () => worker.state === 'activated' && resolve());
        });
      }
      return registration;
    });`,
};

/**
 * @param data the folder behind `/data/`.
 * @param built serve what `npm run build` made; default: bundle the sources, as they ship, now.
 */
export async function startSwarmSite(data: string, built = false): Promise<SwarmSite> {
  const source = '../../../packages/freshet/src';
  const made = '../../../packages/freshet/dist/bundle';
  const scripts: Record<string, string> = {
    '/swarm-page.js': await bundle(here('swarm-page.ts'), 'esm'),
    '/freshet/client.js': built
      ? await readBuilt(`${made}/freshet.min.js`)
      : await bundle(here(`${source}/index.browser.ts`), 'esm'),
    '/freshet/sw.js': built
      ? await readBuilt(`${made}/freshet-sw.js`)
      : await bundle(here(`${source}/browser/service-worker.ts`), 'iife'),
    '/webtorrent/client.js': await readFile(webtorrentBundle, 'utf8'),
    '/webtorrent/sw.js': await readFile(webtorrentServiceWorker, 'utf8'),
  };
  const pages: Record<string, () => { type: string; body: string }> = {};
  for (const [path, body] of Object.entries(scripts)) pages[path] = () => ({ type: 'text/javascript', body });
  for (const [library, script] of Object.entries(PAGES)) {
    const body = `<!doctype html><meta charset="utf-8"><title>${library}</title><style>video { width: 100% }</style><body><script type="module">${script}</script>`;
    pages[`/${library}/`] = () => ({ type: 'text/html', body });
  }
  const server = await serveFolder({ '/data/': data }, { pages });
  return {
    server,
    open: async (browser, library, { uploadLimit, elsewhere } = {}) => {
      const query = uploadLimit === undefined ? '' : `?uploadLimit=${uploadLimit}`;
      const origin = elsewhere === true ? server.url.replace('127.0.0.1', 'localhost') : server.url;
      const opened = await browser.open(`${origin}/${library}/${query}`);
      await opened.page.waitForFunction(() => 'harness' in globalThis);
      return opened;
    },
    close: () => server.close(),
  };
}

async function readBuilt(path: string): Promise<string> {
  try {
    return await readFile(here(path), 'utf8');
  } catch {
    throw new Error('Freshet is not built: npm run build');
  }
}

async function bundle(entry: string, format: 'esm' | 'iife'): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [entry],
    bundle: true,
    write: false,
    format,
    target: 'es2022',
    platform: 'browser',
    conditions: ['source', 'browser'],
    // As it ships: what works only unminified must fail here.
    minify: true,
  });
  return outputFiles[0]!.text;
}
