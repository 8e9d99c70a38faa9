import { describe, expect, it } from 'vitest';
import { encode } from '../../protocol/index.ts';
import { A, B, OK, parameter, REFUSAL, setUp } from './http-world.contract.ts';

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
