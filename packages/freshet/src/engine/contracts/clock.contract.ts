/** What every `Clock` must do. */

import { describe, expect, it } from 'vitest';
import type { Clock } from '../ports.ts';
import { pass, until } from './waiting.contract.ts';

export interface ClockFixture {
  readonly clock: Clock;
  /** Moves virtual time; absent where time is real. */
  readonly advance?: ((ms: number) => Promise<void>) | undefined;
}

export function clockContract(name: string, make: () => ClockFixture): void {
  describe(`Clock contract: ${name}`, () => {
    it('goes forward', async () => {
      const { clock, advance } = make();
      const start = clock.now();
      const wall = clock.wallTime();
      let last = start;
      for (let i = 0; i < 5; i++) {
        await pass(5, advance);
        const now = clock.now();
        expect(now).toBeGreaterThanOrEqual(last);
        last = now;
      }
      expect(last - start).toBeGreaterThanOrEqual(20);
      expect(clock.wallTime() - wall).toBeGreaterThanOrEqual(20);
      expect(Number.isFinite(wall)).toBe(true);
    });

    it('calls once, not early, and never from within setTimer', async () => {
      const { clock, advance } = make();
      for (const delay of [0, -5, 1, 30, 30.5]) {
        const start = clock.now();
        let calls = 0;
        let calledAt = -1;
        clock.setTimer(delay, () => {
          calls++;
          calledAt = clock.now();
        });
        expect(calls).toBe(0);
        await until(() => calls > 0, advance, `the timer of ${delay} ms has fired`);
        // The two clocks of a platform differ by less than a millisecond of rounding.
        expect(calledAt - start).toBeGreaterThanOrEqual(delay - 1);
        await pass(10, advance);
        expect(calls).toBe(1);
      }
    });

    it('keeps the order of times, and the order of setting for the same time', async () => {
      const { clock, advance } = make();
      const fired: string[] = [];
      clock.setTimer(90, () => fired.push('late'));
      clock.setTimer(0, () => fired.push('now'));
      clock.setTimer(50, () => fired.push('middle 1'));
      clock.setTimer(50, () => fired.push('middle 2'));
      clock.setTimer(20, () => fired.push('early'));
      await until(() => fired.length === 5, advance, 'all timers have fired');
      expect(fired).toEqual(['now', 'early', 'middle 1', 'middle 2', 'late']);
    });

    it('does not call what was cancelled, whenever and however often', async () => {
      const { clock, advance } = make();
      const fired: number[] = [];
      const timers = [0, 10, 20, 20, 20].map((delay, i) => clock.setTimer(delay, () => fired.push(i)));
      timers[1]!.cancel();
      timers[1]!.cancel();
      clock.setTimer(15, () => timers[3]!.cancel());
      const self = clock.setTimer(25, () => {
        fired.push(99);
        self.cancel();
      });
      await until(() => fired.includes(99), advance, 'the last timer has fired');
      timers[0]!.cancel();
      await pass(20, advance);
      expect(fired).toEqual([0, 2, 4, 99]);
    });

    it('sets timers from within timers', async () => {
      const { clock, advance } = make();
      let left = 5;
      const start = clock.now();
      const again = (): void => {
        if (--left > 0) clock.setTimer(5, again);
      };
      clock.setTimer(5, again);
      await until(() => left === 0, advance, 'the chain has ended');
      expect(clock.now() - start).toBeGreaterThanOrEqual(24);
    });

    it('does not fire early for delays that a 32-bit counter cannot hold', async () => {
      const { clock, advance } = make();
      const fired: number[] = [];
      const timers = [2 ** 31, 2 ** 32 + 1, 1e12].map((delay) =>
        clock.setTimer(delay, () => fired.push(delay)),
      );
      await pass(40, advance);
      expect(fired).toEqual([]);
      for (const timer of timers) timer.cancel();
    });
  });
}
