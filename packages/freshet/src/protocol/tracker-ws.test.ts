import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type InfoHash, infoHashToHex, type PeerId } from './ids.ts';
import * as ws from './tracker-ws.ts';

const bytes = fc.uint8Array({ minLength: 20, maxLength: 20 });
const hash = bytes as unknown as fc.Arbitrary<InfoHash>;
const peer = bytes as unknown as fc.Arbitrary<PeerId>;
const offer = fc.record({ type: fc.constant('offer' as const), sdp: fc.string() });
const answer = fc.record({ type: fc.constant('answer' as const), sdp: fc.string() });
const count = fc.maxSafeInteger().map(Math.abs);
const H = 'h'.repeat(20);

describe('messages of the WebSocket tracker', () => {
  it('of a client go there and back', () => {
    const announce = fc.record({
      kind: fc.constant('announce' as const),
      infoHash: hash,
      peerId: peer,
      uploaded: count,
      downloaded: count,
      left: fc.option(count, { nil: undefined }),
      event: fc.constantFrom('started', 'completed', 'stopped', undefined),
      numwant: fc.nat(50),
      offers: fc.array(fc.record({ offer, offerId: bytes }), { maxLength: 5 }),
      trackerId: fc.option(fc.string(), { nil: undefined }),
    });
    fc.assert(
      fc.property(announce, (m) => {
        expect(ws.decodeWsClientMessage(ws.encodeWsAnnounce(m))).toEqual(m);
      }),
    );
    const reply = fc.record({
      kind: fc.constant('answer' as const),
      infoHash: hash,
      peerId: peer,
      toPeerId: peer,
      answer,
      offerId: bytes,
    });
    fc.assert(
      fc.property(reply, (m) => {
        expect(ws.decodeWsClientMessage(ws.encodeWsAnswer(m))).toEqual(m);
      }),
    );
    const several = fc.uniqueArray(hash, { maxLength: 4, selector: infoHashToHex });
    fc.assert(
      fc.property(several, (infoHashes) => {
        expect(ws.decodeWsClientMessage(ws.encodeWsScrape(infoHashes))).toEqual({
          kind: 'scrape',
          infoHashes,
        });
      }),
    );
  });

  it('of a tracker go there and back', () => {
    fc.assert(
      fc.property(hash, peer, bytes, offer, answer, count, (infoHash, peerId, offerId, o, a, n) => {
        const messages: [string, ws.WsServerMessage][] = [
          [
            ws.encodeWsRelayedOffer({ infoHash, peerId, offerId, offer: o }),
            { kind: 'offer', infoHash, peerId, offerId, offer: o },
          ],
          [
            ws.encodeWsRelayedAnswer({ infoHash, peerId, offerId, answer: a }),
            { kind: 'answer', infoHash, peerId, offerId, answer: a },
          ],
          [
            ws.encodeWsFailure({ reason: 'no', infoHash }),
            { kind: 'failure', reason: 'no', action: 'announce', infoHash },
          ],
          [
            ws.encodeWsAnnounceReply({
              infoHash,
              interval: n + 1,
              complete: n,
              incomplete: 0,
              trackerId: 't',
              warning: 'w',
            }),
            {
              kind: 'announceReply',
              infoHash,
              interval: n + 1,
              complete: n,
              incomplete: 0,
              trackerId: 't',
              warning: 'w',
            },
          ],
          [
            ws.encodeWsScrapeReply([[infoHash, { complete: n, incomplete: 1, downloaded: 2 }]], 9),
            {
              kind: 'scrapeReply',
              files: new Map([[infoHashToHex(infoHash), { complete: n, incomplete: 1, downloaded: 2 }]]),
              minRequestInterval: 9,
            },
          ],
        ];
        for (const [text, message] of messages) expect(ws.decodeWsServerMessage(text)).toEqual(message);
      }),
    );
  });

  it('have the fields that other programs expect', () => {
    const infoHash = new Uint8Array(20).fill(0xff) as InfoHash;
    const peerId = new Uint8Array(20).fill(1) as unknown as PeerId;
    const update = JSON.parse(ws.encodeWsAnnounce({ infoHash, peerId, numwant: 5, offers: [] })) as object;
    expect(update).toEqual({
      action: 'announce',
      info_hash: 'ÿ'.repeat(20),
      peer_id: '\u0001'.repeat(20),
      uploaded: 0,
      downloaded: 0,
      left: null,
      numwant: 5,
      offers: [],
    });
    expect(JSON.parse(ws.encodeWsFailure({ reason: 'x' }))).toEqual({
      action: 'announce',
      'failure reason': 'x',
    });
  });

  it('tolerate what clients really send', () => {
    const text = JSON.stringify({
      action: 'announce',
      info_hash: H,
      peer_id: H,
      event: 'update',
      numwant: 2.5,
      left: -1,
      answer: null,
      offers: [{ offer: { type: 'offer', sdp: 's', extra: 1 }, offer_id: H, more: 2 }],
    });
    expect(ws.decodeWsClientMessage(text)).toMatchObject({
      kind: 'announce',
      event: undefined,
      numwant: undefined,
      left: undefined,
      offers: [{ offer: { type: 'offer', sdp: 's' } }],
    });
    const many = Array.from({ length: 200 }, () => ({ offer: { type: 'offer', sdp: '' }, offer_id: H }));
    const bounded = ws.decodeWsClientMessage(
      JSON.stringify({ action: 'announce', info_hash: H, peer_id: H, offers: many }),
    );
    expect(bounded.kind === 'announce' && bounded.offers.length).toBe(50);
  });

  it.each<[unknown, string]>([
    [null, 'The message is not a JSON object.'],
    [[], 'The message is not a JSON object.'],
    [{}, '"action" is neither "announce" nor "scrape".'],
    [
      { action: 'announce', info_hash: 'short' },
      '"info_hash" is not a string of 20 characters U+0000 to U+00FF.',
    ],
    [
      { action: 'announce', info_hash: H, peer_id: 'Ā'.repeat(20) },
      '"peer_id" is not a string of 20 characters U+0000 to U+00FF.',
    ],
    [
      { action: 'announce', info_hash: H, peer_id: H, offers: [null] },
      '"offers" has an entry without an offer and its SDP.',
    ],
    [{ action: 'announce', info_hash: H, peer_id: H, offers: {} }, '"offers" is not a list.'],
    [
      { action: 'announce', info_hash: H, peer_id: H, answer: {} },
      '"to_peer_id" is not a string of 20 characters U+0000 to U+00FF.',
    ],
    [
      {
        action: 'announce',
        info_hash: H,
        peer_id: H,
        to_peer_id: H,
        offer_id: H,
        answer: { type: 'offer', sdp: '' },
      },
      '"answer" is no answer with an SDP.',
    ],
    [{ action: 'scrape', info_hash: [1] }, '"info_hash" is not a string of 20 characters U+0000 to U+00FF.'],
  ])('are refused with a sentence: %#', (message, reason) => {
    expect(ws.decodeWsClientMessage(JSON.stringify(message))).toMatchObject({ kind: 'error', reason });
  });

  it('are no reply to an announce when they say nothing', () => {
    const read = (more: object) =>
      ws.decodeWsServerMessage(JSON.stringify({ action: 'announce', info_hash: H, ...more }));
    expect(read({ interval: 'soon', complete: null })).toMatchObject({
      kind: 'error',
      reason: 'A reply to an announce has neither an interval nor counts of peers.',
    });
    expect(read({ interval: 60 })).toMatchObject({ kind: 'announceReply', interval: 60 });
    expect(read({ incomplete: 0 })).toMatchObject({ kind: 'announceReply', incomplete: 0 });
  });

  it('keep action and info-hash of a bad one, for the failure that is sent back', () => {
    const decoded = ws.decodeWsClientMessage(
      JSON.stringify({ action: 'announce', info_hash: H, peer_id: 1 }),
    );
    expect(decoded).toMatchObject({
      kind: 'error',
      action: 'announce',
      infoHash: new Uint8Array(20).fill(0x68),
    });
  });

  it('never throw, whatever comes', () => {
    const key = fc.constantFrom(
      'action',
      'info_hash',
      'peer_id',
      'offers',
      'answer',
      'offer',
      'files',
      'failure reason',
    );
    const value = fc.oneof(fc.jsonValue(), fc.constantFrom('announce', 'scrape', H, [null]));
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.dictionary(key, value).map((o) => JSON.stringify(o)),
        ),
        (text) => {
          ws.decodeWsClientMessage(text);
          ws.decodeWsServerMessage(text);
        },
      ),
      { numRuns: 1000 },
    );
  });
});
