import { describe, expect, it } from 'vitest';
import { toHex } from '../../protocol/index.ts';
import type { RtcConnector } from '../ports.ts';
import { A, counts, INFO_HASH, OUR_ID, setUp } from './ws-world.contract.ts';

describe('announces over a WebSocket', () => {
  it('leaves at once without offers, which follow as they are gathered', () => {
    const { clock, serve, announcer, status } = setUp();
    const tracker = serve(A);
    announcer.start();
    clock.advance(60);
    expect(tracker.announces).toHaveLength(1);
    const [first] = tracker.announces;
    expect(first).toMatchObject({
      event: 'started',
      uploaded: 1,
      downloaded: 2,
      left: undefined,
      numwant: 30,
      offers: [],
    });
    expect([toHex(first!.infoHash), toHex(first!.peerId)]).toEqual([toHex(INFO_HASH), toHex(OUR_ID)]);
    expect(JSON.parse(tracker.frames[0]!)).toMatchObject({ left: null });
    clock.advance(100);
    expect(tracker.announces).toHaveLength(2);
    expect(JSON.parse(tracker.frames[1]!)).not.toHaveProperty('event');
    expect(tracker.announces[1]).toMatchObject({ event: undefined, numwant: 9 });
    const ids = tracker.announces[1]!.offers.map(({ offerId }) => toHex(offerId));
    expect(new Set(ids).size).toBe(9);
    expect(ids.every((id) => id.length === 40)).toBe(true);
    expect(status(A)).toMatchObject({ state: 'working', seeds: 5, leechers: 5 });
  });

  it('goes on every 99 to 110 s, and says completed and stopped without offers', () => {
    const { clock, serve, announcer, stats } = setUp();
    const tracker = serve(A);
    announcer.start();
    clock.advance(340_000);
    const times = tracker.log.map((line) => Number(line.split(' ')[0]));
    expect(tracker.log.length).toBe(4);
    for (let i = 1; i < times.length; i++) {
      expect(times[i]! - times[i - 1]!).toBeGreaterThanOrEqual(98);
      expect(times[i]! - times[i - 1]!).toBeLessThanOrEqual(111);
    }
    clock.advance(60_000);
    stats.left = 0;
    stats.wantPeers = 0;
    announcer.completed();
    clock.advance(1_000);
    let isDone = false;
    announcer.stop(() => {
      isDone = true;
    });
    clock.advance(100);
    expect(isDone).toBe(true);
    expect(tracker.log.slice(-2).map((line) => line.split(' ')[1])).toEqual(['completed', 'stopped']);
    const last = tracker.announces.slice(-2);
    expect(last.map(({ event, offers }) => [event, offers.length])).toEqual([
      ['completed', 0],
      ['stopped', 0],
    ]);
    clock.advance(10_000);
    expect(clock.pending).toBe(0);
  });

  it('makes no offers when no peers are wanted', () => {
    const { clock, serve, announcer, stats, budget } = setUp();
    const tracker = serve(A);
    stats.wantPeers = 0;
    announcer.start();
    clock.advance(1_000);
    expect(tracker.announces.map(({ numwant, offers }) => [numwant, offers.length])).toEqual([[0, 0]]);
    expect(budget.halfOpen).toBe(0);
  });

  it('gives offers up when the tracker says that nobody else is there, and makes no more than others are', () => {
    const { clock, serve, announcer, budget } = setUp();
    const tracker = serve(A);
    tracker.reply = () => counts(0, 1);
    announcer.start();
    clock.advance(60);
    expect(budget.offers).toBe(10);
    clock.advance(1_000);
    expect(budget.offers).toBe(0);
    expect(tracker.announces.flatMap(({ offers }) => offers)).toEqual([]);
    tracker.reply = () => counts(1, 2);
    clock.advance(110_000);
    expect(tracker.announces.flatMap(({ offers }) => offers)).toEqual([]);
    clock.advance(110_000);
    expect(tracker.announces.flatMap(({ offers }) => offers)).toHaveLength(2);
  });

  it('makes offers as a seed only while there are peers that are none', () => {
    const { clock, serve, announcer, stats } = setUp();
    stats.left = 0;
    const tracker = serve(A);
    tracker.reply = () => counts(50, 0);
    announcer.start();
    clock.advance(10_000);
    const early = tracker.announces.flatMap(({ offers }) => offers).length;
    clock.advance(220_000);
    expect(tracker.announces.flatMap(({ offers }) => offers)).toHaveLength(early);
    tracker.reply = () => counts(50, 2);
    clock.advance(110_000);
    const before = tracker.announces.flatMap(({ offers }) => offers).length;
    clock.advance(110_000);
    expect(tracker.announces.flatMap(({ offers }) => offers)).toHaveLength(before + 2);
  });

  it('expires offers after 50 s and makes new ones with the next announce', () => {
    const handlers: { onDescription(sdp: string): void }[] = [];
    let cancelled = 0;
    const attempt = { accept: () => {}, cancel: () => cancelled++ };
    const rtc: RtcConnector = {
      offer: (handler) => {
        handlers.push(handler);
        return attempt;
      },
      answer: () => attempt,
    };
    const { clock, serve, announcer, budget } = setUp([[A]], { rtcOptions: { rtc } });
    const tracker = serve(A);
    announcer.start();
    clock.advance(200);
    // Two are fast, one is slow, and the others never get anywhere; one was too many for nine others.
    for (const handler of handlers.slice(0, 2)) handler.onDescription('v=0 fast');
    clock.advance(3_000);
    handlers[2]!.onDescription('v=0 slow');
    clock.advance(1_000);
    expect(tracker.announces.map(({ offers }) => offers.map(({ offer }) => offer.sdp))).toEqual([
      [],
      ['v=0 fast', 'v=0 fast'],
      ['v=0 slow'],
    ]);
    clock.advance(45_000);
    expect([budget.offers, cancelled]).toEqual([9, 1]);
    clock.advance(5_000);
    expect([budget.offers, cancelled]).toEqual([0, 10]);
    clock.advance(70_000);
    expect(handlers).toHaveLength(19);
  });

  it('keeps frames under 16 KiB', () => {
    const rtc: RtcConnector = {
      offer: (handler) => {
        clock.setTimer(1, () => handler.onDescription('"\r\n'.repeat(1_200)));
        return { accept: () => {}, cancel: () => {} };
      },
      answer: () => ({ accept: () => {}, cancel: () => {} }),
    };
    const { clock, serve, announcer } = setUp([[A]], { rtcOptions: { rtc } });
    const tracker = serve(A);
    announcer.start();
    clock.advance(1_000);
    expect(tracker.announces.flatMap(({ offers }) => offers)).toHaveLength(9);
    for (const frame of tracker.frames)
      expect(new TextEncoder().encode(frame).length).toBeLessThanOrEqual(16_384);
  });
});

describe('two kinds of tracker', () => {
  it('uses one of each at the same time, and no WebSocket where there is no WebRTC', () => {
    const { clock, serve, announcer, warnings } = setUp([[A, 'http://h.example/announce']]);
    serve(A);
    announcer.start();
    clock.advance(1_000);
    expect(announcer.status().map(({ state }) => state)).toEqual(['working', 'failing']);
    expect(warnings).toHaveLength(1);
    const plain = setUp([[A]], { rtc: undefined });
    plain.serve(A);
    plain.announcer.start();
    plain.clock.advance(1_000);
    expect([plain.status(A).state, plain.sockets.connections, plain.warnings]).toEqual(['idle', 0, []]);
  });
});
