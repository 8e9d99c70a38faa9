/**
 * `node scripts/bundle-parts.mjs [bundle...]`, after `npm run build`: what the browser bundles are made of. Bytes of minified
 * code by folder, or with `--files` by file, from the source maps; gzipped bytes are the bundle's, divided in proportion.
 */

import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const folder = fileURLToPath(new URL('../packages/freshet/dist/bundle/', import.meta.url));
const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/** The numbers of one segment of a source map, which are differences to those before. */
function numbersOf(segment) {
  const numbers = [];
  let value = 0;
  let shift = 0;
  for (const digit of segment) {
    const bits = DIGITS.indexOf(digit);
    value += (bits & 31) << shift;
    shift += 5;
    if (bits & 32) continue;
    numbers.push(value & 1 ? -(value >> 1) : value >> 1);
    value = 0;
    shift = 0;
  }
  return numbers;
}

/** Characters of `code` by source: each segment lasts until the next one. */
function bytesBySource(code, { mappings, sources }) {
  const bytes = new Map();
  const lines = code.split('\n');
  let source = 0;
  for (const [index, line] of mappings.split(';').entries()) {
    let column = 0;
    let owner;
    const give = (until) => {
      if (owner !== undefined) bytes.set(owner, (bytes.get(owner) ?? 0) + until - column);
    };
    for (const segment of line === '' ? [] : line.split(',')) {
      const [columns, step] = numbersOf(segment);
      give(column + columns);
      column += columns;
      if (step !== undefined) source += step;
      owner = step === undefined ? undefined : sources[source];
    }
    give(lines[index].length);
  }
  return bytes;
}

function partOf(source, byFile) {
  const path = /(?:\bsrc|node_modules)\/(.*)$/.exec(source)?.[1] ?? source;
  if (byFile) return path;
  return path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : 'platform';
}

async function main(args) {
  const byFile = args.includes('--files');
  const names = args.filter((arg) => !arg.startsWith('--'));
  for (const name of names.length > 0 ? names : ['freshet.min.js', 'freshet-worker.js', 'freshet-sw.js']) {
    const code = await readFile(`${folder}${name}`, 'utf8');
    const map = JSON.parse(await readFile(`${folder}${name}.map`, 'utf8'));
    const gzipped = gzipSync(code, { level: 9 }).length;
    const parts = new Map();
    for (const [source, bytes] of bytesBySource(code, map)) {
      const part = partOf(source, byFile);
      parts.set(part, (parts.get(part) ?? 0) + bytes);
    }
    console.log(`${basename(name)}: ${code.length} bytes, ${gzipped} gzipped`);
    for (const [part, bytes] of [...parts].sort((a, b) => b[1] - a[1])) {
      const share = Math.round((bytes / code.length) * gzipped);
      console.log(`  ${String(bytes).padStart(7)}${String(share).padStart(7)}  ${part}`);
    }
  }
}

await main(process.argv.slice(2));
