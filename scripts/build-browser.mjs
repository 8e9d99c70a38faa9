/**
 * Bundles what a browser loads, after tsc: the library and the worker with its engine as modules, its service worker as a
 * classic script, and the page that `freshet serve` shows. Prints what each weighs.
 */

import { copyFile, mkdir, readdir, readFile, stat } from 'node:fs/promises';
import { basename, extname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { rolldown } from 'rolldown';
import ts from 'typescript';
import { internalNames } from './internal-names.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const library = join(root, 'packages/freshet/src');
const bundles = join(root, 'packages/freshet/dist/bundle');
const site = join(root, 'packages/cli/src/site');
const siteOut = join(root, 'packages/cli/dist/site');

/** What becomes a bundle, besides its entry. */
const common = {
  platform: 'browser',
  // Beside whatever imports it: only a page that can have no worker loads it so.
  external: (id) => id === './freshet-worker.js',
  // Packages of this repository are bundled from their TypeScript.
  resolve: { conditionNames: ['source', 'browser', 'import'] },
  // Reading a property does nothing else in these sources, so what is read and not used can go.
  treeshake: { propertyReadSideEffects: false, unknownGlobalSideEffects: false },
  transform: { target: 'es2022' },
};

/** Entry, output, and whether it is loaded as a module or as a classic script. */
const outputs = [
  { entry: join(library, 'index.browser.ts'), out: join(bundles, 'freshet.min.js'), format: 'esm' },
  // A classic script: the one kind of service worker that every browser takes.
  { entry: join(library, 'browser/service-worker.ts'), out: join(bundles, 'freshet-sw.js'), format: 'iife' },
  // The engine: run as a module worker by pages, or imported by those that can have none.
  { entry: join(library, 'freshet-worker.ts'), out: join(bundles, 'freshet-worker.js'), format: 'esm' },
  { entry: join(site, 'main.ts'), out: join(siteOut, 'main.js'), format: 'esm' },
];

async function main() {
  for (const { entry } of outputs) {
    const found = await stat(entry).catch(() => undefined);
    if (!found)
      throw new Error(`${relative(root, entry)} is missing, so the browser bundles cannot be built.`);
  }
  const mangleProps = { include: oneOf(libraryNames()) };
  for (const { entry, out, format } of outputs) {
    const bundle = await rolldown({ ...common, input: entry });
    await bundle.write({
      file: out,
      format,
      sourcemap: true,
      comments: false,
      // The site's page is not the library's: its names are not among those that were looked at.
      minify: {
        compress: { target: 'es2022' },
        mangle: { toplevel: true },
        ...(!out.startsWith(siteOut) && { mangleProps }),
      },
    });
    await bundle.close();
  }
  await copyPage();
  await report();
}

/** Property names that nobody spells outside of one bundle of the library. */
function libraryNames() {
  const config = join(root, 'packages/freshet/tsconfig.json');
  const host = {
    ...ts.sys,
    onUnRecoverableConfigFileDiagnostic: ({ messageText }) => {
      throw new Error(ts.flattenDiagnosticMessageText(messageText, '\n'));
    },
  };
  const { options } = ts.getParsedCommandLineOfConfigFile(config, { types: [] }, host);
  return internalNames(
    outputs.map(({ entry }) => entry).filter((entry) => entry.startsWith(library)),
    options,
  );
}

function oneOf(names) {
  return new RegExp(`^(?:${names.map((name) => name.replaceAll('$', '\\$')).join('|')})$`);
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
  // The page's script has the library in it, which looks for its worker beside that.
  await copyFile(join(bundles, 'freshet-worker.js'), join(siteOut, 'freshet-worker.js'));
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
