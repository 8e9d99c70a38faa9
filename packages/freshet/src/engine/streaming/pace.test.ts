import { describe, expect, it } from 'vitest';
import { Pace } from './pace.ts';

const KB = 1000;

/** Reads at these bytes per second, in steps of 100 ms, from a time to another. */
function read(pace: Pace, rate: number, from: number, to: number, mediaRate?: number): void {
  for (let now = from; now < to; now += 100) {
    pace.onAsked(now);
    pace.onDelivered(now, rate / 10, mediaRate);
  }
}

describe('rate of deadlines', () => {
  it("is the film's, with room for its peaks, from the first moment", () => {
    const pace = new Pace(0);
    expect(pace.deadlineRate(0, 100 * KB)).toBe(125 * KB);
    read(pace, 3000 * KB, 0, 4000, 100 * KB);
    read(pace, 100 * KB, 4000, 30_000, 100 * KB);
    expect(pace.deadlineRate(30_000, 100 * KB)).toBe(125 * KB);
  });

  it('without it is assumed at first, and then measured, from an eighth of that up', () => {
    const pace = new Pace(0);
    expect(pace.deadlineRate(0, undefined)).toBe(1000 * KB);
    read(pace, 300 * KB, 0, 10_000);
    expect(pace.deadlineRate(10_000, undefined)).toBeCloseTo(300 * KB);
    expect(pace.deadlineRate(1e6, undefined)).toBe(125 * KB);
    pace.onJumped(1e6);
    expect(pace.deadlineRate(1e6, undefined)).toBe(1000 * KB);
  });

  it('follows who plays twice as fast, once it is clear that no buffer is being filled', () => {
    const pace = new Pace(0);
    read(pace, 200 * KB, 0, 59_000, 100 * KB);
    expect(pace.deadlineRate(59_000, 100 * KB)).toBe(125 * KB);
    read(pace, 200 * KB, 59_000, 70_000, 100 * KB);
    expect(pace.deadlineRate(70_000, 100 * KB)).toBeCloseTo(250 * KB);
  });
});

describe('lead', () => {
  it("counts in the film's own time, up to ten seconds of it", () => {
    const pace = new Pace(0);
    pace.onAsked(0);
    pace.onDelivered(0, 300 * KB, 100 * KB);
    expect(pace.lead(0)).toBe(3000);
    pace.onDelivered(0, 600 * KB, 100 * KB);
    expect(pace.lead(0)).toBe(9000);
    pace.onDelivered(0, 600 * KB, 100 * KB);
    expect(pace.lead(0)).toBe(10_000);
  });

  it('lasts no longer than the bytes do when nothing comes any more', () => {
    const pace = new Pace(0);
    // A minute's worth in ten seconds.
    read(pace, 600 * KB, 0, 10_000, 100 * KB);
    pace.onAsked(10_000);
    expect(pace.lead(10_000)).toBeGreaterThan(9800);
    expect(pace.lead(15_000)).toBeLessThan(5000);
    expect(pace.lead(20_000)).toBe(0);
    expect(pace.lead(60_000)).toBe(0);
  });

  it('shrinks where bytes come, but too slowly for a film of unknown rate', () => {
    const pace = new Pace(0);
    read(pace, 1500 * KB, 0, 5000);
    const after = pace.lead(5000);
    expect(after).toBeLessThan(3000);
    read(pace, 1000 * KB, 5000, 60_000);
    expect(pace.lead(60_000)).toBeLessThan(after);
  });

  it('is kept by who asks for nothing: it has enough', () => {
    const pace = new Pace(0);
    pace.onAsked(0);
    pace.onDelivered(0, 1000 * KB, 100 * KB);
    expect(pace.lead(1000)).toBe(9000);
    expect(pace.lead(2000)).toBe(8000);
    expect(pace.lead(600_000)).toBe(8000);
    pace.onAsked(600_000);
    expect(pace.lead(601_000)).toBe(7000);
  });

  it('is nothing for who reads as fast as the film plays, and after a jump', () => {
    const pace = new Pace(0);
    read(pace, 100 * KB, 0, 20_000, 100 * KB);
    expect(pace.lead(20_000)).toBeLessThanOrEqual(100);
    pace.onDelivered(20_000, 500 * KB, 100 * KB);
    pace.onJumped(20_000);
    expect(pace.lead(20_000)).toBe(0);
  });
});
