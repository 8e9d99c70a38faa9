/** Programs of the tests that run in a process of their own: bundled, as Node 20 runs no TypeScript. */

import { mkdir, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

/** Below `node_modules`, so that the packages that are not bundled are found. */
const SCRIPTS = fileURLToPath(new URL('../../node_modules/.cache/freshet-tests', import.meta.url));

export interface ChildScript {
  /** What Node is to run. */
  readonly path: string;
  remove(): Promise<void>;
}

/** Bundles the TypeScript at `entry` with the sources of this repository. */
export async function bundleChild(entry: URL): Promise<ChildScript> {
  const source = fileURLToPath(entry);
  await mkdir(SCRIPTS, { recursive: true });
  const name = `${basename(dirname(source))}-${basename(source, '.ts')}-${process.pid}`;
  const path = join(SCRIPTS, `${name}.mjs`);
  await build({
    entryPoints: [source],
    outfile: path,
    bundle: true,
    platform: 'node',
    format: 'esm',
    conditions: ['source'],
    external: ['node-datachannel', 'ws'],
    logLevel: 'error',
  });
  return { path, remove: () => rm(path, { force: true }) };
}
