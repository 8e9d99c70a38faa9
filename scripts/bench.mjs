/** `npm run bench [-- names] [options]`: see bench/main.ts, or `npm run bench -- --help`. */

import { register } from 'node:module';

process.setSourceMapsEnabled(true);
register('./ts-loader.mjs', import.meta.url);
const { main } = await import('../bench/main.ts');
process.exitCode = await main(process.argv.slice(2));
