import type { TrackerCore } from './core.ts';
import type { WebSocketSession } from './websocket-session.ts';

/** A WebSocket as it is looked after; `ws` sockets and simulated ones look alike. */
export interface PingableSocket {
  /** Asks for a pong, to be reported with the session's `heard`. */
  ping(): void;
  /** Closes with a code of RFC 6455 section 7.4. */
  close(code: number, reason: string): void;
  /** Ends it without a goodbye. */
  terminate(): void;
}

export interface KeepAliveLimits {
  /** Seconds between two pings. */
  readonly pingInterval: number;
  /** Seconds after which a connection that is in no swarm is closed. */
  readonly idleTimeout: number;
}

export interface KeepAliveEntry<S extends PingableSocket> {
  readonly socket: S;
  readonly session: WebSocketSession;
  /** Milliseconds of the core's clock. */
  pingedAt: number;
}

/** The open WebSocket connections, and who finds the dead ones among them. */
export class KeepAlive<S extends PingableSocket> {
  readonly #core: TrackerCore;
  readonly #limits: KeepAliveLimits;
  /** In the order of their last ping, so that those due stand at the front. */
  readonly #entries = new Set<KeepAliveEntry<S>>();

  constructor(core: TrackerCore, limits: KeepAliveLimits) {
    this.#core = core;
    this.#limits = limits;
  }

  get size(): number {
    return this.#entries.size;
  }

  add(socket: S, session: WebSocketSession): KeepAliveEntry<S> {
    const entry: KeepAliveEntry<S> = { socket, session, pingedAt: session.heardAt };
    this.#entries.add(entry);
    return entry;
  }

  remove(entry: KeepAliveEntry<S>): void {
    this.#entries.delete(entry);
  }

  *sockets(): Generator<S> {
    for (const { socket } of this.#entries) yield socket;
  }

  /** Pings connections whose turn it is and drops those that have not answered. Call it about once a second. */
  round(): void {
    const now = this.#core.now();
    const { pingInterval, idleTimeout } = this.#limits;
    for (const entry of this.#entries) {
      if (now - entry.pingedAt < pingInterval * 1000) break;
      const { socket, session } = entry;
      if (session.heardAt < entry.pingedAt) {
        // A ping went unanswered for a whole interval: the other side is gone. TCP would need minutes more.
        socket.terminate();
      } else if (session.idleSince !== undefined && now - session.idleSince > idleTimeout * 1000) {
        socket.close(1000, 'idle');
      } else {
        socket.ping();
      }
      entry.pingedAt = now;
      // To the end of the row. The walk will come to it there, and stop at its `pingedAt`; one that has just ended is not back.
      if (this.#entries.delete(entry)) this.#entries.add(entry);
    }
  }
}
