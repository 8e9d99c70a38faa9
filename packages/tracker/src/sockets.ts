import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocket, WebSocketServer } from 'ws';
import type { TrackerCore } from './core.ts';
import { KeepAlive } from './keep-alive.ts';

export interface SocketLimits {
  /** Bytes of one message. Ten offers of 1.3 KB are 14 KB. Default 64 KiB. */
  readonly maxMessage: number;
  /** Bytes waiting for a connection that does not read, beyond which it is dropped. Default 1 MiB. */
  readonly maxBuffered: number;
  /** Open WebSocket connections. Default 100,000. */
  readonly maxConnections: number;
  /** Seconds between two pings. Default 60. */
  readonly pingInterval: number;
  /** Seconds after which a connection that is in no swarm is closed. Default 180. */
  readonly idleTimeout: number;
}

export const DEFAULT_SOCKET_LIMITS: SocketLimits = {
  maxMessage: 64 * 1024,
  maxBuffered: 1024 * 1024,
  maxConnections: 100_000,
  pingInterval: 60,
  idleTimeout: 180,
};

/** Milliseconds that a closing connection gets to say goodbye. */
const CLOSE_PATIENCE = 1_000;

/** The WebSocket side of the tracker: carries frames between `ws` and the core, and finds dead connections. */
export class TrackerSockets {
  readonly #core: TrackerCore;
  readonly #limits: SocketLimits;
  readonly #server: WebSocketServer;
  readonly #open: KeepAlive<WebSocket>;

  constructor(core: TrackerCore, limits: SocketLimits) {
    this.#core = core;
    this.#limits = limits;
    this.#open = new KeepAlive(core, limits);
    this.#server = new WebSocketServer({
      noServer: true,
      // There is a list already; one inside `ws` would cost memory for nothing.
      clientTracking: false,
      maxPayload: limits.maxMessage,
      perMessageDeflate: false,
    });
  }

  /** Completes an upgrade request. `address` is the client's, as the operator's proxy setting finds it. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer, address: string): void {
    if (this.#open.size >= this.#limits.maxConnections) {
      refuseUpgrade(socket, '503 Service Unavailable');
      return;
    }
    this.#server.handleUpgrade(request, socket, head, (webSocket) => this.#accept(webSocket, address));
  }

  /** Pings connections whose turn it is and drops those that have not answered. Call it about once a second. */
  keepAlive(): void {
    this.#open.round();
  }

  /** Says goodbye to everybody with code 1001 (going away); resolves when all connections have ended. */
  async close(): Promise<void> {
    const closed = [...this.#open.sockets()].map(
      (socket) => new Promise<void>((resolve) => socket.once('close', () => resolve())),
    );
    for (const socket of this.#open.sockets()) socket.close(1001, 'tracker is shutting down');
    const impatient = setTimeout(() => {
      for (const socket of this.#open.sockets()) socket.terminate();
    }, CLOSE_PATIENCE);
    await Promise.all(closed);
    clearTimeout(impatient);
  }

  #accept(socket: WebSocket, address: string): void {
    const session = this.#core.open({
      address,
      send: (text) => this.#send(socket, text),
      ping: () => {
        if (socket.readyState === WebSocket.OPEN) socket.ping();
      },
      pause: () => socket.pause(),
      resume: () => socket.resume(),
      close: (code, reason) => socket.close(code, reason),
    });
    const entry = this.#open.add(socket, session);
    // Some clients send their JSON in binary frames; `ws` hands both over as bytes.
    socket.on('message', (data) => session.receive(textOf(data)));
    socket.on('pong', () => session.heard());
    socket.on('ping', () => session.heard());
    // Over-long or malformed frames: `ws` closes the connection itself with the right code.
    socket.on('error', (error) => this.#core.warn(`WebSocket connection from ${address}: ${error.message}`));
    socket.on('close', () => {
      this.#open.remove(entry);
      session.closed();
    });
  }

  #send(socket: WebSocket, text: string): void {
    if (socket.readyState !== WebSocket.OPEN) return;
    if (socket.bufferedAmount > this.#limits.maxBuffered) {
      this.#core.warn('A WebSocket connection that does not read was dropped');
      socket.terminate();
      return;
    }
    socket.send(text);
  }
}

/** Turns down an upgrade request with an HTTP status. */
export function refuseUpgrade(socket: Duplex, status: string): void {
  socket.on('error', () => socket.destroy());
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}

function textOf(data: Buffer | ArrayBuffer | Buffer[]): string {
  if (Array.isArray(data)) return Buffer.concat(data).toString('utf8');
  return data instanceof ArrayBuffer ? Buffer.from(data).toString('utf8') : data.toString('utf8');
}
