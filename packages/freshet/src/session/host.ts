/** One session for several clients, each at the other end of a port. */

import type { Clock } from '../engine/ports.ts';
import type { FreshetError } from './errors.ts';
import { HostConnection } from './host-connection.ts';
import { HostTorrents } from './host-torrents.ts';
import type { SessionPort } from './messages.ts';
import type { GlobalEvent, Session, SessionEvent } from './protocol.ts';

export interface SessionHostOptions {
  /** Bounds how long a client may keep a torrent waiting. */
  readonly clock: Pick<Clock, 'setTimer'>;
  /** A client has said what is no message, or could not be told something. */
  readonly onWarning?: ((error: FreshetError) => void) | undefined;
}

export interface ConnectOptions {
  /**
   * The client has closed its session and its torrents are let go of; it is answered when what this returns is settled.
   * Called once, and not when the connection is closed from here.
   */
  readonly onClose?: (() => Promise<void> | undefined) | undefined;
}

/** One client's connection. */
export interface Connection {
  /**
   * The client is gone: its readers are cancelled, and torrents that only it had are removed from the engine, with their
   * data kept. Resolves when that is done. Idempotent.
   */
  close(): Promise<void>;
}

/**
 * Gives one `Session` to several `RemoteSession`s. Each has its own torrents, by its own keys. What several have is one
 * torrent of the engine: see `SharedTorrent` for what holds then. The same torrent twice by one client is an error, as
 * with a session that it has for itself.
 */
export class SessionHost {
  readonly #session: Session;
  readonly #options: SessionHostOptions;
  readonly #torrents: HostTorrents;
  readonly #connections = new Set<HostConnection>();
  readonly #unsubscribe: () => void;
  #listening: GlobalEvent | undefined;
  #closed: Promise<void> | undefined;

  constructor(session: Session, options: SessionHostOptions) {
    this.#session = session;
    this.#options = options;
    this.#torrents = new HostTorrents(session, options.clock);
    this.#unsubscribe = session.subscribe((event) => this.#hear(event));
  }

  /** How many clients there are. */
  get size(): number {
    return this.#connections.size;
  }

  /** One more client. */
  connect(port: SessionPort, options: ConnectOptions = {}): Connection {
    const connection: HostConnection = new HostConnection({
      session: this.#session,
      torrents: this.#torrents,
      port,
      warn: (error) => this.#options.onWarning?.(error),
      onClose: async () => {
        this.#connections.delete(connection);
        await options.onClose?.();
      },
    });
    if (this.#closed !== undefined) {
      connection.gone();
      return { close: () => Promise.resolve() };
    }
    this.#connections.add(connection);
    if (this.#listening !== undefined) connection.tellGlobal(this.#listening);
    connection.open();
    return {
      close: () => {
        if (this.#connections.delete(connection)) {
          connection.silence();
          port.close();
        }
        return connection.release();
      },
    };
  }

  /**
   * Ends the session. Clients are told first, so that nothing of the end looks to them like that of their torrents: they
   * wait for another host. Resolves when everything is released. Idempotent.
   */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    for (const connection of this.#connections) connection.gone();
    this.#connections.clear();
    this.#unsubscribe();
    await this.#session.close();
  }

  #hear(event: SessionEvent): unknown {
    if (event.torrent !== undefined) return this.#torrents.hear(event.torrent, event.event);
    if (event.event.type === 'listening') this.#listening = event.event;
    for (const connection of this.#connections) connection.tellGlobal(event.event);
    return undefined;
  }
}
