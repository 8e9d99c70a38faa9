/** Every decoder of what others send, with input that is damaged, broken off, too long or nothing of the kind. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BencodeError, decode, decodeDictWithRanges, decodePrefix, encode } from './bencode.ts';
import { Bitfield } from './bitfield.ts';
import { concatBytes, fromBase32, fromHex, toBinaryString, utf8Encode } from './bytes.ts';
import { decodeCompactPeers4, decodeCompactPeers6, encodeCompactPeers, parseAddress } from './compact.ts';
import {
  decodeDict,
  decodeDontHave,
  decodeExtendedHandshake,
  decodeUploadOnly,
  encodeExtendedHandshake,
} from './extension.ts';
import { parseRange } from './http-range.ts';
import type { InfoHash, PeerId } from './ids.ts';
import { ipFromText, ipToText } from './ip.ts';
import { MagnetError, parseMagnet, parseTorrentId } from './magnet.ts';
import { verifyProof } from './merkle-proof.ts';
import {
  decodeMetadataMessage,
  encodeMetadataMessage,
  METADATA_PIECE_LENGTH,
  metadataPieceCount,
} from './metadata-message.ts';
import { MetainfoError, parseInfo, parseTorrent } from './metainfo.ts';
import { buildInfo, encodeTorrent } from './metainfo-build.ts';
import { parseAnnounceResponse, parseScrapeResponse } from './tracker-http.ts';
import {
  encodeAnnounceResponse,
  encodeScrapeResponse,
  parseAnnounceQuery,
  parseScrapeQuery,
} from './tracker-http-server.ts';
import * as ws from './tracker-ws.ts';

const HASH = new Uint8Array(20).fill(0xab) as InfoHash;
const PEER = new Uint8Array(20).fill(0x2b) as unknown as PeerId;
const PEERS = [
  { host: '1.2.3.4', port: 65535, peerId: PEER },
  { host: '2001:db8::1', port: 1, peerId: PEER },
];
const INFO = buildInfo({ name: 'f', pieceLength: 16384, files: 20_000, pieces: new Uint8Array(40) });
const TORRENT = encodeTorrent({ infoBytes: INFO, announceTiers: [['http://t/announce']] });
const HANDSHAKE = encodeExtendedHandshake({ m: { ut_metadata: 1 }, v: 'x', p: 1, yourip: '1.2.3.4' });
const ANSWER = { interval: 1, complete: 2, incomplete: 3, peers: PEERS };
const SCRAPE = encodeScrapeResponse([[HASH, { complete: 1, incomplete: 2, downloaded: 3 }]], 60);

type Expected = new (...args: never[]) => Error;

/** A decoder with input that it takes, and the error that it may throw; most must not throw at all. */
const binary: readonly [string, (bytes: Uint8Array) => unknown, readonly Uint8Array[], Expected?][] = [
  ['decode', decode, [TORRENT, HANDSHAKE], BencodeError],
  ['decodePrefix', decodePrefix, [TORRENT, HANDSHAKE], BencodeError],
  ['decodeDictWithRanges', decodeDictWithRanges, [TORRENT], BencodeError],
  ['decodeDict', decodeDict, [HANDSHAKE]],
  ['parseTorrent', parseTorrent, [TORRENT], MetainfoError],
  ['parseInfo', parseInfo, [INFO], MetainfoError],
  ['decodeExtendedHandshake', decodeExtendedHandshake, [HANDSHAKE]],
  ['decodeDontHave', decodeDontHave, [new Uint8Array(4)]],
  ['decodeUploadOnly', decodeUploadOnly, [new Uint8Array(1)]],
  [
    'decodeMetadataMessage',
    decodeMetadataMessage,
    [
      encodeMetadataMessage({ type: 'request', piece: 1 }),
      encodeMetadataMessage({ type: 'data', piece: 0, totalSize: 3, data: Uint8Array.of(1, 2, 3) }),
    ],
  ],
  ['Bitfield.fromBytes', (bytes) => Bitfield.fromBytes(bytes, 100), [new Bitfield(100).toBytes()]],
  ['decodeCompactPeers4', decodeCompactPeers4, [encodeCompactPeers(PEERS).v4]],
  ['decodeCompactPeers6', decodeCompactPeers6, [encodeCompactPeers(PEERS).v6]],
  ['ipToText', ipToText, [new Uint8Array(4), new Uint8Array(16)]],
  [
    'parseAnnounceResponse',
    parseAnnounceResponse,
    [encodeAnnounceResponse(ANSWER), encodeAnnounceResponse({ ...ANSWER, compact: false })],
  ],
  ['parseScrapeResponse', parseScrapeResponse, [SCRAPE]],
  [
    'verifyProof',
    (bytes) =>
      verifyProof({
        root: bytes.subarray(0, 32),
        hashes: bytes.subarray(32, 96),
        proof: bytes.subarray(96),
        fileLength: 100_000,
        baseLayer: 0,
        index: 0,
      }),
    [new Uint8Array(128)],
  ],
];

