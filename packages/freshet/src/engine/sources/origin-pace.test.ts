import { describe, expect, it } from 'vitest';
import { OriginPace } from './origin-pace.ts';

const KIB = 1024;

describe('OriginPace', () => {
  /** The interval right after runs of so many KiB that took so many milliseconds. */
  function after(...runs: readonly (readonly [kib: number, elapsed: number])[]): number {
    const pace = new OriginPace();
    for (const [kib, elapsed] of runs) pace.onRun(kib * KIB, elapsed, 0);
    return pace.interval(0);
  }

  it.each<[string, (readonly [number, number])[], number]>([
    ['is a second at first', [], 1000],
    ['stays so while runs are fast', [[256, 300]], 1000],
    ['and when they take two seconds', [[256, 2000]], 1000],
    ['grows with the time that a run took', [[256, 6000]], 3000],
    ['by bytes: a long run may take longer', [[1024, 8000]], 1000],
    ['and a short one may not', [[128, 4000]], 4000],
    ['grows eightfold by one run at most', [[256, 60_000]], 8000],
    [
      'to about a minute',
      [
        [256, 60_000],
        [256, 60_000],
        [256, 60_000],
      ],
      64_000,
    ],
    [
      'is halved by a fast one at most',
      [
        [256, 16_000],
        [256, 10],
      ],
      4000,
    ],
    [
      'stays when runs take as long as they should',
      [
        [256, 16_000],
        [256, 2000],
        [256, 2000],
      ],
      8000,
    ],
    ['takes no notice of a few blocks that come soon', [[48, 2000]], 1000],
    ['but of some that took long', [[48, 3000]], 6000],
    ['and of waiting for nothing', [[0, 4000]], 8000],
    ['not of runs that were given up at once', [[0, 500]], 1000],
  ])('%s', (_name, runs, expected) => expect(after(...runs)).toBe(expected));

  it.each([
    [0, 8000],
    [1000, 7700],
    [10_000, 5000],
    [60_000, 1000],
  ])('shrinks with time: after %i ms it is %i', (time, expected) => {
    const pace = new OriginPace();
    pace.onRun(256 * KIB, 60_000, 0);
    expect(pace.interval(time)).toBe(expected);
  });

  it('counts from what time has made of it', () => {
    const pace = new OriginPace();
    pace.onRun(256 * KIB, 60_000, 0);
    pace.onRun(256 * KIB, 4000, 10_000);
    expect(pace.interval(10_000)).toBe(10_000);
  });

  describe('with runs under way', () => {
    interface Run {
      position: number;
      held: boolean;
    }
    const run = (): Run => ({ position: 1024 * KIB, held: false });

    it('times each from the first look to the one that misses it', () => {
      const pace = new OriginPace();
      const [slow, fast] = [run(), run()];
      pace.look(new Set([slow, fast]), 0);
      fast.position += 256 * KIB;
      pace.look(new Set([slow]), 1000);
      expect(pace.interval(1000)).toBe(1000);
      slow.position += 256 * KIB;
      pace.look(new Set(), 8000);
      expect(pace.interval(8000)).toBe(4000);
      // It is gone, and counts once.
      pace.look(new Set(), 9000);
      expect(pace.interval(9000)).toBe(3700);
    });

    it('goes by what came of a run that ended early', () => {
      const pace = new OriginPace();
      const early = run();
      pace.look(new Set([early]), 0);
      early.position += 64 * KIB;
      pace.look(new Set(), 2000);
      expect(pace.interval(2000)).toBe(4000);
    });

    it('leaves out the time in which a run was paused', () => {
      const pace = new OriginPace();
      const paused = run();
      pace.look(new Set([paused]), 0);
      paused.held = true;
      pace.look(new Set([paused]), 1000);
      paused.held = false;
      pace.look(new Set([paused]), 30_000);
      paused.position += 256 * KIB;
      pace.look(new Set(), 31_000);
      expect(pace.interval(31_000)).toBe(1000);
    });

    it('says nothing of one that ended while it was paused', () => {
      const pace = new OriginPace();
      const paused = run();
      pace.look(new Set([paused]), 0);
      paused.held = true;
      pace.look(new Set(), 30_000);
      expect(pace.interval(30_000)).toBe(1000);
    });
  });
});
