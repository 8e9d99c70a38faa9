import type { MessageSocket, MessageSocketConnector, MessageSocketHandler, Timer } from 'freshet/engine';
import type { SocketServer } from 'freshet/memory';
import { DELIVERED, type Fabric, padding } from './fabric.ts';
import { handshakeRoundTrips } from './http-client.ts';
import { GIVE_UP_MS } from './link.ts';
import { canDial } from './nat.ts';
import type { SimSocketServer } from './network.ts';
import { Pipe } from './pipe.ts';
import { type Connection, enlist, forget, type SimHost } from './sim-host.ts';

const LOW_WATER = 128 * 1024;
/** Of a WebSocket frame with a payload of up to 64 KiB. */
const FRAME_BYTES = 8;
/** Header lines of the upgrade, each way. */
const UPGRADE_BYTES = 500;

/** Where WebSocket servers are found. */
export interface SocketDirectory {
  hostOf(url: string): SimHost | undefined;
  serverOf(url: string): SimSocketServer | undefined;
  onOpened(connection: SocketConnection): void;
  onEnded(connection: SocketConnection): void;
}

/** Opens WebSockets from one host. */
export function socketConnector(
  fabric: Fabric,
  host: SimHost,
  directory: SocketDirectory,
): MessageSocketConnector {
  return { connect: (url, handler) => new ClientSocket(fabric, host, url, handler, directory) };
}

/** What goes over a socket: a text, or a control frame that the other side's program never hears of. */
interface Frame {
  readonly text: string;
  readonly onControl: (() => void) | undefined;
  left: number;
}

/** Frames in one direction: the pipe carries as many bytes, the texts themselves go beside it. */
class TextPipe {
  readonly pipe: Pipe;
  readonly #fabric: Fabric;
  readonly #onText: (text: string) => void;
  #frames: Frame[] = [];
  #first = 0;

  constructor(fabric: Fabric, from: SimHost, to: SimHost, onText: (text: string) => void, onEnd: () => void) {
    this.#fabric = fabric;
    this.#onText = onText;
    this.pipe = new Pipe(fabric, {
      from,
      to,
      kind: DELIVERED.socket,
      lowWater: LOW_WATER,
      onDrained: () => {},
    });
    this.pipe.attach({ onBytes: (chunk) => this.#onBytes(chunk.length), onEnd });
  }

  send(text: string, overhead: number = FRAME_BYTES): void {
    this.#push(text, Buffer.byteLength(text) + overhead, undefined);
  }

  sendControl(onControl: () => void): void {
    this.#push('', FRAME_BYTES, onControl);
  }

  #push(text: string, length: number, onControl: (() => void) | undefined): void {
    this.#frames.push({ text, onControl, left: length });
    this.pipe.write(padding(length));
  }

  #onBytes(length: number): void {
    while (length > 0) {
      const next = this.#frames[this.#first];
      if (next === undefined) return;
      const taken = Math.min(length, next.left);
      next.left -= taken;
      length -= taken;
      if (next.left > 0) return;
      this.#first++;
      if (this.#first === this.#frames.length) {
        this.#frames = [];
        this.#first = 0;
      }
      if (this.#fabric.tracesBytes) this.#fabric.trace?.bytes(Buffer.from(next.text));
      if (next.onControl === undefined) this.#onText(next.text);
      else next.onControl();
    }
  }
}

/** The client's end, from the dial on. */
class ClientSocket implements MessageSocket {
  readonly #fabric: Fabric;
  readonly #url: string;
  #handler: MessageSocketHandler | undefined;
  #opening: Timer | undefined;
  #connection: SocketConnection | undefined;

  constructor(
    fabric: Fabric,
    host: SimHost,
    url: string,
    handler: MessageSocketHandler,
    directory: SocketDirectory,
  ) {
    this.#fabric = fabric;
    this.#url = url;
    this.#handler = handler;
    const server = directory.hostOf(url);
    if (server === undefined) {
      this.#failIn(2 * host.latencyMs, 'leads nowhere');
    } else if (!canDial(host, server)) {
      this.#failIn(GIVE_UP_MS, 'did not answer within 30 s');
    } else if (directory.serverOf(url) === undefined) {
      this.#failIn(host.roundTrip(server), 'does not answer: no WebSocket server is there');
    } else {
      this.#opening = fabric.agenda.clock.setTimer(handshakeRoundTrips(url) * host.roundTrip(server), () => {
        if (canDial(host, server)) this.#upgrade(host, server, directory);
        else this.#failIn(GIVE_UP_MS, 'did not answer within 30 s');
      });
    }
  }

  get queuedBytes(): number {
    return this.#connection?.queuedBytes ?? 0;
  }

  send(text: string): void {
    this.#connection?.send(text);
  }

  close(): void {
    this.#handler = undefined;
    this.#opening?.cancel();
    this.#connection?.close();
    this.#connection = undefined;
  }

  #upgrade(host: SimHost, server: SimHost, directory: SocketDirectory): void {
    const connection = new SocketConnection(this.#fabric, host, server, this.#url, directory, {
      onOpen: () => {
        this.#connection = connection;
        this.#handler?.onOpen();
      },
      onMessage: (text) => this.#handler?.onMessage(text),
      onClose: (reason) => this.#end(reason),
    });
    this.#connection = connection;
    connection.upgrade();
  }

  #failIn(delay: number, reason: string): void {
    this.#opening = this.#fabric.agenda.clock.setTimer(delay, () => this.#end(`${this.#url} ${reason}.`));
  }

  #end(reason: string): void {
    const handler = this.#handler;
    this.#handler = undefined;
    this.#connection = undefined;
    handler?.onClose(reason);
  }
}

