import { describe, expect, it } from 'vitest';
import { SeededRandom, VirtualClock } from './index.ts';

describe('VirtualClock', () => {
  it('stands still until it is moved, and lands where it was told to', () => {
    const clock = new VirtualClock({ epoch: 1000 });
    expect([clock.now(), clock.wallTime()]).toEqual([0, 1000]);
    clock.advance(250);
    expect([clock.now(), clock.wallTime()]).toEqual([250, 1250]);
    clock.setWallTime(5);
    clock.advance(10);
    expect([clock.now(), clock.wallTime()]).toEqual([260, 15]);
  });

  it('shows each timer its own time', () => {
    const clock = new VirtualClock();
    const seen: number[] = [];
    for (const delay of [30, 10, 20]) clock.setTimer(delay, () => seen.push(clock.now()));
    clock.setTimer(10, () => clock.setTimer(5, () => seen.push(clock.now())));
    clock.advance(25);
    expect(seen).toEqual([10, 15, 20]);
    expect(clock.pending).toBe(1);
    clock.advance(5);
    expect(seen).toEqual([10, 15, 20, 30]);
  });

  it('moves for every delay above zero, however late it is: who waits for a remainder comes to an end', () => {
    for (const start of [0, 1, 100 / 3, 1e6 / 7, 1e9 / 7, 1e12 / 7]) {
      const clock = new VirtualClock();
      clock.advance(start);
      const interval = 1000 / 3;
      const begun = clock.now();
      let looks = 0;
      const look = (): void => {
        looks++;
        const left = interval - (clock.now() - begun);
        if (left > 0) clock.setTimer(left, look);
      };
      look();
      for (let steps = 0; steps < 100 && clock.pending > 0; steps++) clock.step(clock.now() + 1000);
      expect(clock.pending).toBe(0);
      expect(looks).toBeLessThan(10);
      const before = clock.now();
      for (const delay of [1e-30, Number.MIN_VALUE]) {
        let firedAt = -1;
        clock.setTimer(delay, () => {
          firedAt = clock.now();
        });
        clock.runUntilIdle(1);
        expect(firedAt).toBeGreaterThan(before);
        expect(firedAt - before).toBeLessThan(0.001);
      }
      // What is due at once stays so.
      const at = clock.now();
      for (const delay of [0, -1, Number.NaN]) clock.setTimer(delay, () => expect(clock.now()).toBe(at));
      clock.runUntilIdle(1);
    }
  });

  it('keeps order over thousands of timers set and cancelled at random', () => {
    const clock = new VirtualClock();
    const random = new SeededRandom(1);
    const fired: number[] = [];
    const expected: { time: number; id: number }[] = [];
    for (let id = 0; id < 5000; id++) {
      const time = random.below(500);
      const timer = clock.setTimer(time, () => fired.push(id));
      if (random.below(3) > 0) timer.cancel();
      else expected.push({ time, id });
    }
    expect(clock.pending).toBe(expected.length);
    clock.runUntilIdle(1000);
    expected.sort((a, b) => a.time - b.time || a.id - b.id);
    expect(fired).toEqual(expected.map(({ id }) => id));
    expect(clock.pending).toBe(0);
  });

  it('fires in the order of time and then of setting, while timers come and go', () => {
    const clock = new VirtualClock();
    const random = new SeededRandom(3);
    const fired: number[] = [];
    let waiting: { time: number; id: number; cancel: () => void }[] = [];
    let id = 0;
    const set = (delay: number): void => {
      const mine = id++;
      const timer = clock.setTimer(delay, () => {
        fired.push(mine);
        // What has fired, or was cancelled, cannot be cancelled again.
        timer.cancel();
        if (random.below(4) === 0) set(random.below(3));
      });
      waiting.push({ time: clock.now() + Math.max(0, delay), id: mine, cancel: () => timer.cancel() });
    };
    for (let round = 0; round < 2000; round++) {
      for (let i = random.below(8); i > 0; i--) set(random.below(40) - 1 + random.below(2) / 2);
      for (let i = random.below(6); i > 0 && waiting.length > 0; i--) {
        const [gone] = waiting.splice(random.below(waiting.length), 1);
        gone!.cancel();
        gone!.cancel();
      }
      const end = clock.now() + random.below(6);
      while (clock.step(end)) {
        const next = waiting.reduce((a, b) =>
          b.time < a.time || (b.time === a.time && b.id < a.id) ? b : a,
        );
        expect(clock.now()).toBe(next.time);
        expect(fired.at(-1)).toBe(next.id);
        waiting = waiting.filter((other) => other !== next);
      }
      expect(clock.pending).toBe(waiting.length);
      clock.advance(end - clock.now());
    }
    expect(fired.length).toBeGreaterThan(2500);
  });

  it('runs until idle, or until the limit', async () => {
    const clock = new VirtualClock();
    let ticks = 0;
    const tick = (): void => {
      ticks++;
      clock.setTimer(100, tick);
    };
    clock.setTimer(100, tick);
    expect(clock.runUntilIdle(1050)).toBe(1000);
    expect(ticks).toBe(10);
    expect(await clock.runUntilIdleAsync(500)).toBe(500);
    const other = new VirtualClock();
    other.setTimer(70, () => {});
    expect(other.runUntilIdle(1e9)).toBe(70);
    expect(other.runUntilIdle(1e9)).toBe(0);
  });

  it('lets promises settle between timers when it is asked to', async () => {
    const clock = new VirtualClock();
    const order: string[] = [];
    const wait = (ms: number): Promise<void> => new Promise((resolve) => clock.setTimer(ms, resolve));
    const work = async (name: string, ms: number): Promise<void> => {
      await Promise.resolve();
      for (let i = 0; i < 3; i++) {
        await wait(ms);
        order.push(`${name} at ${clock.now()}`);
      }
    };
    const all = Promise.all([work('a', 10), work('b', 15)]);
    await clock.advanceAsync(100);
    await all;
    expect(order).toEqual(['a at 10', 'b at 15', 'a at 20', 'b at 30', 'a at 30', 'b at 45']);
    expect(clock.now()).toBe(100);
  });
});

