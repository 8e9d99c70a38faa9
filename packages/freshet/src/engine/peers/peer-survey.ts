/** What the peers of a torrent are worth together, for decisions that no single connection can make. */

/** A connection, as far as its worth goes. */
export interface SurveyedPeer {
  readonly peerChoking: boolean;
  readonly amInterested: boolean;
  readonly isSeed: boolean;
  readonly isOrigin: boolean;
  readonly pipeline: { readonly queueTime: number } | undefined;
}

/** Peers that would send something now. */
export function countUseful(peers: Iterable<SurveyedPeer>): number {
  let count = 0;
  for (const peer of peers) if (!peer.peerChoking && peer.amInterested) count++;
  return count;
}

/** Whether a peer that costs the site nothing has everything and would send it. */
export function hasFreeSeed(peers: Iterable<SurveyedPeer>): boolean {
  for (const peer of peers) if (peer.isSeed && !peer.peerChoking && !peer.isOrigin) return true;
  return false;
}

/** Milliseconds until the least busy of the useful peers could begin with something new; 0 when there is none. */
export function bestQueueTime(peers: Iterable<SurveyedPeer>): number {
  let best = Number.POSITIVE_INFINITY;
  for (const peer of peers) {
    if (!peer.peerChoking && peer.amInterested && peer.pipeline !== undefined) {
      best = Math.min(best, peer.pipeline.queueTime);
    }
  }
  return Number.isFinite(best) ? best : 0;
}
