import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  MemoryHttp,
  MemoryMessageSockets,
  MemoryNetwork,
  SeededRandom,
  type ServerSocket,
  VirtualClock,
} from '../../memory/index.ts';
import {
  decodeWsClientMessage,
  encodeWsAnnounceReply,
  encodeWsFailure,
  encodeWsRelayedAnswer,
  encodeWsRelayedOffer,
  infoHashFromBytes,
  type PeerId,
  peerIdFromBytes,
  toHex,
  type WsAnnounce,
  type WsAnswer,
} from '../../protocol/index.ts';
import type { Link, RtcConnector } from '../ports.ts';
import { Announcer, type AnnouncerOptions } from './announcer.ts';
import { OfferBudget, type OfferBudgetOptions } from './offer-budget.ts';
import { TrackerSockets } from './tracker-sockets.ts';
import type { AnnounceStats } from './types.ts';

const A = 'wss://a.example';
const B = 'wss://b.example';
const INFO_HASH = infoHashFromBytes(new Uint8Array(20).fill(7))!;
const OUR_ID = peerIdFromBytes(new Uint8Array(20).fill(0xe1))!;
const THEIR_ID = peerIdFromBytes(new Uint8Array(20).fill(0x42))!;

interface Tracker {
  readonly announces: WsAnnounce[];
  readonly answers: WsAnswer[];
  /** "seconds event" of announces without offers. */
  readonly log: string[];
  readonly frames: string[];
  /** Said to each announce; `undefined` for nothing. */
  reply: ((announce: WsAnnounce) => string | undefined) | undefined;
  socket: ServerSocket | undefined;
  connections: number;
}

function setUp(
  tiers: string[][] = [[A]],
  more: Partial<AnnouncerOptions> & {
    rtcOptions?: Partial<OfferBudgetOptions>;
    wantsPeer?: (id: PeerId) => boolean;
  } = {},
) {
  const clock = new VirtualClock();
  const network = new MemoryNetwork(clock);
  const sockets = new MemoryMessageSockets(clock, { latencyMs: 20 });
  const trackerSockets = new TrackerSockets({ clock, random: new SeededRandom(5), sockets });
  const budget = new OfferBudget({ clock, rtc: network.rtc('us'), ...more.rtcOptions });
  const stats: { -readonly [K in keyof AnnounceStats]: AnnounceStats[K] } = {
    uploaded: 1,
    downloaded: 2,
    left: undefined,
    wantPeers: 30,
    port: undefined,
  };
  const links: { link: Link; peerId: PeerId | undefined; url: string }[] = [];
  const warnings: string[] = [];
  const trackers = new Map<string, Tracker>();
  const serve = (url: string): Tracker => {
    const tracker: Tracker = trackers.get(url) ?? {
      announces: [],
      answers: [],
      log: [],
      frames: [],
      reply: () => encodeWsAnnounceReply({ infoHash: INFO_HASH, interval: 120, complete: 5, incomplete: 5 }),
      socket: undefined,
      connections: 0,
    };
    trackers.set(url, tracker);
    sockets.serve(url, (socket) => {
      tracker.socket = socket;
      tracker.connections++;
      return {
        onMessage: (text) => {
          tracker.frames.push(text);
          const message = decodeWsClientMessage(text);
          if (message.kind === 'answer') tracker.answers.push(message);
          if (message.kind !== 'announce') return;
          tracker.announces.push(message);
          if (message.offers.length === 0) {
            tracker.log.push(`${Math.round(clock.now() / 1000)} ${message.event ?? 'update'}`);
          }
          const answer = tracker.reply?.(message);
          if (answer !== undefined) socket.send(answer);
        },
      };
    });
    return tracker;
  };
  const announcer = new Announcer({
    clock,
    random: new SeededRandom(6),
    http: new MemoryHttp(clock),
    trackerSockets,
    rtc: budget,
    infoHash: INFO_HASH,
    peerId: OUR_ID,
    tiers,
    stats: () => ({ ...stats }),
    observer: {
      onPeers: () => {},
      onLink: (link, peerId, url) => links.push({ link, peerId, url }),
      onAnnounced: () => {},
      onWarning: (_url, sentence) => warnings.push(sentence),
      ...(more.wantsPeer === undefined ? {} : { wantsPeer: more.wantsPeer }),
    },
    ...more,
  });
  const status = (url: string) => announcer.status().find((entry) => entry.url === url)!;
  return {
    clock,
    network,
    sockets,
    trackerSockets,
    budget,
    stats,
    links,
    warnings,
    serve,
    announcer,
    status,
  };
}

