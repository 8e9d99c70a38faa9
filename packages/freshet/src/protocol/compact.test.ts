import { isIPv4, isIPv6 } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeCompactPeers4,
  decodeCompactPeers6,
  encodeCompactPeers,
  formatAddress,
  type PeerAddress,
  parseAddress,
} from './compact.ts';
import { ipFromText, ipToText } from './ip.ts';

const port = fc.integer({ min: 1, max: 65535 });
const host = fc.oneof(fc.ipV4(), fc.ipV6()).map((text) => ipToText(ipFromText(text)!)!);
const peer: fc.Arbitrary<PeerAddress> = fc.record({ host, port });

describe('IP addresses', () => {
  it('are read exactly when Node reads them, and written so that they read the same', () => {
    const near = fc
      .array(fc.constantFrom('0', '1', 'ff', '::', ':', '.', '255', '01', '1.2.3.4'))
      .map((p) => p.join(''));
    fc.assert(
      fc.property(fc.oneof(near, fc.ipV4(), fc.ipV6()), (text) => {
        const bytes = ipFromText(text);
        expect(bytes?.length).toBe(isIPv4(text) ? 4 : isIPv6(text) ? 16 : undefined);
        if (bytes?.length === 16 && !ipToText(bytes)!.includes('.'))
          expect(ipFromText(ipToText(bytes)!)).toEqual(bytes);
      }),
      { numRuns: 3000 },
    );
  });

  it.each([
    ['2001:DB8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['0:0:0:0:0:0:0:0', '::'],
    ['::1', '::1'],
    ['1:0:2:3:4:5:6:7', '1:0:2:3:4:5:6:7'],
    ['fe80::', 'fe80::'],
    ['::ffff:1.2.3.4', '1.2.3.4'],
  ])('%s is written %s', (text, canonical) => {
    expect(ipToText(ipFromText(text)!)).toBe(canonical);
  });
});

describe('addresses as text', () => {
  it('go there and back', () => {
    fc.assert(
      fc.property(peer, (address) => {
        expect(parseAddress(formatAddress(address))).toEqual(address);
      }),
    );
    expect(parseAddress('Example.org:65535')).toEqual({ host: 'example.org', port: 65535 });
  });

  it.each([
    '',
    '1.2.3.4',
    '1.2.3.4:0',
    '1.2.3.4:65536',
    '1.2.3:80',
    '::1:80',
    '[::1]',
    '[1.2.3.4]:80',
    'a b:80',
    'a/b:8',
    'a%00b:1',
    'a\u0000b:1',
    'a&b:1',
  ])('refuses %j', (text) => {
    expect(parseAddress(text)).toBeUndefined();
  });
});

describe('compact peers', () => {
  it('go there and back, each family by itself', () => {
    fc.assert(
      fc.property(fc.array(peer), (peers) => {
        const { v4, v6 } = encodeCompactPeers([...peers, { host: 'example.org', port: 80 }]);
        expect(decodeCompactPeers4(v4)).toEqual(peers.filter((p) => !p.host.includes(':')));
        expect(decodeCompactPeers6(v6)).toEqual(peers.filter((p) => p.host.includes(':')));
      }),
    );
  });

  it('have the port 65535, leave out the port 0 and an incomplete end', () => {
    const bytes = Uint8Array.of(1, 2, 3, 4, 0xff, 0xff, 5, 6, 7, 8, 0, 0, 9);
    expect(decodeCompactPeers4(bytes)).toEqual([{ host: '1.2.3.4', port: 65535 }]);
    expect(decodeCompactPeers6(bytes)).toEqual([]);
  });
});
