/** The WebSockets to trackers, shared by all torrents of a client. */

import {
  decodeWsServerMessage,
  type InfoHash,
  type InfoHashHex,
  infoHashToHex,
  type WsScrapeReply,
  type WsServerMessage,
} from '../../protocol/index.ts';
import type { Clock, MessageSocket, MessageSocketConnector, Random, Timer } from '../ports.ts';
import { backOff } from './timing.ts';
import { clause, trackerName } from './tracker-url.ts';

export interface TrackerSocketsOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly sockets: MessageSocketConnector;
  /** Milliseconds that a socket stays open after its last user has left. Default 5000. */
  readonly linger?: number | undefined;
}

/** What a torrent gets to hear of. */
export type TorrentMessage = Exclude<WsServerMessage, WsScrapeReply>;

/** A torrent on a tracker's socket. Nothing is called from inside a method of the seat or of `join`. */
export interface TrackerSocketUser {
  readonly infoHash: InfoHash;
  /** The socket has opened, for the first time or again: the tracker knows nothing of us. */
  onOpen(): void;
  /** The socket could not open or has ended. It will be tried again as long as anybody uses it. */
  onDown(sentence: string): void;
  /** A message about our info-hash, or a failure that names none. */
  onMessage(message: TorrentMessage): void;
  /** Nothing was sent on the socket for so long that the tracker may drop it: a good time for an announce. */
  onIdle(): void;
}

/** - `waiting`: until the next attempt to connect */
export type TrackerSocketState = 'connecting' | 'open' | 'waiting';

export interface TrackerSocketSeat {
  readonly state: TrackerSocketState;
  /** Why the socket is not open, one sentence. */
  readonly lastError: string | undefined;
  /** Messages on the socket that were not understood, for comparing with an earlier number. */
  readonly ignored: number;
  /** Milliseconds until the next attempt to connect; `undefined` unless waiting for one. */
  retryIn(): number | undefined;
  /** `false`, and nothing is sent, unless the socket is open and what was sent before is getting through. */
  send(text: string): boolean;
  /** Connects anew at once, unless the socket is younger than 2 s: for when the network has changed. */
  reconnect(): void;
  /** Idempotent. */
  leave(): void;
}

const CONNECT_TIMEOUT = 15_000;
const FIRST_RECONNECT = 2_000;
const MAX_RECONNECT = 300_000;
const DEFAULT_LINGER = 5_000;
const IDLE = 110_000;
/** A socket that young has seen the network as it is now. */
const YOUNG = 2_000;
/** Text that waits in a socket whose other end does not read, in bytes; more is not put behind it. */
const MAX_QUEUED = 1024 * 1024;

/**
 * One socket for each tracker, opened for its first user and closed when the last one has left. A socket that
 * drops while it is used is opened again after 2 s, doubled with each failure up to 5 min, plus up to the same
 * again at random, so that a tracker that restarts does not meet all its clients at once. The delay starts over
 * once the tracker has said something sensible.
 */
export class TrackerSockets {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #connector: MessageSocketConnector;
  readonly #linger: number;
  readonly #pool = new Map<string, PooledSocket>();
  #ignored = 0;

  constructor(options: TrackerSocketsOptions) {
    this.#clock = options.clock;
    this.#random = options.random;
    this.#connector = options.sockets;
    this.#linger = options.linger ?? DEFAULT_LINGER;
  }

  /** Messages that were not understood or concerned no torrent of ours. */
  get ignored(): number {
    return this.#ignored;
  }

  /** Sockets that are open or being opened. */
  get size(): number {
    return this.#pool.size;
  }

  /** Takes a seat at the tracker's socket and opens it if need be. */
  join(url: string, user: TrackerSocketUser): TrackerSocketSeat {
    let pooled = this.#pool.get(url);
    if (pooled === undefined) {
      pooled = new PooledSocket({
        url,
        clock: this.#clock,
        random: this.#random,
        connector: this.#connector,
        linger: this.#linger,
        onIgnored: () => {
          this.#ignored++;
        },
        onUnused: () => this.#pool.delete(url),
      });
      this.#pool.set(url, pooled);
    }
    return pooled.join(user);
  }

  /** Closes all sockets at once, lingering ones included. Users are not told. */
  close(): void {
    for (const pooled of this.#pool.values()) pooled.close();
    this.#pool.clear();
  }
}

interface PooledSocketOptions {
  readonly url: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly connector: MessageSocketConnector;
  readonly linger: number;
  readonly onIgnored: () => void;
  readonly onUnused: () => void;
}

class PooledSocket {
  state: TrackerSocketState = 'connecting';
  lastError: string | undefined;
  /** Messages that were not understood. */
  ignored = 0;
  readonly #options: PooledSocketOptions;
  readonly #users = new Set<TrackerSocketUser>();
  readonly #routes = new Map<InfoHashHex, TrackerSocketUser>();
  #socket: MessageSocket | undefined;
  /** For connecting, waiting, or noticing that nothing is sent, according to the state. */
  #timer: Timer | undefined;
  #lingerTimer: Timer | undefined;
  #failures = 0;
  #connectedAt = 0;
  #retryAt = 0;
  #lastSentAt = 0;
  #isClosed = false;

  constructor(options: PooledSocketOptions) {
    this.#options = options;
    this.#connect();
  }

