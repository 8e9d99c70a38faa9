/** `npm run bench`: runs benchmarks, prints their tables and writes them to bench/results/. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BenchOptions, parseOptions } from './options.ts';
import { machine, type Result, save, table } from './report.ts';

/** What a benchmark is run with. */
export interface BenchContext extends BenchOptions {
  /** An empty folder, removed afterwards. */
  readonly folder: string;
  /** Tells how far it is. */
  say(line: string): void;
}

type Bench = (context: BenchContext) => Promise<Result>;

const BENCHES: Record<string, { about: string; load: () => Promise<Bench> }> = {
  'tcp-download': {
    about: '1 GiB over loopback TCP from a libtorrent seeder, beside libtorrent, aria2 and WebTorrent',
    load: async () => (await import('./tcp-download.ts')).tcpDownload,
  },
  'tcp-seed': {
    about: '1 GiB over loopback TCP to a libtorrent downloader, beside libtorrent and WebTorrent as seeders',
    load: async () => (await import('./tcp-seed.ts')).tcpSeed,
  },
  'tcp-pair': {
    about: '1 GiB over loopback TCP from each client to itself',
    load: async () => (await import('./tcp-pair.ts')).tcpPair,
  },
  pages: {
    about: '64 MiB from page to page over WebRTC, beside a raw data channel and WebTorrent',
    load: async () => (await import('./pages.ts')).pages,
  },
  playback: {
    about: 'first frame and seek in a page, from a seeder that is held to 1 MB/s, beside WebTorrent',
    load: async () => (await import('./playback.ts')).playback,
  },
  memory: {
    about: 'memory of a page that downloads 2 GiB from a seeder in Node into OPFS',
    load: async () => (await import('./memory.ts')).memory,
  },
  picker: {
    about: 'what a have, a pick, a block and a priority cost with 1,000 to 1,000,000 pieces',
    load: async () => (await import('./picker.ts')).picker,
  },
  idle: {
    about: 'memory, timers and announces of 1,000 and 10,000 idle seeding torrents',
    load: async () => (await import('./idle-torrents.ts')).idleTorrents,
  },
  simulation: {
    about:
      'a small swarm in the simulator, beside the same one on real lines between network namespaces (root, Linux)',
    load: async () => (await import('./simulation.ts')).simulation,
  },
  'simulation-http': {
    about: 'viewers over plain HTTP in the simulator, beside the same on real lines (root, Linux)',
    load: async () => (await import('./simulation.ts')).simulationHttp,
  },
  'simulation-transfers': {
    about:
      'single transfers over HTTP and WebRTC in the simulator, beside the same on real lines (root, Linux)',
    load: async () => (await import('./simulation-transfers.ts')).simulationTransfers,
  },
  simulate: {
    about: 'what simulated viewers of a film cost, block by block, 100, 300 and 1,000 of them',
    load: async () => (await import('./simulate.ts')).simulate,
  },
  size: {
    about: 'weight of what a page loads, beside WebTorrent',
    load: async () => (await import('./size.ts')).size,
  },
};

const HELP = `npm run bench [-- names] [options]

${Object.entries(BENCHES)
  .map(([name, { about }]) => `  ${name.padEnd(14)}${about}`)
  .join('\n')}

  --rounds N      rounds per contestant, interleaved (5)
  --size N        MiB of the TCP transfers (1024)
  --page-size N   MiB of the transfers between pages (64)
  --format F      v1, v2 or hybrid: the TCP transfers' torrent (v1)
  --tmp FOLDER    where the data is kept meanwhile, such as /dev/shm (the system's)
  --only TEXT     only contestants whose name contains TEXT
  --profile DIR   write CPU profiles of Freshet's processes into DIR; of the simulations what each viewer did

Needs npm run build, and the programs that npm test needs.`;

/** Returns the exit code. */
export async function main(args: readonly string[]): Promise<number> {
  let options: BenchOptions;
  try {
    options = parseOptions(args);
    const unknown = options.names.find((name) => BENCHES[name] === undefined);
    if (unknown !== undefined) throw new Error(`There is no benchmark ${unknown}; see --help.`);
  } catch (error) {
    console.error((error as Error).message);
    return 2;
  }
  if (options.help) {
    console.log(HELP);
    return 0;
  }
  const names = options.names.length > 0 ? options.names : Object.keys(BENCHES);
  const { processor, cores, memoryGiB, node, system } = await machine();
  console.log(`${cores} cores of ${processor}, ${memoryGiB} GiB, ${system}, Node ${node}`);
  let failures = 0;
  for (const name of names) {
    const folder = await mkdtemp(join(options.tmp ?? tmpdir(), `freshet-bench-${name}-`));
    try {
      const run = await BENCHES[name]!.load();
      console.log(`\n${name}`);
      const result = await run({ ...options, folder, say: (line) => console.log(`  ${line}`) });
      await save(result, ['npm run bench --', name, ...args.filter((arg) => !names.includes(arg))].join(' '));
      console.log(`\n${table(result)}`);
    } catch (error) {
      failures++;
      console.error(`${name} failed: ${error instanceof Error ? error.stack : error}`);
    } finally {
      await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    }
  }
  return failures === 0 ? 0 : 1;
}
