import type { AnnounceEvent } from '../../protocol/index.ts';
import { LazySet } from '../../protocol/lazy-collections.ts';
import type { AnnounceSummary, TrackerSession } from './types.ts';

/** What a group remembers about one of its trackers. */
export class TrackerEntry {
  readonly url: string;
  readonly session: TrackerSession;
  /** The tracker has us in its list: its `started` worked, and it has not been told `stopped` since. */
  isStarted = false;
  /** It need not be told `completed`: it has been, or we were complete when we started there. */
  isToldComplete = false;
  /** Failures in a row. */
  failures = 0;
  /** Not to be asked before this time; infinite while its connection will tell by itself, or for good. */
  retryAt = 0;
  /** It has asked never to be asked again (BEP 31). */
  isGivenUp = false;
  lastError: string | undefined;
  /** What the user was warned with since it worked last: one fault may look now like this and now like that. */
  readonly warnedOf: LazySet<string> = new LazySet();
  /** When the last announce with a good reply was made. */
  announcedAt = 0;
  /** Milliseconds. */
  minInterval: number | undefined;
  summary: AnnounceSummary | undefined;

  constructor(url: string, session: TrackerSession) {
    this.url = url;
    this.session = session;
  }

  /** The event that the next announce has to carry. */
  nextEvent(isComplete: boolean): AnnounceEvent | undefined {
    if (!this.isStarted) return 'started';
    return this.owesCompleted(isComplete) ? 'completed' : undefined;
  }

  owesCompleted(isComplete: boolean): boolean {
    return isComplete && this.isStarted && !this.isToldComplete;
  }
}
