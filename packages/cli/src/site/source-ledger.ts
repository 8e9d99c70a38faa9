/** Who gave how many bytes, peers that have gone included. */

import type { PeerSnapshot } from 'freshet';

/** Payload bytes received in this visit. */
export interface Shares {
  readonly viewers: number;
  /** The site's own seeder. */
  readonly origin: number;
  readonly webSeed: number;
  readonly total: number;
}

/** For one torrent. */
export class SourceLedger {
  readonly #byPeer = new Map<number, { bytes: number; origin: boolean }>();
  #before: Readonly<Record<string, number>> = {};

  /** All that was received so far was so for other tabs of the site, whose engine this page shares. */
  begin(received: Readonly<Record<string, number>>): void {
    this.#before = { ...received };
  }

  /** What connected peers say of themselves. Those seen before and not now keep what they gave. */
  note(peers: readonly Pick<PeerSnapshot, 'id' | 'isOrigin' | 'downloaded'>[]): void {
    for (const peer of peers) this.#byPeer.set(peer.id, { bytes: peer.downloaded, origin: peer.isOrigin });
  }

  /** `received` is the torrent's count by kind of source, which misses nothing. */
  shares(received: Readonly<Record<string, number>>): Shares {
    const since = (kind: string): number => Math.max(0, (received[kind] ?? 0) - (this.#before[kind] ?? 0));
    let total = 0;
    for (const kind of Object.keys(received)) total += since(kind);
    const webSeed = since('webseed');
    let origin = 0;
    let viewers = 0;
    let originSeen = false;
    let viewerSeen = false;
    for (const entry of this.#byPeer.values()) {
      if (entry.origin) {
        origin += entry.bytes;
        originSeen = true;
      } else {
        viewers += entry.bytes;
        viewerSeen = true;
      }
    }
    // Bytes of peers that came and went between two looks are shared out like those that are known.
    const known = origin + viewers;
    const fromPeers = total - webSeed;
    const part = known > 0 ? origin / known : originSeen && !viewerSeen ? 1 : 0;
    const originBytes = Math.round(fromPeers * part);
    return { viewers: fromPeers - originBytes, origin: originBytes, webSeed, total };
  }
}

/** Whole percents of the three that add up to 100; all 0 when nothing has come. */
export function percents({ viewers, origin, webSeed, total }: Shares): [number, number, number] {
  if (total <= 0) return [0, 0, 0];
  const exact = [viewers, origin, webSeed].map((bytes) => (100 * bytes) / total);
  const whole = exact.map(Math.floor) as [number, number, number];
  const order = [0, 1, 2].sort((a, b) => exact[b]! - whole[b]! - (exact[a]! - whole[a]!));
  const left = 100 - whole[0] - whole[1] - whole[2];
  for (const index of order.slice(0, left)) whole[index]!++;
  return whole;
}
