/** Pieces that a peer may have while it is choked, so that a newcomer soon has something to trade (BEP 6). */

import { type InfoHash, ipFromText, readUint32 } from '../../protocol/index.ts';
import { LazyMap } from '../../protocol/lazy-collections.ts';
import type { Hasher } from '../ports.ts';
import { networkOf } from './peer-priority.ts';

/** Most pieces that are allowed to one network (BEP 6 suggests ten). */
const SET_SIZE = 10;
/** What they may come to, in bytes; a single piece may be longer. */
const SET_BYTES = 4 * 1024 * 1024;
/** How long a network has to wait until it may have its set again, in milliseconds. */
const REFILL = 10 * 60_000;
/** Networks whose use of it is remembered. */
const MAX_NETWORKS = 512;
/** What peers of unknown hosts share; browsers do not tell. */
const UNKNOWN = 'unknown';
/** Pieces that we take a peer's word for. */
const MAX_RECEIVED = 32;

/**
 * The canonical set of BEP 6 for a host: the same for all of its /24 network, or of its /64 for IPv6, which the BEP
 * does not speak of. A host that is not known, or has a name, gets the set of 0.0.0.0.
 */
export async function allowedFastSet(
  hasher: Pick<Hasher, 'sha1'>,
  host: string | undefined,
  infoHash: InfoHash | Uint8Array,
  pieceCount: number,
  size: number,
): Promise<number[]> {
  if (pieceCount <= size) return Array.from({ length: pieceCount }, (_, piece) => piece);
  const ip = (host === undefined ? undefined : ipFromText(host)) ?? new Uint8Array(4);
  const network = ip.length === 4 ? Uint8Array.of(ip[0]!, ip[1]!, ip[2]!, 0) : ip.subarray(0, 8);
  let digest = new Uint8Array(network.length + infoHash.length);
  digest.set(network);
  digest.set(infoHash, network.length);
  const pieces = new Set<number>();
  while (pieces.size < size) {
    digest = new Uint8Array(await hasher.sha1(digest));
    for (let i = 0; i < 20 && pieces.size < size; i += 4) pieces.add(readUint32(digest, i) % pieceCount);
  }
  return [...pieces];
}

/** How many pieces are allowed to one network: few when they are long. */
export function allowedFastSize(pieceLength: number): number {
  return Math.max(1, Math.min(SET_SIZE, Math.floor(SET_BYTES / pieceLength)));
}

/**
 * What choked peers have had, by network: whoever comes back under another name, or from the house next door, has no
 * more of it than one peer. Those whose host is not known share one set at a time.
 */
export class AllowedFastBudget {
  readonly #used = new LazyMap<string, { bytes: number; readonly since: number }>();

  /**
   * Takes `bytes` for a host, if it has them left.
   * @param total what it may have in ten minutes, in bytes.
   * @param now clock milliseconds.
   */
  take(host: string | undefined, bytes: number, total: number, now: number): boolean {
    const network = (host === undefined ? undefined : networkOf(host)) ?? UNKNOWN;
    let used = this.#used.get(network);
    if (used === undefined || now - used.since >= REFILL) {
      this.#used.delete(network);
      if (this.#used.size >= MAX_NETWORKS) this.#used.delete(this.#used.keys().next().value!);
      used = { bytes: 0, since: now };
      this.#used.set(network, used);
    }
    if (used.bytes + bytes > total) return false;
    used.bytes += bytes;
    return true;
  }
}

/** Pieces that a peer lets us have while it chokes us. */
export class AllowedByPeer {
  readonly #pieces = new Set<number>();

  get size(): number {
    return this.#pieces.size;
  }

  add(piece: number): void {
    if (this.#pieces.size < MAX_RECEIVED) this.#pieces.add(piece);
  }

  /** The peer did not keep its word: it would be asked again at once, and again. */
  delete(piece: number): void {
    this.#pieces.delete(piece);
  }

  has(piece: number): boolean {
    return this.#pieces.has(piece);
  }

  [Symbol.iterator](): IterableIterator<number> {
    return this.#pieces.values();
  }
}
