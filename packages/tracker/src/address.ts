import type { IncomingMessage } from 'node:http';
import { BlockList, isIP } from 'node:net';
import { ipFromText, ipToText } from 'freshet/protocol';

/**
 * Whose word counts for where a request comes from. `false`: the socket's. `true`: one proxy stands in front,
 * whoever connects; the last entry of `X-Forwarded-For` is the one it wrote. A list of addresses and CIDR
 * ranges: these proxies, however many in a row; the client is the rightmost address that is none of them.
 */
export type TrustProxy = boolean | readonly string[];

/** Finds the address of the client of a request; undefined when the socket is already gone. */
export type AddressResolver = (request: IncomingMessage) => string | undefined;

/** @throws TypeError for an entry that is neither an address nor a CIDR range. */
export function createAddressResolver(trust: TrustProxy): AddressResolver {
  if (trust === false) return (request) => normalizeAddress(request.socket.remoteAddress);
  if (trust === true) {
    return (request) => {
      const direct = normalizeAddress(request.socket.remoteAddress);
      return normalizeAddress(forwardedFor(request).at(-1)) ?? direct;
    };
  }
  const trusted = blockListOf(trust);
  const isTrusted = (address: string): boolean =>
    trusted.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
  return (request) => {
    let client = normalizeAddress(request.socket.remoteAddress);
    const hops = forwardedFor(request);
    for (let i = hops.length - 1; i >= 0; i--) {
      if (client === undefined || !isTrusted(client)) return client;
      const previous = normalizeAddress(hops[i]);
      // A proxy of ours that hands on something unreadable: its own address is the last thing we know.
      if (previous === undefined) return client;
      client = previous;
    }
    return client;
  };
}

/**
 * An IP address in the one spelling used as a key: IPv4 in an IPv6 coat unwrapped, no zone, no port, no
 * brackets. Undefined if it is not an IP address.
 */
export function normalizeAddress(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  // Some proxies write the port as well: `[2001:db8::1]:443`, `192.0.2.1:443`.
  const [, bracketed, withPort] = /^(?:\[([^\]]*)\](?::\d+)?|([\d.]+):\d+)$/.exec(text.trim()) ?? [];
  const address = bracketed ?? withPort ?? text.trim();
  const zone = address.indexOf('%');
  const bytes = ipFromText(zone < 0 ? address : address.slice(0, zone));
  return bytes === undefined ? undefined : ipToText(bytes);
}

function forwardedFor(request: IncomingMessage): string[] {
  const header = request.headers['x-forwarded-for'];
  if (header === undefined) return [];
  return (Array.isArray(header) ? header.join(',') : header).split(',');
}

function blockListOf(entries: readonly string[]): BlockList {
  const list = new BlockList();
  for (const entry of entries) {
    const [base = '', prefix] = entry.split('/');
    const family = isIP(base);
    const bits = prefix === undefined ? (family === 6 ? 128 : 32) : Number(prefix);
    if (family === 0 || !Number.isInteger(bits) || bits < 0 || bits > (family === 6 ? 128 : 32)) {
      throw new TypeError(`trustProxy: "${entry}" is neither an IP address nor a range such as 10.0.0.0/8`);
    }
    list.addSubnet(base, bits, family === 6 ? 'ipv6' : 'ipv4');
  }
  return list;
}
