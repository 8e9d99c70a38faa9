import { SeededRandom } from 'freshet/memory';
import { describe, expect, it } from 'vitest';
import { type Arrivals, arrivalTimes, exponential, fraction } from './arrivals.ts';

const times = (arrivals: Arrivals, count: number, seed = 1): number[] =>
  arrivalTimes(arrivals, count, new SeededRandom(seed));

function moments(values: readonly number[]): { mean: number; variance: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return { mean, variance: values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length };
}

describe('arrivals', () => {
  it('of a Poisson process have as much variance as mean, in any minute', () => {
    const all = times({ kind: 'poisson', minutes: 1000 }, 20_000);
    expect(all).toEqual([...all].sort((a, b) => a - b));
    const minutes = Array.from({ length: 950 }, () => 0);
    for (const at of all) {
      const minute = Math.floor(at / 60_000);
      if (minute < minutes.length) minutes[minute]!++;
    }
    const { mean, variance } = moments(minutes);
    expect(mean).toBeCloseTo(20, 0);
    expect(variance / mean).toBeGreaterThan(0.85);
    expect(variance / mean).toBeLessThan(1.15);
  });

  it('of a crowd are anywhere in its minute, of a ramp mostly in the middle', () => {
    const crowd = times({ kind: 'flash' }, 4000);
    expect(Math.max(...crowd)).toBeLessThan(60_000);
    expect(moments(crowd).mean / 30_000).toBeCloseTo(1, 1);
    const ramp = times({ kind: 'ramp', minutes: 10 }, 4000);
    const middle = ramp.filter((at) => at >= 150_000 && at < 450_000).length;
    expect(middle / ramp.length).toBeCloseTo(0.75, 1);
    expect(times({ kind: 'together' }, 3)).toEqual([0, 0, 0]);
  });

  it('are the same for the same seed', () => {
    const poisson: Arrivals = { kind: 'poisson', minutes: 5 };
    expect(times(poisson, 50, 7)).toEqual(times(poisson, 50, 7));
    expect(times(poisson, 50, 7)).not.toEqual(times(poisson, 50, 8));
  });

  it('leave after exponential times', () => {
    const random = new SeededRandom(3);
    const stays = Array.from({ length: 20_000 }, () => exponential(360, random));
    const { mean, variance } = moments(stays);
    expect(mean / 360).toBeCloseTo(1, 1);
    expect(Math.sqrt(variance) / 360).toBeCloseTo(1, 1);
    expect(stays.filter((stay) => stay > 360).length / stays.length).toBeCloseTo(Math.exp(-1), 1);
    expect(fraction(random)).toBeLessThan(1);
  });
});
