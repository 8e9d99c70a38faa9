/** TCP to peers, out and in, over IPv4 and IPv6. */

import { connect, createServer, type Server, type Socket } from 'node:net';
import type { Cancellable, Dialer, Link, Listener } from '../engine/ports.ts';
import { formatAddress, type PeerAddress } from '../protocol/index.ts';
import { errorCode, listenSentence, networkReason } from './system-error.ts';
import { TcpLink } from './tcp-link.ts';

/** Longer than the 5 s that some routers let a first packet wait. */
const CONNECT_TIMEOUT = 10_000;

/**
 * Bytes per read. 1 GiB over loopback took the receiver 0.23 CPU-seconds with 64 KiB, 0.17 with 128 KiB and 0.19
 * with 256 KiB. Accepted sockets get new memory from Node for each chunk, which costs them 0.5.
 */
const READ_BUFFER = 128 * 1024;

/**
 * One buffer for all outgoing sockets: a chunk is used up before the next read. Windows hands the buffer to
 * the kernel before anything has arrived, so there every socket needs its own.
 */
const sharedBuffer: Uint8Array | undefined =
  process.platform === 'win32' ? undefined : new Uint8Array(READ_BUFFER);

export interface TcpOptions {
  /** The one local address to listen on, such as `127.0.0.1`. Default: all of them, IPv4 and IPv6. */
  readonly host?: string | undefined;
  /** Milliseconds an outgoing connection may take. Default 10,000. */
  readonly connectTimeout?: number | undefined;
}

/** Opens TCP connections. */
export class TcpDialer implements Dialer {
  readonly #timeout: number;

  constructor(options: TcpOptions = {}) {
    this.#timeout = options.connectTimeout ?? CONNECT_TIMEOUT;
  }

  dial(
    address: PeerAddress,
    handler: { onLink(link: Link): void; onError(error: Error): void },
  ): Cancellable {
    const attempt = new TcpAttempt(address, this.#timeout, handler);
    return attempt;
  }
}

class TcpAttempt implements Cancellable {
  readonly #address: PeerAddress;
  readonly #handler: { onLink(link: Link): void; onError(error: Error): void };
  readonly #timer: NodeJS.Timeout;
  #socket: Socket | undefined;
  #link: TcpLink | undefined;
  #settled = false;

  constructor(
    address: PeerAddress,
    timeout: number,
    handler: { onLink(link: Link): void; onError(error: Error): void },
  ) {
    this.#address = address;
    this.#handler = handler;
    this.#timer = setTimeout(
      () => this.#fail(new Error(`it did not answer within ${timeout / 1000} s`)),
      timeout,
    );
    try {
      const socket = connect({
        host: address.host,
        port: address.port,
        onread: {
          buffer: sharedBuffer ?? new Uint8Array(READ_BUFFER),
          callback: (length: number, buffer: Uint8Array): boolean => {
            this.#link?.receive(length === buffer.length ? buffer : buffer.subarray(0, length));
            return true;
          },
        },
      });
      this.#socket = socket;
      // Nothing is read before the link has an owner.
      socket.pause();
      socket.once('error', this.#fail);
      socket.once('connect', this.#onConnect);
    } catch (error) {
      // A port out of range, for one, is refused by an exception.
      queueMicrotask(() => this.#fail(error));
    }
  }

  readonly #onConnect = (): void => {
    if (this.#settled) return;
    this.#settled = true;
    clearTimeout(this.#timer);
    const socket = this.#socket!;
    socket.off('error', this.#fail);
    this.#link = new TcpLink(socket, this.#address);
    this.#handler.onLink(this.#link);
  };

  readonly #fail = (error: unknown): void => {
    if (this.#settled) return;
    this.cancel();
    const reason = networkReason(error);
    this.#handler.onError(
      new Error(`The peer ${formatAddress(this.#address)} cannot be reached: ${reason}`, { cause: error }),
    );
  };

  cancel(): void {
    if (this.#settled) return;
    this.#settled = true;
    clearTimeout(this.#timer);
    const socket = this.#socket;
    if (socket === undefined) return;
    // A late failure of an attempt that is over concerns nobody, but an unheard 'error' would be thrown.
    socket.on('error', () => {});
    socket.destroy();
  }
}

/** Accepts TCP connections, over IPv6 and IPv4 with one socket where the machine has both. */
export class TcpListener implements Listener {
  readonly #host: string | undefined;
  #server: Server | undefined;

  constructor(options: TcpOptions = {}) {
    this.#host = options.host;
  }

  async listen(port: number, onLink: (link: Link) => void): Promise<number> {
    if (this.#server !== undefined) throw new Error(`Port ${port}: this listener is listening already`);
    if (this.#host !== undefined) return this.#open(port, this.#host, onLink);
    try {
      return await this.#open(port, '::', onLink);
    } catch (error) {
      // A machine without IPv6.
      const code = errorCode((error as Error).cause);
      if (code !== 'EAFNOSUPPORT' && code !== 'EADDRNOTAVAIL' && code !== 'EINVAL') throw error;
      return await this.#open(port, '0.0.0.0', onLink);
    }
  }

  #open(port: number, host: string, onLink: (link: Link) => void): Promise<number> {
    return new Promise((resolve, reject) => {
      const server = createServer({ pauseOnConnect: true, highWaterMark: 64 * 1024 }, (socket) => {
        if (this.#server === server) onLink(incomingLink(socket));
        else socket.destroy();
      });
      this.#server = server;
      const fail = (error: unknown): void => {
        if (this.#server === server) this.#server = undefined;
        reject(new Error(listenSentence(port, host, error), { cause: error }));
      };
      server.once('error', fail);
      server.once('listening', () => {
        server.off('error', fail);
        // What goes wrong from here on (no descriptors left) costs one connection, not the listener.
        server.on('error', () => {});
        const address = server.address();
        resolve(address !== null && typeof address === 'object' ? address.port : port);
      });
      try {
        server.listen({ port, host });
      } catch (error) {
        fail(error);
      }
    });
  }

  /** Stops accepting. Connections that were handed over belong to their owners and go on. */
  async close(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    server.close();
    // The handle is gone after one turn; waiting for the server's own callback would mean waiting for all links.
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
}

function incomingLink(socket: Socket): TcpLink {
  const link = new TcpLink(socket, remoteOf(socket));
  // `onread` is not offered for accepted sockets.
  // Not a `Buffer`, whose `slice` would share its memory.
  socket.on('data', (chunk) => link.receive(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length)));
  return link;
}

/** The other end's address; IPv4 in IPv6's clothes is written as IPv4. */
function remoteOf(socket: Socket): PeerAddress | undefined {
  const { remoteAddress, remotePort } = socket;
  if (remoteAddress === undefined || remotePort === undefined) return undefined;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(remoteAddress);
  return { host: mapped?.[1] ?? remoteAddress.replace(/%.*$/, ''), port: remotePort };
}
