import type { Link } from 'freshet/engine';
import { describe, expect, it } from 'vitest';
import type { LineOptions } from './network.ts';
import { dial, meet, rtcSide, Sink, testNetwork } from './test-network.contract.ts';

const KINDS = ['open', 'cone', 'symmetric', 'blocked'] as const;

describe('NAT', () => {
  it('lets through over WebRTC what hole punching can: all 16 pairs', () => {
    const passed: string[] = [];
    let pairs = 0;
    for (const from of KINDS) {
      for (const to of KINDS) {
        pairs++;
        const test = testNetwork();
        test.network.setHost('a', { nat: from });
        test.network.setHost('b', { nat: to });
        const { a, b } = meet(test, 'a', 'b');
        test.clock.advance(31_000);
        if (a.link !== undefined && b.link !== undefined) passed.push(`${from} ${to}`);
        else expect([a.error?.message, b.error?.message].join()).toContain('within 30 s');
      }
    }
    expect(pairs).toBe(16);
    expect(passed).toEqual([
      'open open',
      'open cone',
      'open symmetric',
      'cone open',
      'cone cone',
      'cone symmetric',
      'symmetric open',
      'symmetric cone',
    ]);
  });

  it('lets TCP and HTTP through to open hosts only, from everywhere: all 16 pairs', () => {
    const passed: string[] = [];
    let pairs = 0;
    for (const from of KINDS) {
      for (const to of KINDS) {
        pairs++;
        const { clock, network } = testNetwork();
        network.setHost('10.0.0.1', { nat: from });
        network.setHost('10.0.0.2', { nat: to });
        void network.listener('10.0.0.2').listen(6881, () => {});
        network.serveHttp('10.0.0.2', 'http://10.0.0.2', () => ({ body: new Uint8Array(3) }));
        const outcome: string[] = [];
        network.dialer('10.0.0.1').dial(
          { host: '10.0.0.2', port: 6881 },
          {
            onLink: () => outcome.push('link'),
            onError: (error) => outcome.push(error.message),
          },
        );
        network.http('10.0.0.1').get(
          { url: 'http://10.0.0.2/x' },
          {
            onHead: () => {},
            onData: () => {},
            onEnd: () => outcome.push('page'),
            onError: (error) => outcome.push(error.message),
          },
        );
        clock.advance(29_000);
        if (outcome.join() === 'link,page') passed.push(`${from} ${to}`);
        else expect(outcome).toEqual([]);
        clock.advance(2000);
        expect(outcome).toHaveLength(2);
      }
    }
    expect(pairs).toBe(16);
    expect(passed).toEqual(KINDS.map((from) => `${from} open`));
  });

  it('of WebRTC connections fails the part that is asked for', () => {
    const test = testNetwork(2);
    test.network.setHost('a', { rtcFailure: 0.3 });
    test.network.setHost('b', { rtcFailure: 0.1 });
    const sides = Array.from({ length: 400 }, () => meet(test, 'a', 'b'));
    test.clock.advance(31_000);
    const failed = sides.filter(({ a }) => a.link === undefined).length;
    // 1 - 0.7 * 0.9 = 0.37: 148 of 400, give or take three deviations of 9.7.
    expect(failed).toBeGreaterThan(148 - 30);
    expect(failed).toBeLessThan(148 + 30);
    for (const { a, b } of sides) {
      for (const side of [a, b]) expect(side.error === undefined).toBe(a.link !== undefined);
    }
  });
});

describe('WebRTC descriptions', () => {
  it('that are none, or belong to something else, end the attempt with an error', () => {
    const test = testNetwork();
    const { clock, network } = test;
    const bad = rtcSide();
    network.rtc('b').answer('rubbish', bad);
    expect(bad.error).toBeUndefined();
    clock.advance(0);
    expect(bad.error?.message).toBe('The WebRTC offer cannot be read.');
    const [one, two, answered] = [rtcSide(), rtcSide(), rtcSide()];
    const offerOne = network.rtc('a').offer(one);
    const offerTwo = network.rtc('a').offer(two);
    clock.advance(30);
    network.rtc('b').answer(one.sdp!, answered);
    clock.advance(30);
    expect(answered.sdp!.length).toBeGreaterThan(500);
    offerTwo.accept(answered.sdp!);
    offerOne.accept('rubbish');
    clock.advance(0);
    for (const { error } of [one, two])
      expect(error?.message).toBe('The WebRTC answer does not belong to the offer.');
    clock.advance(31_000);
    expect(answered.error?.message).toContain('30 s');
    expect(clock.pending).toBe(0);
  });

  it('are of no use after a cancel', () => {
    const { clock, network } = testNetwork();
    const [a, b] = [rtcSide(), rtcSide()];
    const offer = network.rtc('a').offer(a);
    clock.advance(30);
    const answer = network.rtc('b').answer(a.sdp!, b);
    clock.advance(30);
    offer.accept(b.sdp!);
    answer.cancel();
    offer.cancel();
    clock.advance(60_000);
    expect([a.link, b.link, a.error, b.error]).toEqual([undefined, undefined, undefined, undefined]);
  });
});

