import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../../memory/index.ts';
import { Tiers } from './tiers.ts';
import { announceDelay, extraAnnounceDelay, retryDelay } from './timing.ts';
import { canonicalTrackerUrl, quoted, trackerKind, trackerName } from './tracker-url.ts';

/** The least or the most that chance can give. */
const low = { below: () => 0, fill: () => {} };
const high = { below: (bound: number) => bound - 1, fill: () => {} };

describe('timing of announces', () => {
  it.each([
    [1, 5_000],
    [2, 10_000],
    [3, 20_000],
    [8, 640_000],
    [9, 900_000],
    [1000, 900_000],
  ])('backs off after failure %i by %i ms and at most a quarter more', (failures, expected) => {
    expect(retryDelay(low, failures, undefined)).toBe(expected);
    expect(retryDelay(high, failures, undefined)).toBe(expected * 1.25);
  });

  it('waits longer if the tracker says so, not shorter, and a day at most', () => {
    expect(retryDelay(low, 1, 120_000)).toBe(120_000);
    expect(retryDelay(low, 3, 0)).toBe(20_000);
    expect(retryDelay(low, 1, 1e15)).toBe(86_400_000);
  });

  it.each([
    ['http', undefined, undefined, 1_800_000, 1_811_000],
    ['http', 60_000, undefined, 60_000, 66_000],
    ['http', 60_000, 90_000, 90_000, 99_000],
    ['http', 1, undefined, 15_000, 16_500],
    ['http', 1e9, 1e9, 3_600_000, 3_600_000],
    ['ws', undefined, undefined, 99_000, 110_000],
    ['ws', 120_000, undefined, 99_000, 110_000],
    ['ws', 30_000, undefined, 30_000, 33_000],
    ['ws', 300_000, 300_000, 300_000, 311_000],
  ] as const)('%s interval %s, min interval %s: %i to %i ms', (kind, interval, min, least, most) => {
    const delays = [low, high].map((random) => announceDelay(random, kind, interval, min));
    expect(Math.min(...delays)).toBe(least);
    expect(Math.max(...delays)).toBe(most);
  });

  it('stays within its limits whatever a tracker says', () => {
    const told = fc.option(fc.double({ min: 0.001, max: 1e12, noNaN: true }), { nil: undefined });
    fc.assert(
      fc.property(
        fc.constantFrom('http' as const, 'ws' as const),
        told,
        told,
        fc.integer(),
        (kind, interval, min, seed) => {
          const delay = announceDelay(new SeededRandom(seed), kind, interval, min);
          expect(delay).toBeGreaterThanOrEqual(Math.min(3_600_000, Math.max(15_000, min ?? 0)));
          expect(delay).toBeLessThanOrEqual(3_600_000);
          const extra = extraAnnounceDelay(kind, min);
          expect(extra).toBeGreaterThanOrEqual(15_000);
          expect(extra).toBeLessThanOrEqual(3_600_000);
        },
      ),
    );
  });
});

describe('tiers', () => {
  it('keeps tiers apart, shuffles within them and promotes to the front', () => {
    const orders = new Set<string>();
    for (let seed = 0; seed < 50; seed++) {
      const tiers = new Tiers<string>();
      tiers.add('z', 7);
      for (const name of ['a', 'b', 'c']) tiers.add(name, 0);
      tiers.shuffle(new SeededRandom(seed));
      const order = [...tiers];
      expect(order.slice(0, 3).sort()).toEqual(['a', 'b', 'c']);
      expect(order[3]).toBe('z');
      orders.add(order.join(''));
      tiers.promote(order[2]!);
      expect([...tiers]).toEqual([order[2], order[0], order[1], 'z']);
    }
    expect(orders.size).toBe(6);
  });
});

describe('tracker URLs', () => {
  it.each([
    ['http://a.example/announce', 'http'],
    ['HTTPS://a.example', 'http'],
    ['ws://[::1]:8000', 'ws'],
    ['wss://a.example/', 'ws'],
    ['udp://a.example:80', undefined],
    ['http://', undefined],
    ['http:///announce', undefined],
    ['http://a b/', undefined],
    ['nonsense', undefined],
  ])('%s is %s', (url, kind) => {
    expect(trackerKind(url)).toBe(kind);
  });

  it('names a tracker without what may be secret', () => {
    expect(trackerName('https://user:word@t.example:81/4f3a/announce?key=1')).toBe('https://t.example:81');
    expect(trackerName('what')).toBe('with an unreadable address');
  });

  it('tells trackers apart by what matters', () => {
    expect(canonicalTrackerUrl(' HTTP://T.example/Announce ')).toBe('http://t.example/Announce');
  });

  it('quotes one bounded line', () => {
    expect(quoted('a\n\u001b[31mb\u2028c\u202ed')).toBe('"a [31mb c d"');
    expect(quoted('x'.repeat(10_000))).toHaveLength(205);
  });
});
