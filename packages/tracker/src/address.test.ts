import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';
import { createAddressResolver, normalizeAddress } from './address.ts';

function request(remoteAddress: string | undefined, forwarded?: string): IncomingMessage {
  return {
    socket: { remoteAddress },
    headers: forwarded === undefined ? {} : { 'x-forwarded-for': forwarded },
  } as unknown as IncomingMessage;
}

describe('normalizeAddress', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    [' 192.0.2.1 ', '192.0.2.1'],
    ['192.0.2.1:443', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::ffff:c000:201', '192.0.2.1'],
    ['2001:DB8:0:0::1', '2001:db8::1'],
    ['[2001:db8::1]:443', '2001:db8::1'],
    ['[2001:db8::1]', '2001:db8::1'],
    ['fe80::1%eth0', 'fe80::1'],
    ['unknown', undefined],
    ['', undefined],
    ['192.0.2.999', undefined],
    ['[192.0.2.1', undefined],
    [undefined, undefined],
  ])('%j is %j', (text, expected) => {
    expect(normalizeAddress(text)).toBe(expected);
  });
});

describe('createAddressResolver', () => {
  it.each([
    ['no proxy trusted: the header is ignored', false, '203.0.113.9', '1.1.1.1', '203.0.113.9'],
    ['one proxy: its entry', true, '127.0.0.1', '6.6.6.6, 1.1.1.1', '1.1.1.1'],
    ['one proxy without the header', true, '127.0.0.1', undefined, '127.0.0.1'],
    ['one proxy with rubbish', true, '127.0.0.1', 'me', '127.0.0.1'],
    [
      'listed proxies: rightmost that is none',
      ['127.0.0.1', '10.0.0.0/8'],
      '127.0.0.1',
      '6.6.6.6, 1.1.1.1, 10.1.2.3',
      '1.1.1.1',
    ],
    [
      'listed proxies, spoofed through another machine',
      ['127.0.0.1'],
      '203.0.113.9',
      '1.1.1.1',
      '203.0.113.9',
    ],
    ['listed proxies only', ['127.0.0.1', '10.0.0.0/8'], '127.0.0.1', '10.1.2.3', '10.1.2.3'],
    ['listed proxies, rubbish in between', ['127.0.0.1'], '127.0.0.1', '1.1.1.1, me', '127.0.0.1'],
    ['an IPv6 range', ['2001:db8::/32'], '2001:db8::5', '2001:4860::1', '2001:4860::1'],
    ['a closed socket', false, undefined, '1.1.1.1', undefined],
    ['a closed socket behind listed proxies', ['127.0.0.1'], undefined, '1.1.1.1', undefined],
  ])('%s', (_name, trust, remote, forwarded, expected) => {
    expect(createAddressResolver(trust)(request(remote, forwarded))).toBe(expected);
  });

  it.each(['proxy.example', '10.0.0.0/33', '10.0.0.0/x', '10.0.0.0/8.5', ''])(
    'refuses %j as a proxy',
    (entry) => {
      expect(() => createAddressResolver([entry])).toThrow(TypeError);
    },
  );
});
