import { describe, expect, it } from 'vitest';
import { firstCopies, offloadBound } from './offload-bound.ts';

const visit = (arrivedAt: number, leftAt: number, ...neededRanges: [number, number][]) => ({
  arrivedAt,
  leftAt,
  neededRanges,
});

describe('the offload bound', () => {
  it('has everything come in from outside once, as long as somebody is there', () => {
    expect(firstCopies([])).toBe(0);
    expect(firstCopies([visit(0, 10, [0, 100]), visit(5, 15, [0, 60], [80, 140])])).toBe(140);
    // The first has gone when the second comes, who finds nobody.
    expect(firstCopies([visit(20, 30, [0, 60]), visit(0, 10, [0, 100])])).toBe(160);
    expect(firstCopies([visit(0, 10, [0, 10], [50, 60], [5, 12])])).toBe(22);
  });

  it('is the part of what was received that did not have to come from there', () => {
    const plenty = [{ needed: 400, capacity: 1000 }];
    const visits = [0, 1, 2, 3].map(() => visit(0, 10, [0, 100]));
    expect(offloadBound(400, plenty, visits)).toBe(0.75);
    // They received more than they needed.
    expect(offloadBound(800, plenty, visits)).toBe(0.875);
    expect(offloadBound(100, [{ needed: 100, capacity: 0 }], [visit(0, 10, [0, 100])])).toBe(0);
    expect(offloadBound(0, [], [])).toBe(0);
    // Alone, with a full buffer that is never shown.
    expect(offloadBound(300, [{ needed: 100, capacity: 0 }], [visit(0, 10, [0, 100])])).toBe(0);
  });

  it('leaves to the origin what the lines could not have sent in time, but not what they could have sent before', () => {
    const visits = [visit(0, 10, [0, 100]), visit(0, 10, [0, 100])];
    const early = [
      { needed: 100, capacity: 150 },
      { needed: 300, capacity: 100 },
    ];
    expect(offloadBound(400, early, visits)).toBeCloseTo(1 - 150 / 400);
    const late = [
      { needed: 300, capacity: 100 },
      { needed: 100, capacity: 400 },
    ];
    expect(offloadBound(400, late, visits)).toBeCloseTo(1 - 200 / 400);
  });
});
