import { describe, expect, it } from 'vitest';
import { crc32c, ExternalAddress, networkOf, peerPriority } from './peer-priority.ts';

const at = (host: string, port = 6881) => ({ host, port });

describe('crc32c', () => {
  it('is the Castagnoli polynomial', () => {
    expect(crc32c(new TextEncoder().encode('123456789'))).toBe(0xe3069283);
    expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
  });
});

describe('peerPriority', () => {
  it('gives the numbers of BEP 40', () => {
    expect(peerPriority(at('123.213.32.10'), at('98.76.54.32'))).toBe(0xec2d7224);
    expect(peerPriority(at('123.213.32.10'), at('123.213.32.234'))).toBe(0x99568189);
  });

  it('is the same from both sides', () => {
    for (const [a, b] of [
      [at('1.2.3.4'), at('200.1.2.3')],
      [at('1.2.3.4'), at('1.2.200.3')],
      [at('1.2.3.4', 10), at('1.2.3.4', 9000)],
      [at('2001:db8::1'), at('2a00:1450::5')],
    ] as const) {
      expect(peerPriority(a, b)).toBe(peerPriority(b, a));
      expect(peerPriority(a, b)).toBeTypeOf('number');
    }
  });

  it('goes by ports within one host, and not otherwise', () => {
    expect(peerPriority(at('1.2.3.4', 1), at('1.2.3.4', 2))).toBe(crc32c(Uint8Array.of(0, 1, 0, 2)));
    expect(peerPriority(at('1.2.3.4', 1), at('9.2.3.4', 2))).toBe(
      peerPriority(at('1.2.3.4', 7), at('9.2.3.4')),
    );
  });

  it('leaves out half of what a network can vary', () => {
    const us = at('123.213.32.10');
    const numbers = new Set<number | undefined>();
    for (let last = 0; last < 256; last++) numbers.add(peerPriority(us, at(`98.76.54.${last}`)));
    expect(numbers.size).toBe(16);
    const near = new Set<number | undefined>();
    for (let last = 0; last < 256; last++) near.add(peerPriority(us, at(`123.213.32.${last}`)));
    expect(near.size).toBe(256);
  });

  it('is not there for names and between families', () => {
    expect(peerPriority(at('1.2.3.4'), at('example.org'))).toBeUndefined();
    expect(peerPriority(at('1.2.3.4'), at('::1'))).toBeUndefined();
  });
});

describe('ExternalAddress', () => {
  it('is what most networks say', () => {
    const external = new ExternalAddress();
    expect(external.towards('9.9.9.9')).toBeUndefined();
    expect(external.vote('1.1.1.1', '5.5.5.5')).toBe(true);
    expect(external.vote('2.2.2.2', '6.6.6.6')).toBe(false);
    expect(external.towards('9.9.9.9')).toBe('5.5.5.5');
    // The same network again has no second vote.
    expect(external.vote('2.2.2.3', '6.6.6.6')).toBe(false);
    expect(external.vote('3.3.3.3', '6.6.6.6')).toBe(true);
    expect(external.towards('9.9.9.9')).toBe('6.6.6.6');
    expect(external.towards('::1')).toBeUndefined();
  });

  it('is for each family its own, and takes no nonsense', () => {
    const external = new ExternalAddress();
    expect(external.vote('2001:db8::1', '2001:db8::99')).toBe(true);
    expect(external.vote('1.1.1.1', 'not an address')).toBe(false);
    expect(external.vote('example.org', '1.1.1.1')).toBe(false);
    expect([external.towards('::1'), external.towards('1.1.1.1'), external.towards('name')]).toEqual([
      '2001:db8::99',
      undefined,
      undefined,
    ]);
  });

  it('hears a bounded number of networks', () => {
    const external = new ExternalAddress();
    for (let n = 0; n < 32; n++) external.vote(`1.1.${n}.1`, '5.5.5.5');
    for (let n = 0; n < 200; n++) external.vote(`9.9.${n}.1`, '6.6.6.6');
    expect(external.towards('1.1.1.1')).toBe('5.5.5.5');
  });
});

describe('networkOf', () => {
  it('is a /24, or a /64', () => {
    expect(networkOf('1.2.3.4')).toBe(networkOf('1.2.3.200'));
    expect(networkOf('1.2.3.4')).not.toBe(networkOf('1.2.4.4'));
    expect(networkOf('2001:db8::1')).toBe(networkOf('2001:db8::ffff:1'));
    expect(networkOf('name')).toBeUndefined();
  });
});
