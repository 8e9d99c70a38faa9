import type {
  Clock,
  MessageSocket,
  MessageSocketConnector,
  MessageSocketHandler,
  Timer,
} from 'freshet/engine';
import type { Calls } from './calls.ts';

/** Message sockets that cannot be opened, or break at a message in either direction. */
export function faultySockets(
  sockets: MessageSocketConnector,
  clock: Clock,
  calls: Calls,
): MessageSocketConnector {
  return {
    connect: (url, handler) => {
      if (!calls.next('socket')) return new FaultySocket(sockets, url, handler, clock, calls);
      const timer = clock.setTimer(0, () => handler.onClose(`No WebSocket server answers at ${url}.`));
      return { queuedBytes: 0, send: () => {}, close: () => timer.cancel() };
    },
  };
}

class FaultySocket implements MessageSocket {
  readonly #socket: MessageSocket;
  readonly #handler: MessageSocketHandler;
  readonly #clock: Clock;
  readonly #calls: Calls;
  #breaking: Timer | undefined;

  constructor(
    sockets: MessageSocketConnector,
    url: string,
    handler: MessageSocketHandler,
    clock: Clock,
    calls: Calls,
  ) {
    this.#handler = handler;
    this.#clock = clock;
    this.#calls = calls;
    this.#socket = sockets.connect(url, {
      onOpen: () => handler.onOpen(),
      onMessage: (text) => {
        if (this.#breaking !== undefined) return;
        if (calls.next('hear')) this.#break();
        else handler.onMessage(text);
      },
      onClose: (reason) => {
        if (this.#breaking === undefined) handler.onClose(reason);
      },
    });
  }

  get queuedBytes(): number {
    return this.#socket.queuedBytes;
  }

  send(text: string): void {
    if (this.#breaking !== undefined) return;
    if (this.#calls.next('say')) this.#break();
    else this.#socket.send(text);
  }

  close(): void {
    this.#breaking?.cancel();
    this.#socket.close();
  }

  #break(): void {
    this.#socket.close();
    this.#breaking = this.#clock.setTimer(0, () => this.#handler.onClose('The connection was reset.'));
  }
}
