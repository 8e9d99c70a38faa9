import { join } from 'node:path';
import { createTracker } from 'freshet-tracker';
import type { SwarmHarness, Timing } from '../tests/browser/harness/swarm-page.ts';
import { type Library, startSwarmSite } from '../tests/browser/harness/swarm-site.ts';
import { startChromium } from '../tests/support/chromium.ts';
import { makeFile, sha256 } from '../tests/support/files.ts';
import { within } from '../tests/support/wait.ts';
import type { BenchContext } from './main.ts';
import { timeRawChannel } from './raw-channel.ts';
import { addRound, type Result, type Row } from './report.ts';
import { rotated } from './tcp.ts';

declare const harness: SwarmHarness;

const TIMEOUT = 120_000;
const RAW = 'one raw data channel';

/** A page seeds, another downloads; two new pages in a new browser each time. */
export async function pages(context: BenchContext): Promise<Result> {
  const size = context.pageSize;
  const file = join(context.folder, 'data', 'content.bin');
  await makeFile(file, size);
  const hash = await sha256(file);
  const tracker = createTracker({ host: '127.0.0.1', port: 0, interval: 5 });
  const announce = [(await tracker.listen()).wsUrl];
  const site = await startSwarmSite(join(context.folder, 'data'));
  const rows: Row[] = [];
  let version = '';

  async function swarm(library: Library, name: string): Promise<Timing> {
    const browser = await startChromium();
    version = browser.version;
    try {
      const seeder = await site.open(browser, library);
      const leecher = await site.open(browser, library, { place: 'leecher' });
      const magnet = await seeder.page.evaluate(
        ([title, trackers]) => harness.seed({ 'content.bin': '/data/content.bin' }, title, trackers),
        [name, announce] as const,
      );
      const finished = leecher.page.evaluate(async (id) => {
        harness.add(id);
        const timing = await harness.untilDone();
        return { timing, hashes: await harness.hashes() };
      }, magnet);
      const { timing, hashes } = await within(finished, TIMEOUT, name);
      if (!Object.values(hashes).includes(hash)) throw new Error(`${name} has received other bytes`);
      return timing;
    } finally {
      await browser.close();
    }
  }

  async function raw(): Promise<Timing> {
    const browser = await startChromium();
    try {
      const from = await site.open(browser, 'freshet');
      const to = await site.open(browser, 'freshet', { place: 'leecher' });
      const done = await within(timeRawChannel(from, to, size), TIMEOUT, RAW);
      return { wire: 0, done };
    } finally {
      await browser.close();
    }
  }

  const contestants: { name: string; run: (name: string) => Promise<Timing> }[] = [
    { name: RAW, run: raw },
    { name: 'Freshet', run: (name) => swarm('freshet', name) },
    { name: 'WebTorrent', run: (name) => swarm('webtorrent', name) },
  ];
  try {
    for (let round = 0; round < context.rounds; round++) {
      for (const { name, run } of rotated(contestants, round)) {
        if (context.only !== undefined && !name.toLowerCase().includes(context.only)) continue;
        const { wire, done } = await run(`${name} ${round}`);
        const rate = (size / (done - wire)) * 1000;
        addRound(rows, name, { rate, ...(name === RAW ? {} : { wire: wire / 1000, whole: done / 1000 }) });
        context.say(
          `${round + 1} ${name}: ${(rate / 1e6).toFixed(1)} MB/s, ${(done / 1000).toFixed(2)} s in all`,
        );
      }
    }
  } finally {
    await site.close();
    await tracker.close();
  }
  return {
    bench: 'pages',
    title: 'From page to page',
    about:
      `${size / 2 ** 20} MiB between two pages of Chromium ${version} over WebRTC, found through the same tracker, ` +
      'each client with its own storage (OPFS). The rate is from the first connection to the last verified byte; the ' +
      'whole is from `add` with a magnet link. The raw channel sends messages of 16 KiB and keeps 64 KiB buffered. ' +
      `Median of ${context.rounds}, then the ratio to the raw channel.`,
    columns: [
      { key: 'rate', title: 'MB/s', digits: 1, scale: 1e6 },
      { key: 'wire', title: 'connected after, s', digits: 2 },
      { key: 'whole', title: 'whole, s', digits: 2 },
    ],
    rows,
    baseline: RAW,
  };
}
