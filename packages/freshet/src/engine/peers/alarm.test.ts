import { expect, it } from 'vitest';
import { VirtualClock } from '../../memory/index.ts';
import { Alarm } from './alarm.ts';

it('an alarm rings once, at the earliest time asked for, and again only when asked again', () => {
  const clock = new VirtualClock();
  const rung: number[] = [];
  const alarm = new Alarm(clock, () => rung.push(clock.now()));
  alarm.ringBy(Number.POSITIVE_INFINITY);
  expect(clock.pending).toBe(0);
  alarm.ringBy(500);
  alarm.ringBy(100);
  alarm.ringBy(300);
  expect(clock.pending).toBe(1);
  clock.advance(1000);
  expect(rung).toEqual([100]);
  alarm.ringBy(1200);
  alarm.cancel();
  clock.advance(1000);
  expect(rung).toEqual([100]);
  alarm.ringBy(2001);
  clock.advance(1);
  expect(rung).toEqual([100, 2001]);
});
