import { describe, expect, it } from 'vitest';
import { Parallelism } from './web-seed-parallel.ts';

/** The counts over time at a server where `rateOf(count)` bytes per second come. */
function simulate(seconds: number, max: number, rateOf: (count: number) => number): number[] {
  const parallel = new Parallelism();
  const counts: number[] = [];
  for (let second = 0; second < seconds; second++) {
    parallel.update(second * 1000, rateOf(parallel.count), max);
    counts.push(parallel.count);
  }
  return counts;
}

describe('Parallelism', () => {
  it('begins with one', () => expect(simulate(4, 4, () => 1000)).toEqual([1, 1, 1, 1]));

  it('grows to the most allowed where each connection is limited', () => {
    expect(simulate(60, 4, (count) => count * 1000).at(-1)).toBe(4);
  });

  it('stays with one where the line is full, and tries less and less often', () => {
    const counts = simulate(300, 4, () => 1000);
    expect(Math.max(...counts)).toBe(2);
    expect(counts.filter((count) => count === 2).length).toBeLessThan(40);
  });

  it('stops growing where it stops helping', () => {
    const counts = simulate(300, 8, (count) => Math.min(count, 3) * 1000);
    expect(counts.filter((count) => count >= 3).length).toBeGreaterThan(250);
    expect(Math.max(...counts)).toBe(4);
  });

  it('keeps to a bound that falls, and forgets when reset', () => {
    const parallel = new Parallelism();
    for (let second = 0; second < 60; second++) parallel.update(second * 1000, parallel.count * 1000, 4);
    expect(parallel.count).toBe(4);
    parallel.update(60_000, 4000, 2);
    expect(parallel.count).toBe(2);
    parallel.reset();
    expect(parallel.count).toBe(1);
  });

  it('tries nothing while nothing comes', () => expect(Math.max(...simulate(60, 4, () => 0))).toBe(1));
});
