/** A simulation in a handful of figures. */

import type { SimulationResult, ViewerResult } from './result.ts';
import { gini, type Spread, spread } from './spread.ts';

/** Times are milliseconds, amounts bytes, shares between 0 and 1; `undefined` where there was nothing to measure. */
export interface Summary {
  readonly viewers: number;
  /** From arrival to the first picture, of those who saw one. */
  readonly startupMs: Spread;
  /** Viewers who left before the first picture, or would still be waiting. */
  readonly neverStarted: number;
  /** Stalls per hour of film shown. */
  readonly stallsPerHour: number | undefined;
  /** Of the time from the first picture on, that without one; waiting after a seek is not in it. */
  readonly stalledShare: number | undefined;
  /** Viewers who had at least one stall, of those who saw a picture. */
  readonly stalledViewers: number | undefined;
  readonly seekMs: Spread;
  /** From arrival to having everything, of those who had. */
  readonly completionMs: Spread;
  readonly completed: number;
  /** Payload that viewers received, and the part of it that came from viewers. */
  readonly received: number;
  readonly offload: number | undefined;
  /** What `offload` could at best have been, and how much of that was reached. */
  readonly offloadBound: number;
  readonly offloadRatio: number | undefined;
  /** Bytes that each viewer uploaded, and how unequally. */
  readonly uploaded: Spread;
  readonly uploadGini: number | undefined;
  /** Bytes received twice or in vain, as a share of those received. */
  readonly wastedShare: number | undefined;
  /** Messages that the tracker received and sent, per viewer. */
  readonly trackerMessages: number | undefined;
  readonly httpRequests: number | undefined;
}

const HOUR = 3_600_000;

export function summarise(result: SimulationResult): Summary {
  const { viewers, tracker, http, offloadBound } = result;
  const total = (of: (viewer: ViewerResult) => number): number =>
    viewers.reduce((sum, viewer) => sum + of(viewer), 0);
  const watched = total((v) => v.watchedMs);
  const stalled = total((v) => v.stalledMs);
  const fromPeers = total((v) => v.fromPeers);
  const received = fromPeers + total((v) => v.fromSeeder + v.fromHttp);
  const startups = defined(viewers, (v) => v.startupMs);
  const completions = defined(viewers, (v) => v.completedAt && v.completedAt - v.arrivedAt);
  const uploads = viewers.map((v) => v.uploaded);
  const offload = ratio(fromPeers, received);
  return {
    viewers: viewers.length,
    startupMs: spread(startups),
    neverStarted: viewers.length - startups.length,
    stallsPerHour: ratio(
      total((v) => v.stalls),
      watched / HOUR,
    ),
    stalledShare: ratio(stalled, watched + stalled),
    stalledViewers: ratio(viewers.filter((v) => v.stalls > 0).length, startups.length),
    seekMs: spread(viewers.flatMap((v) => v.seekMs)),
    completionMs: spread(completions),
    completed: completions.length,
    received,
    offload,
    offloadBound,
    offloadRatio: offload === undefined ? undefined : ratio(offload, offloadBound),
    uploaded: spread(uploads),
    uploadGini: gini(uploads),
    wastedShare: ratio(
      total((v) => v.wasted),
      received,
    ),
    trackerMessages: ratio(tracker.received + tracker.sent, viewers.length),
    httpRequests: ratio(http.requests, viewers.length),
  };
}

function ratio(part: number, whole: number): number | undefined {
  return whole > 0 ? part / whole : undefined;
}

function defined(
  viewers: readonly ViewerResult[],
  of: (viewer: ViewerResult) => number | undefined,
): number[] {
  return viewers.map(of).filter((value) => value !== undefined);
}
