import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { webtorrentBundle, webtorrentServiceWorker } from '../tests/interop/peers/webtorrent.ts';
import type { BenchContext } from './main.ts';
import { addRound, type Result, type Row } from './report.ts';

const MADE = fileURLToPath(new URL('../packages/freshet/dist/bundle/', import.meta.url));

/** What a page loads to add, seed and stream: the library and its service worker. */
export async function size(_context: BenchContext): Promise<Result> {
  const rows: Row[] = [];
  const weigh = async (name: string, library: string, worker: string): Promise<void> => {
    const [code, workerCode] = await Promise.all([readFile(library), readFile(worker)]);
    addRound(rows, name, {
      minified: code.length + workerCode.length,
      library: gzipSync(code, { level: 9 }).length,
      worker: gzipSync(workerCode, { level: 9 }).length,
    });
  };
  await weigh('Freshet', `${MADE}freshet.min.js`, `${MADE}freshet-sw.js`);
  await weigh('WebTorrent', webtorrentBundle, webtorrentServiceWorker);
  return {
    bench: 'size',
    title: 'Weight of what a page loads',
    about:
      'The library as one module, with all that it needs, and its service worker; gzip at level 9. Freshet’s module ' +
      'carries its storage worker inside.',
    columns: [
      { key: 'library', title: 'library, KB gzipped', digits: 1, scale: 1e3 },
      { key: 'worker', title: 'service worker, KB gzipped', digits: 1, scale: 1e3 },
      { key: 'minified', title: 'both, KB minified', digits: 1, scale: 1e3 },
    ],
    rows,
    baseline: 'WebTorrent',
  };
}