function connected(transport: 'tcp' | 'webrtc', line: LineOptions = { up: 1_000_000 }) {
  const test = testNetwork();
  test.network.setHost('a', line);
  test.network.setHost('b', line);
  let links: { a: Link; b: Link };
  if (transport === 'tcp') links = dial(test, 'a', 'b');
  else {
    const { a, b } = meet(test, 'a', 'b');
    test.clock.advance(500);
    links = { a: a.link!, b: b.link! };
  }
  const atA = new Sink(test.clock);
  const atB = new Sink(test.clock);
  links.a.attach(atA);
  links.b.attach(atB);
  return { ...test, ...links, atA, atB };
}

describe('a host that goes offline', () => {
  it('is silent: WebRTC ends after 30 s on both sides', () => {
    const { clock, network, a, atA, atB } = connected('webrtc');
    a.send([new Uint8Array(200_000)]);
    clock.advance(100);
    network.setOnline('b', false);
    const { length } = atB;
    expect(length).toBeGreaterThan(0);
    clock.advance(29_999);
    expect(atB.length).toBe(length);
    expect(atA.ends.length + atB.ends.length).toBe(0);
    clock.advance(2);
    for (const sink of [atA, atB]) expect(sink.ends[0]?.message).toContain('no answer for 30 s');
    expect(a.queuedBytes).toBe(0);
  });

  it('is silent: TCP ends 30 s after something was sent to it, for who sent it', () => {
    const { clock, network, a, b, atA, atB } = connected('tcp');
    clock.advance(1000);
    network.setOnline('b', false);
    clock.advance(600_000);
    expect(atA.ends.length + atB.ends.length).toBe(0);
    a.send([Uint8Array.of(1)]);
    clock.advance(29_999);
    expect(atA.ends).toEqual([]);
    clock.advance(2);
    expect(atA.ends[0]?.message).toContain('no answer for 30 s');
    expect(atB.ends).toEqual([]);
    expect(atB.length).toBe(0);
    b.close();
    clock.advance(60_000);
    expect(atA.ends).toHaveLength(1);
  });

  it('reaches nobody and is reached by nobody until it is back; its connections do not come back', () => {
    const { clock, network, a, atB } = connected('tcp');
    network.setOnline('b', false);
    for (const host of ['a', 'b']) void network.listener(host).listen(1, () => {});
    const errors: string[] = [];
    const onError = (error: Error): void => void errors.push(error.message);
    const tryBoth = (): Link[] => {
      const links: Link[] = [];
      const handler = { onLink: (link: Link) => void links.push(link), onError };
      network.dialer('a').dial({ host: 'b', port: 1 }, handler);
      network.dialer('b').dial({ host: 'a', port: 1 }, handler);
      clock.advance(30_001);
      return links;
    };
    expect(tryBoth()).toEqual([]);
    expect(errors).toEqual(['b:1 did not answer within 30 s.', 'a:1 did not answer within 30 s.']);
    network.setOnline('b', true);
    const late: Link[] = [];
    network.dialer('a').dial({ host: 'b', port: 1 }, { onLink: (link) => void late.push(link), onError });
    clock.advance(5);
    network.setOnline('b', false);
    clock.advance(40_000);
    expect([late, errors.length]).toEqual([[], 3]);
    network.setOnline('b', true);
    expect(tryBoth()).toHaveLength(2);
    a.send([Uint8Array.of(1)]);
    clock.advance(1000);
    expect(atB.length).toBe(0);
  });
});

describe('a cut', () => {
  it('tells both sides at once, and takes along what was on its way', () => {
    const { clock, network, a, atA, atB } = connected('tcp');
    a.send([new Uint8Array(200_000)]);
    clock.advance(100);
    const { length } = atB;
    expect(network.cut('a', 'c')).toBe(0);
    expect(network.cut('a', 'b')).toBe(1);
    expect(atA.ends.length + atB.ends.length).toBe(0);
    clock.advance(1);
    for (const sink of [atA, atB]) expect(sink.ends[0]?.message).toContain('was cut');
    clock.advance(60_000);
    expect(atB.length).toBe(length);
    expect(atA.ends.length + atB.ends.length).toBe(2);
    expect(network.cut('a')).toBe(0);
    expect(clock.pending).toBe(0);
  });

  it('does not count connections that have ended by themselves', () => {
    const { clock, network, a, b } = connected('tcp');
    a.close();
    clock.advance(100);
    expect(network.cut('b')).toBe(0);
    const second = connected('tcp');
    second.a.close();
    second.b.close();
    second.clock.advance(100);
    expect(second.network.cut('a')).toBe(0);
    b.close();
  });
});
