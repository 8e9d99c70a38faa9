/**
 * Bundles what a browser loads, after tsc: the library as one module, its service worker and its storage worker as
 * classic scripts, and the page that `freshet serve` shows. Prints what each weighs.
 */

import { copyFile, mkdir, readdir, readFile, stat } from 'node:fs/promises';
import { basename, extname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const library = join(root, 'packages/freshet/src');
const bundles = join(root, 'packages/freshet/dist/bundle');
const site = join(root, 'packages/cli/src/site');
const siteOut = join(root, 'packages/cli/dist/site');

const common = {
  bundle: true,
  minify: true,
  sourcemap: true,
  platform: 'browser',
  target: 'es2022',
  // Packages of this repository are bundled from their TypeScript.
  conditions: ['source', 'browser'],
  legalComments: 'none',
  logLevel: 'warning',
};

/** Entry, output, and whether it is loaded as a module or as a classic script. */
const outputs = [
  { entry: join(library, 'index.browser.ts'), out: join(bundles, 'freshet.min.js'), format: 'esm' },
  // A classic script: the one kind of service worker that every browser takes.
  { entry: join(library, 'browser/service-worker.ts'), out: join(bundles, 'freshet-sw.js'), format: 'iife' },
  // Only for pages whose Content-Security-Policy forbids workers from blob: addresses.
  {
    entry: join(library, 'browser/opfs-worker-entry.ts'),
    out: join(bundles, 'freshet-opfs-worker.js'),
    format: 'iife',
  },
  { entry: join(site, 'main.ts'), out: join(siteOut, 'main.js'), format: 'esm' },
];

async function main() {
  for (const { entry } of outputs) {
    const found = await stat(entry).catch(() => undefined);
    if (!found)
      throw new Error(`${relative(root, entry)} is missing, so the browser bundles cannot be built.`);
  }
  await Promise.all(
    outputs.map(({ entry, out, format }) => build({ ...common, entryPoints: [entry], outfile: out, format })),
  );
  await copyPage();
  await report();
}

/** The site's pages, styles and pictures, as they are; its TypeScript is in main.js. */
async function copyPage() {
  await mkdir(siteOut, { recursive: true });
  for (const entry of await readdir(site, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || ['.ts', '.tsx'].includes(extname(entry.name))) continue;
    const from = join(entry.parentPath, entry.name);
    const to = join(siteOut, relative(site, from));
    await mkdir(join(to, '..'), { recursive: true });
    await copyFile(from, to);
  }
  // The page registers it beside itself, so that its scope covers the page.
  await copyFile(join(bundles, 'freshet-sw.js'), join(siteOut, 'freshet-sw.js'));
}

async function report() {
  for (const { out } of outputs) {
    const code = await readFile(out);
    const kib = (bytes) => `${(bytes / 1024).toFixed(1)} KiB`.padStart(10);
    console.log(`${basename(out).padEnd(26)}${kib(code.length)}${kib(gzipSync(code).length)} gzipped`);
  }
}

try {
  await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