describe('SeededRandom', () => {
  it('repeats with the same seed and differs with another', () => {
    const take = (seed: number): number[] => {
      const random = new SeededRandom(seed);
      return Array.from({ length: 20 }, () => random.below(2 ** 32));
    };
    expect(take(7)).toEqual(take(7));
    expect(new Set([...take(1), ...take(2), ...take(3), ...take(2 ** 40)]).size).toBe(80);
  });

  it('stays below its bound and is even', () => {
    const random = new SeededRandom(5);
    for (const bound of [1, 2, 3, 10, 1000, 2 ** 31 + 1, 2 ** 32]) {
      for (let i = 0; i < 200; i++) {
        const value = random.below(bound);
        expect(Number.isInteger(value) && value >= 0 && value < bound).toBe(true);
      }
    }
    const counts = new Array<number>(10).fill(0);
    for (let i = 0; i < 50_000; i++) counts[random.below(10)]!++;
    // Five standard deviations of 67.
    for (const count of counts) expect(Math.abs(count - 5000)).toBeLessThan(340);
    const bytes = new Uint8Array(100_000);
    random.fill(bytes);
    const mean = bytes.reduce((sum, byte) => sum + byte, 0) / bytes.length;
    expect(Math.abs(mean - 127.5)).toBeLessThan(1.5);
  });

  it('forks into a stream of its own', () => {
    const random = new SeededRandom(5);
    const fork = random.fork();
    const first = Array.from({ length: 5 }, () => fork.next());
    const again = new SeededRandom(5);
    const other = again.fork();
    again.next();
    expect(Array.from({ length: 5 }, () => other.next())).toEqual(first);
  });
});
