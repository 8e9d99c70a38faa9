import { describe, expect, it } from 'vitest';
import { MemoryHttp, MemoryMessageSockets, SeededRandom, VirtualClock } from '../../memory/index.ts';
import {
  encode,
  encodeCompactPeers,
  type InfoHash,
  infoHashFromHex,
  type PeerAddress,
  peerIdFromBytes,
  toHex,
} from '../../protocol/index.ts';
import { Announcer, type AnnouncerOptions } from './announcer.ts';
import { scrape } from './http-tracker.ts';
import { TrackerSockets } from './tracker-sockets.ts';
import type { AnnounceStats, AnnounceSummary } from './types.ts';

const INFO_HASH = infoHashFromHex('0102030405060708090a0b0c0d0e0f1011121314')!;
const PEER_ID = peerIdFromBytes(new Uint8Array(20).fill(0x41))!;
const A = 'http://a.example/announce';
const B = 'http://b.example/announce';
const C = 'http://c.example/announce';

type Reply = Parameters<typeof encode>[0];

/** A world with HTTP trackers that can be switched, and an announcer in it. */
function setUp(tiers: string[][], more: Partial<AnnouncerOptions> = {}) {
  const clock = new VirtualClock();
  const http = new MemoryHttp(clock, { latencyMs: 10 });
  const trackerSockets = new TrackerSockets({
    clock,
    random: new SeededRandom(2),
    sockets: new MemoryMessageSockets(clock),
  });
  const stats: { -readonly [K in keyof AnnounceStats]: AnnounceStats[K] } = {
    uploaded: 1,
    downloaded: 2,
    left: 1000,
    wantPeers: 30,
    port: 6881,
  };
  const peers: PeerAddress[] = [];
  const warnings: string[] = [];
  const announced: [string, AnnounceSummary][] = [];
  /** "seconds host event", in order. */
  const log: string[] = [];
  const announcer = new Announcer({
    clock,
    random: new SeededRandom(1),
    http,
    trackerSockets,
    infoHash: INFO_HASH,
    peerId: PEER_ID,
    tiers,
    stats: () => ({ ...stats }),
    observer: {
      onPeers: (found) => peers.push(...found),
      onLink: () => {},
      onAnnounced: (url, summary) => announced.push([url, summary]),
      onWarning: (_url, sentence) => warnings.push(sentence),
    },
    ...more,
  });
  const reply = (url: string, answer: Reply | undefined | (() => Reply)): void => {
    http.route(`${url}*`, ({ url: asked }) => {
      const host = asked[7]!;
      log.push(`${Math.round(clock.now() / 1000)} ${host} ${parameter(asked, 'event') ?? 'update'}`);
      if (answer === undefined) return { silentAfter: -1 };
      return { body: encode(typeof answer === 'function' ? answer() : answer) };
    });
  };
  const status = (url: string) => announcer.status().find((entry) => entry.url === url)!;
  return { clock, http, announcer, stats, peers, warnings, announced, log, reply, status };
}

function parameter(url: string, name: string): string | undefined {
  return new RegExp(`[?&]${name}=([^&]*)`).exec(url)?.[1];
}

const OK = { interval: 1000, complete: 3, incomplete: 4 };
const REFUSAL = { 'failure reason': 'not registered' };

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

