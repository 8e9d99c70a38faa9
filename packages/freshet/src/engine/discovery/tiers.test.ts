import { describe, expect, it } from 'vitest';
import { A, B, C, OK, REFUSAL, setUp } from './http-world.contract.ts';

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
        openHttp: undefined,
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