const QUERY = `info_hash=${'%ab'.repeat(20)}&peer_id=${'a'.repeat(20)}&port=1&left=5&event=started`;
const MAGNET = `magnet:?xt=urn:btih:${'ab'.repeat(20)}&xt=urn:btmh:1220${'cd'.repeat(32)}&dn=a+b&tr=http%3A%2F%2Ft&so=0-5&x.pe=[::1]:80`;
const OFFER = { offer: { type: 'offer', sdp: 's' } as const, offerId: HASH };
const textual: readonly [string, (text: string) => unknown, readonly string[], Expected?][] = [
  ['parseMagnet', parseMagnet, [MAGNET], MagnetError],
  ['parseTorrentId', parseTorrentId, [MAGNET, 'ab'.repeat(20), 'http://t/x.torrent'], MagnetError],
  ['parseAnnounceQuery', parseAnnounceQuery, [QUERY]],
  ['parseScrapeQuery', parseScrapeQuery, [QUERY]],
  ['parseRange', (text) => parseRange(text, 1000), ['bytes=0-5,-7,100-', 'bytes=5-']],
  ['parseAddress', parseAddress, ['[2001:db8::1]:80', '1.2.3.4:65535', 'a.example:1']],
  ['ipFromText', ipFromText, ['2001:db8::1', '::ffff:1.2.3.4', '1.2.3.4']],
  ['fromHex', fromHex, ['00ff']],
  ['fromBase32', fromBase32, ['MZXW6YTB']],
  [
    'decodeWsClientMessage',
    ws.decodeWsClientMessage,
    [
      ws.encodeWsAnnounce({ infoHash: HASH, peerId: PEER, numwant: 5, offers: [OFFER] }),
      ws.encodeWsScrape([HASH]),
    ],
  ],
  [
    'decodeWsServerMessage',
    ws.decodeWsServerMessage,
    [
      ws.encodeWsAnnounceReply({ infoHash: HASH, interval: 5, complete: 1, incomplete: 2 }),
      ws.encodeWsRelayedOffer({ infoHash: HASH, peerId: PEER, ...OFFER }),
    ],
  ],
];

function survives<T>(decoder: (input: T) => unknown, input: T, expected: Expected | undefined): void {
  try {
    decoder(input);
  } catch (error) {
    if (expected === undefined || !(error instanceof expected)) throw error;
  }
}

describe('decoders of bytes survive', () => {
  it.each(binary)('%s', (_, decoder, samples, expected) => {
    for (const sample of samples) {
      // It does take the sample, so what follows is about damage.
      expect(decoder(sample)).toBeDefined();
      for (let end = 0; end < sample.length; end++) survives(decoder, sample.subarray(0, end), expected);
    }
    const change = fc.tuple(fc.nat(), fc.nat(255));
    fc.assert(
      fc.property(
        fc.constantFrom(...samples),
        fc.array(change, { minLength: 1, maxLength: 4 }),
        fc.uint8Array({ maxLength: 40 }),
        (sample, changes, tail) => {
          const bytes = sample.slice();
          for (const [at, byte] of changes) bytes[at % bytes.length] = byte;
          survives(decoder, bytes, expected);
          survives(decoder, concatBytes([bytes, tail]), expected);
          survives(decoder, tail, expected);
        },
      ),
      { numRuns: 200 },
    );
  });
});

describe('decoders of text survive', () => {
  it.each(textual)('%s', (_, decoder, samples, expected) => {
    for (const sample of samples) {
      expect(decoder(sample)).toBeDefined();
      for (let end = 0; end < sample.length; end++) survives(decoder, sample.slice(0, end), expected);
    }
    const insert = fc.tuple(
      fc.nat(),
      fc.nat(6),
      fc.oneof(fc.string({ maxLength: 6 }), fc.constantFrom('-', ':', '%', '{', '9'.repeat(30))),
    );
    fc.assert(
      fc.property(
        fc.constantFrom(...samples),
        fc.array(insert, { minLength: 1, maxLength: 3 }),
        (sample, inserts) => {
          let text = sample;
          for (const [place, cut, added] of inserts) {
            const at = place % (text.length + 1);
            text = text.slice(0, at) + added + text.slice(at + cut);
          }
          survives(decoder, text, expected);
        },
      ),
      { numRuns: 200 },
    );
  });
});

