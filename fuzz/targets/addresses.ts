/** Addresses: as text, as bytes, in compact lists, and in what a proxy writes down. */

import { isIP } from 'node:net';
import {
  decodeCompactPeers4,
  decodeCompactPeers6,
  encodeCompactPeers,
  formatAddress,
  ipFromText,
  ipToText,
  parseAddress,
} from '../../packages/freshet/src/protocol/index.ts';
import { normalizeAddress } from '../../packages/tracker/src/address.ts';
import { latin1 } from '../grammar/bencode.ts';
import { anyAddress, anyIp } from '../grammar/text.ts';
import { must, mustEqual, type Target } from '../target.ts';

export const addresses: Target = {
  name: 'addresses',
  about: 'IP addresses and host:port as text, compact lists of peers, addresses from proxies',
  shortRuns: 3000,
  tokens: ['::', ':', '[', ']', '.', '0', 'ffff', '::ffff:', '%', '1.2.3.4', ':65536'],
  generate: (dice) =>
    dice.chance(1, 4)
      ? dice.bytes(dice.below(60))
      : Buffer.from(dice.chance(1, 2) ? anyIp(dice) : anyAddress(dice)),
  run: (input) => {
    const text = latin1(input);
    const bytes = ipFromText(text);
    // Node takes a zone, and nothing else that we do not.
    mustEqual(
      bytes?.length,
      text.includes('%')
        ? undefined
        : [undefined, undefined, undefined, undefined, 4, undefined, 16][isIP(text)],
      'bytes of an address',
    );
    if (bytes !== undefined) {
      const written = ipToText(bytes)!;
      const again = ipFromText(written)!;
      // An IPv4 address in IPv6 is written as the one that it stands for.
      mustEqual(
        again,
        bytes.length === 16 && again.length === 4 ? bytes.subarray(12) : bytes,
        'an address written and read',
      );
      mustEqual(normalizeAddress(text), written, 'an address from a proxy');
    }
    const normal = normalizeAddress(text);
    if (normal !== undefined) mustEqual(normalizeAddress(normal), normal, 'a normal address made normal');
    const address = parseAddress(text);
    if (address !== undefined) {
      must(
        address.port >= 1 && address.port <= 65_535 && address.host !== '',
        () => `the address ${JSON.stringify(address)}`,
      );
      mustEqual(parseAddress(formatAddress(address)), address, 'an address with its port written and read');
    }
    const v4 = decodeCompactPeers4(input);
    const v6 = decodeCompactPeers6(input);
    must(
      v4.length <= input.length / 6 && v6.length <= input.length / 18,
      'more peers than there is room for',
    );
    mustEqual(decodeCompactPeers4(encodeCompactPeers(v4).v4), v4, 'compact IPv4 peers written and read');
    const packed = encodeCompactPeers(v6);
    mustEqual(
      decodeCompactPeers6(packed.v6).length + decodeCompactPeers4(packed.v4).length,
      v6.length,
      'number of compact IPv6 peers',
    );
  },
};
