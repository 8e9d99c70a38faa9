/** Canonical peer priority (BEP 40): both ends of a connection come to the same number, and nobody can choose it. */

import { ipFromText, type PeerAddress } from '../../protocol/index.ts';

/** CRC-32C (Castagnoli), reflected. */
const TABLE: Uint32Array = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  return crc >>> 0;
});

export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (crc >>> 8) ^ TABLE[(crc ^ byte) & 0xff]!;
  return (crc ^ 0xffffffff) >>> 0;
}

/**
 * Priority of a connection between two addresses, an unsigned 32-bit number; the greater the better. `undefined` when
 * they have none: one of them is a host name, or they are of different families.
 */
export function peerPriority(a: PeerAddress, b: PeerAddress): number | undefined {
  const ours = ipFromText(a.host);
  const theirs = ipFromText(b.host);
  if (ours === undefined || theirs === undefined || ours.length !== theirs.length) return undefined;
  let same = 0;
  while (same < ours.length && ours[same] === theirs[same]) same++;
  if (same === ours.length) return crc32c(sorted(portBytes(a.port), portBytes(b.port)));
  // Half of the bits behind the network count, so that nobody gets many priorities out of one network. The further
  // the two share their way, the further the network reaches: /16, /24 and all for IPv4; /48, /56 and on for IPv6.
  const network = ours.length === 4 ? 2 : 6;
  const whole = same < network ? network : same + 1;
  return crc32c(sorted(masked(ours, whole), masked(theirs, whole)));
}

function masked(ip: Uint8Array, whole: number): Uint8Array {
  return ip.map((byte, i) => (i < whole ? byte : byte & 0x55));
}

function portBytes(port: number): Uint8Array {
  return Uint8Array.of(port >>> 8, port & 0xff);
}

/** Both in one array, the lesser first. */
function sorted(a: Uint8Array, b: Uint8Array): Uint8Array {
  let i = 0;
  while (i < a.length && a[i] === b[i]) i++;
  const first = i < a.length && a[i]! > b[i]! ? b : a;
  const both = new Uint8Array(2 * a.length);
  both.set(first);
  both.set(first === a ? b : a, a.length);
  return both;
}

/** Networks that are asked how they see us, per family of addresses. */
const MAX_VOTES = 32;

/**
 * Our own address as peers see it (`yourip`, BEP 10): what most networks say. A single liar can move it only while
 * it is alone, and all that depends on it is in what order peers are preferred.
 */
export class ExternalAddress {
  /** What each network said, by family. */
  readonly #votes: { [family in 4 | 16]?: Map<string, string> | undefined } = {};
  readonly #winner: { [family in 4 | 16]?: string | undefined } = {};

  /** @param voter the peer's host. Returns whether that changes what we take for our address. */
  vote(voter: string, address: string): boolean {
    const ip = ipFromText(address);
    if (ip === undefined) return false;
    const family = ip.length === 4 ? 4 : 16;
    this.#votes[family] ??= new Map();
    const votes = this.#votes[family];
    const network = networkOf(voter);
    if (network === undefined || (votes.size >= MAX_VOTES && !votes.has(network))) return false;
    votes.set(network, address);
    const counts = new Map<string, number>();
    for (const said of votes.values()) counts.set(said, (counts.get(said) ?? 0) + 1);
    let winner = this.#winner[family];
    for (const [said, count] of counts) {
      if (winner === undefined || count > (counts.get(winner) ?? 0)) winner = said;
    }
    if (winner === this.#winner[family]) return false;
    this.#winner[family] = winner;
    return true;
  }

  /** Ours of the same family as the other host's; `undefined` when nobody has said. */
  towards(host: string): string | undefined {
    const ip = ipFromText(host);
    return ip === undefined ? undefined : this.#winner[ip.length === 4 ? 4 : 16];
  }
}

/** What a host's owner can vary at will is left out: the last byte of IPv4, the last half of IPv6. */
export function networkOf(host: string): string | undefined {
  const ip = ipFromText(host);
  if (ip === undefined) return undefined;
  return ip.subarray(0, ip.length === 4 ? 3 : 8).join('.');
}
