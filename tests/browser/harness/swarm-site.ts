/** A web server with one page for Freshet and one for WebTorrent, each with the harness of swarm-page.ts. */

import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { webtorrentBundle, webtorrentServiceWorker } from '../../interop/peers/webtorrent.ts';
import type { BrowserPage } from '../../support/browser.ts';
import { shippedBundle } from '../../support/bundles.ts';
import { type StaticServer, serveFolder } from '../../support/static-server.ts';

export type Library = 'freshet' | 'webtorrent';

export interface OpenOptions {
  /** Bytes per second. */
  readonly uploadLimit?: number | undefined;
  /**
   * A word: opens the page at an origin of that name, with storage of its own. Pages of one origin share what they have
   * (WebTorrent's find what another has stored for seeding), so whoever is to be a peer of another needs one.
   */
  readonly place?: string | undefined;
}

export interface SwarmSite {
  readonly server: StaticServer;
  /** Opens a page with a client of its own in `globalThis.harness`. */
  open<Page extends BrowserPage>(
    browser: { open(url: string): Promise<Page> },
    library: Library,
    options?: OpenOptions,
  ): Promise<Page>;
  close(): Promise<void>;
}

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

const PAGES: Record<Library, string> = {
  freshet: `
    import Client, { registerServiceWorker } from './freshet.min.js';
    import { createHarness } from '/swarm-page.js';
    globalThis.harness = createHarness(Client, () => registerServiceWorker('./freshet-sw.js'));`,
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

/** Freshet is served as `npm run build` made it. `data` is the folder behind `/data/`. */
export async function startSwarmSite(data: string): Promise<SwarmSite> {
  const scripts: Record<string, string> = {
    '/swarm-page.js': await bundle(here('swarm-page.ts')),
    '/webtorrent/client.js': await readFile(webtorrentBundle, 'utf8'),
    '/webtorrent/sw.js': await readFile(webtorrentServiceWorker, 'utf8'),
  };
  const pages: Record<string, () => { type: string; body: string }> = {};
  for (const [path, body] of Object.entries(scripts)) pages[path] = () => ({ type: 'text/javascript', body });
  for (const [library, script] of Object.entries(PAGES)) {
    const body = `<!doctype html><meta charset="utf-8"><title>${library}</title><style>video { width: 100% }</style><body><script type="module">${script}</script>`;
    pages[`/${library}/`] = () => ({ type: 'text/html', body });
  }
  // Fails here, with a sentence, where nothing is built.
  await shippedBundle('freshet.min.js');
  const built = here('../../../packages/freshet/dist/bundle');
  const server = await serveFolder({ '/data/': data, '/freshet/': built }, { pages });
  return {
    server,
    open: async (browser, library, { uploadLimit, place } = {}) => {
      const query = uploadLimit === undefined ? '' : `?uploadLimit=${uploadLimit}`;
      const origin = place === undefined ? server.url : `http://${place}.localhost:${server.port}`;
      const opened = await browser.open(`${origin}/${library}/${query}`);
      await opened.waitFor(() => 'harness' in globalThis);
      return opened;
    },
    close: () => server.close(),
  };
}

async function bundle(entry: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [entry],
    bundle: true,
    write: false,
    format: 'esm',
    target: 'es2022',
    platform: 'browser',
    conditions: ['source', 'browser'],
    minify: true,
  });
  return outputFiles[0]!.text;
}
