import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type InfoHash, type InfoHashV2, infoHashFromHex, infoHashV2FromHex, primaryHash } from './ids.ts';
import { formatMagnet, MagnetError, parseMagnet, parseTorrentId } from './magnet.ts';

const hex = 'dd8255ecdc7ca55fb0bbf81323d87062db1f6d1c';
const base32 = '3WBFL3G4PSSV7MF37AJSHWDQMLNR63I4';
const infoHash = infoHashFromHex(hex)!;
const hexV2 = 'caf1e1c30e81cb361b9ee167c4aa64228a7fa4fa9f6105232b28ad099f3a302e';
const infoHashV2 = infoHashV2FromHex(hexV2)!;
const v1 = fc.uint8Array({ minLength: 20, maxLength: 20 }) as unknown as fc.Arbitrary<InfoHash>;
const v2 = fc.uint8Array({ minLength: 32, maxLength: 32 }) as unknown as fc.Arbitrary<InfoHashV2>;

describe('magnet links', () => {
  it('go there and back', () => {
    // Any text at all in a URL that ends with neither space nor what a parameter could end with.
    const url = fc
      .string({ unit: 'binary', maxLength: 12 })
      .map((text) => `wss://t.example/a+b?${text}&c=%C3%A4#d`);
    const urls = fc.uniqueArray(url, { maxLength: 3 });
    const fields = fc.record({
      hashes: fc.oneof(fc.record({ v1 }), fc.record({ v2 }), fc.record({ v1, v2 })),
      name: fc.string({ unit: 'grapheme', minLength: 1 }).filter((s) => s.trim() === s && s !== ''),
      length: fc.maxSafeInteger().map(Math.abs),
      trackers: urls,
      webSeeds: urls,
      exactSources: urls,
      acceptableSources: urls,
      peers: fc.uniqueArray(
        fc.record({
          host: fc.constantFrom('1.2.3.4', '::1', 'a.example'),
          port: fc.integer({ min: 1, max: 65535 }),
        }),
        {
          selector: (p) => `${p.host} ${p.port}`,
          maxLength: 3,
        },
      ),
      selectOnly: fc.uniqueArray(fc.nat(50), { minLength: 1 }).map((list) => list.sort((a, b) => a - b)),
    });
    fc.assert(
      fc.property(fields, (magnet) => {
        const infoHash = primaryHash(magnet.hashes);
        expect(parseMagnet(formatMagnet(magnet))).toEqual({ ...magnet, infoHash });
      }),
      { numRuns: 120 },
    );
  });

  it('are read as they are found', () => {
    const magnet = parseMagnet(
      `MAGNET:?dn=A+film%20%C3%A4%FF&amp;xt=urn:btih:${base32.toLowerCase()}&xt=urn:btih:${hex.toUpperCase()}&tr.1=http://t/a+b&tr=wss%3A%2F%2Fw&x.pe=1.2.3.4:5&x.pe=bad&so=4,0-2,x,2&xl=-1&unknown`,
    );
    expect(magnet).toMatchObject({
      infoHash,
      hashes: { v1: infoHash },
      trackers: ['http://t/a+b', 'wss://w'],
      peers: [{ host: '1.2.3.4', port: 5 }],
      selectOnly: [0, 1, 2, 4],
      length: undefined,
    });
    expect(magnet.name).toBe('A film ä%FF');
  });

  it('name version 2 by its whole hash, and are filed under 20 bytes', () => {
    const link = `magnet:?xt=urn:BTMH:1220${hexV2.toUpperCase()}`;
    expect(parseMagnet(link)).toMatchObject({
      hashes: { v2: infoHashV2 },
      infoHash: infoHashFromHex(hexV2.slice(0, 40)),
    });
    expect(parseMagnet(`${link}&xt=urn:btih:${hex}`)).toMatchObject({
      hashes: { v1: infoHash, v2: infoHashV2 },
      infoHash,
    });
    expect(formatMagnet({ hashes: { v1: infoHash, v2: infoHashV2 } })).toBe(
      `magnet:?xt=urn:btih:${hex}&xt=urn:btmh:1220${hexV2}`,
    );
    // What one version cannot be read from, the other may say.
    expect(parseMagnet(`magnet:?xt=urn:btmh:12&xt=urn:btih:${hex}`).hashes).toEqual({ v1: infoHash });
    expect(formatMagnet({ infoHash })).toBe(`magnet:?xt=urn:btih:${hex}`);
  });

  it('bound a selection', () => {
    const selected = parseMagnet(`magnet:?xt=urn:btih:${hex}&so=${'0-9999999999,'.repeat(1000)}`).selectOnly!;
    expect(selected).toHaveLength(100_000);
  });

  it.each([
    ['magnet:?dn=x', 'NO_INFO_HASH'],
    ['magnet:?xt=urn:btih:1234', 'BAD_INFO_HASH'],
    [`magnet:?xt=urn:btmh:1120${'ab'.repeat(32)}`, 'BAD_INFO_HASH'],
    [`magnet:?xt=urn:btmh:1220${'ab'.repeat(31)}`, 'BAD_INFO_HASH'],
    ['magnet:xt=1', 'NOT_A_MAGNET'],
    [`magnet:?xt=urn:btih:${hex}&dn=${'x'.repeat(300_000)}`, 'TOO_LONG'],
  ])('are refused with a sentence: %#', (link, code) => {
    expect(() => parseMagnet(link)).toThrow(expect.objectContaining({ name: 'MagnetError', code }));
  });

  it('throw nothing but MagnetError', () => {
    fc.assert(
      fc.property(fc.string(), fc.boolean(), (text, valid) => {
        try {
          parseMagnet(`magnet:?${valid ? `xt=urn:btih:${hex}&` : ''}${text}`);
        } catch (error) {
          if (!(error instanceof MagnetError) || valid) throw error;
        }
      }),
    );
  });
});

describe('parseTorrentId', () => {
  it('tells apart what users give', () => {
    expect(parseTorrentId(`magnet:?xt=urn:btih:${hex}`)).toMatchObject({
      kind: 'magnet',
      magnet: { infoHash },
    });
    expect(parseTorrentId(` ${hex.toUpperCase()} `)).toEqual({
      kind: 'infoHash',
      hashes: { v1: infoHash },
      infoHash,
    });
    expect(parseTorrentId(base32)).toMatchObject({ kind: 'infoHash', infoHash });
    for (const text of [hexV2, `1220${hexV2}`]) {
      expect(parseTorrentId(text)).toMatchObject({
        kind: 'infoHash',
        hashes: { v2: infoHashV2 },
        infoHash: infoHashFromHex(hexV2.slice(0, 40)),
      });
    }
    expect(parseTorrentId('https://x.example/a.torrent')).toEqual({
      kind: 'url',
      url: 'https://x.example/a.torrent',
    });
    expect(parseTorrentId('./a.torrent')).toEqual({ kind: 'path', path: './a.torrent' });
  });
});
