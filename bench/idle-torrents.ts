import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { BenchContext } from './main.ts';
import { addRound, type Result, type Row } from './report.ts';

const CHILD = fileURLToPath(new URL('idle-child.mjs', import.meta.url));
const ENTRY = new URL('../packages/freshet/dist/index.node.js', import.meta.url).href;
/** Pieces of each: an info dictionary of 1.4 KB. */
const PIECES = 64;

/** What complete torrents cost that nobody wants anything of, 1,000 and 10,000 in one process. */
export async function idleTorrents({ rounds, say }: BenchContext): Promise<Result> {
  const rows: Row[] = [];
  for (let round = 0; round < Math.min(rounds, 3); round++) {
    for (const count of [1000, 10_000]) {
      const args = ['--expose-gc', CHILD, String(count), String(PIECES), ENTRY];
      const { stdout } = await promisify(execFile)(process.execPath, args, { maxBuffer: 1 << 20 });
      const figures = JSON.parse(stdout) as Record<string, number>;
      addRound(rows, `${count} torrents`, figures);
      say(`${count} torrents: ${Math.round(figures['own']!)} bytes each`);
    }
  }
  return {
    bench: 'idle',
    title: 'Idle seeding torrents in one process',
    about:
      'Complete torrents of 64 pieces through the public API, with an HTTP tracker and no peers. Memory is heap and ' +
      'array buffers after a garbage collection, without the bytes of the torrent file; the tracker is in the process too.',
    columns: [
      { key: 'own', title: 'KB each', digits: 1, scale: 1e3 },
      { key: 'timers', title: 'timers each', digits: 3 },
      { key: 'addedMs', title: 'all added after, s', digits: 1, scale: 1e3 },
      { key: 'announcedMs', title: 'all announced after, s', digits: 1, scale: 1e3 },
      { key: 'mostAtOnce', title: 'announces at once', digits: 0 },
      { key: 'idleCpuPercent', title: 'processor when idle, %', digits: 2 },
      { key: 'closedMs', title: 'closed within, s', digits: 1, scale: 1e3 },
    ],
    rows,
  };
}
