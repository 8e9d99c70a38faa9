/** Made-up runs, for the tests of reports. */

import { SeededRandom } from 'freshet/memory';
import type { SimulationResult, SwarmSample, ViewerResult } from '../src/metrics/result.ts';
import { summarise } from '../src/metrics/summary.ts';
import { replayCommand } from '../src/replay.ts';
import type { Run, Series } from '../src/report/runs.ts';

export interface MadeUp {
  readonly seed?: number | undefined;
  readonly peers?: number | undefined;
  readonly policy?: string | undefined;
  /** Makes everything slower, above 1. */
  readonly slow?: number | undefined;
}

const MINUTE = 60_000;
const FILM = 300_000_000;

/** Viewers who come at random within ten minutes, and a swarm that serves most of them. */
export function madeUpResult({
  seed = 1,
  peers = 200,
  policy = 'freshet',
  slow = 1,
}: MadeUp = {}): SimulationResult {
  const random = { next: uniform(seed) };
  const exponential = (mean: number): number => -Math.log(1 - random.next()) * mean;
  const viewers = Array.from({ length: peers }, (_, i): ViewerResult => {
    const arrivedAt = (i / peers) * 10 * MINUTE + random.next() * 2000;
    const stay = Math.min(10 * MINUTE, exponential(6 * MINUTE));
    const startupMs = slow * (260 + exponential(180));
    const started = startupMs < stay;
    const watchedMs = started ? stay - startupMs : 0;
    const received = Math.min(FILM, stay * 900);
    const stalls = random.next() < 0.03 * slow ? 1 + Math.floor(exponential(slow)) : 0;
    const fromHttp = received * Math.min(1, 0.15 * slow);
    return {
      arrivedAt,
      leftAt: arrivedAt + stay,
      startupMs: started ? startupMs : undefined,
      stalls: started ? stalls : 0,
      stalledMs: started ? stalls * exponential(800) : 0,
      watchedMs,
      seekMs: Array.from({ length: Math.floor(exponential(1)) }, () => slow * (200 + exponential(250))),
      completedAt: received === FILM ? arrivedAt + FILM / 900 : undefined,
      fromPeers: received - fromHttp,
      fromSeeder: 0,
      fromHttp,
      uploaded: Math.min(stay * 625, exponential(received)),
      wasted: received * 0.003 * slow * random.next(),
    };
  });
  const end = Math.max(...viewers.map(({ leftAt }) => leftAt));
  const timeline: SwarmSample[] = [];
  for (let at = 5000; at < end + 5000; at += 5000) timeline.push(sampleAt(at, viewers, slow, random));
  return {
    scenario: 'poisson',
    seed,
    peers,
    mode: 'detailed',
    policy,
    durationMs: end,
    viewers,
    timeline,
    tracker: { received: peers * 9, sent: peers * 14 },
    http: { requests: Math.round(peers * 31 * slow), bytes: viewers.reduce((sum, v) => sum + v.fromHttp, 0) },
    offloadBound: 0.93,
    events: peers * 41_234,
    digest: `made-up-${seed}`,
  };
}

function sampleAt(
  at: number,
  all: readonly ViewerResult[],
  slow: number,
  random: { next(): number },
): SwarmSample {
  const present = all.filter(({ arrivedAt, leftAt }) => arrivedAt < at && leftAt > at);
  const received = present.length * 600_000 * 5 * (0.9 + 0.2 * random.next());
  const http = Math.min(1, 0.12 * slow + 2 / (present.length + 1));
  const availability = Array.from({ length: 100 }, (_, part) => {
    const due = part * 3000;
    return present.filter(({ arrivedAt }) => (at - arrivedAt) * 1.6 > due || random.next() < 0.02).length;
  });
  const stalled = Math.round(present.length * 0.004 * slow * random.next() * 3);
  return {
    at,
    viewers: present.length,
    playing: Math.max(0, present.length - stalled - Math.round(random.next() * 2)),
    stalled,
    fromPeers: received * (1 - http),
    fromSeeder: 0,
    fromHttp: received * http,
    uploadCapacity: present.length * 625_000 * 5,
    availability,
  };
}

export function madeUpRun(options: MadeUp = {}): Run {
  const result = madeUpResult(options);
  const { scenario, seed, peers, policy } = result;
  return {
    result,
    summary: summarise(result),
    cpuMs: 12_340,
    command: replayCommand(scenario, { peers, seed, policy }),
    stopped: false,
  };
}

export function madeUpSeries(options: MadeUp = {}, repeat = 1): Series {
  const { policy = 'freshet', seed = 1 } = options;
  return {
    policy,
    runs: Array.from({ length: repeat }, (_, i) => madeUpRun({ ...options, seed: seed + i })),
  };
}

/** Numbers in [0, 1). */
function uniform(seed: number): () => number {
  const random = new SeededRandom(seed);
  return () => random.next() / 2 ** 32;
}