describe('lengths that are lies', () => {
  it.each<[string, string]>([
    ['a string', '99999999999999999999:x'],
    ['a string just longer than the input', '3:xx'],
    ['a string in a dictionary', 'd4:infod6:pieces4294967295:'],
    ['a string within lists', 'lll2147483647:a'],
  ])('%s is refused before anything is kept', (_, text) => {
    expect(() => decode(utf8Encode(text))).toThrow(BencodeError);
    expect(() => parseTorrent(utf8Encode(text))).toThrow(MetainfoError);
    expect(decodeExtendedHandshake(utf8Encode(text))).toBeUndefined();
    expect(decodeMetadataMessage(utf8Encode(text))).toBeUndefined();
    expect(parseAnnounceResponse(utf8Encode(text))).toMatchObject({ kind: 'failure', code: 'MALFORMED' });
  });

  it('of metadata fit a message or are refused', () => {
    const word = fc.oneof(fc.nat(100_000), fc.maxSafeInteger().map(Math.abs), fc.constant(2 ** 53 - 1));
    fc.assert(
      fc.property(word, word, fc.nat(40), (piece, totalSize, length) => {
        const data = new Uint8Array(length);
        const read = decodeMetadataMessage(encodeMetadataMessage({ type: 'data', piece, totalSize, data }));
        const rest = totalSize - piece * METADATA_PIECE_LENGTH;
        expect(read !== undefined).toBe(length > 0 && length === Math.min(METADATA_PIECE_LENGTH, rest));
      }),
    );
    expect(metadataPieceCount(2 ** 40)).toBe(2 ** 26);
  });

  it('of a bitfield are those of its pieces', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 30 }), fc.nat(200), (bytes, length) => {
        const field = Bitfield.fromBytes(bytes, length);
        const spare = 8 * bytes.length - length;
        const fits =
          spare >= 0 && spare < 8 && (spare === 0 || (bytes.at(-1)! & (0xff >>> (8 - spare))) === 0);
        expect(field !== undefined).toBe(fits);
        if (field !== undefined) expect(field.toBytes()).toEqual(bytes);
      }),
    );
  });

  it('of a file have one number of pieces', () => {
    const length = fc.oneof(fc.nat(1 << 20), fc.maxSafeInteger().map(Math.abs));
    fc.assert(
      fc.property(length, fc.integer({ min: -1, max: 2 ** 29 }), fc.nat(60), (size, pieceLength, count) => {
        const fields = {
          length: size,
          name: 'f',
          'piece length': pieceLength,
          pieces: new Uint8Array(20 * count),
        };
        const valid = pieceLength >= 1 && pieceLength <= 2 ** 28 && Math.ceil(size / pieceLength) === count;
        let read: number | undefined;
        survives((bytes: Uint8Array) => (read = parseInfo(bytes).pieceCount), encode(fields), MetainfoError);
        expect(read).toBe(valid ? count : undefined);
      }),
    );
  });

  it('of a query or of peers are bounded', () => {
    expect(parseAnnounceQuery(`${QUERY}&x=${'9'.repeat(20_000)}`)).toMatchObject({ kind: 'failure' });
    expect(parseScrapeQuery('info_hash='.repeat(10_000))).toMatchObject({ kind: 'failure' });
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(decodeCompactPeers4(bytes).length).toBeLessThanOrEqual(bytes.length / 6);
        expect(decodeCompactPeers6(bytes).length).toBeLessThanOrEqual(bytes.length / 18);
        const answer = encode(new Map([['peers', bytes]]));
        expect(parseAnnounceResponse(answer)).toMatchObject({ peers: decodeCompactPeers4(bytes) });
      }),
    );
  });
});

