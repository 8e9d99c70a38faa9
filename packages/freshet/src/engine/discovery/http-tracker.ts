/** One torrent's announces to an HTTP tracker (BEP 3, 7, 23, 24, 31), and scrapes (BEP 48). */

import {
  type AnnounceEvent,
  buildAnnounceUrl,
  buildScrapeUrl,
  type InfoHash,
  parseAnnounceResponse,
  parseScrapeResponse,
  type ScrapeResponse,
  scrapeUrl,
  type TrackerFailure,
} from '../../protocol/index.ts';
import type { Cancellable, Clock, HttpClient, HttpHead, Timer } from '../ports.ts';
import { ASK_OPERATOR, CHECK_ADDRESS, GIVEN_UP } from './advice.ts';
import { AnnounceGate } from './announce-gate.ts';
import { clause, quoted, refusalSentence, trackerName } from './tracker-url.ts';
import type { AnnounceOutcome, HttpTrackerOptions, OpenHttpTracker, TrackerSession } from './types.ts';

const TIMEOUT = 15_000;
const MAX_BODY = 1024 * 1024;
/** The port of those that accept no peers: 9, discard. Trackers refuse 0. */
const NO_PORT = 9;
/** Of the amount left while it is unknown: above 0, or trackers take us for a seed. */
const UNKNOWN_LEFT = 16384;
/** Longer ones are not echoed: they would make the URL too long. */
const MAX_TRACKER_ID = 512;

/** HTTP trackers for the torrents of one client, which take turns with a tracker that many of them have. */
export function httpTrackers(): OpenHttpTracker {
  const gate = new AnnounceGate();
  return (options) => new HttpTracker(options, gate);
}

export class HttpTracker implements TrackerSession {
  readonly linkCount: undefined = undefined;
  readonly #options: HttpTrackerOptions;
  readonly #gate: AnnounceGate | undefined;
  #request: Cancellable | undefined;
  #trackerId: string | undefined;

  constructor(options: HttpTrackerOptions, gate?: AnnounceGate) {
    this.#options = options;
    this.#gate = gate;
  }

  announce(event: AnnounceEvent | undefined, done: (outcome: AnnounceOutcome) => void): void {
    this.cancel();
    const gate = this.#gate;
    this.#request =
      // For a goodbye nobody waits long.
      gate === undefined || event === 'stopped'
        ? this.#announce(event, done)
        : gate.enter(this.#options.url, (leave) =>
            this.#announce(event, (outcome) => {
              leave();
              done(outcome);
            }),
          );
  }

  #announce(event: AnnounceEvent | undefined, done: (outcome: AnnounceOutcome) => void): Cancellable {
    const { clock, http, url, infoHash, peerId, key } = this.#options;
    const stats = this.#options.stats();
    const address = buildAnnounceUrl(url, {
      infoHash,
      peerId,
      port: stats.port ?? NO_PORT,
      uploaded: stats.uploaded,
      downloaded: stats.downloaded,
      left: stats.left ?? UNKNOWN_LEFT,
      // So that it is not counted as a downloader.
      event: event ?? (stats.partialSeed === true ? 'paused' : undefined),
      numwant: event === 'stopped' ? 0 : stats.wantPeers,
      key,
      trackerId: this.#trackerId,
    });
    return fetchBody(clock, http, url, address, (result) => {
      this.#request = undefined;
      done(typeof result === 'string' ? failed(result) : this.#outcome(result));
    });
  }

  cancel(): void {
    this.#request?.cancel();
    this.#request = undefined;
  }

  reconnect(): void {
    this.cancel();
  }

  retryIn(): undefined {
    return undefined;
  }

  close(): void {
    this.cancel();
  }

  #outcome(body: Body): AnnounceOutcome {
    const { url } = this.#options;
    const response = parseAnnounceResponse(body.bytes);
    if (response.kind === 'failure') return failureOutcome(url, body.status, response);
    if (body.status >= 400) return failedWith(url, body.status);
    if (response.trackerId !== undefined && response.trackerId.length <= MAX_TRACKER_ID) {
      this.#trackerId = response.trackerId;
    }
    const { warning, peers } = response;
    return {
      ok: true,
      minInterval: milliseconds(response.minInterval),
      peers,
      warning:
        warning === undefined ? undefined : `The tracker ${trackerName(url)} warns: ${quoted(warning)}.`,
      summary: {
        seeds: response.complete,
        leechers: response.incomplete,
        peers: peers.length,
        externalIp: response.externalIp,
        interval: milliseconds(response.interval),
      },
    };
  }
}

