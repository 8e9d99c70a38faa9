import { describe, expect, it } from 'vitest';
import { summarise } from './metrics/summary.ts';
import { withReplay } from './replay.ts';
import { small } from './scenarios/index.ts';
import { simulate } from './simulate.ts';

describe('a simulation', () => {
  it('of ten viewers keeps what is promised to them', async () => {
    await withReplay(small, { seed: 1 }, async () => {
      const result = await simulate(small, { seed: 1 });
      const summary = summarise(result);
      expect(summary.viewers).toBe(10);
      expect(summary.neverStarted).toBe(0);
      expect(summary.startupMs.p50).toBeLessThan(1000);
      expect(summary.startupMs.p95).toBeLessThan(2000);
      expect(summary.stallsPerHour).toBeLessThan(0.1);
      expect(summary.offload).toBeGreaterThan(0.5);
      expect(summary.offload).toBeLessThanOrEqual(summary.offloadBound);
      expect(summary.wastedShare).toBeLessThan(0.05);
    });
  });

  it('is the same for the same seed, and another one for another', async () => {
    const once = await simulate(small, { peers: 4, seed: 7 });
    expect(await simulate(small, { peers: 4, seed: 7 })).toEqual(once);
    expect((await simulate(small, { peers: 4, seed: 8 })).digest).not.toBe(once.digest);
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
