/** What a filter says about an info-hash: allowed, refused, or refused with a reason the client gets to read. */
export type FilterVerdict = boolean | { readonly refused: string };

/**
 * Decides whether the tracker serves an info-hash (40 lower-case hex digits). Asked on every announce, so a
 * change takes effect with the next one. When it throws or rejects, the announce is refused.
 */
export type InfoHashFilter = (infoHash: string) => FilterVerdict | Promise<FilterVerdict>;

/** Everything a stranger can make the tracker keep or do has a bound; these are they. */
export interface TrackerLimits {
  /** Swarms of each population (WebRTC, addresses). Default 500,000. */
  readonly maxSwarms: number;
  /** Peers in one swarm, of each population. Default 100,000. */
  readonly maxPeersPerSwarm: number;
  /** Memberships (swarm and peer id) of one WebSocket connection. Default 10,000: a seeder with a large catalogue. */
  readonly maxSwarmsPerConnection: number;
  /** Offers of one announce that are relayed. Default 10. */
  readonly maxOffers: number;
  /** Info-hashes in one scrape. Default 74, as in BEP 15. */
  readonly maxScrape: number;
  /** Peers in one HTTP reply. Default 200. */
  readonly maxNumwant: number;
  /** Messages that a WebSocket connection may send in one burst. Default 2,000. */
  readonly messageBurst: number;
  /** Messages per second that a WebSocket connection may send for ever. Default 200. */
  readonly messagesPerSecond: number;
}

/** What the core needs beside its limits. All of it has a default. */
export interface TrackerCoreOptions
  extends Partial<{ [K in keyof TrackerLimits]: TrackerLimits[K] | undefined }> {
  /** Seconds between two announces that clients are told. Default 120. */
  readonly interval?: number | undefined;
  /** Which info-hashes are served. Default: all. */
  readonly filter?: InfoHashFilter | undefined;
  /** Answer a scrape without info-hash with every swarm of the tracker. Default false: it is refused. */
  readonly fullScrape?: boolean | undefined;
  /** Milliseconds that never go back. Default: the process's monotonic clock. */
  readonly clock?: { now(): number } | undefined;
  /** Uniform in [0, 1). Default `Math.random`. */
  readonly random?: (() => number) | undefined;
  /** An error of our own making or of the filter; the tracker goes on. */
  readonly onError?: ((error: Error) => void) | undefined;
  /** A client that broke a rule, in one sentence. */
  readonly onWarning?: ((message: string) => void) | undefined;
}

export const DEFAULT_LIMITS: TrackerLimits = {
  maxSwarms: 500_000,
  maxPeersPerSwarm: 100_000,
  maxSwarmsPerConnection: 10_000,
  maxOffers: 10,
  maxScrape: 74,
  maxNumwant: 200,
  messageBurst: 2_000,
  messagesPerSecond: 200,
};

/** Peers in an HTTP reply when the client does not say (BEP 3 suggests 50). */
export const DEFAULT_NUMWANT = 50;

/** Seconds. The usual interval of WebTorrent trackers; BEP 3 trackers use 1800, too slow for a browser tab's life. */
export const DEFAULT_INTERVAL = 120;

/** Milliseconds beyond two intervals before a silent peer is forgotten: late timers of background tabs. */
export const EXPIRY_SLACK = 30_000;

/** Milliseconds for which a relayed offer waits for its answer. Clients give up after 50 s. */
export const OFFER_LIFETIME = 90_000;

/** Offers of one peer that may wait for answers at once; the oldest make room. */
export const MAX_WAITING_OFFERS = 64;

/** Fills in the defaults, ignoring fields that are undefined. */
export function resolveLimits(options: TrackerCoreOptions): TrackerLimits {
  const limits: { -readonly [K in keyof TrackerLimits]: number } = { ...DEFAULT_LIMITS };
  for (const name of Object.keys(DEFAULT_LIMITS) as (keyof TrackerLimits)[]) {
    const value = options[name];
    if (value === undefined) continue;
    if (!(Number.isFinite(value) && value >= 0)) {
      throw new RangeError(`Tracker option ${name} must be a number of at least 0, got ${value}`);
    }
    limits[name] = value;
  }
  return limits;
}
