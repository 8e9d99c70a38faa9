import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import Client from 'freshet';
import { SeededRandom, writeFilm } from 'freshet/memory';
import {
  CABLE,
  filmOf,
  type Scenario,
  type SimulationResult,
  simulate,
  type ViewerResult,
} from 'freshet-simulator';
import { bundleChild, type ChildScript } from '../tests/support/child-script.ts';
import { within } from '../tests/support/wait.ts';
import { machineOf, startLines } from './lines/lines.ts';
import { Program } from './lines/program.ts';
import type { BenchContext } from './main.ts';
import { addRound, median, type Result, type Row } from './report.ts';

/** Small enough for real processes on two cores, and with an origin that is too slow for all. */
const SCENARIO: Scenario = {
  name: 'side-by-side',
  about: 'a film of a minute, some viewers within half a minute, an origin for two and a half of them',
  peers: 8,
  film: { seconds: 60, bytesPerSecond: 500_000, pieceLength: 262_144 },
  arrivals: { kind: 'poisson', minutes: 0.5 },
  lines: [{ weight: 1, line: CABLE }],
  origin: { webSeed: { up: 1_250_000, down: 1_250_000, latencyMs: 20 } },
};
const ORIGIN = '10.9.0.1';

type Felt = Pick<ViewerResult, 'startupMs' | 'stalls' | 'stalledMs' | 'watchedMs' | 'uploaded'> & {
  readonly received: number;
  readonly http: number;
};

/** The same viewers on simulated lines and on real ones. */
export async function simulation(context: BenchContext): Promise<Result> {
  const rows: Row[] = [];
  const film = filmOf(SCENARIO.film.seconds, SCENARIO.film.bytesPerSecond);
  const file = join(context.folder, 'film.mp4');
  const bytes = new Uint8Array(film.length);
  new SeededRandom(1).fill(bytes);
  writeFilm(bytes, { seconds: film.seconds, moov: 'first', moovLength: film.head - 32 });
  await writeFile(file, bytes);
  const torrentFile = join(context.folder, 'film.torrent');
  await writeFile(torrentFile, await makeTorrent(file));
  const origin = await bundleChild(new URL('./lines/origin.ts', import.meta.url));
  const viewer = await bundleChild(new URL('./lines/viewer.ts', import.meta.url));
  try {
    for (let round = 0; round < context.rounds; round++) {
      const result = await simulate(SCENARIO, { peers: SCENARIO.peers, seed: round + 1 });
      const simulated = result.viewers.map(feltOf);
      addRound(rows, 'simulated', figures(simulated));
      const folder = join(context.folder, String(round));
      await mkdir(folder);
      const real = await watchReally({ result, film, file, torrentFile, folder, origin, viewer });
      addRound(rows, 'real', figures(real));
      for (const [name, felt] of [
        ['simulated', simulated],
        ['real', real],
      ] as const) {
        const { startup, slowest, stalled, offload } = figures(felt);
        context.say(
          `${round + 1} ${name}: start-up ${startup!.toFixed(0)} ms, slowest ${slowest!.toFixed(0)} ms, ` +
            `${stalled!.toFixed(0)} ms stalled, offload ${offload!.toFixed(2)}`,
        );
      }
    }
  } finally {
    await origin.remove();
    await viewer.remove();
  }
  return {
    bench: 'simulation',
    title: 'A small swarm, simulated and real',
    about:
      `${SCENARIO.peers} viewers of a film of ${film.seconds} s at 4 Mbit/s, who come within half a minute and stay to its ` +
      'end, on lines of 20/5 Mbit/s and 80 ms; an origin of 10 Mbit/s with a web seed and a tracker. Simulated, and as ' +
      `processes of Node in network namespaces with the same lines between them. Median of ${context.rounds} seeds (least to ` +
      'greatest); the same viewers come at the same times in both.',
    columns: [
      { key: 'startup', title: 'start-up, median, ms', digits: 0 },
      { key: 'slowest', title: 'slowest, ms', digits: 0 },
      { key: 'stalls', title: 'stalls in all', digits: 0 },
      { key: 'stalled', title: 'stalled in all, ms', digits: 0 },
      { key: 'offload', title: 'offload', digits: 2 },
      { key: 'received', title: 'received per viewer, MB', digits: 1, scale: 1e6 },
    ],
    rows,
    baseline: 'real',
  };
}

function feltOf(viewer: ViewerResult): Felt {
  const received = viewer.fromPeers + viewer.fromSeeder + viewer.fromHttp;
  return { ...viewer, received, http: viewer.fromHttp };
}

function figures(viewers: readonly Felt[]): Record<string, number> {
  const total = (of: (viewer: Felt) => number): number => viewers.reduce((sum, v) => sum + of(v), 0);
  const startups = viewers.map((v) => v.startupMs ?? Number.POSITIVE_INFINITY);
  const received = total((v) => v.received);
  return {
    startup: median(startups),
    slowest: Math.max(...startups),
    stalls: total((v) => v.stalls),
    stalled: total((v) => v.stalledMs),
    offload: 1 - total((v) => v.http) / received,
    received: received / viewers.length,
  };
}

/** The API's own way of making a torrent file. */
async function makeTorrent(file: string): Promise<Uint8Array> {
  const client = new Client({ tcp: false, webrtc: false, tracker: false });
  try {
    const torrent = client.seed(file, {
      announce: [`ws://${ORIGIN}:8000/announce`],
      urlList: [`http://${ORIGIN}/film.mp4`],
      pieceLength: SCENARIO.film.pieceLength,
    });
    await torrent.untilReady();
    return torrent.torrentFile!;
  } finally {
    await client.destroy();
  }
}

async function watchReally(task: {
  readonly result: SimulationResult;
  readonly film: ReturnType<typeof filmOf>;
  readonly file: string;
  readonly torrentFile: string;
  readonly folder: string;
  readonly origin: ChildScript;
  readonly viewer: ChildScript;
}): Promise<Felt[]> {
  const { viewers } = task.result;
  const lines = await startLines([
    machineOf(ORIGIN, SCENARIO.origin.webSeed!),
    ...viewers.map((_, i) => machineOf(`10.9.1.${i + 1}`, CABLE)),
  ]);
  const started: Program[] = [];
  const start = async (machine: number, script: ChildScript, ...args: string[]): Promise<Program> => {
    const program = new Program(lines.node(machine, [script.path, ...args]));
    started.push(program);
    await program.line();
    return program;
  };
  try {
    await start(0, task.origin, ORIGIN, task.file);
    const programs: Program[] = [];
    for (const i of viewers.keys()) {
      const folder = join(task.folder, String(i));
      const { torrentFile, film } = task;
      programs.push(await start(i + 1, task.viewer, JSON.stringify({ torrentFile, folder, film })));
    }
    const felt = viewers.map(async ({ arrivedAt }, i): Promise<Felt> => {
      await new Promise((resolve) => setTimeout(resolve, arrivedAt));
      return JSON.parse(await programs[i]!.ask('')) as Felt;
    });
    const patience = Math.max(...viewers.map((v) => v.leftAt)) + 120_000;
    return await within(Promise.all(felt), patience, 'the viewers on real lines');
  } finally {
    for (const program of started) program.kill();
    await lines.close();
  }
}
