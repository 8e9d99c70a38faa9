import { createTracker } from 'freshet-tracker';
import { expect, it } from 'vitest';
import { RateOf, trackerEvent, trackerLines } from './tracker.ts';

it('measures a rate over the last seconds only', () => {
  let now = 0;
  let value = 0;
  const rate = new RateOf(
    () => value,
    () => now,
  );
  for (let i = 0; i < 40; i++) {
    now += 250;
    value += 5;
    rate.perSecond();
  }
  now += 250;
  value += 5;
  expect(rate.perSecond()).toBeCloseTo(20, 0);
  for (let i = 0; i < 20; i++) {
    now += 250;
    rate.perSecond();
  }
  expect(rate.perSecond()).toBe(0);
});

it('tells people and programs the same numbers', async () => {
  const tracker = createTracker();
  const stats = tracker.stats();
  await tracker.close();
  expect(trackerLines(stats, 1.25)[1]).toBe(
    '0 connections, 1.3 announces/s, 0 offers and 0 answers relayed, 0 refused',
  );
  expect(trackerEvent(stats)).toMatchObject({ event: 'stats', swarms: 0, totals: { announces: 0 } });
});
