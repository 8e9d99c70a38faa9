import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { webtorrentBundle, webtorrentServiceWorker } from '../tests/interop/peers/webtorrent.ts';
import type { BenchContext } from './main.ts';
import { addRound, type Result, type Row } from './report.ts';

const MADE = fileURLToPath(new URL('../packages/freshet/dist/bundle/', import.meta.url));

interface Files {
  readonly library: string;
  /** Absent where the engine is in the library. */
  readonly engine?: string;
  readonly serviceWorker: string;
}

/** What a page loads to add, seed and stream: the library, the worker with its engine, and its service worker. */
export async function size(_context: BenchContext): Promise<Result> {
  const rows: Row[] = [];
  const weigh = async (name: string, files: Files): Promise<void> => {
    const sizes = { minified: 0, gzipped: 0, brotli: 0 };
    const parts: Record<string, number> = {};
    for (const [part, path] of Object.entries(files) as [string, string][]) {
      const code = await readFile(path);
      parts[part] = gzipSync(code, { level: 9 }).length;
      sizes.gzipped += parts[part];
      sizes.minified += code.length;
      sizes.brotli += brotliCompressSync(code).length;
    }
    addRound(rows, name, { ...parts, ...sizes });
  };
  await weigh('Freshet', {
    library: `${MADE}freshet.min.js`,
    engine: `${MADE}freshet-worker.js`,
    serviceWorker: `${MADE}freshet-sw.js`,
  });
  await weigh('WebTorrent', { library: webtorrentBundle, serviceWorker: webtorrentServiceWorker });
  return {
    bench: 'size',
    title: 'Weight of what a page loads',
    about:
      'The library as one module, the worker with its engine, and its service worker, with all that they need; gzip at level ' +
      '9, brotli at level 11. WebTorrent has its engine in the library.',
    columns: [
      { key: 'library', title: 'library, KB gzipped', digits: 1, scale: 1e3 },
      { key: 'engine', title: 'engine in a worker, KB gzipped', digits: 1, scale: 1e3 },
      { key: 'serviceWorker', title: 'service worker, KB gzipped', digits: 1, scale: 1e3 },
      { key: 'gzipped', title: 'all, KB gzipped', digits: 1, scale: 1e3 },
      { key: 'brotli', title: 'all, KB in brotli', digits: 1, scale: 1e3 },
      { key: 'minified', title: 'all, KB minified', digits: 1, scale: 1e3 },
    ],
    rows,
    baseline: 'WebTorrent',
  };
}
