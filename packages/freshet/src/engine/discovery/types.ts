/** What a torrent's announcer is told, asks for and reports. */

import type { AnnounceEvent, InfoHash, PeerAddress, PeerId } from '../../protocol/index.ts';
import type { Clock, HttpClient, Link } from '../ports.ts';

/** The state of a torrent that an announce reports. */
export interface AnnounceStats {
  /** Payload bytes sent since `started`. */
  readonly uploaded: number;
  /** Payload bytes received since `started`. */
  readonly downloaded: number;
  /** Bytes still to get; `undefined` while the metadata of a magnet is unknown. */
  readonly left: number | undefined;
  /** Everything that is wanted is there, and not everything (BEP 21). Default `false`. */
  readonly partialSeed?: boolean | undefined;
  /** Peers to ask for. 0 when the torrent has enough, or is complete and alone: then no offers are made either. */
  readonly wantPeers: number;
  /**
   * Peers of the swarm that are most likely met in the torrent's other one, as peers of a hybrid torrent (BEP 52) are in
   * both: offers to them would be made twice. Infinite while that is not known yet. Default 0.
   */
  readonly metElsewhere?: number | undefined;
  /** TCP port that accepts peers; `undefined` if none does, as in a browser. */
  readonly port: number | undefined;
}

/** What a tracker said in reply to an announce. */
export interface AnnounceSummary {
  /** Peers with the whole torrent, `undefined` if the tracker does not tell. */
  readonly seeds: number | undefined;
  /** Peers without it, `undefined` if the tracker does not tell. */
  readonly leechers: number | undefined;
  /** Addresses in the reply. */
  readonly peers: number;
  /** Our own address as the tracker sees it (BEP 24). */
  readonly externalIp: string | undefined;
  /** Milliseconds that the tracker asks to wait for the next announce, before limits; `undefined` if it does not tell. */
  readonly interval: number | undefined;
}

/** Receives what an announcer finds. Called plainly, never from inside a method of the announcer. */
export interface AnnouncerObserver {
  /** Addresses from the HTTP tracker at `url`. May repeat earlier ones, and name ourselves. */
  onPeers(peers: readonly PeerAddress[], url: string): void;
  /**
   * An open WebRTC link made through the tracker at `url`. The observer owns it from now on. `peerId` is what
   * the tracker says the peer calls itself; the handshake has the last word. `incoming`: the peer made the offer,
   * and we answered it.
   */
  onLink(link: Link, peerId: PeerId | undefined, url: string, incoming: boolean): void;
  onAnnounced(url: string, summary: AnnounceSummary): void;
  /**
   * One sentence that names the tracker, and another one that says what to do where there is something. The same one is
   * not repeated until the tracker has worked again.
   */
  onWarning(url: string, sentence: string, advice: string | undefined): void;
  /** Whether a WebRTC connection to this peer would be of use; not asked about ourselves. Default: always. */
  wantsPeer?(peerId: PeerId): boolean;
}

/**
 * - `idle`: not asked, since another tracker of its kind works or there is no use for it
 * - `announcing`: waiting for its reply
 * - `working`: its last reply was good
 * - `failing`: its last reply was a refusal, or there was none
 */
export type TrackerState = 'idle' | 'announcing' | 'working' | 'failing';

export interface TrackerStatus {
  readonly url: string;
  readonly state: TrackerState;
  /** Why it fails: one sentence. */
  readonly lastError?: string | undefined;
  /** Milliseconds until the next announce or attempt; `undefined` if none is planned. */
  readonly nextAnnounceIn: number | undefined;
  /** Addresses in its last reply (HTTP), or links opened through it (WebSocket). */
  readonly peers: number;
  readonly seeds: number | undefined;
  readonly leechers: number | undefined;
}

/** What an announce to one tracker came to. Times are in milliseconds. */
export type AnnounceOutcome =
  | {
      readonly ok: true;
      readonly summary: AnnounceSummary;
      readonly minInterval: number | undefined;
      readonly peers: readonly PeerAddress[];
      /** The tracker works but has something to say. */
      readonly warning: string | undefined;
    }
  | {
      readonly ok: false;
      /** One sentence that names the tracker. */
      readonly sentence: string;
      /**
       * When to try again: after so many milliseconds (BEP 31), `never`, when the connection says so itself, or
       * as the caller sees fit.
       */
      readonly retry: number | 'never' | 'when-ready' | undefined;
      /** What the user can do: one sentence. Default: wait, as it is tried again. */
      readonly advice?: string | undefined;
    };

/** One torrent's business with one tracker; both kinds of tracker look like this to the announcer. */
export interface TrackerSession {
  /**
   * Announces once; `event` is absent for a regular announce. `done` is called once, later, unless `cancel`,
   * `close` or another announce comes first. `stopped` counts as done when it is sent.
   */
  announce(event: AnnounceEvent | undefined, done: (outcome: AnnounceOutcome) => void): void;
  /** Links that were opened through the tracker, where it makes any. */
  readonly linkCount: number | undefined;
  /** Forgets an announce in progress. */
  cancel(): void;
  /** The network has changed: what was connected may be dead. */
  reconnect(): void;
  /** Milliseconds until a lost connection is tried again; `undefined` where nothing is waiting for that. */
  retryIn(): number | undefined;
  /** Ends all at once, attempts to connect that are under way included. Another announce starts afresh. Idempotent. */
  close(): void;
}

export interface HttpTrackerOptions {
  readonly url: string;
  readonly clock: Clock;
  readonly http: HttpClient;
  readonly infoHash: InfoHash;
  readonly peerId: PeerId;
  /** Text that tells the tracker we are the same when our address changes. */
  readonly key: string;
  readonly stats: () => AnnounceStats;
}

/**
 * Makes what talks to an HTTP tracker. Handed in, so that what has no use for the addresses that those trackers tell,
 * as a page has none, need not have the code.
 */
export type OpenHttpTracker = (options: HttpTrackerOptions) => TrackerSession;
