import { describe, expect, it } from 'vitest';
import type { LineOptions } from './network.ts';
import { dial, meet, Sink, saturate, type TestNetwork, testNetwork } from './test-network.contract.ts';

const MBIT = 125_000;

function hosts(test: TestNetwork, lines: Readonly<Record<string, LineOptions>>): void {
  for (const [host, line] of Object.entries(lines)) test.network.setHost(host, line);
}

/** Bytes that came between two moments. */
function received(sink: Sink, from: number, to: number): number {
  let bytes = 0;
  for (let i = 0; i < sink.times.length; i++) {
    if (sink.times[i]! > from && sink.times[i]! <= to) bytes += sink.totals[i]! - (sink.totals[i - 1] ?? 0);
  }
  return bytes;
}

function flow(test: TestNetwork, from: string, to: string, port?: number): Sink {
  const { a, b } = dial(test, from, to, port);
  const sink = new Sink(test.clock);
  b.attach(sink);
  saturate(a, new Sink(test.clock));
  return sink;
}

describe('lines', () => {
  it('carry what they can: one flow takes all of the slower line, headers aside', () => {
    const test = testNetwork();
    hosts(test, { a: { up: 5 * MBIT, latencyMs: 20 }, b: { down: 20 * MBIT, latencyMs: 20 } });
    const sink = flow(test, 'a', 'b');
    const start = test.clock.now() + 2000;
    test.clock.advance(12_000);
    // 625,000 bytes per second for ten seconds, to a block.
    expect(Math.abs(received(sink, start, start + 10_000) - 6_250_000)).toBeLessThan(2 * 16_640);
    const { up } = test.network.traffic('a');
    const { down } = test.network.traffic('b');
    expect(down).toBe(sink.length);
    expect(up).toBeGreaterThanOrEqual(down);
    expect(up - down).toBeLessThan(256 * 1024);
  });

  it('are shared equally among ten flows, at the sender and at the receiver', () => {
    for (const side of ['up', 'down'] as const) {
      const test = testNetwork();
      test.network.setHost('one', { [side]: 20 * MBIT, latencyMs: 20 });
      const sinks: Sink[] = [];
      for (let i = 0; i < 10; i++) {
        test.network.setHost(`other ${i}`, { latencyMs: 10 + 2 * i });
        const from = side === 'up' ? 'one' : `other ${i}`;
        sinks.push(flow(test, from, side === 'up' ? `other ${i}` : 'one', 7000 + i));
      }
      test.clock.advance(3000);
      const start = test.clock.now();
      test.clock.advance(20_000);
      const shares = sinks.map((sink) => received(sink, start, start + 20_000));
      const sum = shares.reduce((a, b) => a + b, 0);
      expect(Math.abs(sum - 50_000_000)).toBeLessThan(500_000);
      for (const share of shares) expect(Math.abs(share - 5_000_000)).toBeLessThan(500_000);
    }
  });

  it('let a small message pass a bulk flow of the same hosts, and of others', () => {
    const test = testNetwork();
    hosts(test, {
      a: { up: 5 * MBIT, latencyMs: 20 },
      b: { down: 20 * MBIT, latencyMs: 20 },
      c: { down: 20 * MBIT, latencyMs: 20 },
    });
    flow(test, 'a', 'b');
    for (const to of ['b', 'c']) {
      const { a, b } = dial(test, 'a', to, 7001);
      const sink = new Sink(test.clock);
      b.attach(sink);
      for (let i = 0; i < 20; i++) {
        test.clock.advance(137);
        const before = test.clock.now();
        a.send([new Uint8Array(17)]);
        test.clock.advance(136);
        const took = sink.times.at(-1)! - before;
        // 40 ms, two packets of others (2.3 ms each) at 5 Mbit/s, one at 20, and what it takes itself.
        expect(took).toBeGreaterThanOrEqual(40);
        expect(took).toBeLessThan(46);
      }
      expect(sink.length).toBe(20 * 17);
    }
  });

  it('put messages that are sent at once behind each other, and let them take no more than the line has', () => {
    const test = testNetwork();
    hosts(test, { a: { up: 100_000, latencyMs: 5 }, b: { latencyMs: 5 } });
    const sinks: Sink[] = [];
    const links = Array.from({ length: 40 }, (_, i) => {
      const { a, b } = dial(test, 'a', 'b', 7000 + i);
      const sink = new Sink(test.clock);
      b.attach(sink);
      sinks.push(sink);
      return a;
    });
    const start = test.clock.now();
    for (let i = 0; i < 10; i++) for (const link of links) link.send([new Uint8Array(1000)]);
    test.clock.advance(10_000);
    const last = Math.max(...sinks.map((sink) => sink.times.at(-1)!));
    // 400,000 bytes at 100,000 a second, and 10 ms.
    expect(last - start).toBeGreaterThan(3990);
    expect(last - start).toBeLessThan(4050);
    expect(sinks.map((sink) => sink.length)).toEqual(Array(40).fill(10_000));
  });
});