const counts = (complete: number, incomplete: number): string =>
  encodeWsAnnounceReply({ infoHash: INFO_HASH, interval: 120, complete, incomplete });

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
    expect(tracker.announces[1]).toMatchObject({ event: undefined, numwant: 5 });
    const ids = tracker.announces[1]!.offers.map(({ offerId }) => toHex(offerId));
    expect(new Set(ids).size).toBe(5);
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
    expect(budget.offers).toBe(5);
    clock.advance(1_000);
    expect(budget.offers).toBe(0);
    expect(tracker.announces.flatMap(({ offers }) => offers)).toEqual([]);
    tracker.reply = () => counts(1, 2);
    clock.advance(110_000);
    expect(tracker.announces.flatMap(({ offers }) => offers)).toEqual([]);
    clock.advance(110_000);
    expect(tracker.announces.flatMap(({ offers }) => offers)).toHaveLength(2);
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
    // Two are fast, one is slow, and two never get anywhere.
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
    expect([budget.offers, cancelled]).toEqual([5, 0]);
    clock.advance(5_000);
    expect([budget.offers, cancelled]).toEqual([0, 5]);
    clock.advance(70_000);
    expect(handlers).toHaveLength(10);
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
    expect(tracker.announces.flatMap(({ offers }) => offers)).toHaveLength(5);
    for (const frame of tracker.frames)
      expect(new TextEncoder().encode(frame).length).toBeLessThanOrEqual(16_384);
  });
});

