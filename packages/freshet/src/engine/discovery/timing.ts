/** When to announce next: pure functions over what the tracker said. All times are in milliseconds. */

import type { Random } from '../ports.ts';

export type TrackerKind = 'http' | 'ws';

/** Least time between two regular announces, whatever the tracker says. */
export const MIN_INTERVAL = 15_000;
/** Most time between two regular announces: trackers forget peers that are silent for longer. */
export const MAX_INTERVAL = 3_600_000;
/** Between two regular announces over a WebSocket: public trackers drop sockets that are silent for 2 min. */
export const MAX_WS_INTERVAL = 110_000;
/** Used until an HTTP tracker tells its interval; BEP 3's trackers say 1800 s. */
const DEFAULT_HTTP_INTERVAL = 1_800_000;
/** Used until a WebSocket tracker tells its interval; all known ones say 120 s. */
const DEFAULT_WS_INTERVAL = 120_000;
/** Between an announce and an extra one where an HTTP tracker gives no `min interval`. */
const DEFAULT_HTTP_MIN = 30_000;

const FIRST_RETRY = 5_000;
const MAX_RETRY = 900_000;
const MAX_TOLD_RETRY = 86_400_000;

/** A delay that doubles with each failure (`failures` counts from 1), up to `cap`, plus up to `spread` of itself. */
export function backOff(
  random: Random,
  failures: number,
  first: number,
  cap: number,
  spread: number,
): number {
  const delay = Math.min(cap, first * 2 ** Math.min(failures - 1, 30));
  return delay + random.below(Math.floor(delay * spread) + 1);
}

/**
 * How long to leave a tracker alone after its `failures`-th failure in a row: 5 s, doubled up to 15 min, plus up
 * to a quarter; longer if it asked for that (`told`, BEP 31), up to a day.
 */
export function retryDelay(random: Random, failures: number, told: number | undefined): number {
  return Math.max(
    backOff(random, failures, FIRST_RETRY, MAX_RETRY, 0.25),
    Math.min(told ?? 0, MAX_TOLD_RETRY),
  );
}

/** Least time from an announce to an extra one. */
export function extraAnnounceDelay(kind: TrackerKind, minInterval: number | undefined): number {
  const told = minInterval ?? (kind === 'http' ? DEFAULT_HTTP_MIN : MIN_INTERVAL);
  return Math.min(MAX_INTERVAL, Math.max(MIN_INTERVAL, told));
}

/**
 * Time from a good reply to the next regular announce: the tracker's interval, not less than its `min
 * interval`, from 15 s to 1 h, plus up to a tenth so that a swarm does not announce in step. Over a WebSocket
 * 110 s at most, less up to a tenth: there an announce also keeps the socket from being dropped as idle.
 */
export function announceDelay(
  random: Random,
  kind: TrackerKind,
  interval: number | undefined,
  minInterval: number | undefined,
): number {
  const told = interval ?? (kind === 'http' ? DEFAULT_HTTP_INTERVAL : DEFAULT_WS_INTERVAL);
  const least = Math.max(MIN_INTERVAL, minInterval ?? 0);
  const delay = Math.min(MAX_INTERVAL, Math.max(least, told));
  const jitter = random.below(Math.floor(Math.min(delay, MAX_WS_INTERVAL) / 10) + 1);
  if (kind === 'ws' && delay >= MAX_WS_INTERVAL && least < MAX_WS_INTERVAL - jitter)
    return MAX_WS_INTERVAL - jitter;
  return Math.min(MAX_INTERVAL, delay + jitter);
}