describe('windows', () => {
  it('grow as in slow start: 150 KB over a new connection', () => {
    const test = testNetwork();
    hosts(test, { a: { latencyMs: 20, up: 50 * MBIT }, b: { latencyMs: 20, down: 20 * MBIT } });
    const { a, b } = dial(test, 'a', 'b');
    const sink = new Sink(test.clock);
    b.attach(sink);
    const start = test.clock.now();
    a.send([new Uint8Array(150_000)]);
    test.clock.advance(1000);
    const at = (ms: number): number => {
      let i = sink.times.findIndex((time) => time > start + ms);
      if (i < 0) i = sink.times.length;
      return sink.totals[i - 1] ?? 0;
    };
    // Ten packets in the first round trip of 80 ms, twice as many in the second, then 40, then what is left.
    expect(at(39)).toBe(0);
    expect(at(79)).toBe(14_600);
    expect(at(159)).toBe(3 * 14_600);
    expect(at(239)).toBe(7 * 14_600);
    // What is left is 47,800 bytes: 19 ms at 20 Mbit/s, behind three round trips, 40 ms, and what earlier packets took.
    expect(sink.times.at(-1)! - start).toBeGreaterThan(280 + 19);
    expect(sink.times.at(-1)! - start).toBeLessThan(280 + 19 + 3 * 13);
  });

  it('are small after losses: throughput as the square root of them has it', () => {
    const rates = [0, 0.001, 0.01].map((loss) => {
      const test = testNetwork(3);
      hosts(test, { a: { latencyMs: 20, up: 100 * MBIT }, b: { latencyMs: 20, down: 100 * MBIT, loss } });
      const sink = flow(test, 'a', 'b');
      test.clock.advance(60_000);
      return sink.length / 60;
    });
    // Mathis et al.: 1460 bytes / 80 ms * 1.22 / sqrt(loss).
    const mathis = [0.001, 0.01].map((loss) => ((1460 / 0.08) * 1.22) / Math.sqrt(loss));
    expect(rates[0]).toBeGreaterThan(11_000_000);
    for (const i of [0, 1]) {
      expect(rates[i + 1]! / mathis[i]!).toBeGreaterThan(0.5);
      expect(rates[i + 1]! / mathis[i]!).toBeLessThan(1.5);
    }
  });

  it('do not fill the receiver of a reader who has stopped: 256 KiB, and no time of the line for others', () => {
    const test = testNetwork();
    hosts(test, { a: { latencyMs: 10, up: 10 * MBIT }, b: { latencyMs: 10 } });
    const { a, b } = dial(test, 'a', 'b');
    const sink = new Sink(test.clock);
    b.attach(sink);
    b.pauseReading();
    saturate(a, new Sink(test.clock));
    test.clock.advance(10_000);
    expect(sink.length).toBe(0);
    const { up } = test.network.traffic('a');
    expect(up).toBeGreaterThan(200 * 1024);
    expect(up).toBeLessThan(256 * 1024 + 2 * 16_640);
    expect(a.queuedBytes).toBeGreaterThan(a.highWater / 2);
    b.resumeReading();
    test.clock.advance(1000);
    expect(sink.length).toBeGreaterThan(1_000_000);
  });

  it('shrink when a queue on the way is full', () => {
    const test = testNetwork();
    hosts(test, { a: { latencyMs: 20, up: 100 * MBIT }, b: { latencyMs: 20, down: 10 * MBIT } });
    const sink = flow(test, 'a', 'b');
    test.clock.advance(20_000);
    const start = test.clock.now() - 10_000;
    // The line stays full all the same.
    expect(received(sink, start, start + 10_000)).toBeGreaterThan(0.97 * 12_500_000);
    // 250,000 bytes in the queue (200 ms), 100,000 on the way.
    const { up } = test.network.traffic('a');
    expect(up - sink.length).toBeLessThan(420_000);
    expect(up - sink.length).toBeGreaterThan(80_000);
  });
});

describe('time', () => {
  it('a dial takes one round trip, a data channel four and the set-up of the slower side', () => {
    const test = testNetwork();
    hosts(test, { a: { latencyMs: 20, rtcSetupMs: 100 }, b: { latencyMs: 30, rtcSetupMs: 250 } });
    let opened = 0;
    void test.network.listener('b').listen(1, () => {});
    const onLink = (): void => {
      opened = test.clock.now();
    };
    test.network.dialer('a').dial({ host: 'b', port: 1 }, { onLink, onError: () => {} });
    test.clock.advance(1000);
    expect(opened).toBe(100);
    const { a } = meet(test, 'a', 'b');
    const start = test.clock.now();
    test.clock.advance(649);
    expect(a.link).toBeUndefined();
    test.clock.advance(2);
    expect(a.link?.transport).toBe('webrtc');
    expect(a.link?.highWater).toBe(65_536);
    expect(test.clock.now() - start).toBe(651);
  });

  it('jitter makes packets late by up to its measure, and never lets them overtake', () => {
    const test = testNetwork(5);
    hosts(test, { a: { latencyMs: 10, jitterMs: 30 }, b: { latencyMs: 10 } });
    const { a, b } = dial(test, 'a', 'b');
    const sink = new Sink(test.clock);
    const seen: number[] = [];
    sink.onChunk = (chunk) => seen.push(chunk[0]!);
    b.attach(sink);
    const delays: number[] = [];
    for (let i = 0; i < 100; i++) {
      const before = test.clock.now();
      a.send([Uint8Array.of(i)]);
      test.clock.advance(100);
      delays.push(sink.times.at(-1)! - before);
    }
    expect(Math.min(...delays)).toBeGreaterThanOrEqual(20);
    expect(Math.min(...delays)).toBeLessThan(25);
    expect(Math.max(...delays)).toBeLessThanOrEqual(50);
    expect(Math.max(...delays)).toBeGreaterThan(45);
    for (let i = 100; i < 200; i++) {
      a.send([Uint8Array.of(i)]);
      test.clock.advance(1);
    }
    test.clock.advance(100);
    expect(seen).toEqual(Array.from({ length: 200 }, (_, i) => i));
  });
});