describe('links through a tracker', () => {
  it('opens one from an answer to our offer, known by its offer id', () => {
    const { clock, network, serve, announcer, links, budget, status } = setUp();
    const tracker = serve(A);
    announcer.start();
    clock.advance(200);
    const [offer] = tracker.announces.at(-1)!.offers;
    let theirs: Link | undefined;
    network.rtc('them').answer(offer!.offer.sdp, {
      onDescription: (sdp) =>
        tracker.socket!.send(
          encodeWsRelayedAnswer({
            infoHash: INFO_HASH,
            peerId: THEIR_ID,
            offerId: offer!.offerId,
            answer: { type: 'answer', sdp },
          }),
        ),
      onLink: (link) => {
        theirs = link;
      },
      onError: () => {},
    });
    clock.advance(200);
    expect(links.map(({ peerId, url }) => [peerId && toHex(peerId), url])).toEqual([[toHex(THEIR_ID), A]]);
    expect(theirs?.transport).toBe('webrtc');
    expect([budget.offers, status(A).peers]).toEqual([4, 1]);
  });

  it('answers an offer, addressed to its sender', () => {
    const { clock, network, serve, announcer, links, stats } = setUp();
    const tracker = serve(A);
    stats.wantPeers = 0;
    announcer.start();
    clock.advance(200);
    const offerId = new Uint8Array(20).fill(0x99);
    const attempt = network.rtc('them').offer({
      onDescription: (sdp) => {
        // A tracker that repeats itself changes nothing.
        for (let i = 0; i < 3; i++) {
          tracker.socket!.send(
            encodeWsRelayedOffer({
              infoHash: INFO_HASH,
              peerId: THEIR_ID,
              offerId,
              offer: { type: 'offer', sdp },
            }),
          );
        }
      },
      onLink: () => {},
      onError: () => {},
    });
    clock.advance(100);
    expect(tracker.answers).toHaveLength(1);
    const [answer] = tracker.answers;
    expect([toHex(answer!.toPeerId), toHex(answer!.peerId), toHex(answer!.offerId)]).toEqual(
      [THEIR_ID, OUR_ID, offerId].map(toHex),
    );
    attempt.accept(answer!.answer.sdp);
    clock.advance(100);
    expect(links.map(({ peerId }) => peerId && toHex(peerId))).toEqual([toHex(THEIR_ID)]);
  });

  it('ignores offers of ourselves, of peers it has, beyond the budget, and answers to nothing', () => {
    const unwanted = peerIdFromBytes(new Uint8Array(20).fill(0x43))!;
    const { clock, network, serve, announcer, links, budget } = setUp([[A]], {
      wantsPeer: (id) => toHex(id) !== toHex(unwanted),
    });
    const tracker = serve(A);
    announcer.start();
    clock.advance(200);
    const say = (peerId: PeerId, fill: number): void => {
      network.rtc('them').offer({
        onDescription: (sdp) =>
          tracker.socket!.send(
            encodeWsRelayedOffer({
              infoHash: INFO_HASH,
              peerId,
              offerId: new Uint8Array(20).fill(fill),
              offer: { type: 'offer', sdp },
            }),
          ),
        onLink: () => {},
        onError: () => {},
      });
    };
    say(OUR_ID, 1);
    say(unwanted, 2);
    clock.advance(100);
    expect(budget.answers).toBe(0);
    for (let i = 0; i < 30; i++) say(THEIR_ID, 3 + i);
    clock.advance(100);
    expect([budget.answers, tracker.answers.length]).toEqual([8, 8]);
    const answer = { type: 'answer', sdp: 'v=0' } as const;
    const offerId = new Uint8Array(20).fill(0xff);
    tracker.socket!.send(encodeWsRelayedAnswer({ infoHash: INFO_HASH, peerId: THEIR_ID, offerId, answer }));
    clock.advance(60_000);
    expect([links.length, budget.answers]).toEqual([0, 0]);
  });

  it('ends an attempt over a bad answer, and takes only one answer to an offer', () => {
    const { clock, serve, announcer, budget } = setUp();
    const tracker = serve(A);
    announcer.start();
    clock.advance(200);
    const [offer] = tracker.announces.at(-1)!.offers;
    const bad = encodeWsRelayedAnswer({
      infoHash: INFO_HASH,
      peerId: THEIR_ID,
      offerId: offer!.offerId,
      answer: { type: 'answer', sdp: 'rubbish' },
    });
    for (let i = 0; i < 5; i++) tracker.socket!.send(bad);
    clock.advance(100);
    expect(budget.offers).toBe(4);
  });

  it('replaces an offer that failed after its answer, at growing intervals and not forever', () => {
    const { clock, serve, announcer, budget } = setUp();
    const tracker = serve(A);
    tracker.reply = () => counts(1, 1);
    announcer.start();
    clock.advance(200);
    const seen = new Set<string>();
    const at: number[] = [];
    // A peer whose answers never lead anywhere.
    for (let step = 0; step < 900; step++) {
      for (const announce of tracker.announces) {
        for (const { offerId } of announce.offers) {
          const key = String(offerId);
          if (seen.has(key)) continue;
          seen.add(key);
          at.push(clock.now());
          tracker.socket!.send(
            encodeWsRelayedAnswer({
              infoHash: INFO_HASH,
              peerId: THEIR_ID,
              offerId,
              answer: { type: 'answer', sdp: 'rubbish' },
            }),
          );
        }
      }
      clock.advance(100);
    }
    expect(at.length).toBeGreaterThan(5);
    expect(at.length).toBeLessThanOrEqual(11);
    // 250 ms for the first, 8 s for the sixth.
    expect(at.at(-1)).toBeGreaterThan(15_000);
    expect(at.at(-1)).toBeLessThan(30_000);
    announcer.stop();
    clock.advance(10_000);
    expect([clock.pending, budget.halfOpen]).toEqual([0, 0]);
  });

  it('cancels all that is half open on stop', () => {
    const { clock, serve, announcer, budget } = setUp();
    serve(A);
    announcer.start();
    clock.advance(200);
    expect(budget.halfOpen).toBe(5);
    announcer.stop();
    expect(budget.halfOpen).toBe(0);
    clock.advance(10_000);
    expect(clock.pending).toBe(0);
  });
});

