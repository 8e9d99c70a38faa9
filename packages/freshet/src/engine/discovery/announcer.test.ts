import { describe, expect, it } from 'vitest';
import { encode, encodeCompactPeers } from '../../protocol/index.ts';
import type { Announcer } from './announcer.ts';
import { A, B, OK, parameter, REFUSAL, setUp } from './http-world.contract.ts';

describe('announces over HTTP', () => {
  it('tells all that BEP 3 wants, and hands over peers of both families', () => {
    const { clock, announcer, http, peers, announced, reply, status } = setUp([[A]]);
    const given = [
      { host: '10.0.0.1', port: 81 },
      { host: '2001:db8::1', port: 82 },
    ];
    const { v4, v6 } = encodeCompactPeers(given);
    reply(A, { ...OK, peers: v4, peers6: v6, 'external ip': new Uint8Array([9, 8, 7, 6]) });
    announcer.start();
    expect(status(A)).toMatchObject({ state: 'announcing', nextAnnounceIn: undefined });
    clock.advance(100);
    const [request] = http.requests;
    const want = {
      event: 'started',
      uploaded: '1',
      downloaded: '2',
      left: '1000',
      port: '6881',
      numwant: '30',
      compact: '1',
    };
    for (const [name, value] of Object.entries(want))
      expect([name, parameter(request!.url, name)]).toEqual([name, value]);
    expect(parameter(request!.url, 'info_hash')).toBe(
      '%01%02%03%04%05%06%07%08%09%0a%0b%0c%0d%0e%0f%10%11%12%13%14',
    );
    expect(parameter(request!.url, 'key')).toMatch(/^[0-9a-f]{8}$/);
    expect(peers).toEqual(given);
    expect(announced).toEqual([
      [A, { seeds: 3, leechers: 4, peers: 2, externalIp: '9.8.7.6', interval: 1_000_000 }],
    ]);
    expect(status(A)).toMatchObject({ state: 'working', peers: 2, seeds: 3, leechers: 4 });
  });

  it('says a magnet has something left and that nobody listens where nobody does', () => {
    const { clock, announcer, http, stats, reply } = setUp([[A]]);
    Object.assign(stats, { left: undefined, port: undefined });
    reply(A, OK);
    announcer.start();
    clock.advance(100);
    expect(Number(parameter(http.requests[0]!.url, 'left'))).toBeGreaterThan(0);
    expect(parameter(http.requests[0]!.url, 'port')).toBe('9');
  });

  it('keeps the interval and echoes the tracker id', () => {
    const { clock, announcer, http, reply, log } = setUp([[A]]);
    reply(A, { interval: 100, 'tracker id': 'x y' });
    announcer.start();
    clock.advance(350_000);
    expect(log.map((line) => line.slice(line.indexOf(' ')))).toEqual([
      ' a started',
      ' a update',
      ' a update',
      ' a update',
    ]);
    const times = log.map((line) => Number(line.split(' ')[0]));
    for (let i = 1; i < times.length; i++) {
      expect(times[i]! - times[i - 1]!).toBeGreaterThanOrEqual(100);
      expect(times[i]! - times[i - 1]!).toBeLessThanOrEqual(111);
    }
    expect(http.requests.map(({ url }) => parameter(url, 'trackerid'))).toEqual([
      undefined,
      'x%20y',
      'x%20y',
      'x%20y',
    ]);
  });

  it('retries after 5, 10, 20 s and so on up to 15 min, with one sentence for the user', () => {
    const { clock, announcer, reply, log, warnings, status } = setUp([[A]]);
    reply(A, REFUSAL);
    announcer.start();
    clock.advance(1_000);
    expect(status(A)).toMatchObject({
      state: 'failing',
      lastError: 'The tracker http://a.example refused: "not registered".',
    });
    const wait = status(A).nextAnnounceIn!;
    expect(wait).toBeGreaterThan(4_000);
    expect(wait).toBeLessThanOrEqual(6_250);
    clock.advance(4 * 3600_000);
    const times = log.map((line) => Number(line.split(' ')[0]));
    const gaps = times.slice(1).map((time, i) => time - times[i]!);
    for (const [i, gap] of gaps.entries()) {
      const base = Math.min(900, 5 * 2 ** i);
      expect(gap).toBeGreaterThanOrEqual(base - 1);
      expect(gap).toBeLessThanOrEqual(base * 1.25 + 1);
    }
    expect(gaps.length).toBeGreaterThan(15);
    expect(warnings).toEqual(['The tracker http://a.example refused: "not registered".']);
    expect(log.every((line) => line.endsWith('started'))).toBe(true);
  });

  it('obeys "retry in" in minutes, and "never"', () => {
    const later = setUp([[A]]);
    later.reply(A, { ...REFUSAL, 'retry in': 2 });
    later.announcer.start();
    later.clock.advance(119_000);
    expect(later.log).toEqual(['0 a started']);
    later.clock.advance(2_000);
    expect(later.log).toHaveLength(2);

    const never = setUp([[A]]);
    never.reply(A, { ...REFUSAL, 'retry in': 'never' });
    never.announcer.start();
    never.clock.advance(10 * 3600_000);
    never.announcer.networkChanged();
    never.clock.advance(10 * 3600_000);
    expect(never.log).toEqual(['0 a started']);
    expect(never.status(A)).toMatchObject({ state: 'failing', nextAnnounceIn: undefined });
    expect(never.clock.pending).toBe(0);
  });

  it.each([
    ['silence', { silentAfter: -1 }, /^The tracker http:\/\/a\.example did not answer within 15 s\.$/],
    [
      'a broken connection',
      { breakAfter: 3, body: new Uint8Array(9) },
      /^The tracker http:\/\/a\.example cannot be reached: The connection to http:\/\/a\.example was broken\.$/,
    ],
    [
      'a status',
      { status: 503, body: new Uint8Array(9) },
      /^The tracker http:\/\/a\.example answered with HTTP status 503\.$/,
    ],
    [
      'a web page',
      { body: new TextEncoder().encode('<html>') },
      /^The tracker http:\/\/a\.example cannot be understood: .*\.$/,
    ],
    [
      'too much',
      { body: new Uint8Array(1024 * 1024 + 1) },
      /^The tracker http:\/\/a\.example answered with more than 1024 KiB\.$/,
    ],
    [
      'a refusal with a status',
      { status: 400, body: encode(REFUSAL) },
      /^The tracker http:\/\/a\.example refused: "not registered"\.$/,
    ],
  ])('turns %s into one sentence', (_name, response, sentence) => {
    const { clock, announcer, http, warnings, log } = setUp([[A]]);
    http.route(`${A}*`, () => response);
    announcer.start();
    clock.advance(15_000);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(sentence);
    expect(log).toEqual([]);
    announcer.stop();
    clock.advance(2_000);
    expect(clock.pending).toBe(0);
  });

  it('passes a warning on', () => {
    const { clock, announcer, reply, warnings, status } = setUp([[A]]);
    reply(A, { ...OK, 'warning message': 'soon closed' });
    announcer.start();
    clock.advance(5_000_000);
    expect(warnings).toEqual(['The tracker http://a.example warns: "soon closed".']);
    expect(status(A).state).toBe('working');
  });
});

