import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { BenchContext } from './main.ts';
import { addRound, type Result, type Row } from './report.ts';

const CHILD = fileURLToPath(new URL('simulate-child.mjs', import.meta.url));
const MODULES = new URL('../packages/simulator/dist/', import.meta.url).href;
const SCENARIOS = ['poisson', 'flash'];
const VIEWERS = [100, 300, 1000];

/** What simulated viewers cost, block by block, by how many there are. */
export async function simulate({ rounds, only = '', say }: BenchContext): Promise<Result> {
  const rows: Row[] = [];
  for (let round = 0; round < Math.min(rounds, 3); round++) {
    for (const scenario of SCENARIOS) {
      for (const viewers of VIEWERS) {
        const name = `${scenario}, ${viewers} viewers`;
        if (!name.toLowerCase().includes(only.toLowerCase())) continue;
        const args = [CHILD, MODULES, scenario, String(viewers)];
        const { stdout } = await promisify(execFile)(process.execPath, args, { maxBuffer: 1 << 20 });
        const figures = JSON.parse(stdout) as Record<string, number>;
        addRound(rows, name, figures);
        say(`${name}: ${(figures['cpuMs']! / 1000).toFixed(0)} s of processor`);
      }
    }
  }
  return {
    bench: 'simulate',
    title: 'Simulated viewers, block by block',
    about:
      'A film of 10 minutes at 4 Mbit/s, viewers of 20/5 Mbit/s who stay 6 minutes on average, real engines, one thread. ' +
      'Memory per viewer is the greatest resident size, without the 100 MB or so of a process that has done nothing yet, ' +
      'by the viewers who were there at a time at most.',
    columns: [
      { key: 'cpuMs', title: 'processor, s', digits: 1, scale: 1000 },
      { key: 'viewerMinutes', title: 'viewer-minutes', digits: 0 },
      { key: 'msPerViewerMinute', title: 's per 1,000 viewer-minutes', digits: 1 },
      { key: 'usPerBlock', title: 'µs per block', digits: 1 },
      { key: 'eventsPerSecond', title: 'events per s', digits: 0 },
      { key: 'rss', title: 'MB resident', digits: 0, scale: 1e6 },
      { key: 'present', title: 'viewers at a time', digits: 0 },
      { key: 'rssPerViewer', title: 'KB per viewer', digits: 0, scale: 1000 },
    ],
    rows,
  };
}