describe('events', () => {
  it('sends started until it worked, completed once, and stopped', () => {
    const { clock, announcer, stats, reply, log } = setUp([[A]]);
    let isUp = false;
    reply(A, () => (isUp ? OK : REFUSAL));
    announcer.start();
    clock.advance(1_000);
    isUp = true;
    clock.advance(10_000);
    stats.left = 0;
    announcer.completed();
    announcer.completed();
    clock.advance(1_110_000);
    let isDone = false;
    announcer.stop(() => {
      isDone = true;
    });
    expect(isDone).toBe(false);
    clock.advance(100);
    expect(isDone).toBe(true);
    expect(log.map((line) => line.split(' ')[2])).toEqual([
      'started',
      'started',
      'completed',
      'update',
      'stopped',
    ]);
    expect(clock.pending).toBe(0);
  });

  it('says paused while it is a partial seed (BEP 21), and stopped all the same', () => {
    const { clock, announcer, stats, log, reply } = setUp([[A]]);
    reply(A, { ...OK, interval: 1000 });
    announcer.start();
    clock.advance(100);
    stats.partialSeed = true;
    clock.advance(1_100_000);
    stats.partialSeed = false;
    clock.advance(1_100_000);
    announcer.stop(() => {});
    clock.advance(100);
    expect(log.map((line) => line.split(' ')[2])).toEqual(['started', 'paused', 'update', 'stopped']);
  });

  it('says neither completed nor stopped to a tracker that has always refused', () => {
    const { clock, announcer, reply, log } = setUp([[A]]);
    reply(A, REFUSAL);
    announcer.start();
    clock.advance(1_000);
    announcer.completed();
    announcer.stop();
    clock.advance(100_000);
    expect(log).toEqual(['0 a started']);
    expect(clock.pending).toBe(0);
  });

  it('owes completed to a tracker whose started was under way', () => {
    const { clock, announcer, reply, log } = setUp([[A]]);
    reply(A, OK);
    announcer.start();
    clock.advance(5);
    announcer.completed();
    clock.advance(1_000);
    expect(log).toEqual(['0 a started', '0 a completed']);
  });

  it('does not report a download that was complete before', () => {
    const { clock, announcer, reply, log } = setUp([[A]]);
    reply(A, OK);
    announcer.completed();
    announcer.start();
    clock.advance(1_000);
    expect(log).toEqual(['0 a started']);
  });

  it('says stopped only where started worked', () => {
    const { clock, announcer, reply, log } = setUp([[A], [B]]);
    reply(A, REFUSAL);
    reply(B, OK);
    announcer.start();
    clock.advance(1_000);
    let doneAt = -1;
    announcer.stop(() => {
      doneAt = clock.now();
    });
    clock.advance(10_000);
    expect(log).toEqual(['0 a started', '0 b started', '1 b stopped']);
    expect(doneAt).toBeLessThanOrEqual(3_000);
    expect(clock.pending).toBe(0);
  });

  it('gives up on stopped after 2 s', () => {
    const { clock, announcer, http, log } = setUp([[A]]);
    http.route(`${A}*`, ({ url }) => {
      log.push(parameter(url, 'event')!);
      return url.includes('stopped') ? { silentAfter: -1 } : { body: encode(OK) };
    });
    announcer.start();
    clock.advance(1_000);
    let doneAt = -1;
    announcer.stop(() => {
      doneAt = clock.now();
    });
    clock.advance(10_000);
    expect([log, doneAt, clock.pending]).toEqual([['started', 'stopped'], 3_000, 0]);
  });

  it('calls back without trackers, without a start, and after a second stop', () => {
    const { clock, announcer } = setUp([]);
    let done = 0;
    announcer.start();
    announcer.stop(() => done++);
    announcer.stop(() => done++);
    expect(done).toBe(0);
    clock.advance(0);
    expect([done, clock.pending]).toEqual([2, 0]);
    const unstarted = setUp([[A]]);
    unstarted.announcer.stop(() => done++);
    unstarted.announcer.start();
    unstarted.clock.advance(10_000);
    expect([done, unstarted.http.requests.length]).toEqual([3, 0]);
  });
});

