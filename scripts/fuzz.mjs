/**
 * `npm run fuzz -- [TARGET...] [options]`: see fuzz/main.ts, or `npm run fuzz -- --help`.
 *
 * Node must be started with --no-concurrent-recompilation and --no-flush-bytecode: what a compiler does on another thread
 * and what the garbage collector drops changes which blocks V8 has counted, and the same seed would not be the same run.
 */

import { register } from 'node:module';

process.setSourceMapsEnabled(true);
register('./ts-loader.mjs', import.meta.url);
register('../fuzz/source-condition.mjs', import.meta.url);
const { main } = await import('../fuzz/main.ts');
process.exitCode = await main(process.argv.slice(2));
