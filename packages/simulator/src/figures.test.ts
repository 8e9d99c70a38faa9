import { describe, expect, it } from 'vitest';
import { type Summary, summarise } from './metrics/summary.ts';
import { withReplay } from './replay.ts';
import { scenarios } from './scenarios/index.ts';
import { type SimulateOptions, simulate } from './simulate.ts';

async function figures(name: string, options: SimulateOptions): Promise<Summary> {
  return summarise(await simulate(scenarios.get(name)!, options));
}

/** What docs/simulation.md reports at full size, small, with margins. */
describe('what viewers feel', () => {
  it('begins as soon as over plain HTTP from an idle origin when viewers come one by one', async () => {
    const idle = await figures('lonely', { seed: 1, minutes: 0.5, policy: 'http' });
    const options = { peers: 12, seed: 3, minutes: 5 };
    await withReplay('poisson', options, async () => {
      const swarm = await figures('poisson', options);
      expect(swarm.startupMs.p50).toBeLessThanOrEqual(1.1 * idle.startupMs.p50!);
      expect(swarm.startupMs.p95).toBeLessThan(2000);
      expect(swarm.neverStarted).toBe(0);
      expect(swarm.stallsPerHour).toBeLessThan(0.1);
      expect(swarm.offloadRatio).toBeGreaterThan(0.5);
      expect(swarm.wastedShare).toBeLessThan(0.05);
    });
  }, 60_000);

  it('plays on in a crowd that its origin could not serve, which plain HTTP does not', async () => {
    const options = { peers: 30, seed: 3, minutes: 2 };
    await withReplay('flash', options, async () => {
      const swarm = await figures('flash', options);
      const http = await figures('flash', { ...options, policy: 'http' });
      expect(swarm.startupMs.p50).toBeLessThan(900);
      expect(swarm.startupMs.p95).toBeLessThan(2000);
      expect(swarm.stalledShare).toBeLessThan(0.01);
      expect(http.stalledShare).toBeGreaterThan(0.2);
      expect(swarm.offloadRatio).toBeGreaterThan(0.78);
    });
  }, 60_000);
});
