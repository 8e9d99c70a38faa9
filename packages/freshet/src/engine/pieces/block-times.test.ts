import { describe, expect, it } from 'vitest';
import { BlockTimes } from './block-times.ts';

describe('when a block is late', () => {
  it('is the mean and four deviations, within bounds', () => {
    const times = new BlockTimes();
    expect(times.lateAfter).toBe(3000);
    for (let i = 0; i < 200; i++) times.observe(10);
    expect(times.lateAfter).toBe(400);
    for (let i = 0; i < 200; i++) times.observe(60_000);
    expect(times.lateAfter).toBe(8000);
    for (let i = 0; i < 200; i++) times.observe(1000);
    expect(times.lateAfter).toBeGreaterThan(1000);
    expect(times.lateAfter).toBeLessThan(1010);
  });

  it('is sooner for what is needed soon, if another peer would have it sooner', () => {
    const times = new BlockTimes();
    expect([1000, 999].map((slack) => times.lateWithin(slack, 500))).toEqual([3000, 600]);
    expect(times.lateWithin(0, 0)).toBe(250);
    expect(times.lateWithin(0, 60_000)).toBe(3000);
  });
});
