/** What the announcers of a torrent's swarms know of the same trackers, as one account. */

import { trackerKind } from './tracker-url.ts';
import type { TrackerState, TrackerStatus } from './types.ts';

/** The better state first: a tracker that works for one swarm works. */
const ORDER: readonly TrackerState[] = ['working', 'announcing', 'failing', 'idle'];

/**
 * One entry for each tracker. Peers of a hybrid torrent announce to both swarms, so that the sum of seeds or leechers
 * would count most of them twice: the greater number is given. Links are different ones; addresses may repeat.
 */
export function mergeTrackerStatus(lists: readonly (readonly TrackerStatus[])[]): TrackerStatus[] {
  const [first, ...others] = lists;
  if (first === undefined) return [];
  const merged = new Map(first.map((status) => [status.url, status]));
  for (const status of others.flat()) {
    const known = merged.get(status.url);
    merged.set(status.url, known === undefined ? status : merge(known, status));
  }
  return [...merged.values()];
}

function merge(a: TrackerStatus, b: TrackerStatus): TrackerStatus {
  const state = ORDER.indexOf(a.state) <= ORDER.indexOf(b.state) ? a.state : b.state;
  const lastError = state === 'working' ? undefined : (a.lastError ?? b.lastError);
  return {
    url: a.url,
    state,
    ...(lastError === undefined ? {} : { lastError }),
    nextAnnounceIn: pick(Math.min, a.nextAnnounceIn, b.nextAnnounceIn),
    peers: trackerKind(a.url) === 'ws' ? a.peers + b.peers : Math.max(a.peers, b.peers),
    seeds: pick(Math.max, a.seeds, b.seeds),
    leechers: pick(Math.max, a.leechers, b.leechers),
  };
}

function pick(
  choose: (a: number, b: number) => number,
  a: number | undefined,
  b: number | undefined,
): number | undefined {
  return a === undefined || b === undefined ? (a ?? b) : choose(a, b);
}
