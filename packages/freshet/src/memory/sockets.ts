/** WebSocket servers in one process, by address. */

import type { Clock, MessageSocket, MessageSocketConnector, MessageSocketHandler } from '../engine/ports.ts';

/** The server's end of a connection. */
export interface ServerSocket {
  /** IP address of the client, where the network knows hosts. */
  readonly address?: string | undefined;
  /** Asks for a pong, which comes unless the client is gone. Absent where all clients always answer. */
  ping?(onPong: () => void): void;
  send(text: string): void;
  close(reason?: string): void;
}

/** What a server does with a connection; called for each new one. */
export type SocketServer = (socket: ServerSocket) => {
  onMessage(text: string): void;
  onClose?(): void;
};

export interface MemoryMessageSocketsOptions {
  /** One way, in milliseconds. Default 0. */
  readonly latencyMs?: number | undefined;
}

export class MemoryMessageSockets implements MessageSocketConnector {
  readonly #clock: Clock;
  readonly #latency: number;
  readonly #servers = new Map<string, SocketServer>();
  readonly #open = new Map<Connection, string>();

  constructor(clock: Clock, options: MemoryMessageSocketsOptions = {}) {
    this.#clock = clock;
    this.#latency = options.latencyMs ?? 0;
  }

  /** Puts up a server, in place of the one before. */
  serve(url: string, server: SocketServer): void {
    this.#servers.set(url, server);
  }

  /** Takes a server down: its connections end and new ones fail. */
  stop(url: string): void {
    this.#servers.delete(url);
    for (const [connection, to] of this.#open) {
      if (to === url) connection.closeByServer('The server was stopped.');
    }
  }

  /** Connections that are open or opening. */
  get connections(): number {
    return this.#open.size;
  }

  connect(url: string, handler: MessageSocketHandler): MessageSocket {
    const connection = new Connection(this.#clock, this.#latency, handler, () =>
      this.#open.delete(connection),
    );
    this.#open.set(connection, url);
    this.#clock.setTimer(2 * this.#latency, () => connection.open(url, this.#servers.get(url)));
    return connection;
  }
}

class Connection implements MessageSocket {
  readonly #clock: Clock;
  readonly #latency: number;
  readonly #forget: () => void;
  #handler: MessageSocketHandler | undefined;
  #server: ReturnType<SocketServer> | undefined;
  #queued = 0;
  #serverClosed = false;

  constructor(clock: Clock, latency: number, handler: MessageSocketHandler, forget: () => void) {
    this.#clock = clock;
    this.#latency = latency;
    this.#handler = handler;
    this.#forget = forget;
  }

  get queuedBytes(): number {
    return this.#queued;
  }

  open(url: string, server: SocketServer | undefined): void {
    if (this.#handler === undefined) return;
    if (server === undefined) {
      this.#endClient(`No WebSocket server answers at ${url}.`);
      return;
    }
    this.#server = server({
      send: (text) => {
        if (this.#serverClosed) return;
        this.#clock.setTimer(this.#latency, () => this.#handler?.onMessage(text));
      },
      close: (reason) => this.closeByServer(reason ?? 'The server closed the connection.'),
    });
    this.#handler.onOpen();
  }

  send(text: string): void {
    const server = this.#server;
    if (server === undefined || this.#handler === undefined) return;
    this.#queued += text.length;
    this.#clock.setTimer(0, () => {
      this.#queued -= text.length;
    });
    this.#clock.setTimer(this.#latency, () => {
      if (!this.#serverClosed) server.onMessage(text);
    });
  }

  close(): void {
    if (this.#handler === undefined) return;
    this.#handler = undefined;
    this.#forget();
    const server = this.#server;
    if (server === undefined) return;
    this.#clock.setTimer(this.#latency, () => {
      if (this.#serverClosed) return;
      this.#serverClosed = true;
      server.onClose?.();
    });
  }

  closeByServer(reason: string): void {
    if (this.#serverClosed) return;
    this.#serverClosed = true;
    this.#clock.setTimer(this.#latency, () => this.#endClient(reason));
  }

  #endClient(reason: string): void {
    const handler = this.#handler;
    this.#handler = undefined;
    this.#forget();
    handler?.onClose(reason);
  }
}
