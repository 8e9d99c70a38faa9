/** The trackers of one torrent of which one at a time is used. */

import type { AnnounceEvent } from '../../protocol/index.ts';
import type { Clock, Random, Timer } from '../ports.ts';
import { TRY_AGAIN } from './advice.ts';
import { Tiers } from './tiers.ts';
import { announceDelay, extraAnnounceDelay, retryDelay, type TrackerKind } from './timing.ts';
import { TrackerEntry } from './tracker-entry.ts';
import type {
  AnnounceOutcome,
  AnnouncerObserver,
  TrackerSession,
  TrackerState,
  TrackerStatus,
} from './types.ts';

/** Different sentences about one tracker until it works again: a refusal may read differently each time. */
const MAX_WARNINGS = 8;

export interface TrackerGroupOptions {
  readonly kind: TrackerKind;
  readonly clock: Clock;
  readonly random: Random;
  readonly observer: AnnouncerObserver;
}

/** How a session tells its group what happens outside an announce. */
export interface SessionEvents {
  /** The connection is there, for the first time or again; the tracker knows nothing of us. */
  onReady(): void;
  /** The connection has been lost, or could not be made again. One sentence that names the tracker. */
  onDown(sentence: string): void;
  /** Now is a good time for an announce. */
  onIdle(): void;
}

/**
 * Announces to the first tracker that works, in the order of BEP 12: within a tier at random, then by success;
 * a tier is only asked when all trackers before it have failed. Each regular announce begins at the top again.
 * A tracker that failed is left alone for a while by itself, so the others are not held up by it.
 */
export class TrackerGroup {
  readonly kind: TrackerKind;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #observer: AnnouncerObserver;
  readonly #tiers = new Tiers<TrackerEntry>();
  #isRunning = false;
  #isComplete = false;
  /** The one that works. */
  #current: TrackerEntry | undefined;
  /** The one that is being asked. */
  #busy: TrackerEntry | undefined;
  #timer: Timer | undefined;
  /** When the timer fires, or `undefined` if there is none. */
  #nextAt: number | undefined;

  constructor(options: TrackerGroupOptions) {
    this.kind = options.kind;
    this.#clock = options.clock;
    this.#random = options.random;
    this.#observer = options.observer;
  }