describe('what is sent comes back', () => {
  const word = fc.nat(2 ** 31);

  it('in extended handshakes', () => {
    const id = fc.integer({ min: 0, max: 255 });
    const host = fc.oneof(fc.ipV4(), fc.ipV6()).map((text) => ipToText(ipFromText(text)!)!);
    const maybe = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
      fc.option(value, { nil: undefined });
    const handshake = fc.record({
      m: fc
        .uniqueArray(
          fc.tuple(
            fc.string({ maxLength: 8 }).map((s) => toBinaryString(utf8Encode(s))),
            id,
          ),
          {
            selector: ([name]) => name,
            maxLength: 4,
          },
        )
        .map((entries): Record<string, number> => Object.fromEntries(entries)),
      v: maybe(fc.string({ unit: 'grapheme', maxLength: 20 })),
      p: maybe(fc.integer({ min: 1, max: 65535 })),
      reqq: maybe(fc.integer({ min: 1, max: 5000 })),
      metadataSize: maybe(fc.integer({ min: 1, max: 2 ** 31 })),
      yourip: maybe(host),
      ipv4: maybe(fc.ipV4()),
      ipv6: maybe(
        fc
          .ipV6()
          .map((text) => ipToText(ipFromText(text)!)!)
          .filter((text) => text.includes(':')),
      ),
      uploadOnly: maybe(fc.boolean()),
    });
    fc.assert(
      fc.property(handshake, (sent) => {
        const { m, ...rest } = decodeExtendedHandshake(encodeExtendedHandshake(sent))!;
        const { m: names, ...others } = sent;
        expect(new Map(Object.entries(m))).toEqual(new Map(Object.entries(names)));
        expect(rest).toEqual(others);
      }),
      { numRuns: 200 },
    );
  });

  it('in metadata messages', () => {
    const message = fc.oneof(
      fc.record({ type: fc.constantFrom('request' as const, 'reject' as const), piece: word }),
      fc.tuple(fc.nat(1000), fc.uint8Array({ minLength: 1, maxLength: 60 })).map(([piece, data]) => ({
        type: 'data' as const,
        piece,
        // The last piece, which is the short one.
        totalSize: piece * METADATA_PIECE_LENGTH + data.length,
        data,
      })),
    );
    fc.assert(
      fc.property(message, (sent) => {
        expect(decodeMetadataMessage(encodeMetadataMessage(sent))).toEqual(sent);
      }),
    );
  });

  it('in answers of trackers, in both forms', () => {
    const peer = fc.record({
      host: fc.oneof(fc.ipV4(), fc.ipV6()).map((text) => ipToText(ipFromText(text)!)!),
      port: fc.integer({ min: 1, max: 65535 }),
      peerId: fc.constant(PEER),
    });
    const answer = fc.record({
      interval: fc.integer({ min: 1, max: 100_000 }),
      minInterval: fc.integer({ min: 1, max: 100_000 }),
      complete: word,
      incomplete: word,
      downloaded: word,
      trackerId: fc.constant('t'),
      warning: fc.string(),
      externalIp: fc.ipV4(),
      peers: fc.array(peer, { maxLength: 6 }),
    });
    fc.assert(
      fc.property(answer, fc.boolean(), (sent, compact) => {
        const read = parseAnnounceResponse(encodeAnnounceResponse({ ...sent, compact }));
        const { peers, ...numbers } = sent;
        // The compact form has a list for each family, and no peer ids.
        const families = [...peers].sort(
          (a, b) => Number(a.host.includes(':')) - Number(b.host.includes(':')),
        );
        expect(read).toMatchObject({
          ...numbers,
          peers: compact ? families.map(({ host, port }) => ({ host, port })) : peers,
        });
      }),
      { numRuns: 150 },
    );
    const files = fc.uniqueArray(fc.uint8Array({ minLength: 20, maxLength: 20 }), {
      selector: (bytes) => toBinaryString(bytes),
      maxLength: 5,
    });
    fc.assert(
      fc.property(files, word, (hashes, complete) => {
        const counts = { complete, incomplete: 1, downloaded: 2 };
        const bytes = encodeScrapeResponse(hashes.map((hash) => [hash as InfoHash, counts] as const));
        const read = parseScrapeResponse(bytes);
        expect(read.kind === 'scrape' && [...read.files.values()]).toEqual(hashes.map(() => counts));
      }),
    );
  });

  it('in Range headers', () => {
    const range = fc
      .tuple(fc.nat(999), fc.nat(999))
      .map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const);
    fc.assert(
      fc.property(fc.array(range, { minLength: 1, maxLength: 16 }), (list) => {
        const header = `bytes=${list.map(([first, last]) => `${first}-${last}`).join(', ')}`;
        expect(parseRange(header, 1000)).toEqual({
          kind: 'satisfiable',
          ranges: list.map(([first, last]) => ({ start: first, end: last + 1 })),
        });
      }),
    );
  });
});