describe('tiers of BEP 12', () => {
  it('asks the next in the tier, then the next tier, and stays with what works', () => {
    const { clock, announcer, reply, log, status } = setUp([[A, B], [C]]);
    reply(A, REFUSAL);
    reply(B, REFUSAL);
    reply(C, OK);
    announcer.start();
    clock.advance(1_000);
    expect([...log].sort()).toEqual(['0 a started', '0 b started', '0 c started']);
    expect(log[2]).toBe('0 c started');
    expect([status(A).state, status(C).state]).toEqual(['failing', 'working']);
    // The failing ones are tried again when an announce is due, not before.
    clock.advance(990_000);
    expect(log).toHaveLength(3);
    clock.advance(120_000);
    expect(
      log
        .slice(3)
        .map((line) => line.slice(line.indexOf(' ') + 1))
        .sort(),
    ).toEqual(['a started', 'b started', 'c update']);
  });

  it('promotes the one that works within its tier', () => {
    const { clock, announcer, reply, log } = setUp([[A, B]]);
    const isUp = { a: false, b: false };
    reply(A, () => (isUp.a ? OK : REFUSAL));
    reply(B, () => (isUp.b ? OK : REFUSAL));
    announcer.start();
    clock.advance(1_000);
    const [first, second] = log.map((line) => line.split(' ')[1] as 'a' | 'b');
    expect(new Set([first, second])).toEqual(new Set(['a', 'b']));
    isUp[second!] = true;
    clock.advance(60_000);
    isUp[first!] = true;
    const before = log.length;
    clock.advance(3 * 1_100_000);
    expect(log.slice(before).every((line) => line.split(' ')[1] === second)).toBe(true);
    expect(log.length).toBeGreaterThan(before + 1);
  });

  it('returns to an earlier tier when that works again', () => {
    const { clock, announcer, reply, log, status } = setUp([[A], [B]]);
    let isUp = false;
    reply(A, () => (isUp ? OK : REFUSAL));
    reply(B, OK);
    announcer.start();
    clock.advance(1_000);
    isUp = true;
    clock.advance(1_100_000);
    expect(log.map((line) => line.slice(line.indexOf(' ') + 1))).toEqual([
      'a started',
      'b started',
      'a started',
    ]);
    expect([status(A).state, status(B).state]).toEqual(['working', 'idle']);
    announcer.stop();
    clock.advance(100);
    expect(
      log
        .slice(3)
        .map((line) => line.split(' ')[1])
        .sort(),
    ).toEqual(['a', 'b']);
  });

  it('asks all at once when told to', () => {
    const { clock, announcer, reply, log } = setUp([[A, B], [C]], { announceToAll: true });
    for (const url of [A, B, C]) reply(url, OK);
    announcer.start();
    clock.advance(1_000);
    expect([...log].sort()).toEqual(['0 a started', '0 b started', '0 c started']);
  });

  it('asks an added tracker at once if no other works, else when its turn comes', () => {
    const { clock, announcer, reply, log, status } = setUp([[A]]);
    reply(A, REFUSAL);
    reply(B, OK);
    reply(C, OK);
    announcer.start();
    clock.advance(1_000);
    announcer.addTracker(B);
    announcer.addTracker(` ${B.replace('http', 'HTTP')}`);
    clock.advance(1_000);
    announcer.addTracker(C);
    clock.advance(1_000);
    expect(log).toEqual(['0 a started', '1 b started']);
    expect(announcer.status()).toHaveLength(3);
    expect(status(C)).toEqual({
      url: C,
      state: 'idle',
      nextAnnounceIn: undefined,
      peers: 0,
      seeds: undefined,
      leechers: undefined,
    });
  });

  it('names trackers it cannot use once each, and passes over HTTP where that is of no use', () => {
    const { clock, announcer, warnings, http, status } = setUp(
      [['udp://u.example:80', 'udp://u.example:80', A, 'rubbish']],
      {
        useHttp: false,
      },
    );
    announcer.start();
    expect(warnings).toEqual([]);
    clock.advance(100_000);
    announcer.addTracker('udp://v.example');
    clock.advance(100_000);
    expect(warnings).toEqual([
      'The tracker udp://u.example:80 is not used: only http, https, ws and wss trackers are supported.',
      'The tracker with an unreadable address is not used: only http, https, ws and wss trackers are supported.',
      'The tracker udp://v.example is not used: only http, https, ws and wss trackers are supported.',
    ]);
    expect(http.requests).toEqual([]);
    expect(status(A)).toMatchObject({ state: 'idle', nextAnnounceIn: undefined });
    expect(status('udp://u.example:80').state).toBe('failing');
    expect(clock.pending).toBe(0);
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

describe('scrape', () => {
  const run = (url: string, body: Reply | undefined): unknown => {
    const clock = new VirtualClock();
    const http = new MemoryHttp(clock);
    if (body !== undefined) http.route('http://a.example/scrape*', () => ({ body: encode(body) }));
    let result: unknown;
    scrape({ clock, http, url, infoHashes: [INFO_HASH] }, (given) => {
      result = given;
    });
    expect(result).toBeUndefined();
    clock.advance(20_000);
    expect(clock.pending).toBe(0);
    return result;
  };

  it('gives counts, or one sentence why not', () => {
    const files = new Map([
      [String.fromCharCode(...INFO_HASH), { complete: 1, incomplete: 2, downloaded: 3 }],
    ]);
    const counts = run(A, { files: Object.fromEntries(files) }) as { files: ReadonlyMap<string, unknown> };
    expect(counts.files.get(toHex(INFO_HASH as InfoHash))).toEqual({
      complete: 1,
      incomplete: 2,
      downloaded: 3,
    });
    expect(run(A, REFUSAL)).toBe('The tracker http://a.example refused: "not registered".');
    expect(run('http://a.example/x', undefined)).toBe(
      'The tracker http://a.example has no address for scrapes.',
    );
    expect(run(A, undefined)).toMatch(/^The tracker http:\/\/a\.example cannot be reached: /);
    expect(run(A, { files: 1 })).toMatch(/^The tracker http:\/\/a\.example cannot be understood: /);
  });
});
