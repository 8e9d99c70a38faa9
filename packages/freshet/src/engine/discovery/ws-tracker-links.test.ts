import { describe, expect, it } from 'vitest';
import {
  encodeWsRelayedAnswer,
  encodeWsRelayedOffer,
  type PeerId,
  peerIdFromBytes,
  toHex,
} from '../../protocol/index.ts';
import type { Link } from '../ports.ts';
import { A, counts, INFO_HASH, OUR_ID, setUp, THEIR_ID } from './ws-world.contract.ts';

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
    expect([budget.offers, status(A).peers]).toEqual([8, 1]);
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
    expect(budget.offers).toBe(8);
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
    expect(budget.halfOpen).toBe(9);
    announcer.stop();
    expect(budget.halfOpen).toBe(0);
    clock.advance(10_000);
    expect(clock.pending).toBe(0);
  });
});
