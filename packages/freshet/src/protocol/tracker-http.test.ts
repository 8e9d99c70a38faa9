import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Encodable, encode } from './bencode.ts';
import { utf8Encode } from './bytes.ts';
import { type InfoHash, infoHashToHex, type PeerId } from './ids.ts';
import {
  buildAnnounceUrl,
  buildScrapeUrl,
  escapeBytes,
  parseAnnounceResponse,
  parseScrapeResponse,
  scrapeUrl,
} from './tracker-http.ts';
import {
  encodeAnnounceResponse,
  encodeFailure,
  encodeScrapeResponse,
  parseAnnounceQuery,
  parseScrapeQuery,
  unescapeBytes,
} from './tracker-http-server.ts';

const id = fc.uint8Array({ minLength: 20, maxLength: 20 });
const a = new Uint8Array(20).fill(0xab) as InfoHash;
const p = new Uint8Array(20).fill(0x2b) as unknown as PeerId;

describe('announce over HTTP', () => {
  it('is read as it was asked', () => {
    fc.assert(
      fc.property(
        id,
        id,
        fc.integer({ min: 1, max: 65535 }),
        fc.maxSafeInteger().map(Math.abs),
        fc.constantFrom('started', 'stopped', 'completed', 'paused', undefined),
        (infoHash, peerId, port, left, event) => {
          const url = buildAnnounceUrl('http://t/announce?pass=1#x', {
            infoHash: infoHash as InfoHash,
            peerId: peerId as unknown as PeerId,
            port,
            uploaded: 1,
            downloaded: 2,
            left,
            event,
            numwant: 30,
            trackerId: '\u00ff&',
            key: 'k',
          });
          expect(url.startsWith('http://t/announce?pass=1&info_hash=')).toBe(true);
          expect(parseAnnounceQuery(url.slice(url.indexOf('?') + 1))).toMatchObject({
            kind: 'announce',
            infoHash,
            peerId,
            port,
            uploaded: 1,
            downloaded: 2,
            left,
            event,
            numwant: 30,
            compact: true,
            noPeerId: false,
            key: 'k',
            trackerId: '\u00ff&',
          });
        },
      ),
    );
  });

  it('decodes bytes, not UTF-8, and never throws', () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.string(), (bytes, text) => {
        expect(unescapeBytes(escapeBytes(bytes))).toEqual(bytes);
        parseAnnounceQuery(text);
        parseScrapeQuery(text);
      }),
    );
    expect(unescapeBytes('a+%2b%2B%zz%2')).toEqual(utf8Encode('a+++%zz%2'));
  });

  const good = `info_hash=${escapeBytes(a)}&peer_id=${escapeBytes(p)}&port=1`;
  it.each([
    ['', '"info_hash" is missing.'],
    ['info_hash=abc', '"info_hash" has not 20 bytes.'],
    [`${good}&info_hash=${escapeBytes(a)}`, '"info_hash" is given more than once.'],
    [`info_hash=${escapeBytes(a)}`, '"peer_id" is missing.'],
    [`${good.replace('port=1', 'port=0')}`, '"port" is not within 1 and 65535.'],
    [good.replace('port=1', 'port=65536'), '"port" is not within 1 and 65535.'],
    ['x'.repeat(20_000), 'The query is longer than 16384 characters.'],
  ])('refuses a bad query with a sentence: %#', (query, reason) => {
    expect(parseAnnounceQuery(query)).toMatchObject({ kind: 'failure', reason });
  });

  it('tolerates odd values', () => {
    expect(
      parseAnnounceQuery(`?${good}&left=-1&numwant=-1&event=update&compact=0&ip=::FFFF:1.2.3.4`),
    ).toMatchObject({
      left: undefined,
      numwant: undefined,
      event: undefined,
      compact: false,
      ip: '1.2.3.4',
    });
  });

  it('answers in both forms', () => {
    const peers = [
      { host: '1.2.3.4', port: 65535, peerId: p },
      { host: '2001:db8::1', port: 1, peerId: p },
    ];
    const answer = {
      interval: 1800,
      minInterval: 60,
      complete: 3,
      incomplete: 4,
      peers,
      externalIp: '9.9.9.9',
      warning: 'w',
    };
    const bare = peers.map(({ host, port }) => ({ host, port }));
    const read = {
      kind: 'announce',
      interval: 1800,
      minInterval: 60,
      complete: 3,
      incomplete: 4,
      externalIp: '9.9.9.9',
      warning: 'w',
    };
    expect(parseAnnounceResponse(encodeAnnounceResponse(answer))).toMatchObject({ ...read, peers: bare });
    expect(parseAnnounceResponse(encodeAnnounceResponse({ ...answer, compact: false }))).toMatchObject({
      ...read,
      peers,
    });
    expect(
      parseAnnounceResponse(encodeAnnounceResponse({ ...answer, compact: false, noPeerId: true })),
    ).toMatchObject({ peers: bare });
  });

  it('reads failures and what is no answer', () => {
    expect(parseAnnounceResponse(encodeFailure('no', 5))).toEqual({
      kind: 'failure',
      code: 'REFUSED',
      reason: 'no',
      retryIn: 300,
    });
    expect(parseAnnounceResponse(encodeFailure('no', 'never'))).toMatchObject({ retryIn: 'never' });
    expect(parseAnnounceResponse(utf8Encode('<html>'))).toMatchObject({ kind: 'failure', code: 'MALFORMED' });
    expect(parseAnnounceResponse(encode([]))).toMatchObject({ code: 'MALFORMED' });
    expect(parseScrapeResponse(encode({}))).toMatchObject({ code: 'MALFORMED' });
    expect(parseAnnounceResponse(encode({}))).toMatchObject({ code: 'MALFORMED' });
    expect(parseAnnounceResponse(encode({ interval: 'soon', peers: 17 }))).toMatchObject({
      code: 'MALFORMED',
      reason: "The tracker's answer has neither peers nor an interval.",
    });
    expect(parseAnnounceResponse(encode({ interval: 9 }))).toMatchObject({ interval: 9, peers: [] });
    expect(parseAnnounceResponse(encode({ peers: '' }))).toMatchObject({ interval: undefined, peers: [] });
    const odd: Encodable = {
      interval: -1,
      complete: -5,
      peers: [1, { ip: 'x', port: 0 }, { ip: '', port: 1 }],
      peers6: 7,
    };
    expect(parseAnnounceResponse(encode(odd))).toMatchObject({
      interval: undefined,
      complete: undefined,
      peers: [],
    });
    fc.assert(
      fc.property(fc.uint8Array(), (body) => {
        parseAnnounceResponse(body);
        parseScrapeResponse(body);
      }),
    );
  });
});

