import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../memory/index.ts';
import { RateMeter } from './rate-meter.ts';
import { TransferTotals } from './transfer-totals.ts';

describe('RateMeter', () => {
  it('measures over four seconds, or since the first byte', () => {
    const meter = new RateMeter();
    expect(meter.rate(0)).toBe(0);
    let now = 100;
    for (; now < 1100; now += 10) meter.add(100, now);
    expect(meter.rate(now)).toBeCloseTo(10_000, -2);
    for (; now < 20_000; now += 10) meter.add(200, now);
    expect(meter.rate(now)).toBeGreaterThan(19_000);
    expect(meter.rate(now)).toBeLessThan(21_000);
    expect(meter.rate(now + 2000)).toBeLessThan(12_000);
    expect(meter.rate(now + 10_000)).toBe(0);
    meter.add(500, now + 10_000);
    expect(meter.rate(now + 10_000)).toBe(2000);
    expect(meter.total).toBe(100 * 100 + 1890 * 200 + 500);
  });
});

describe('TransferTotals', () => {
  it('counts by source, and into what is the client\u2019s', () => {
    const clock = new VirtualClock();
    const [down, up] = [new RateMeter(), new RateMeter()] as const;
    const [a, b] = [new TransferTotals(clock, down, up), new TransferTotals(clock, down, up)] as const;
    a.received('tcp', 10);
    a.received('webseed', 5);
    b.received('tcp', 100);
    a.sent(7);
    a.wasted(3);
    a.hashFailed(4);
    expect(a.snapshot()).toMatchObject({
      received: { tcp: 10, utp: 0, webrtc: 0, memory: 0, webseed: 5 },
      uploaded: 7,
      wasted: 7,
      hashFailures: 1,
    });
    expect([a.downloaded, b.downloaded, down.total, up.total]).toEqual([15, 100, 115, 7]);
  });
});
