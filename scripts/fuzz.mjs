/** `npm run fuzz -- [TARGET...] [options]`: see fuzz/main.ts, or `npm run fuzz -- --help`. */

import { register } from 'node:module';
import { setFlagsFromString } from 'node:v8';

// What a compiler on another thread does when changes which blocks are counted: the same seed would not be the same run.
setFlagsFromString('--no-concurrent-recompilation');
process.setSourceMapsEnabled(true);
register('./ts-loader.mjs', import.meta.url);
register('../fuzz/source-condition.mjs', import.meta.url);
const { main } = await import('../fuzz/main.ts');
process.exitCode = await main(process.argv.slice(2));
