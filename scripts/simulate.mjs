/**
 * `npm run simulate -- SCENARIO [options]`: see packages/simulator/src/main.ts, or `npm run simulate -- --help`.
 * The sources are bundled as they are: a fresh clone needs no build, and a run is never one of yesterday's code.
 */

import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { root } from './ensure-installed.mjs';

// Two runs at once have a bundle each, and npm packages are found from there.
const folder = join(root, '.tmp/simulate');
mkdirSync(folder, { recursive: true });
const outfile = join(folder, `main-${process.pid}.mjs`);
await build({
  entryPoints: [join(root, 'packages/simulator/src/main.ts')],
  outfile,
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'esm',
  conditions: ['source'],
  external: ['ws', 'node-datachannel'],
  sourcemap: 'inline',
  logLevel: 'error',
});
process.setSourceMapsEnabled(true);
let program;
try {
  program = await import(pathToFileURL(outfile).href);
} finally {
  rmSync(outfile, { force: true });
}
process.exitCode = await program.main(process.argv.slice(2));
