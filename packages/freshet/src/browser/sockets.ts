/** Text-message sockets on the browser's `WebSocket`. */

import type { MessageSocket, MessageSocketConnector, MessageSocketHandler } from '../engine/ports.ts';

class BrowserSocket implements MessageSocket {
  readonly #url: string;
  #handler: MessageSocketHandler | undefined;
  #socket: WebSocket | undefined;

  constructor(url: string, handler: MessageSocketHandler) {
    this.#url = url;
    this.#handler = handler;
    let socket: WebSocket;
    try {
      socket = new WebSocket(url);
    } catch (error) {
      // Not an address, or ws: on an https: page.
      const reason = error instanceof Error ? error.message : String(error);
      queueMicrotask(() => this.#end(`The browser refuses to open ${url}: ${reason}`));
      return;
    }
    this.#socket = socket;
    socket.binaryType = 'arraybuffer';
    socket.onopen = () => this.#handler?.onOpen();
    socket.onmessage = ({ data }: MessageEvent<string | ArrayBuffer>) => {
      // Some trackers send their JSON in binary frames.
      this.#handler?.onMessage(typeof data === 'string' ? data : new TextDecoder().decode(data));
    };
    socket.onclose = ({ code, reason }) => {
      const why = reason === '' ? `code ${code}` : `code ${code}, ${reason}`;
      this.#end(`The connection to ${this.#url} has ended (${why}).`);
    };
  }

  get queuedBytes(): number {
    return this.#socket?.bufferedAmount ?? 0;
  }

  send(text: string): void {
    if (this.#handler !== undefined && this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(text);
  }

  close(): void {
    this.#handler = undefined;
    this.#socket?.close();
  }

  #end(reason: string): void {
    const handler = this.#handler;
    this.#handler = undefined;
    handler?.onClose(reason);
  }
}

export const browserSockets: MessageSocketConnector = {
  connect: (url: string, handler: MessageSocketHandler): MessageSocket => new BrowserSocket(url, handler),
};