  join(user: TrackerSocketUser): TrackerSocketSeat {
    this.#lingerTimer?.cancel();
    this.#lingerTimer = undefined;
    this.#users.add(user);
    // A torrent that was removed and added again has two users for a moment: the newer one is meant.
    this.#routes.set(infoHashToHex(user.infoHash), user);
    return new Seat(this, user);
  }

  leave(user: TrackerSocketUser): void {
    if (!this.#users.delete(user)) return;
    const key = infoHashToHex(user.infoHash);
    if (this.#routes.get(key) === user) this.#routes.delete(key);
    if (this.#users.size > 0 || this.#isClosed) return;
    if (this.state === 'waiting') {
      this.#discard();
      return;
    }
    this.#lingerTimer = this.#options.clock.setTimer(this.#options.linger, () => this.#discard());
  }

  retryIn(): number | undefined {
    return this.state === 'waiting' ? Math.max(0, this.#retryAt - this.#options.clock.now()) : undefined;
  }

  send(text: string): boolean {
    const socket = this.#socket;
    if (this.state !== 'open' || socket === undefined || socket.queuedBytes > MAX_QUEUED) return false;
    this.#lastSentAt = this.#options.clock.now();
    socket.send(text);
    return true;
  }

  reconnect(): void {
    if (this.#isClosed) return;
    if (this.state !== 'waiting') {
      if (this.#options.clock.now() - this.#connectedAt < YOUNG) return;
      this.#socket?.close();
    }
    this.#failures = 0;
    this.#connect();
  }

  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
    this.#lingerTimer?.cancel();
    this.#socket?.close();
    this.#socket = undefined;
  }

  #discard(): void {
    this.close();
    this.#options.onUnused();
  }

  #connect(): void {
    const { clock, connector, url } = this.#options;
    this.#timer?.cancel();
    this.state = 'connecting';
    this.#connectedAt = clock.now();
    this.#timer = clock.setTimer(CONNECT_TIMEOUT, () => {
      this.#socket?.close();
      this.#down(`did not accept a connection within ${CONNECT_TIMEOUT / 1000} s`);
    });
    this.#socket = connector.connect(url, {
      onOpen: () => this.#opened(),
      onMessage: (text) => this.#received(text),
      onClose: (reason) =>
        this.#down(reason === '' ? 'closed the connection' : `is not connected: ${clause(reason, url)}`),
    });
  }

  #opened(): void {
    this.state = 'open';
    this.lastError = undefined;
    this.#lastSentAt = this.#options.clock.now();
    this.#watchIdle(IDLE);
    for (const user of [...this.#users]) if (this.#users.has(user)) user.onOpen();
  }

  #watchIdle(delay: number): void {
    this.#timer?.cancel();
    this.#timer = this.#options.clock.setTimer(delay, () => {
      const silence = this.#options.clock.now() - this.#lastSentAt;
      if (silence < IDLE) {
        // A difference of fractions may be less by next to nothing, which no time that passes would make up for.
        this.#watchIdle(Math.max(1, IDLE - silence));
        return;
      }
      this.#watchIdle(IDLE);
      for (const user of this.#users) {
        user.onIdle();
        break;
      }
    });
  }

  #received(text: string): void {
    const message = decodeWsServerMessage(text);
    if (message.kind === 'error' || message.kind === 'scrapeReply') {
      this.ignored++;
      this.#options.onIgnored();
      return;
    }
    // An answer is needed before a connection counts as good: some servers accept it only to drop it.
    this.#failures = 0;
    if (message.infoHash === undefined) {
      for (const user of [...this.#users]) if (this.#users.has(user)) user.onMessage(message);
      return;
    }
    const user = this.#routes.get(infoHashToHex(message.infoHash));
    if (user === undefined) this.#options.onIgnored();
    else user.onMessage(message);
  }

  #down(what: string): void {
    const { clock, random, url } = this.#options;
    this.#socket = undefined;
    if (this.#users.size === 0) {
      this.#discard();
      return;
    }
    this.state = 'waiting';
    this.#failures++;
    const delay = backOff(random, this.#failures, FIRST_RECONNECT, MAX_RECONNECT, 1);
    this.#retryAt = clock.now() + delay;
    this.#timer?.cancel();
    this.#timer = clock.setTimer(delay, () => this.#connect());
    this.lastError = `The tracker ${trackerName(url)} ${what}.`;
    for (const user of [...this.#users]) if (this.#users.has(user)) user.onDown(this.lastError);
  }
}

class Seat implements TrackerSocketSeat {
  readonly #pooled: PooledSocket;
  readonly #user: TrackerSocketUser;
  #hasLeft = false;

  constructor(pooled: PooledSocket, user: TrackerSocketUser) {
    this.#pooled = pooled;
    this.#user = user;
  }

  get state(): TrackerSocketState {
    return this.#pooled.state;
  }

  get lastError(): string | undefined {
    return this.#pooled.lastError;
  }

  get ignored(): number {
    return this.#pooled.ignored;
  }

  retryIn(): number | undefined {
    return this.#pooled.retryIn();
  }

  send(text: string): boolean {
    return !this.#hasLeft && this.#pooled.send(text);
  }

  reconnect(): void {
    if (!this.#hasLeft) this.#pooled.reconnect();
  }

  leave(): void {
    if (this.#hasLeft) return;
    this.#hasLeft = true;
    this.#pooled.leave(this.#user);
  }
}
