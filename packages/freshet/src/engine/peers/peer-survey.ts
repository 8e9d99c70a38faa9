/** What the peers of a torrent are worth together, for decisions that no single connection can make. */

import type { PeerSpeeds } from '../pieces/urgent-share.ts';

/** A connection, as far as its worth goes. */
export interface SurveyedPeer {
  readonly peerChoking: boolean;
  readonly amInterested: boolean;
  readonly isSeed: boolean;
  readonly uploadOnly: boolean;
  readonly isOrigin: boolean;
  readonly pipeline: { readonly queueTime: number; readonly rate: number } | undefined;
}

/** Peers that would send something now. */
export function countUseful(peers: Iterable<SurveyedPeer>): number {
  let count = 0;
  for (const peer of peers) if (!peer.peerChoking && peer.amInterested) count++;
  return count;
}

/** Peers that want what we want, and are no source of the site. */
export function countRivals(peers: Iterable<SurveyedPeer>): number {
  let count = 0;
  for (const peer of peers) if (!peer.isSeed && !peer.uploadOnly && !peer.isOrigin) count++;
  return count;
}

/** Whether a peer that costs the site nothing has everything and would send it. */
export function hasFreeSeed(peers: Iterable<SurveyedPeer>): boolean {
  for (const peer of peers) if (peer.isSeed && !peer.peerChoking && !peer.isOrigin) return true;
  return false;
}

/** What the useful peers send, and how long the least busy of them takes to begin with something new. */
export function speedsOf(peers: Iterable<SurveyedPeer>): PeerSpeeds {
  let total = 0;
  let best = 0;
  let bestQueueTime = Number.POSITIVE_INFINITY;
  for (const { peerChoking, amInterested, pipeline } of peers) {
    if (peerChoking || !amInterested || pipeline === undefined) continue;
    total += pipeline.rate;
    best = Math.max(best, pipeline.rate);
    bestQueueTime = Math.min(bestQueueTime, pipeline.queueTime);
  }
  return { total, best, bestQueueTime: Number.isFinite(bestQueueTime) ? bestQueueTime : 0 };
}