/** A WebSocket over its TCP connection, from the request for an upgrade on. */
export class SocketConnection implements Connection {
  readonly from: SimHost;
  readonly to: SimHost;
  readonly url: string;
  readonly #fabric: Fabric;
  readonly #directory: SocketDirectory;
  readonly #client: MessageSocketHandler;
  readonly #toServer: TextPipe;
  readonly #toClient: TextPipe;
  #server: ReturnType<SocketServer> | undefined;
  /** `upgrade`: the request is on its way, or its answer. */
  #clientState: 'upgrade' | 'open' | 'closed' = 'upgrade';
  #serverState: 'upgrade' | 'open' | 'closed' = 'upgrade';
  #reason = 'The server closed the connection.';
  #isLost = false;
  #givesUp = false;

  constructor(
    fabric: Fabric,
    from: SimHost,
    to: SimHost,
    url: string,
    directory: SocketDirectory,
    client: MessageSocketHandler,
  ) {
    this.from = from;
    this.to = to;
    this.url = url;
    this.#fabric = fabric;
    this.#directory = directory;
    this.#client = client;
    this.#toServer = new TextPipe(
      fabric,
      from,
      to,
      (text) => this.#atServer(text),
      () => this.#endServer(),
    );
    this.#toClient = new TextPipe(
      fabric,
      to,
      from,
      (text) => this.#atClient(text),
      () => this.#endClient(this.#reason),
    );
    this.#toServer.pipe.reverse = this.#toClient.pipe;
    this.#toClient.pipe.reverse = this.#toServer.pipe;
    enlist(this);
    directory.onOpened(this);
  }

  get queuedBytes(): number {
    return this.#toServer.pipe.queuedBytes;
  }

  upgrade(): void {
    this.#toServer.send('', UPGRADE_BYTES);
    if (this.#isLost) this.#giveUp();
  }

  send(text: string): void {
    if (this.#clientState !== 'open') return;
    this.#toServer.send(text);
    if (this.#isLost) this.#giveUp();
  }

  close(): void {
    if (this.#clientState === 'closed') return;
    this.#clientState = 'closed';
    this.#toClient.pipe.ignore();
    this.#toServer.pipe.end();
    this.#forget();
  }

  closeByServer(reason: string): void {
    if (this.#serverState === 'closed') return;
    this.#serverState = 'closed';
    this.#reason = reason;
    this.#toServer.pipe.ignore();
    this.#toClient.pipe.end();
    this.#forget();
  }

  breakOff(error: Error): void {
    this.#toServer.pipe.kill();
    this.#toClient.pipe.kill();
    forget(this);
    this.#directory.onEnded(this);
    this.#fabric.agenda.clock.setTimer(0, () => {
      this.#endClient(error.message);
      this.#endServer();
    });
  }

  lose(): void {
    this.#isLost = true;
    const { pipe: up } = this.#toServer;
    const { pipe: down } = this.#toClient;
    const waits = up.isUnacknowledged || down.isUnacknowledged || this.#clientState === 'upgrade';
    up.lose();
    down.lose();
    forget(this);
    this.#directory.onEnded(this);
    if (waits) this.#giveUp();
  }

  /** Whoever has said something without an answer for 30 s; the other end is then told too, as it would be in its time. */
  #giveUp(): void {
    if (this.#givesUp) return;
    this.#givesUp = true;
    this.#fabric.agenda.clock.setTimer(GIVE_UP_MS, () =>
      this.breakOff(new Error(`The connection to ${this.url} was lost: no answer for 30 s.`)),
    );
  }

  #atServer(text: string): void {
    if (this.#serverState === 'open') {
      this.#server?.onMessage(text);
      return;
    }
    if (this.#serverState === 'closed') return;
    const serve = this.#directory.serverOf(this.url);
    if (serve === undefined) {
      this.closeByServer(`${this.url} does not answer: no WebSocket server is there.`);
      return;
    }
    this.#serverState = 'open';
    this.#toClient.send('', UPGRADE_BYTES);
    this.#server = serve(
      {
        send: (message) => {
          if (this.#serverState !== 'open') return;
          this.#toClient.send(message);
          if (this.#isLost) this.#giveUp();
        },
        ping: (onPong) => this.#ping(onPong),
        close: (reason) => this.closeByServer(reason ?? 'The server closed the connection.'),
      },
      this.from.address,
    );
  }

  /** The browser answers, whatever the page does. */
  #ping(onPong: () => void): void {
    if (this.#serverState !== 'open') return;
    this.#toClient.sendControl(() => {
      if (this.#clientState !== 'open') return;
      this.#toServer.sendControl(() => {
        if (this.#serverState === 'open') onPong();
      });
      if (this.#isLost) this.#giveUp();
    });
    if (this.#isLost) this.#giveUp();
  }

  #atClient(text: string): void {
    if (this.#clientState === 'open') {
      this.#client.onMessage(text);
    } else if (this.#clientState === 'upgrade') {
      this.#clientState = 'open';
      this.#client.onOpen();
    }
  }

  #endServer(): void {
    if (this.#serverState === 'closed') return;
    const wasOpen = this.#serverState === 'open';
    this.#serverState = 'closed';
    this.#forget();
    if (wasOpen) this.#server?.onClose?.();
  }

  #endClient(reason: string): void {
    if (this.#clientState === 'closed') return;
    this.#clientState = 'closed';
    this.#forget();
    this.#client.onClose(reason);
  }

  #forget(): void {
    if (this.#clientState !== 'closed' || this.#serverState !== 'closed') return;
    forget(this);
    this.#directory.onEnded(this);
  }
}