  /** Adds a tracker, whose session `makeSession` makes. It is asked at once if no other works. */
  add(url: string, tier: number, makeSession: (events: SessionEvents) => TrackerSession): void {
    const session = makeSession({
      onReady: () => this.#ready(entry),
      onDown: (sentence) => this.#down(entry, sentence),
      onIdle: () => {
        if (this.#isRunning && this.#busy === undefined && this.#current === entry) this.#announce(entry);
      },
    });
    const entry = new TrackerEntry(url, session);
    this.#tiers.add(entry, tier);
    if (this.#current === undefined) this.#round();
  }

  start(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    this.#tiers.shuffle(this.#random);
    this.#round();
  }

  /** The download is complete; the tracker that is in use is told at once. */
  completed(): void {
    this.#isComplete = true;
    const current = this.#current;
    if (!this.#isRunning || this.#busy !== undefined || current === undefined) return;
    if (current.owesCompleted(true)) this.#announce(current);
  }

  /** Brings the next announce forward as far as the tracker allows. */
  update(): void {
    const current = this.#current;
    if (!this.#isRunning || this.#busy !== undefined || current === undefined) return;
    const now = this.#clock.now();
    const at = Math.max(now, current.announcedAt + extraAnnounceDelay(this.kind, current.minInterval));
    if (this.#nextAt !== undefined && this.#nextAt <= at) return;
    this.#schedule(at - now, () => this.#announce(current));
  }

  /** Everything is tried again at once. */
  networkChanged(): void {
    if (!this.#isRunning) return;
    this.#busy?.session.cancel();
    this.#busy = undefined;
    for (const entry of this.#tiers) {
      entry.session.reconnect();
      if (this.kind === 'ws') entry.isStarted = false;
      entry.failures = 0;
      if (!entry.isGivenUp) entry.retryAt = 0;
    }
    this.#round();
  }

  /** Ends all activity, then says goodbye to every tracker that has us in its list; `done` is called later, when that is sent. */
  stop(done: () => void): void {
    this.#isRunning = false;
    this.#unschedule();
    this.#busy?.session.cancel();
    this.#busy = undefined;
    this.#current = undefined;
    const leaving = [...this.#tiers].filter((entry) => entry.isStarted);
    for (const entry of this.#tiers) if (!entry.isStarted) entry.session.close();
    let left = leaving.length;
    if (left === 0) this.#timer = this.#clock.setTimer(0, done);
    for (const entry of leaving) {
      this.#dismiss(entry, () => {
        if (--left === 0) done();
      });
    }
  }

  /** Ends at once, goodbyes included. */
  close(): void {
    this.#isRunning = false;
    this.#unschedule();
    for (const entry of this.#tiers) entry.session.close();
  }

  *status(): Generator<TrackerStatus> {
    for (const entry of this.#tiers) {
      const { url, lastError, summary } = entry;
      yield {
        url,
        state: this.#stateOf(entry),
        ...(lastError === undefined ? {} : { lastError }),
        nextAnnounceIn: this.#nextAnnounceIn(entry),
        peers: entry.session.linkCount ?? summary?.peers ?? 0,
        seeds: summary?.seeds,
        leechers: summary?.leechers,
      };
    }
  }

  #stateOf(entry: TrackerEntry): TrackerState {
    if (this.#busy === entry) return 'announcing';
    if (entry.lastError !== undefined) return 'failing';
    return this.#current === entry ? 'working' : 'idle';
  }

  #nextAnnounceIn(entry: TrackerEntry): number | undefined {
    if (!this.#isRunning || this.#busy === entry || entry.isGivenUp) return undefined;
    const now = this.#clock.now();
    if (entry.lastError !== undefined) {
      const retryIn = entry.session.retryIn() ?? entry.retryAt - now;
      if (!Number.isFinite(retryIn)) return undefined;
      return this.#current === undefined
        ? Math.max(0, retryIn)
        : Math.max(0, retryIn, (this.#nextAt ?? now) - now);
    }
    return this.#current === entry && this.#nextAt !== undefined
      ? Math.max(0, this.#nextAt - now)
      : undefined;
  }

  /** Asks the first tracker that may be asked, or waits until one may. */
  #round(): void {
    if (!this.#isRunning || this.#busy !== undefined) return;
    this.#unschedule();
    const now = this.#clock.now();
    let soonest = Number.POSITIVE_INFINITY;
    for (const entry of this.#tiers) {
      if (entry.retryAt <= now) {
        this.#announce(entry);
        return;
      }
      soonest = Math.min(soonest, entry.retryAt);
    }
    if (Number.isFinite(soonest)) this.#schedule(soonest - now, () => this.#round());
  }

  #announce(entry: TrackerEntry): void {
    this.#unschedule();
    this.#busy = entry;
    const event = entry.nextEvent(this.#isComplete);
    const wasComplete = this.#isComplete;
    entry.session.announce(event, (outcome) => {
      this.#busy = undefined;
      if (outcome.ok) this.#succeeded(entry, event, wasComplete, outcome);
      else this.#failed(entry, outcome);
    });
  }

  #succeeded(
    entry: TrackerEntry,
    event: AnnounceEvent | undefined,
    wasComplete: boolean,
    outcome: AnnounceOutcome & { ok: true },
  ): void {
    if (event === 'started') {
      entry.isStarted = true;
      // Here `completed` is owed only by what has ended since: trackers count these as downloads.
      if (wasComplete) entry.isToldComplete = true;
    }
    if (event === 'completed') entry.isToldComplete = true;
    entry.failures = 0;
    entry.retryAt = 0;
    entry.lastError = undefined;
    entry.announcedAt = this.#clock.now();
    entry.minInterval = outcome.minInterval;
    entry.summary = outcome.summary;
    this.#tiers.promote(entry);
    this.#current = entry;
    // An HTTP tracker forgets us by itself and may send us peers until then; a socket would stay open for nothing.
    if (this.kind === 'ws') this.#dropOthers(entry);
    if (entry.owesCompleted(this.#isComplete)) this.#announce(entry);
    else {
      const delay = announceDelay(this.#random, this.kind, outcome.summary.interval, outcome.minInterval);
      this.#schedule(delay, () => this.#round());
    }
    // Last, since the observer may do anything to us.
    const { warning } = outcome;
    const isNew = warning !== undefined && !entry.warnedOf.has(warning);
    entry.warnedOf.clear();
    if (warning !== undefined) {
      if (isNew) this.#warn(entry, warning, undefined);
      else entry.warnedOf.add(warning);
    }
    if (this.#isRunning) this.#observer.onAnnounced(entry.url, outcome.summary);
    if (outcome.peers.length > 0 && this.#isRunning) this.#observer.onPeers(outcome.peers, entry.url);
  }

  #failed(
    entry: TrackerEntry,
    { sentence, retry, advice = TRY_AGAIN }: AnnounceOutcome & { ok: false },
  ): void {
    entry.lastError = sentence;
    entry.failures++;
    if (retry === 'never') entry.isGivenUp = true;
    // With its connection it has lost us.
    if (retry === 'when-ready') entry.isStarted = false;
    if (typeof retry === 'string') entry.retryAt = Number.POSITIVE_INFINITY;
    else entry.retryAt = this.#clock.now() + retryDelay(this.#random, entry.failures, retry);
    if (this.#current === entry) this.#current = undefined;
    this.#round();
    this.#warn(entry, sentence, advice);
  }

  #ready(entry: TrackerEntry): void {
    entry.isStarted = false;
    if (!entry.isGivenUp && entry.retryAt === Number.POSITIVE_INFINITY) entry.retryAt = 0;
    if (!this.#isRunning || this.#busy !== undefined) return;
    if (this.#current === entry) this.#announce(entry);
    else if (this.#current === undefined) this.#round();
  }

  #down(entry: TrackerEntry, sentence: string): void {
    // A connection that breaks and comes back is not worth a warning; one that cannot be made again is.
    const isNews = entry.lastError !== undefined;
    entry.isStarted = false;
    entry.lastError = sentence;
    entry.retryAt = Number.POSITIVE_INFINITY;
    if (this.#current === entry) {
      this.#current = undefined;
      this.#round();
    }
    if (isNews) this.#warn(entry, sentence, TRY_AGAIN);
  }

  /** Leaves the socket trackers that stand behind `current`; those before it are tried again in each round. */
  #dropOthers(current: TrackerEntry): void {
    let isBehind = false;
    for (const entry of this.#tiers) {
      if (entry === current) isBehind = true;
      else if (entry.isStarted) this.#dismiss(entry, () => {});
      else if (isBehind && entry.lastError !== undefined && !entry.isGivenUp) {
        entry.session.close();
        entry.lastError = undefined;
        if (entry.retryAt === Number.POSITIVE_INFINITY) entry.retryAt = 0;
      }
    }
  }

  /** Tells a tracker that we leave. */
  #dismiss(entry: TrackerEntry, done: () => void): void {
    entry.isStarted = false;
    // There is no connection any more that would tell.
    if (!entry.isGivenUp && entry.retryAt === Number.POSITIVE_INFINITY) entry.retryAt = 0;
    entry.session.announce('stopped', () => {
      entry.session.close();
      done();
    });
  }

  #warn({ url, warnedOf }: TrackerEntry, sentence: string, advice: string | undefined): void {
    if (!this.#isRunning || warnedOf.has(sentence) || warnedOf.size >= MAX_WARNINGS) return;
    warnedOf.add(sentence);
    this.#observer.onWarning(url, sentence, advice);
  }

  #schedule(delay: number, then: () => void): void {
    this.#unschedule();
    this.#nextAt = this.#clock.now() + delay;
    this.#timer = this.#clock.setTimer(delay, () => {
      this.#timer = undefined;
      this.#nextAt = undefined;
      then();
    });
  }

  #unschedule(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#nextAt = undefined;
  }
}
