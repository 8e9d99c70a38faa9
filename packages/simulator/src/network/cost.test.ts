import { describe, expect, it } from 'vitest';
import { dial, Sink, saturate, type TestNetwork, testNetwork } from './test-network.contract.ts';

/** Events within the next milliseconds. */
function countEvents({ clock }: TestNetwork, milliseconds: number): number {
  const end = clock.now() + milliseconds;
  let events = 0;
  while (clock.step(end)) events++;
  clock.advance(end - clock.now());
  return events;
}

describe('events', () => {
  it('are two for a block that waits for the line up, and three for one that waits for the window', () => {
    for (const [up, down] of [
      [625_000, 2_500_000],
      [6_250_000, 2_500_000],
    ] as const) {
      const test = testNetwork();
      const sinks: Sink[] = [];
      for (let i = 0; i < 3; i++) {
        test.network.setHost(`from ${i}`, { up, latencyMs: 20 });
        test.network.setHost(`to ${i}`, { down, latencyMs: 20 });
      }
      for (let from = 0; from < 3; from++) {
        for (let to = 0; to < 3; to++) {
          const { a, b } = dial(test, `from ${from}`, `to ${to}`);
          const sink = new Sink(test.clock);
          b.attach(sink);
          saturate(a, new Sink(test.clock));
          sinks.push(sink);
        }
      }
      test.clock.advance(3000);
      const before = sinks.reduce((sum, { length }) => sum + length, 0);
      const events = countEvents(test, 20_000);
      const blocks = (sinks.reduce((sum, { length }) => sum + length, 0) - before) / 16_397;
      expect(blocks).toBeGreaterThan(2000);
      // Acknowledgements cost one more where the window is what holds the sender back.
      expect(events / blocks).toBeLessThan(up < down ? 2.05 : 3.05);
    }
  });

  it('are one for a small message, and for several that are sent at once', () => {
    const test = testNetwork();
    test.network.setHost('a', { up: 625_000, latencyMs: 20 });
    test.network.setHost('b', { down: 2_500_000, latencyMs: 20 });
    const { a, b } = dial(test, 'a', 'b');
    const sink = new Sink(test.clock);
    b.attach(sink);
    countEvents(test, 100);
    let events = 0;
    for (let i = 0; i < 1000; i++) {
      for (let n = 0; n < 3; n++) a.send([new Uint8Array(17)]);
      events += countEvents(test, 1 + (i % 7));
    }
    events += countEvents(test, 100);
    expect(sink.length).toBe(3 * 17_000);
    expect(events).toBe(1000);
  });
});
