/** What a page loads to add, seed and stream: how much it is, and that no half of it carries the other one. Needs a build. */

import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { SHIPPED, shippedBundle } from '../support/bundles.ts';

/**
 * Bytes gzipped of all files together: what was reached, and 2 % for what is yet to come. The aim is 40 KB; what stands
 * against it is in docs/benchmarks.md. Lower it whenever the figure falls.
 */
const BOUND = 144_900;

/** The source files that a bundle was made of, below `src/`, or the packages they are of. */
async function sourcesOf(name: string): Promise<string[]> {
  const path = fileURLToPath(new URL(`../../packages/freshet/dist/bundle/${name}.map`, import.meta.url));
  const { sources } = JSON.parse(await readFile(path, 'utf8')) as { sources: string[] };
  return sources.map((source) => /(?:\bsrc|node_modules)\/(.*)$/.exec(source)?.[1] ?? source);
}

describe('the bundles that a page loads', () => {
  it('stay as small as they are', async () => {
    const sizes: Record<string, number> = {};
    for (const name of SHIPPED) sizes[name] = gzipSync(await shippedBundle(name), { level: 9 }).length;
    const total = Object.values(sizes).reduce((sum, bytes) => sum + bytes, 0);
    console.log(`gzipped: ${JSON.stringify(sizes)}, ${total} together (aim 40000, bound ${BOUND})`);
    expect(total).toBeLessThan(BOUND);
  });

  it('have the engine in the worker only, and the API in the page only', async () => {
    const [page, worker, serviceWorker] = await Promise.all(SHIPPED.map((name) => sourcesOf(name)));
    expect(worker!.filter((source) => source.startsWith('engine/')).length).toBeGreaterThan(50);
    expect(page!.filter((source) => source.startsWith('api/')).length).toBeGreaterThan(10);
    expect(page!.filter((source) => /^(engine|memory|node)\//.test(source))).toEqual([]);
    expect(worker!.filter((source) => /^(api|node)\//.test(source))).toEqual([]);
    expect(serviceWorker!.filter((source) => !source.startsWith('browser/'))).toEqual([]);
  });

  it('have no code of Node', async () => {
    const sources = (await Promise.all(SHIPPED.map((name) => sourcesOf(name)))).flat();
    // What a page cannot use: it dials no addresses, and nobody sees the names of what it stores.
    const useless = ['discovery/http-tracker.ts', 'storage/torrent-folder.ts', 'storage/relocation.ts'];
    expect(sources.filter((source) => useless.some((name) => source.endsWith(name)))).toEqual([]);
    for (const name of SHIPPED)
      expect(await shippedBundle(name)).not.toMatch(/\bfrom ?[`'"](node:|ws\b|node-)/);
  });
});
