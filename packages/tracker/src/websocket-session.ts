import type { TrackerCore } from './core.ts';
import type { SwarmMember } from './swarm-store.ts';
import { handleMessage } from './websocket.ts';

/** One WebSocket connection as the core sees it; `ws` sockets and simulated ones look alike. */
export interface TrackerConnection {
  /** IP address of the other side. */
  readonly address: string;
  /** Sends a text frame. Never throws; drops the connection if it does not read. */
  send(text: string): void;
  /** Asks for a sign of life, to be reported with `heard`. */
  ping(): void;
  /** Stops reading until `resume`: what the other side sends waits with it. A few messages may still come in. */
  pause(): void;
  resume(): void;
  /** Closes with a code of RFC 6455 section 7.4. */
  close(code: number, reason: string): void;
}

/** A peer of one swarm that is reached through a WebSocket connection. */
export interface WebRtcPeer extends SwarmMember {
  /** Key of its swarm. */
  readonly infoHash: string;
  /** The connection that may speak for it. Changes when the peer comes back on a new one. */
  session: WebSocketSession;
  /** Offers relayed for it that wait for their answers, oldest first; undefined as long as there is none. */
  offers: RelayedOffer[] | undefined;
}

/** Who may answer an offer. */
export interface RelayedOffer {
  readonly offerId: string;
  /** Peer id that the offer went to. */
  readonly to: string;
  /** Session it went through: clients of one page share a socket, and any of them may be the one to answer. */
  readonly sessionId: number;
  /** Milliseconds of the core's clock. */
  readonly relayedAt: number;
}

/** Messages that wait for an asynchronous filter before the connection is read no further. */
const PAUSE_AT = 64;

/** Milliseconds that the owner of a peer id gets to answer a ping before a newcomer may have it. */
const CHALLENGE = 5_000;

/** The state of one connection: which peers it speaks for, how much it has said, and when. */
export class WebSocketSession {
  readonly id: number;
  readonly connection: TrackerConnection;
  /** Milliseconds of the core's clock at the last sign of life. */
  heardAt: number;
  /** Milliseconds since when the connection is in no swarm; undefined while it is in one. */
  idleSince: number | undefined;
  readonly #core: TrackerCore;
  readonly #onClosed: () => void;
  readonly #peers = new Set<WebRtcPeer>();
  #challengedAt: number | undefined;
  #isClosed = false;
  /** Token bucket for messages. */
  #tokens: number;
  #refilledAt: number;
  /** Messages behind one that waits for the filter; undefined while none does. */
  #waiting: string[] | undefined;

  constructor(core: TrackerCore, connection: TrackerConnection, id: number, onClosed: () => void) {
    this.#core = core;
    this.connection = connection;
    this.id = id;
    this.#onClosed = onClosed;
    const now = core.now();
    this.heardAt = now;
    this.idleSince = now;
    this.#tokens = core.limits.messageBurst;
    this.#refilledAt = now;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Swarm memberships of this connection. */
  get peerCount(): number {
    return this.#peers.size;
  }

  /** A message has come in. Never throws, whatever it says. */
  receive(text: string): void {
    if (this.#isClosed) return;
    this.heard();
    this.#core.counters.messagesIn++;
    if (!this.#takeToken()) {
      this.#core.warn(`WebSocket connection from ${this.connection.address} was closed: too many messages`);
      this.#end(1008, 'too many messages');
      return;
    }
    if (this.#waiting !== undefined) {
      this.#waiting.push(text);
      if (this.#waiting.length === PAUSE_AT) this.connection.pause();
      return;
    }
    // Later messages keep their order behind one that waits for the filter, above all `stopped`.
    if (this.#handle(text)) this.#waiting = [];
  }

  /** A sign of life without a message, such as a pong. */
  heard(): void {
    this.heardAt = this.#core.now();
    this.#challengedAt = undefined;
  }

  /** The connection has ended: its peers leave, except those that have moved to another one. */
  closed(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#waiting = undefined;
    for (const peer of this.#peers) this.#core.webrtc.remove(peer.infoHash, peer.key);
    this.#onClosed();
  }

  send(text: string): void {
    if (this.#isClosed) return;
    this.#core.counters.messagesOut++;
    this.connection.send(text);
  }

  /** Notes a peer as spoken for by this connection. */
  adopt(peer: WebRtcPeer): void {
    this.#peers.add(peer);
    this.idleSince = undefined;
  }

  /** Notes that a peer has left or moved. */
  forget(peer: WebRtcPeer): void {
    this.#peers.delete(peer);
    if (this.#peers.size === 0) this.idleSince = this.#core.now();
  }

  /**
   * May a connection from `address` take over a peer of this one? Yes if it comes from the same address, which
   * is how a client looks whose old connection died unnoticed. Otherwise this connection is pinged first, so
   * that nobody who has read a peer id off an offer can push its owner out; the newcomer succeeds with a later
   * announce if there is no sign of life.
   */
  yieldsTo(address: string): boolean {
    if (address === this.connection.address) return true;
    const now = this.#core.now();
    if (this.#challengedAt !== undefined) return now - this.#challengedAt >= CHALLENGE;
    this.#challengedAt = now;
    this.connection.ping();
    return false;
  }

  /** Returns whether later messages have to wait for this one. */
  #handle(text: string): boolean {
    let outcome: Promise<void> | undefined;
    try {
      outcome = handleMessage(this.#core, this, text);
    } catch (error) {
      this.#core.reportError(error);
      return false;
    }
    if (outcome === undefined) return false;
    outcome.catch((error: unknown) => this.#core.reportError(error)).finally(() => this.#goOn());
    return true;
  }

  #goOn(): void {
    const waiting = this.#waiting ?? [];
    this.#waiting = undefined;
    if (this.#isClosed) return;
    for (const [i, text] of waiting.entries()) {
      const next = this.#handle(text);
      if (next) {
        // This one waits too: the rest stays behind it.
        this.#waiting = waiting.slice(i + 1);
        break;
      }
    }
    if (waiting.length >= PAUSE_AT && (this.#waiting?.length ?? 0) < PAUSE_AT) this.connection.resume();
  }

  #end(code: number, reason: string): void {
    this.connection.close(code, reason);
    this.closed();
  }

  #takeToken(): boolean {
    const { messageBurst, messagesPerSecond } = this.#core.limits;
    const now = this.#core.now();
    this.#tokens = Math.min(
      messageBurst,
      this.#tokens + ((now - this.#refilledAt) * messagesPerSecond) / 1000,
    );
    this.#refilledAt = now;
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }
}
