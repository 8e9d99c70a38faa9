/** Announces one torrent to its trackers. */

import type { InfoHash, PeerId } from '../../protocol/index.ts';
import { LazySet } from '../../protocol/lazy-collections.ts';
import type { Clock, HttpClient, Random, Timer } from '../ports.ts';
import type { OfferBudget } from './offer-budget.ts';
import type { TrackerKind } from './timing.ts';
import { type SessionEvents, TrackerGroup } from './tracker-group.ts';
import type { TrackerSockets } from './tracker-sockets.ts';
import { canonicalTrackerUrl, trackerKind, trackerName } from './tracker-url.ts';
import type {
  AnnouncerObserver,
  AnnounceStats,
  OpenHttpTracker,
  TrackerSession,
  TrackerStatus,
} from './types.ts';
import { WsTracker } from './ws-tracker.ts';

export interface AnnouncerOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly http: HttpClient;
  /** Shared by all torrents of a client. */
  readonly trackerSockets: TrackerSockets;
  /** Shared by all torrents of a client; absent where there is no WebRTC, and WebSocket trackers are not used then. */
  readonly rtc?: OfferBudget | undefined;
  /** Of one swarm: a hybrid torrent (BEP 52) has an announcer for each of its two. */
  readonly infoHash: InfoHash;
  readonly peerId: PeerId;
  /** Announcers with the same owner share one torrent's part of the offers. Default each has its own. */
  readonly owner?: object | undefined;
  /** Tracker URLs in tiers (BEP 12); a magnet link's are one each. */
  readonly tiers: readonly (readonly string[])[];
  /** Asked at each announce. */
  readonly stats: () => AnnounceStats;
  readonly observer: AnnouncerObserver;
  /** That of the client. Where addresses cannot be dialled it is absent, and HTTP trackers are passed over in silence. */
  readonly openHttp?: OpenHttpTracker | undefined;
  /** Announce to every tracker at all times, not to one of each kind. Default false. */
  readonly announceToAll?: boolean | undefined;
}

/** Milliseconds that trackers get to hear that we leave. */
const STOP_PATIENCE = 2_000;
/** Least milliseconds between two reactions to changes of the network. */
const NETWORK_CHANGE_PAUSE = 5_000;

/**
 * Keeps one torrent known to its trackers, and finds peers through them.
 *
 * The tiers of BEP 12 are applied to the HTTP trackers and to the WebSocket trackers each by themselves: the
 * first hand out addresses, the second introduce WebRTC peers, so that one kind cannot stand in for the other.
 * Of each kind one tracker is used at a time, and the next one when that fails.
 *
 * An announcer runs once: `start`, then `stop`.
 */
export class Announcer {
  readonly #options: AnnouncerOptions;
  readonly #groups: TrackerGroup[] = [];
  /** URLs that are there already. */
  readonly #known = new LazySet<string>();
  /** Trackers that are not used, and why if that is worth a word. */
  readonly #unused: { readonly url: string; readonly reason: string | undefined }[] = [];
  /** Says the same to HTTP trackers whatever our address is (BEP 7). */
  readonly #key: string;
  #lastTier = -1;
  #phase: 'new' | 'running' | 'stopped' = 'new';
  /** For warnings that wait to be told, until then. */
  #warningTimer: Timer | undefined;
  #warned = 0;
  #networkTimer: Timer | undefined;
  #networkChangedAt = Number.NEGATIVE_INFINITY;

  constructor(options: AnnouncerOptions) {
    this.#options = options;
    this.#key = options.random
      .below(2 ** 32)
      .toString(16)
      .padStart(8, '0');
    for (const [tier, urls] of options.tiers.entries()) for (const url of urls) this.#add(url, tier);
  }