describe('scrape over HTTP', () => {
  it.each([
    ['http://t/announce', 'http://t/scrape'],
    ['http://t/x/announce.php?a=b/c', 'http://t/x/scrape.php?a=b/c'],
    ['http://t/a', undefined],
    ['http://t/announce/x', undefined],
    ['http://t/x%064announce', undefined],
  ])('of %s is %s', (announce, scrape) => {
    expect(scrapeUrl(announce)).toBe(scrape);
  });

  it('asks for several and reads the answer under both names', () => {
    const b = new Uint8Array(20).fill(7) as InfoHash;
    const url = buildScrapeUrl('http://t/scrape', [a, b, a]);
    expect(parseScrapeQuery(url.split('?')[1]!)).toEqual({ kind: 'scrape', infoHashes: [a, b] });
    expect(buildScrapeUrl('http://t/scrape', [])).toBe('http://t/scrape');
    const counts = { complete: 1, incomplete: 2, downloaded: 3 };
    expect(parseScrapeResponse(encodeScrapeResponse([[a, counts]], 60))).toEqual({
      kind: 'scrape',
      files: new Map([[infoHashToHex(a), counts]]),
      minRequestInterval: 60,
    });
    const host = encode({
      host: new Map([
        [String.fromCharCode(...b), { complete: 5 }],
        ['short', {}],
      ]),
    });
    expect(parseScrapeResponse(host)).toMatchObject({
      files: new Map([[infoHashToHex(b), { complete: 5, incomplete: 0, downloaded: 0 }]]),
    });
  });
});
