import { describe, expect, it } from 'vitest';
import { fairSlots, MAX_UPLOAD_SLOTS, MIN_UPLOAD_SLOTS, UploadSlots } from './upload-slots.ts';

interface Line {
  /** Bytes per second that our line carries. */
  readonly line: number;
  /** Bytes per second that each peer can take. */
  readonly each: number;
  readonly peers: number;
  readonly limit?: number;
}

/** The numbers of slots over so many rounds on a line that its peers share evenly. */
function run({ line, each, peers, limit }: Line, rounds: number, slots = new UploadSlots(limit)): number[] {
  const counts: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const taken = Math.min(slots.count, peers);
    slots.next({
      rate: Math.min(line, limit ?? Number.POSITIVE_INFINITY, taken * each),
      taken,
      waiting: peers - taken,
      limit,
    });
    counts.push(slots.count);
  }
  return counts;
}

const mean = (list: readonly number[]): number => list.reduce((sum, n) => sum + n, 0) / list.length;

describe('fairSlots', () => {
  it('grows with the square root of the line, within bounds', () => {
    expect([0, 20_000, 100_000, 1_000_000, 10_000_000, 1e9].map(fairSlots)).toEqual([
      MIN_UPLOAD_SLOTS,
      MIN_UPLOAD_SLOTS,
      6,
      22,
      69,
      MAX_UPLOAD_SLOTS,
    ]);
  });
});

describe('UploadSlots', () => {
  it('divides a line that is the narrow one by what it carries', () => {
    for (const line of [100_000, 1_000_000]) {
      const counts = run({ line, each: 1e9, peers: 150 }, 60);
      const fair = fairSlots(line);
      expect(mean(counts.slice(10))).toBeGreaterThanOrEqual(fair);
      expect(mean(counts.slice(10))).toBeLessThan(fair * 1.1);
    }
  });

  it('goes on as long as each further slot brings as much as those before', () => {
    const counts = run({ line: 1e9, each: 20_000, peers: 120 }, 60);
    expect(counts.at(-1)).toBeGreaterThanOrEqual(120);
    // Fifty peers fill this line; sixty would take from each other.
    const filled = run({ line: 1_000_000, each: 20_000, peers: 120 }, 100).slice(30);
    expect(mean(filled)).toBeGreaterThan(40);
    expect(mean(filled)).toBeLessThan(65);
  });

  it('holds to a limit, whatever the line could carry', () => {
    const counts = run({ line: 1e9, each: 1e9, peers: 100, limit: 40_000 }, 60);
    expect(Math.max(...counts)).toBe(MIN_UPLOAD_SLOTS);
    expect(Math.max(...run({ line: 1e9, each: 1e9, peers: 100, limit: 400_000 }, 60))).toBe(
      fairSlots(400_000),
    );
  });

  it('uses a limit up where the peers are the slow ones', () => {
    const counts = run({ line: 1e9, each: 5000, peers: 100, limit: 200_000 }, 100).slice(40);
    // Forty of them take what is allowed; fairSlots would leave four fifths of it unused.
    expect(mean(counts)).toBeGreaterThan(30);
  });

  it('comes down when the line becomes slower', () => {
    const slots = new UploadSlots(undefined);
    expect(run({ line: 1_000_000, each: 1e9, peers: 100 }, 30, slots).at(-1)).toBeGreaterThanOrEqual(22);
    expect(run({ line: 100_000, each: 1e9, peers: 100 }, 60, slots).at(-1)).toBeLessThanOrEqual(8);
  });

  it('stays within its bounds, and as it is while nobody waits', () => {
    expect(Math.max(...run({ line: 1e12, each: 1e9, peers: 1000 }, 60))).toBe(MAX_UPLOAD_SLOTS);
    expect(Math.min(...run({ line: 100, each: 1e9, peers: 1000 }, 60))).toBe(MIN_UPLOAD_SLOTS);
    expect(new Set(run({ line: 1e9, each: 1e6, peers: 8 }, 20))).toEqual(new Set([8]));
  });
});