  /** Announces `started`, then keeps announcing. */
  start(): void {
    if (this.#phase !== 'new') return;
    this.#phase = 'running';
    for (const group of this.#groups) group.start();
    this.#warnLater();
  }

  /** The download has been completed in this run: tells the trackers that knew of its beginning. */
  completed(): void {
    for (const group of this.#groups) group.completed();
  }

  /** Asks for an extra announce, for more peers or since the state has changed; made as soon as the trackers allow. */
  update(): void {
    for (const group of this.#groups) group.update();
  }

  /** Adds a tracker to a tier, by default to a new one after all others. Trackers that are there already stay where they are. */
  addTracker(url: string, tier?: number): void {
    if (this.#phase === 'stopped') return;
    this.#add(url, tier ?? this.#lastTier + 1);
    if (this.#phase === 'running') this.#warnLater();
  }

  /** Our address or way out has changed: announces at once, on new connections. Bounded to once in 5 s. */
  networkChanged(): void {
    if (this.#phase !== 'running' || this.#networkTimer !== undefined) return;
    const { clock } = this.#options;
    const wait = this.#networkChangedAt + NETWORK_CHANGE_PAUSE - clock.now();
    if (wait > 0) {
      this.#networkTimer = clock.setTimer(wait, () => {
        this.#networkTimer = undefined;
        this.networkChanged();
      });
      return;
    }
    this.#networkChangedAt = clock.now();
    for (const group of this.#groups) group.networkChanged();
  }

  /**
   * Ends all announcing and every connection in the making, and says `stopped` to the trackers that have us in
   * their lists. `onDone` is called once, later: when that is sent, at the latest after 2 s. The observer hears
   * nothing any more.
   */
  stop(onDone: () => void = () => {}): void {
    const { clock } = this.#options;
    if (this.#phase !== 'running') {
      this.#phase = 'stopped';
      clock.setTimer(0, onDone);
      return;
    }
    this.#phase = 'stopped';
    this.#warningTimer?.cancel();
    this.#networkTimer?.cancel();
    let left = this.#groups.length;
    const finish = (): void => {
      patience.cancel();
      onDone();
    };
    const patience = clock.setTimer(left === 0 ? 0 : STOP_PATIENCE, () => {
      for (const group of this.#groups) group.close();
      finish();
    });
    for (const group of this.#groups) {
      group.stop(() => {
        if (--left === 0) finish();
      });
    }
  }

  /** All trackers, in no particular order. */
  status(): TrackerStatus[] {
    const list = this.#groups.flatMap((group) => [...group.status()]);
    for (const { url, reason } of this.#unused) {
      list.push({
        url,
        state: reason === undefined ? 'idle' : 'failing',
        ...(reason === undefined ? {} : { lastError: reason }),
        nextAnnounceIn: undefined,
        peers: 0,
        seeds: undefined,
        leechers: undefined,
      });
    }
    return list;
  }

  #add(given: string, tier: number): void {
    const url = canonicalTrackerUrl(given);
    if (url === '' || this.#known.has(url)) return;
    this.#known.add(url);
    this.#lastTier = Math.max(this.#lastTier, tier);
    const kind = trackerKind(url);
    if (kind === undefined) {
      const reason = `The tracker ${trackerName(url)} is not used: only http, https, ws and wss trackers are supported.`;
      this.#unused.push({ url, reason });
      return;
    }
    const { openHttp, rtc } = this.#options;
    const make =
      kind === 'ws'
        ? rtc && ((events: SessionEvents) => this.#openWs(url, rtc, events))
        : openHttp && (() => this.#openHttp(url, openHttp));
    if (make === undefined) this.#unused.push({ url, reason: undefined });
    else this.#groupFor(kind).add(url, tier, make);
  }

  #groupFor(kind: TrackerKind): TrackerGroup {
    const { clock, random, observer, announceToAll } = this.#options;
    const existing = announceToAll === true ? undefined : this.#groups.find((group) => group.kind === kind);
    if (existing !== undefined) return existing;
    const group = new TrackerGroup({ kind, clock, random, observer });
    this.#groups.push(group);
    if (this.#phase === 'running') group.start();
    return group;
  }

  #openHttp(url: string, open: OpenHttpTracker): TrackerSession {
    const { clock, http, infoHash, peerId, stats } = this.#options;
    return open({ url, clock, http, infoHash, peerId, key: this.#key, stats });
  }

  #openWs(url: string, rtc: OfferBudget, events: SessionEvents): TrackerSession {
    const { clock, random, trackerSockets, infoHash, peerId, stats, observer, owner } = this.#options;
    return new WsTracker({
      url,
      clock,
      random,
      sockets: trackerSockets,
      rtc,
      infoHash,
      peerId,
      stats,
      events,
      owner,
      onLink: (link, remotePeerId, incoming) => observer.onLink(link, remotePeerId, url, incoming),
      wantsPeer: (remotePeerId) => observer.wantsPeer?.(remotePeerId) ?? true,
    });
  }

  /** The observer is never called from inside one of our methods. */
  #warnLater(): void {
    if (this.#warningTimer !== undefined || this.#warned === this.#unused.length) return;
    this.#warningTimer = this.#options.clock.setTimer(0, () => {
      this.#warningTimer = undefined;
      const news = this.#unused.slice(this.#warned);
      this.#warned = this.#unused.length;
      for (const { url, reason } of news) {
        if (reason !== undefined && this.#phase === 'running') {
          this.#options.observer.onWarning(url, reason, undefined);
        }
      }
    });
  }
}
