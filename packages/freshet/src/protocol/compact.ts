/** Addresses of peers: as `host:port` text and in the compact forms of BEP 23 (IPv4) and BEP 7 (IPv6). */

import { readUint16, writeUint16 } from './bytes.ts';
import { ipFromText, ipToText } from './ip.ts';

export interface PeerAddress {
  /** An IPv4 address, an IPv6 address without brackets, or a host name. */
  readonly host: string;
  /** 1 to 65535. */
  readonly port: number;
}

/** `host:port`, with brackets around an IPv6 address. */
export function formatAddress(address: PeerAddress): string {
  return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}

/**
 * Reads `1.2.3.4:80`, `[::1]:80` or `example.org:80`. IP addresses come back in their canonical spelling.
 * `undefined` on anything else, such as a port of 0 or above 65535.
 */
export function parseAddress(text: string): PeerAddress | undefined {
  // Letters of all scripts, as names may be written in them; nothing that has a meaning where an address is put.
  const match = /^(?:\[([0-9a-f:.]+)\]|([\p{L}\p{M}\p{N}._-]{1,253})):([0-9]{1,5})$/iu.exec(text);
  if (match === null) return undefined;
  const [, ipv6, name, portText] = match;
  const port = Number(portText);
  if (!isPort(port)) return undefined;
  if (ipv6 !== undefined) {
    const bytes = ipFromText(ipv6);
    return bytes?.length === 16 ? { host: ipToText(bytes)!, port } : undefined;
  }
  // What consists of digits and dots only is meant as an IPv4 address and must be a whole one.
  if (/^[0-9.]+$/.test(name!) && ipFromText(name!) === undefined) return undefined;
  return { host: name!.toLowerCase(), port };
}

export function isPort(port: number): boolean {
  return Number.isInteger(port) && port >= 1 && port <= 65535;
}

/** Bytes of one IPv4 entry: address and port. */
export const COMPACT_V4_LENGTH = 6;
/** Bytes of one IPv6 entry: address and port. */
export const COMPACT_V6_LENGTH = 18;

/**
 * The IPv4 and IPv6 addresses of `peers` in compact form, each in its own string; host names, which have no
 * compact form, are left out.
 */
export function encodeCompactPeers(peers: Iterable<PeerAddress>): {
  readonly v4: Uint8Array<ArrayBuffer>;
  readonly v6: Uint8Array<ArrayBuffer>;
} {
  const v4: number[] = [];
  const v6: number[] = [];
  const port = new Uint8Array(2);
  for (const peer of peers) {
    const ip = ipFromText(peer.host);
    if (ip === undefined) continue;
    writeUint16(port, 0, peer.port);
    (ip.length === 4 ? v4 : v6).push(...ip, ...port);
  }
  return { v4: Uint8Array.from(v4), v6: Uint8Array.from(v6) };
}

/** Whole 6-byte entries of `bytes`, without those of port 0; an incomplete one at the end is ignored. */
export function decodeCompactPeers4(bytes: Uint8Array): PeerAddress[] {
  return decodeCompact(bytes, 4);
}

/** Whole 18-byte entries of `bytes`, without those of port 0; an incomplete one at the end is ignored. */
export function decodeCompactPeers6(bytes: Uint8Array): PeerAddress[] {
  return decodeCompact(bytes, 16);
}

function decodeCompact(bytes: Uint8Array, ipLength: number): PeerAddress[] {
  const peers: PeerAddress[] = [];
  for (let at = 0; at + ipLength + 2 <= bytes.length; at += ipLength + 2) {
    const port = readUint16(bytes, at + ipLength);
    if (port !== 0) peers.push({ host: ipToText(bytes.subarray(at, at + ipLength))!, port });
  }
  return peers;
}