function failed(sentence: string, advice?: string): AnnounceOutcome {
  return { ok: false, sentence, retry: undefined, advice };
}

function failureOutcome(url: string, status: number, failure: TrackerFailure): AnnounceOutcome {
  const { code, reason, retryIn } = failure;
  const retry = typeof retryIn === 'number' ? retryIn * 1000 : retryIn;
  if (code === 'REFUSED') {
    const advice = retry === 'never' ? GIVEN_UP : ASK_OPERATOR;
    return { ok: false, sentence: refusalSentence(url, reason), retry, advice };
  }
  if (status !== 200) return failedWith(url, status);
  return failed(`The tracker ${trackerName(url)} cannot be understood: ${reason}`, CHECK_ADDRESS);
}

function failedWith(url: string, status: number): AnnounceOutcome {
  const sentence = `The tracker ${trackerName(url)} answered with HTTP status ${status}.`;
  return failed(sentence, status >= 500 ? undefined : CHECK_ADDRESS);
}

function milliseconds(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : seconds * 1000;
}

export interface ScrapeOptions {
  readonly clock: Clock;
  readonly http: HttpClient;
  /** The announce URL. */
  readonly url: string;
  readonly infoHashes: readonly InfoHash[];
}

/** Asks for the counts of torrents. `done` is called once, later, with them or with one sentence why there are none. */
export function scrape(options: ScrapeOptions, done: (result: ScrapeResponse | string) => void): Cancellable {
  const { clock, http, url, infoHashes } = options;
  const base = scrapeUrl(url);
  if (base === undefined) {
    return clock.setTimer(0, () => done(`The tracker ${trackerName(url)} has no address for scrapes.`));
  }
  return fetchBody(clock, http, url, buildScrapeUrl(base, infoHashes), (body) => {
    if (typeof body === 'string') {
      done(body);
      return;
    }
    const response = parseScrapeResponse(body.bytes);
    if (response.kind === 'scrape') done(response);
    else if (response.code === 'REFUSED') done(refusalSentence(url, response.reason));
    else done(`The tracker ${trackerName(url)} cannot be understood: ${response.reason}`);
  });
}

interface Body {
  readonly status: number;
  readonly bytes: Uint8Array;
}

/** Gets `address` within bounds of time and size; `tracker` names it in the sentence that says why not. */
function fetchBody(
  clock: Clock,
  http: HttpClient,
  tracker: string,
  address: string,
  done: (result: Body | string) => void,
): Cancellable {
  let head: HttpHead | undefined;
  let bytes: Uint8Array = new Uint8Array(0);
  let length = 0;
  const name = trackerName(tracker);
  const finish = (result: Body | string): void => {
    timer.cancel();
    done(result);
  };
  const exchange = http.get(
    { url: address },
    {
      onHead: (received) => {
        head = received;
      },
      onData: (chunk) => {
        if (length + chunk.length > MAX_BODY) {
          exchange.abort();
          finish(`The tracker ${name} answered with more than ${MAX_BODY / 1024} KiB.`);
          return;
        }
        if (length + chunk.length > bytes.length) {
          const larger = new Uint8Array(Math.min(MAX_BODY, Math.max(4096, 2 * (length + chunk.length))));
          larger.set(bytes.subarray(0, length));
          bytes = larger;
        }
        bytes.set(chunk, length);
        length += chunk.length;
      },
      onEnd: () => finish({ status: head?.status ?? 0, bytes: bytes.subarray(0, length) }),
      onError: (error) =>
        finish(`The tracker ${name} cannot be reached: ${clause(error.message, tracker, address)}.`),
    },
  );
  const timer: Timer = clock.setTimer(TIMEOUT, () => {
    exchange.abort();
    done(`The tracker ${name} did not answer within ${TIMEOUT / 1000} s.`);
  });
  return {
    cancel: () => {
      timer.cancel();
      exchange.abort();
    },
  };
}
