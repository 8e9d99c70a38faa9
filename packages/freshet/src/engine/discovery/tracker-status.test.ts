import { describe, expect, it } from 'vitest';
import { mergeTrackerStatus } from './tracker-status.ts';
import type { TrackerStatus } from './types.ts';

const HTTP = 'http://a.example/announce';
const WS = 'wss://b.example';

function status(url: string, more: Partial<TrackerStatus> = {}): TrackerStatus {
  return {
    url,
    state: 'working',
    nextAnnounceIn: 1000,
    peers: 0,
    seeds: undefined,
    leechers: undefined,
    ...more,
  };
}

describe('mergeTrackerStatus', () => {
  it('leaves one swarm’s account as it is', () => {
    const list = [status(HTTP, { seeds: 1 }), status(WS)];
    expect(mergeTrackerStatus([list])).toEqual(list);
    expect(mergeTrackerStatus([])).toEqual([]);
  });

  it('counts peers that are in both swarms once, and links, which differ, all', () => {
    expect(
      mergeTrackerStatus([
        [status(HTTP, { peers: 4, seeds: 2, leechers: 9 }), status(WS, { peers: 4, seeds: 2 })],
        [status(HTTP, { peers: 3, seeds: 5, leechers: 1, nextAnnounceIn: 400 }), status(WS, { peers: 3 })],
      ]),
    ).toEqual([
      status(HTTP, { peers: 4, seeds: 5, leechers: 9, nextAnnounceIn: 400 }),
      status(WS, { peers: 7, seeds: 2 }),
    ]);
  });

  it('calls a tracker working that works for one swarm, and failing one that works for none', () => {
    const failing = status(HTTP, { state: 'failing', lastError: 'No.', nextAnnounceIn: undefined });
    const idle = status(HTTP, { state: 'idle', nextAnnounceIn: undefined });
    expect(mergeTrackerStatus([[failing], [status(HTTP)]])).toEqual([status(HTTP)]);
    expect(mergeTrackerStatus([[idle], [failing]])).toEqual([failing]);
    expect(mergeTrackerStatus([[failing], [status(HTTP, { state: 'announcing' })]])[0]?.lastError).toBe(
      'No.',
    );
  });

  it('keeps trackers that only one account has', () => {
    expect(mergeTrackerStatus([[status(HTTP)], [status(WS)]]).map(({ url }) => url)).toEqual([HTTP, WS]);
  });
});
