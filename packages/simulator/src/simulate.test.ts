import { describe, expect, it } from 'vitest';
import { filmOf } from './film.ts';
import { summarise } from './metrics/summary.ts';
import { withReplay } from './replay.ts';
import { CABLE, type Scenario } from './scenario.ts';
import { lonely, small } from './scenarios/index.ts';
import { simulate } from './simulate.ts';

/** Of a machine that does much else. */
const PATIENCE = { timeout: 120_000 };

describe('a simulation', PATIENCE, () => {
  it('of ten viewers keeps what is promised to them', async () => {
    await withReplay(small, { seed: 1 }, async () => {
      const result = await simulate(small, { seed: 1 });
      const summary = summarise(result);
      expect(summary.viewers).toBe(10);
      expect(summary.neverStarted).toBe(0);
      expect(summary.startupMs.p50).toBeLessThan(600);
      expect(summary.startupMs.p95).toBeLessThan(1000);
      expect(summary.stallsPerHour).toBeLessThan(0.1);
      expect(summary.offload).toBeGreaterThan(0.5);
      expect(summary.offload).toBeLessThanOrEqual(summary.offloadBound);
      expect(summary.wastedShare).toBeLessThan(0.05);
    });
  });

  it('is the same for the same seed, and another one for another', async () => {
    const once = await simulate(small, { peers: 3, seed: 7 });
    expect(await simulate(small, { peers: 3, seed: 7 })).toEqual(once);
    expect((await simulate(small, { peers: 3, seed: 8 })).digest).not.toBe(once.digest);
  });

  it('ends with what there is when it is told to, and after the minutes that it was given', async () => {
    const stopped = AbortSignal.abort();
    const nothing = await simulate(small, { seed: 1, signal: stopped });
    expect(nothing.durationMs).toBeLessThan(60_000);
    const brief = await simulate(small, { peers: 3, seed: 1, minutes: 0.4 });
    expect(brief.durationMs).toBeLessThanOrEqual(24_000);
    expect(brief.viewers.every(({ leftAt }) => leftAt <= 24_000)).toBe(true);
    await expect(simulate(small, { seed: 1, policy: 'wishful' })).rejects.toThrow('no policy "wishful"');
  });
});

describe('plain HTTP', PATIENCE, () => {
  it('from an idle origin takes two round trips, a slow start, and the rest at the speed of the line', async () => {
    const { viewers, http, offloadBound } = await simulate(lonely, { seed: 1, policy: 'http', minutes: 0.1 });
    const { head, rate } = filmOf(600, 500_000);
    // Ten packets, twice as many in each round trip of 80 ms: the fifth window is more than what the path holds.
    let left = head + 0.3 * rate;
    let at = 160;
    for (let window = 14_600; window < 2_500_000 * 0.08; window *= 2) {
      left -= window;
      at += 80;
    }
    const startup = at + left / 2500;
    expect(startup).toBeGreaterThan(500);
    expect(viewers[0]!.startupMs).toBeGreaterThan(startup - 20);
    expect(viewers[0]!.startupMs).toBeLessThan(1.1 * startup);
    expect([http.requests, offloadBound]).toEqual([1, 0]);
  });

  it('from a loaded origin takes as long as all bytes take on its line, shared equally', async () => {
    const loaded: Scenario = {
      ...small,
      film: { seconds: 20, bytesPerSecond: 250_000 },
      arrivals: { kind: 'together' },
      stay: {},
      lines: [{ weight: 1, line: CABLE }],
      origin: { webSeed: { up: 2_000_000, latencyMs: 20 } },
    };
    const { viewers, http } = await simulate(loaded, { seed: 1, policy: 'http' });
    // 50 MB at 2 MB/s, and two percent of headers; the film itself takes 20 s.
    for (const { leftAt, startupMs, stalledMs, stalls, watchedMs, fromHttp } of viewers) {
      expect(leftAt / 1000).toBeGreaterThan(24);
      expect(leftAt / 1000).toBeLessThan(27);
      expect(watchedMs).toBeCloseTo(20_000, -1);
      expect(stalls).toBeGreaterThan(0);
      expect((startupMs ?? 0) + stalledMs + watchedMs).toBeCloseTo(leftAt, -1);
      expect(fromHttp).toBe(5_000_000);
    }
    expect(http.bytes / 50e6).toBeGreaterThan(1);
    expect(http.bytes / 50e6).toBeLessThan(1.05);
  });
});

describe('policies of others', PATIENCE, () => {
  it.each(['sequential', 'rarest', 'window'])(
    '"%s" runs on the same engine and shows the film',
    async (policy) => {
      const summary = summarise(await simulate(small, { peers: 4, seed: 3, policy }));
      expect(summary.neverStarted).toBe(0);
      expect(summary.offload).toBeGreaterThan(0);
      expect(summary.offload).toBeLessThanOrEqual(summary.offloadBound);
    },
  );
});

describe('what viewers do', PATIENCE, () => {
  it('has them seek and pause, download without watching, and be served by a seeder', async () => {
    const busy = await simulate({ ...small, seeksPerMinute: 6, pausesPerMinute: 2 }, { peers: 4, seed: 5 });
    const { seekMs } = summarise(busy);
    expect(seekMs.count).toBeGreaterThan(4);
    expect(seekMs.p50).toBeLessThan(1000);

    const seeded = {
      ...small,
      origin: { seeder: { up: 6_250_000, latencyMs: 20 } },
      purpose: 'download',
    } as const;
    const { viewers, http } = await simulate(seeded, { peers: 3, seed: 5 });
    expect(http.requests).toBe(0);
    expect(viewers.filter(({ completedAt }) => completedAt !== undefined).length).toBeGreaterThan(0);
    for (const { startupMs, fromSeeder, fromHttp } of viewers) {
      expect(startupMs).toBeUndefined();
      expect(fromHttp).toBe(0);
      expect(fromSeeder).toBeGreaterThan(0);
    }
  });
});
