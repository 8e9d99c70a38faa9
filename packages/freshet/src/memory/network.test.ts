import { describe, expect, it } from 'vitest';
import type { Link, LinkHandler, RtcHandler } from '../engine/ports.ts';
import {
  Bandwidth,
  MemoryNetwork,
  memoryLinkPair,
  type RouteVerdict,
  SeededRandom,
  VirtualClock,
} from './index.ts';

class Sink implements LinkHandler {
  length = 0;
  readonly times: number[] = [];
  readonly sizes: number[] = [];
  kept: Uint8Array | undefined;
  ends: (Error | undefined)[] = [];
  readonly #clock: VirtualClock;
  constructor(clock: VirtualClock) {
    this.#clock = clock;
  }
  onData(chunk: Uint8Array): void {
    this.length += chunk.length;
    this.times.push(this.#clock.now());
    this.sizes.push(chunk.length);
    this.kept = chunk;
  }
  onDrain(): void {}
  onClose(error: Error | undefined): void {
    this.ends.push(error);
  }
}

describe('memoryLinkPair', () => {
  it('takes the latency and the rate it was given', () => {
    const clock = new VirtualClock();
    const { a, b } = memoryLinkPair(clock, { latencyMs: 50, bytesPerSecond: 100_000 });
    const sink = new Sink(clock);
    b.attach(sink);
    a.send([new Uint8Array(100_000)]);
    clock.advance(49);
    expect(sink.length).toBe(0);
    clock.advance(501);
    expect(Math.abs(sink.length - 50_000)).toBeLessThan(2000);
    clock.advance(501);
    expect(sink.length).toBe(100_000);
    expect(sink.times.at(-1)).toBeCloseTo(1050, 6);
  });

  it('shares the line of a host among its links', () => {
    const clock = new VirtualClock();
    const up = new Bandwidth(100_000);
    const sinks = [0, 1].map(() => {
      const { a, b } = memoryLinkPair(clock, {}, { up });
      const sink = new Sink(clock);
      b.attach(sink);
      a.send([new Uint8Array(100_000)]);
      return sink;
    });
    clock.advance(1000);
    for (const sink of sinks) expect(Math.abs(sink.length - 50_000)).toBeLessThan(3000);
    clock.advance(1001);
    expect(sinks.map((sink) => sink.length)).toEqual([100_000, 100_000]);
  });

  it('overwrites chunks that are kept', () => {
    const clock = new VirtualClock();
    const { a, b } = memoryLinkPair(clock);
    const sink = new Sink(clock);
    b.attach(sink);
    a.send([Uint8Array.of(1, 2, 3)]);
    clock.advance(1);
    expect([...sink.kept!]).toEqual([0xdb, 0xdb, 0xdb]);
  });

  it('cuts chunks at random, the same way with the same seed', () => {
    const run = (seed: number): number[] => {
      const clock = new VirtualClock();
      const { a, b } = memoryLinkPair(clock, { random: new SeededRandom(seed), chunkBytes: 5000 });
      const sink = new Sink(clock);
      b.attach(sink);
      a.send([new Uint8Array(100_000)]);
      clock.advance(10);
      expect(sink.length).toBe(100_000);
      return sink.sizes;
    };
    expect(run(1)).toEqual(run(1));
    expect(run(1)).not.toEqual(run(2));
    expect(new Set(run(1)).size).toBeGreaterThan(10);
  });

  it('stops sending to an end that does not read', () => {
    const clock = new VirtualClock();
    const { a, b } = memoryLinkPair(clock, { window: 50_000, chunkBytes: 10_000 });
    const sink = new Sink(clock);
    b.attach(sink);
    b.pauseReading();
    a.send([new Uint8Array(200_000)]);
    clock.advance(1000);
    expect(a.queuedBytes).toBe(150_000);
    b.resumeReading();
    clock.advance(10);
    expect([a.queuedBytes, sink.length]).toEqual([0, 200_000]);
  });

  it('tells both ends when it is cut, once, and not from within the call', () => {
    const clock = new VirtualClock();
    const pair = memoryLinkPair(clock, { latencyMs: 10 });
    const atA = new Sink(clock);
    const atB = new Sink(clock);
    pair.a.attach(atA);
    pair.b.attach(atB);
    pair.a.send([new Uint8Array(10)]);
    const error = new Error('cable');
    pair.cut(error);
    pair.cut(error);
    expect(atA.ends.length + atB.ends.length).toBe(0);
    clock.advance(100);
    expect([atA.ends, atB.ends, atB.length]).toEqual([[error], [error], 0]);
    expect([pair.a.queuedBytes, clock.pending]).toEqual([0, 0]);
  });
});

describe('MemoryNetwork', () => {
  function dial(network: MemoryNetwork, from: string, host: string, port: number) {
    const result: { link?: Link; error?: Error } = {};
    const attempt = network.dialer(from).dial(
      { host, port },
      {
        onLink: (link) => {
          result.link = link;
        },
        onError: (error) => {
          result.error = error;
        },
      },
    );
    return { result, attempt };
  }

  it('connects a dialer with a listener after a round trip, and tells the addresses', async () => {
    const clock = new VirtualClock();
    const network = new MemoryNetwork(clock);
    network.setHost('10.0.0.1', { latencyMs: 10 });
    network.setHost('10.0.0.2', { latencyMs: 15 });
    const accepted: Link[] = [];
    const port = await network.listener('10.0.0.2').listen(0, (link) => accepted.push(link));
    expect(port).toBeGreaterThan(0);
    const { result } = dial(network, '10.0.0.1', '10.0.0.2', port);
    clock.advance(49);
    expect(result).toEqual({});
    clock.advance(1);
    expect(result.link!.remote).toEqual({ host: '10.0.0.2', port });
    expect(accepted[0]!.remote!.host).toBe('10.0.0.1');
    const sink = new Sink(clock);
    accepted[0]!.attach(sink);
    result.link!.send([Uint8Array.of(1)]);
    clock.advance(25);
    expect(sink.length).toBe(1);
  });

  it('refuses where nobody listens, a port in use, and after close', async () => {
    const clock = new VirtualClock();
    const network = new MemoryNetwork(clock);
    const nobody = dial(network, 'a', 'b', 1);
    expect(nobody.result).toEqual({});
    clock.advance(1);
    expect(nobody.result.error?.message).toBe('Nobody listens on b:1.');
    const listener = network.listener('b');
    await listener.listen(1, () => {});
    await expect(network.listener('b').listen(1, () => {})).rejects.toThrow('Port 1 of b is in use');
    await listener.close();
    const late = dial(network, 'a', 'b', 1);
    clock.advance(1);
    expect(late.result.error).toBeDefined();
  });

  it('honours the route, a cancel and a cut', async () => {
    const clock = new VirtualClock();
    let verdict: RouteVerdict = 'drop';
    const network = new MemoryNetwork(clock, { route: () => verdict, link: { latencyMs: 5 } });
    const accepted: Link[] = [];
    await network.listener('b').listen(1, (link) => accepted.push(link));
    const dropped = dial(network, 'a', 'b', 1);
    clock.advance(100_000);
    expect(dropped.result).toEqual({});
    verdict = 'refuse';
    const refused = dial(network, 'a', 'b', 1);
    clock.advance(10);
    expect(refused.result.error).toBeDefined();
    verdict = 'pass';
    const cancelled = dial(network, 'a', 'b', 1);
    cancelled.attempt.cancel();
    clock.advance(10);
    expect([cancelled.result, accepted.length]).toEqual([{}, 0]);
    const good = dial(network, 'a', 'b', 1);
    clock.advance(10);
    const sink = new Sink(clock);
    good.result.link!.attach(sink);
    expect(network.cut('a', 'c')).toBe(0);
    expect(network.cut('b')).toBe(1);
    expect(network.cut('b')).toBe(0);
    clock.advance(1);
    expect(sink.ends.length).toBe(1);
  });
});

describe('MemoryNetwork RTC', () => {
  interface Seen extends RtcHandler {
    sdp: string | undefined;
    link: Link | undefined;
    error: Error | undefined;
  }
  function seen(): Seen {
    return {
      sdp: undefined,
      link: undefined,
      error: undefined,
      onDescription(sdp) {
        this.sdp = sdp;
      },
      onLink(link) {
        this.link = link;
      },
      onError(error) {
        this.error = error;
      },
    };
  }

  it('connects an offer with its answer', () => {
    const clock = new VirtualClock();
    const network = new MemoryNetwork(clock, { link: { latencyMs: 10 } });
    const atA = seen();
    const atB = seen();
    const offer = network.rtc('a').offer(atA);
    expect(atA.sdp).toBeUndefined();
    clock.advance(5);
    network.rtc('b').answer(atA.sdp!, atB);
    clock.advance(5);
    offer.accept(atB.sdp!);
    expect(atA.link ?? atB.link).toBeUndefined();
    clock.advance(80);
    expect(atA.link!.transport).toBe('webrtc');
    expect(atA.link!.highWater).toBe(65536);
    const sink = new Sink(clock);
    atB.link!.attach(sink);
    atA.link!.send([new Uint8Array(5)]);
    clock.advance(10);
    expect(sink.length).toBe(5);
    clock.advance(60_000);
    expect(atA.error ?? atB.error).toBeUndefined();
  });

  it('ends with an error: bad offer, bad answer, an answer to another offer, nobody answers', () => {
    const clock = new VirtualClock();
    const network = new MemoryNetwork(clock);
    const bad = seen();
    network.rtc('b').answer('rubbish', bad);
    expect(bad.error).toBeUndefined();
    clock.advance(0);
    expect(bad.error?.message).toContain('offer');

    const [one, two, answered] = [seen(), seen(), seen()];
    const offerOne = network.rtc('a').offer(one);
    const offerTwo = network.rtc('a').offer(two);
    clock.advance(5);
    network.rtc('b').answer(one.sdp!, answered);
    clock.advance(5);
    offerTwo.accept(answered.sdp!);
    offerOne.accept('rubbish');
    clock.advance(0);
    expect([one.error?.message, two.error?.message]).toEqual([
      'The WebRTC answer does not belong to the offer.',
      'The WebRTC answer does not belong to the offer.',
    ]);
    clock.advance(30_000);
    expect(answered.error?.message).toContain('30 s');
    expect(clock.pending).toBe(0);
  });

  it('is silent after a cancel', () => {
    const clock = new VirtualClock();
    const network = new MemoryNetwork(clock);
    const [atA, atB] = [seen(), seen()];
    const offer = network.rtc('a').offer(atA);
    clock.advance(5);
    const answer = network.rtc('b').answer(atA.sdp!, atB);
    clock.advance(5);
    offer.accept(atB.sdp!);
    answer.cancel();
    offer.cancel();
    clock.advance(60_000);
    expect([atA.link, atB.link, atA.error, atB.error]).toEqual([undefined, undefined, undefined, undefined]);
  });
});
