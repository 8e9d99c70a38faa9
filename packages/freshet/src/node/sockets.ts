/** WebSockets, as trackers for browsers use them. */

import { WebSocket } from 'ws';
import type { MessageSocket, MessageSocketConnector, MessageSocketHandler } from '../engine/ports.ts';
import { networkReason } from './system-error.ts';

const HANDSHAKE_TIMEOUT = 10_000;

/** A tracker's largest message is an answer with one session description of some kilobytes. */
const MAX_MESSAGE = 1024 * 1024;

/** Time for the other end to confirm a close, in ms; `ws` itself would wait for 30 s. */
const CLOSE_TIMEOUT = 2_000;

export interface MessageSocketOptions {
  /** Milliseconds until the socket must be open. Default 10,000. */
  readonly handshakeTimeout?: number | undefined;
}

export class NodeMessageSocketConnector implements MessageSocketConnector {
  readonly #timeout: number;
  readonly #open = new Set<NodeMessageSocket>();
  /** Those that say goodbye. */
  readonly #closing = new Set<Promise<void>>();

  constructor(options: MessageSocketOptions = {}) {
    this.#timeout = options.handshakeTimeout ?? HANDSHAKE_TIMEOUT;
  }

  connect(url: string, handler: MessageSocketHandler): MessageSocket {
    const socket = new NodeMessageSocket(url, handler, this.#timeout, (goodbye) => {
      this.#open.delete(socket);
      if (goodbye === undefined) return;
      this.#closing.add(goodbye);
      void goodbye.then(() => this.#closing.delete(goodbye));
    });
    this.#open.add(socket);
    socket.start();
    return socket;
  }

  /** Closes all sockets. Resolves when they are gone, within two seconds. */
  async close(): Promise<void> {
    for (const socket of [...this.#open]) socket.close();
    await Promise.all(this.#closing);
  }
}

class NodeMessageSocket implements MessageSocket {
  readonly #url: string;
  readonly #timeout: number;
  /** It is closed; the promise resolves when nothing is left of it. */
  readonly #onGone: (goodbye?: Promise<void>) => void;
  #handler: MessageSocketHandler | undefined;
  #socket: WebSocket | undefined;
  #reason: string | undefined;
  #opened = false;

  constructor(
    url: string,
    handler: MessageSocketHandler,
    timeout: number,
    onGone: (goodbye?: Promise<void>) => void,
  ) {
    this.#url = url;
    this.#handler = handler;
    this.#timeout = timeout;
    this.#onGone = onGone;
  }

  start(): void {
    let socket: WebSocket;
    try {
      socket = new WebSocket(this.#url, {
        perMessageDeflate: false,
        maxPayload: MAX_MESSAGE,
        handshakeTimeout: this.#timeout,
        followRedirects: true,
        maxRedirects: 5,
      });
    } catch {
      this.#reason = `${this.#url} is not the address of a WebSocket`;
      queueMicrotask(this.#end);
      return;
    }
    this.#socket = socket;
    socket.on('open', () => {
      this.#opened = true;
      this.#handler?.onOpen();
    });
    socket.on('message', (data, isBinary) => {
      // Trackers speak text. Some send it marked as binary.
      const bytes = Array.isArray(data) ? Buffer.concat(data) : data;
      const text =
        isBinary || !(bytes instanceof ArrayBuffer) ? bytes.toString() : new TextDecoder().decode(bytes);
      this.#handler?.onMessage(text);
    });
    socket.on('error', (error) => {
      this.#reason ??= `${this.#url} ${this.#opened ? 'has failed' : 'cannot be reached'}: ${socketReason(error)}`;
    });
    socket.on('close', (code, text) => {
      const said = text.length > 0 ? `: ${text.toString().slice(0, 200)}` : '';
      this.#reason ??= `${this.#url} has closed the connection (${code})${said}`;
      this.#end();
    });
  }

  send(text: string): void {
    if (this.#handler !== undefined && this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(text);
  }

  get queuedBytes(): number {
    return this.#socket?.bufferedAmount ?? 0;
  }

  close(): void {
    if (this.#handler === undefined) return;
    this.#handler = undefined;
    const socket = this.#socket;
    if (socket === undefined || socket.readyState === WebSocket.CLOSED) {
      this.#onGone();
      return;
    }
    this.#onGone(new Promise((resolve) => socket.once('close', () => resolve())));
    if (socket.readyState === WebSocket.CONNECTING) {
      socket.terminate();
      return;
    }
    socket.close();
    const timer = setTimeout(() => socket.terminate(), CLOSE_TIMEOUT);
    socket.once('close', () => clearTimeout(timer));
  }

  readonly #end = (): void => {
    const handler = this.#handler;
    if (handler === undefined) return;
    this.#handler = undefined;
    this.#onGone();
    handler.onClose(this.#reason ?? `${this.#url} has closed the connection`);
  };
}

function socketReason(error: Error): string {
  const status = /^Unexpected server response: (\d+)$/.exec(error.message)?.[1];
  if (status !== undefined) return `it answers with HTTP status ${status} instead of a WebSocket`;
  if (error.message === 'Opening handshake has timed out') return 'it does not answer';
  return networkReason(error);
}
