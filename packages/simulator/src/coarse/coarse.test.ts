import { describe, expect, it } from 'vitest';
import { summarise } from '../metrics/summary.ts';
import type { Scenario } from '../scenario.ts';
import { scenarios } from '../scenarios/index.ts';
import { simulate } from '../simulate.ts';

const poisson = scenarios.get('poisson') as Scenario;

describe('the coarse model', () => {
  it('gives out no byte that nobody sent, and no more than the lines carry', async () => {
    const { viewers, timeline, http } = await simulate(poisson, { peers: 30, seed: 2, mode: 'coarse' });
    const sum = (of: (viewer: (typeof viewers)[number]) => number): number =>
      viewers.reduce((total, viewer) => total + of(viewer), 0);
    expect(sum((v) => v.fromPeers)).toBeCloseTo(
      sum((v) => v.uploaded),
      -3,
    );
    expect(sum((v) => v.fromHttp) / http.bytes).toBeCloseTo(1, 5);
    for (const sample of timeline)
      expect(sample.fromPeers).toBeLessThanOrEqual(sample.uploadCapacity * 1.05 + 1e6);
    expect(viewers.length).toBe(30);
  });

  it('runs the same from the same seed', async () => {
    const once = await simulate(poisson, { peers: 12, seed: 5, mode: 'coarse' });
    expect(await simulate(poisson, { peers: 12, seed: 5, mode: 'coarse' })).toEqual(once);
    const other = await simulate(poisson, { peers: 12, seed: 6, mode: 'coarse' });
    expect(other.digest).not.toBe(once.digest);
  });

  it('agrees with real engines on what matters', async () => {
    const options = { peers: 16, seed: 4, minutes: 5 };
    const detailed = summarise(await simulate(poisson, options));
    const coarse = summarise(await simulate(poisson, { ...options, mode: 'coarse' }));
    expect(coarse.startupMs.p50! / detailed.startupMs.p50!).toBeGreaterThan(0.6);
    expect(coarse.startupMs.p50! / detailed.startupMs.p50!).toBeLessThan(1.6);
    expect(Math.abs(coarse.offload! - detailed.offload!)).toBeLessThan(0.15);
    expect(coarse.received / detailed.received).toBeGreaterThan(0.75);
    expect(coarse.received / detailed.received).toBeLessThan(1.3);
  }, 60_000);

  it('refuses what it does not model', async () => {
    const download = scenarios.get('download') as Scenario;
    await expect(simulate(download, { seed: 1, mode: 'coarse' })).rejects.toThrow('runs in the detailed one');
  });
});
