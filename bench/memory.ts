import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createTracker } from 'freshet-tracker';
import type { SwarmHarness } from '../tests/browser/harness/swarm-page.ts';
import { startSwarmSite } from '../tests/browser/harness/swarm-site.ts';
import { createTorrentWithLibtorrent } from '../tests/interop/peers/libtorrent.ts';
import { startChromium, type TestBrowser } from '../tests/support/chromium.ts';
import { makeFile } from '../tests/support/files.ts';
import { sleep } from '../tests/support/wait.ts';
import type { BenchContext } from './main.ts';
import { FreshetPeer } from './peers/freshet.ts';
import { addRound, median, type Result, type Row } from './report.ts';

declare const harness: SwarmHarness;

const SIZE = 2 * 2 ** 30;
/** Milliseconds between two looks. */
const INTERVAL = 1000;
const TIMEOUT = 30 * 60_000;

/** Whose memory: that of the processes of pages, there being one page beside an empty one, and that of all others. */
type Kind = 'renderer' | 'others';

/** A page downloads 2 GiB from a seeder in Node, and the memory of its browser's processes is looked at every second. */
export async function memory(context: BenchContext): Promise<Result> {
  const data = join(context.folder, 'data');
  const file = join(data, 'content.bin');
  await makeFile(file, SIZE);
  const site = await startSwarmSite(data);
  const rows: Row[] = [];
  let version = '';
  try {
    for (let round = 0; round < context.rounds; round++) {
      const { samples, seconds, chromium } = await download(context, site, data);
      version = chromium;
      const quarter = Math.floor(samples.length / 4);
      for (const [kind, name] of [
        ['renderer', "the pages' processes"],
        ['others', "the browser's other processes"],
      ] as const) {
        const values = samples.map((sample) => sample[kind]);
        const first = median(values.slice(0, quarter));
        const last = median(values.slice(-quarter));
        const most = Math.max(...values);
        addRound(rows, name, { first, last, most, rate: SIZE / seconds });
        context.say(
          `${round + 1} ${name}: ${mb(first)} MB in the first quarter, ${mb(last)} in the last, ${mb(most)} at most; ` +
            `${(SIZE / seconds / 1e6).toFixed(1)} MB/s`,
        );
        const tenths = Array.from(
          { length: 11 },
          (_, i) => values[Math.round((i / 10) * (values.length - 1))]!,
        );
        context.say(`    by tenths of the time: ${tenths.map(mb).join(', ')}`);
      }
    }
  } finally {
    await site.close();
  }
  return {
    bench: 'memory',
    title: "A page's memory over 2 GiB",
    about:
      `A page of Chromium ${version} downloads 2 GiB with pieces of 1 MiB from a seeder in Node over WebRTC into OPFS. ` +
      'Every second the proportional set sizes of the processes are added up, and the medians of the first and of the ' +
      `last quarter of these are compared. Median of ${context.rounds}.`,
    columns: [
      { key: 'first', title: 'first quarter, MB', digits: 0, scale: 1e6 },
      { key: 'last', title: 'last quarter, MB', digits: 0, scale: 1e6 },
      { key: 'most', title: 'most, MB', digits: 0, scale: 1e6 },
      { key: 'rate', title: 'MB/s', digits: 1, scale: 1e6 },
    ],
    rows,
  };
}

async function download(
  context: BenchContext,
  site: Awaited<ReturnType<typeof startSwarmSite>>,
  dataDir: string,
): Promise<{ samples: Record<Kind, number>[]; seconds: number; chromium: string }> {
  const tracker = createTracker({ host: '127.0.0.1', port: 0, interval: 5 });
  const trackers = [(await tracker.listen()).wsUrl];
  const torrentFile = join(context.folder, 'content.torrent');
  const { magnet } = await createTorrentWithLibtorrent({
    path: join(dataDir, 'content.bin'),
    output: torrentFile,
    pieceLength: 2 ** 20,
    trackers,
  });
  const seeder = await FreshetPeer.start({ transport: 'webrtc' });
  const browser = await startChromium();
  try {
    await seeder.seed({ torrentFile, dataDir, trackers });
    const page = await site.open(browser, 'freshet');
    await page.evaluate((id) => harness.add(id), magnet);
    const began = performance.now();
    const samples: Record<Kind, number>[] = [];
    for (;;) {
      await sleep(INTERVAL);
      const { progress } = await page.evaluate(() => harness.status());
      const failures = await page.evaluate(() => harness.failures);
      if (failures.length > 0) throw new Error(failures.join('\n'));
      if (progress === 1) break;
      if (performance.now() - began > TIMEOUT) throw new Error(`only ${progress} of it after half an hour`);
      if (progress > 0) samples.push(await residentOf(browser));
    }
    return { samples, seconds: (performance.now() - began) / 1000, chromium: browser.version };
  } finally {
    await browser.close();
    await seeder.stop();
    await tracker.close();
  }
}

async function residentOf({ context }: TestBrowser): Promise<Record<Kind, number>> {
  const session = await context.browser()!.newBrowserCDPSession();
  const { processInfo } = await session.send('SystemInfo.getProcessInfo');
  await session.detach();
  const resident = { renderer: 0, others: 0 };
  for (const { id, type } of processInfo) {
    // One that has just ended has none.
    const text = await readFile(`/proc/${id}/smaps_rollup`, 'utf8').catch(() => '');
    const bytes = Number(/^Pss:\s+(\d+) kB$/m.exec(text)?.[1] ?? 0) * 1024;
    resident[type === 'renderer' ? 'renderer' : 'others'] += bytes;
  }
  return resident;
}

function mb(bytes: number): string {
  return (bytes / 1e6).toFixed(0);
}
