/** Milliseconds that a run of `PACED_RUN` bytes takes at an origin that has just as much to do as it can. */
const TARGET = 2000;
const PACED_RUN = 256 * 1024;
/** Shorter runs say more of round trips than of the origin's line, unless they take long. */
const MIN_RUN = PACED_RUN / 4;
/** Bounds of the time between two runs, in milliseconds. */
export const MIN_INTERVAL = 1000;
const MAX_INTERVAL = 64_000;
/** One run changes the interval by such factors at most. */
const MOST = 8;
const LEAST = 0.5;
/** What the interval loses each second, in milliseconds. */
const DRIFT = 300;

/** A run, as far as its time goes. */
export interface TimedRun {
  /** Offset of the next byte that comes. */
  readonly position: number;
  readonly held: boolean;
}

/**
 * How often a viewer asks the origin, found from how long that took. If each of a crowd asked as often as it lacks something,
 * all would wait for an origin that sends to all at once, and each gets its piece after everybody could have passed it on. As
 * nobody knows how many there are and what the origin's line carries, each asks the more seldom the longer its own runs took,
 * and more often again as time goes by.
 */
export class OriginPace {
  #interval = MIN_INTERVAL;
  #since = 0;
  /** The runs under way that were never paused: since when, and where they began. */
  readonly #timed = new Map<TimedRun, { readonly since: number; readonly from: number }>();

  /** Looks at the runs under way: those that have come or gone since. */
  look(runs: ReadonlySet<TimedRun>, now: number): void {
    for (const [run, { since, from }] of this.#timed) {
      if (runs.has(run) && !run.held) continue;
      this.#timed.delete(run);
      if (!run.held) this.onRun(run.position - from, now - since, now);
    }
    for (const run of runs) {
      if (!run.held && !this.#timed.has(run)) this.#timed.set(run, { since: now, from: run.position });
    }
  }

  /** A run has ended. @param bytes that it brought. @param elapsed milliseconds that it took. */
  onRun(bytes: number, elapsed: number, now: number): void {
    if (bytes < MIN_RUN && elapsed <= TARGET) return;
    const time = (elapsed * PACED_RUN) / Math.max(bytes, MIN_RUN);
    const factor = Math.max(LEAST, Math.min(MOST, time / TARGET));
    this.#interval = Math.min(MAX_INTERVAL, Math.max(MIN_INTERVAL, this.interval(now) * factor));
    this.#since = now;
  }

  /** Milliseconds that should lie between two runs. */
  interval(now: number): number {
    return Math.max(MIN_INTERVAL, this.#interval - (DRIFT * (now - this.#since)) / 1000);
  }
}
