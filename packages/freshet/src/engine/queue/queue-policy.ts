/** Which torrents run, of more than may run at a time. Functions over plain state. */

export interface QueueLimits {
  /** Most torrents that download at a time, those still fetching metadata included. */
  readonly maxActiveDownloads?: number | undefined;
  /** Most torrents that seed at a time. */
  readonly maxActiveSeeds?: number | undefined;
  /** Most torrents that run at a time, slow ones included. */
  readonly maxActive?: number | undefined;
}

export interface QueueEntry {
  /** It has everything that is wanted. */
  readonly seeding: boolean;
  /** It runs whatever the limits say, and takes nobody's place. */
  readonly forced: boolean;
  /** It runs, and nothing worth mentioning has come or gone for a while: it takes no place but in `maxActive`. */
  readonly slow: boolean;
}

/**
 * Which of the entries may run, in the order of the queue: first those that download, then those that seed.
 * @param entries those that would run if there were no limits, in the order of the queue.
 */
export function mayRun(entries: readonly QueueEntry[], limits: QueueLimits): boolean[] {
  const running = entries.map((entry) => entry.forced);
  let all = 0;
  for (const seeding of [false, true]) {
    const most = (seeding ? limits.maxActiveSeeds : limits.maxActiveDownloads) ?? Number.POSITIVE_INFINITY;
    let taken = 0;
    for (const [i, entry] of entries.entries()) {
      if (entry.forced || entry.seeding !== seeding) continue;
      if (all >= (limits.maxActive ?? Number.POSITIVE_INFINITY)) continue;
      if (!entry.slow && taken >= most) continue;
      // A place of none is for nobody, not even for those who would not take it.
      if (most === 0) continue;
      running[i] = true;
      all++;
      if (!entry.slow) taken++;
    }
  }
  return running;
}

/** Bytes per second below which a torrent is slow. */
const SLOW = 2048;
/** Milliseconds for which a torrent that has just started is not called slow: peers must be found first. */
const START_UP = 60_000;

export function isSlow(rate: number, runningFor: number): boolean {
  return rate < SLOW && runningFor >= START_UP;
}

export interface Goals {
  /** Bytes sent per byte received, or per byte of the torrent where less than that was received. */
  readonly ratio?: number | undefined;
  /** Milliseconds of seeding. */
  readonly seedTime?: number | undefined;
}

export interface GoalProgress {
  /** Payload in bytes, earlier runs included. */
  readonly uploaded: number;
  readonly downloaded: number;
  readonly length: number;
  /** Milliseconds of seeding. */
  readonly seedTime: number;
}

export type Goal = 'ratio' | 'seedTime';

/** The goal that a complete torrent has reached; its own goals come before the client's, one by one. */
export function reachedGoal(own: Goals, general: Goals, progress: GoalProgress): Goal | undefined {
  const ratio = own.ratio ?? general.ratio;
  const seedTime = own.seedTime ?? general.seedTime;
  const { uploaded, downloaded, length } = progress;
  if (ratio !== undefined && uploaded >= ratio * Math.max(downloaded, length, 1)) return 'ratio';
  if (seedTime !== undefined && progress.seedTime >= seedTime) return 'seedTime';
  return undefined;
}