describe('a tracker that fails', () => {
  it('is started at again when its socket comes back', () => {
    const { clock, sockets, serve, announcer, warnings, status, budget } = setUp();
    const tracker = serve(A);
    announcer.start();
    clock.advance(10_000);
    sockets.stop(A);
    clock.advance(100);
    expect(status(A)).toMatchObject({ state: 'failing' });
    expect(status(A).nextAnnounceIn).toBeGreaterThan(0);
    expect(budget.offers).toBe(0);
    expect(warnings).toEqual([]);
    serve(A);
    clock.advance(4_100);
    expect(tracker.log.map((line) => line.split(' ')[1])).toEqual(['started', 'started']);
    expect([tracker.connections, status(A).state]).toEqual([2, 'working']);
  });

  it('is warned of when it cannot be connected, once', () => {
    const { clock, announcer, warnings, trackerSockets } = setUp();
    announcer.start();
    clock.advance(3_600_000);
    expect(warnings).toEqual([
      'The tracker wss://a.example is not connected: No WebSocket server answers at wss://a.example.',
    ]);
    announcer.stop();
    clock.advance(10_000);
    expect([trackerSockets.size, clock.pending]).toEqual([0, 0]);
  });

  it('is asked again after its refusal, on the same socket', () => {
    const { clock, serve, announcer, warnings, status } = setUp();
    const tracker = serve(A);
    tracker.reply = () => encodeWsFailure({ reason: 'busy', infoHash: INFO_HASH });
    announcer.start();
    clock.advance(1_000);
    expect(status(A)).toMatchObject({
      state: 'failing',
      lastError: 'The tracker wss://a.example refused: "busy".',
    });
    clock.advance(25_000);
    expect(tracker.log.map((line) => line.split(' ')[1])).toEqual(['started', 'started', 'started']);
    expect([tracker.connections, warnings.length]).toEqual([1, 1]);
  });

  it('counts as failing when it does not reply within 15 s', () => {
    const { clock, serve, announcer, warnings } = setUp();
    const tracker = serve(A);
    tracker.reply = undefined;
    announcer.start();
    clock.advance(16_000);
    expect(warnings).toEqual(['The tracker wss://a.example did not reply within 15 s.']);
  });

  it('gives way to the next tier, and is returned to', () => {
    const { clock, sockets, serve, announcer, status } = setUp([[A], [B]]);
    const b = serve(B);
    announcer.start();
    clock.advance(1_000);
    expect([status(A).state, status(B).state]).toEqual(['failing', 'working']);
    const a = serve(A);
    clock.advance(120_000);
    expect([status(A).state, status(B).state]).toEqual(['working', 'idle']);
    expect(b.log.map((line) => line.split(' ')[1])).toEqual(['started', 'stopped']);
    clock.advance(10_000);
    expect(sockets.connections).toBe(1);
    sockets.stop(A);
    clock.advance(1_000);
    expect(status(B).state).toBe('working');
    expect(a.log.map((line) => line.split(' ')[1])).toEqual(['started']);
  });

  it('is met again on a new socket when the network has changed', () => {
    const { clock, serve, announcer } = setUp();
    const tracker = serve(A);
    announcer.start();
    clock.advance(10_000);
    announcer.networkChanged();
    clock.advance(1_000);
    expect([tracker.connections, tracker.log]).toEqual([2, ['0 started', '10 started']]);
  });

  it('does no harm with what it says', () => {
    const { clock, serve, announcer, budget } = setUp();
    const tracker = serve(A);
    announcer.start();
    clock.advance(1_000);
    const binary = String.fromCharCode(...INFO_HASH);
    const id = fc.oneof(fc.constant(binary), fc.string({ minLength: 20, maxLength: 20 }), fc.anything());
    const description = fc.oneof(
      fc.record({ type: fc.constantFrom('offer', 'answer', 'x'), sdp: fc.oneof(fc.string(), fc.anything()) }),
      fc.anything(),
    );
    const message = fc.record(
      {
        action: fc.constantFrom('announce', 'scrape', 'x'),
        info_hash: id,
        peer_id: id,
        offer_id: id,
        offer: description,
        answer: description,
        interval: fc.anything(),
        complete: fc.oneof(fc.integer(), fc.double(), fc.anything()),
        incomplete: fc.oneof(fc.integer(), fc.double(), fc.anything()),
        'min interval': fc.oneof(fc.double(), fc.anything()),
        'failure reason': fc.anything(),
        'warning message': fc.anything(),
        'tracker id': fc.anything(),
      },
      { requiredKeys: ['action', 'info_hash'] },
    );
    let sent = 0;
    fc.assert(
      fc.property(message, fc.integer({ min: 0, max: 20_000 }), (value, pause) => {
        let text: string | undefined;
        try {
          text = JSON.stringify(value);
        } catch {
          // Big integers have no JSON.
        }
        if (text === undefined || tracker.socket === undefined) return;
        sent++;
        tracker.socket.send(text);
        clock.advance(pause);
        expect(budget.halfOpen).toBeLessThanOrEqual(20);
      }),
      { numRuns: 300 },
    );
    expect(sent).toBeGreaterThan(200);
    expect(tracker.connections).toBe(1);
    clock.advance(1_000_000);
    expect(tracker.log.length).toBeGreaterThan(5);
    announcer.stop();
    clock.advance(10_000);
    expect([budget.halfOpen, clock.pending]).toEqual([0, 0]);
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
