import { describe, expect, it } from 'vitest';
import { SeededRandom, VirtualClock } from '../memory/index.ts';
import { CoarseClock } from './coarse-clock.ts';

describe('CoarseClock', () => {
  it('fires long timers within a second of their time, never before, with one timer of the clock below', () => {
    const below = new VirtualClock();
    const clock = new CoarseClock(below);
    const random = new SeededRandom(5);
    const late: number[] = [];
    for (let i = 0; i < 1000; i++) {
      const delay = 5000 + random.below(100_000);
      clock.setTimer(delay, () => late.push(below.now() - delay));
    }
    expect(below.pending).toBe(1);
    below.advance(200_000);
    expect([late.length, Math.min(...late) >= 0, Math.max(...late) <= 1000, below.pending]).toEqual([
      1000,
      true,
      true,
      0,
    ]);
  });

  it('keeps short timers exact', () => {
    const below = new VirtualClock();
    const clock = new CoarseClock(below);
    let at = -1;
    clock.setTimer(1234, () => {
      at = clock.now();
    });
    below.advance(5000);
    expect([at, clock.wallTime()]).toEqual([1234, below.wallTime()]);
  });

  it('leaves no timer when all are cancelled, from within a callback too, and goes on after one that throws', () => {
    const below = new VirtualClock();
    const clock = new CoarseClock(below);
    const fired: string[] = [];
    const first = clock.setTimer(10_000, () => fired.push('first'));
    const second = clock.setTimer(20_000, () => fired.push('second'));
    first.cancel();
    first.cancel();
    expect(below.pending).toBe(1);
    second.cancel();
    expect(below.pending).toBe(0);
    clock.setTimer(30_000, () => other.cancel());
    const other = clock.setTimer(30_000, () => fired.push('other'));
    clock.setTimer(40_000, () => {
      throw new Error('thrown');
    });
    clock.setTimer(40_000, () => clock.setTimer(50_000, () => fired.push('last')));
    below.advance(35_000);
    expect(() => below.advance(10_000)).toThrow('thrown');
    below.advance(100_000);
    expect([fired, below.pending]).toEqual([['last'], 0]);
  });
});