describe('extra announces', () => {
  it('keeps the least interval of the tracker', () => {
    const { clock, announcer, reply, log } = setUp([[A]]);
    reply(A, { ...OK, 'min interval': 60 });
    announcer.start();
    clock.advance(1_000);
    for (let i = 0; i < 100; i++) {
      announcer.update();
      clock.advance(1_000);
    }
    expect(log).toEqual(['0 a started', '60 a update']);
  });

  it('announces at once when the network has changed, at most once in 5 s, and forgets back-off', () => {
    const { clock, announcer, reply, log } = setUp([[A]]);
    reply(A, OK);
    announcer.start();
    clock.advance(1_000);
    for (let i = 0; i < 10; i++) announcer.networkChanged();
    clock.advance(20_000);
    expect(log).toEqual(['0 a started', '1 a update', '6 a update']);

    const failing = setUp([[A]]);
    failing.reply(A, undefined);
    failing.announcer.start();
    failing.clock.advance(400_000);
    const tries = failing.log.length;
    failing.announcer.networkChanged();
    failing.clock.advance(1_000);
    expect(failing.log).toHaveLength(tries + 1);
    failing.announcer.stop();
    failing.clock.advance(100);
    expect(failing.clock.pending).toBe(0);
  });
});

describe('robustness', () => {
  it('may be stopped from inside its observer', () => {
    let announcer: Announcer | undefined;
    const calls: string[] = [];
    const stop = (name: string) => (): void => {
      calls.push(name);
      announcer?.stop();
    };
    const observer = {
      onPeers: stop('peers'),
      onLink: () => {},
      onAnnounced: stop('announced'),
      onWarning: stop('warning'),
    };
    for (const answer of [
      { ...OK, peers: new Uint8Array([1, 2, 3, 4, 0, 9]), 'warning message': 'w' },
      REFUSAL,
      OK,
    ]) {
      const world = setUp([[A], [B]], { observer });
      world.reply(A, answer);
      world.reply(B, answer);
      announcer = world.announcer;
      announcer.start();
      world.clock.advance(100_000);
      expect(world.clock.pending).toBe(0);
    }
    expect(calls).toEqual(['warning', 'warning', 'announced']);
  });
});
