import type { Link, LinkHandler, Transport } from 'freshet/engine';
import type { PeerAddress } from 'freshet/protocol';
import { DELIVERED, type Fabric } from './fabric.ts';
import { Pipe } from './pipe.ts';
import type { PipeSink } from './receiver.ts';
import { type Connection, enlist, forget, type SimHost } from './sim-host.ts';

/** After so long without an acknowledgement a connection counts as broken; ICE takes as long (design section 10). */
export const GIVE_UP_MS = 30_000;
/** Design section 10: a data channel stalls if the first burst is large. */
const HIGH_WATER = { tcp: 256 * 1024, webrtc: 64 * 1024 } as const;

export interface LinkEnds {
  readonly from: SimHost;
  readonly to: SimHost;
  readonly transport: 'tcp' | 'webrtc';
  /** Where each end sees the other one; absent with WebRTC. */
  readonly fromAddress?: PeerAddress | undefined;
  readonly toAddress?: PeerAddress | undefined;
}

/** Two links, one at each host, and what goes on between them. */
export class LinkConnection implements Connection {
  readonly from: SimHost;
  readonly to: SimHost;
  /** At `from`. */
  readonly a: SimLink;
  /** At `to`. */
  readonly b: SimLink;

  constructor(fabric: Fabric, { from, to, transport, fromAddress, toAddress }: LinkEnds) {
    this.from = from;
    this.to = to;
    this.a = new SimLink(fabric, this, from, to, transport, toAddress);
    this.b = new SimLink(fabric, this, to, from, transport, fromAddress);
    SimLink.connect(this.a, this.b);
    enlist(this);
  }

  /** An end was closed by its owner. */
  onClosed(): void {
    if (!this.a.isOpen && !this.b.isOpen) forget(this);
  }

  breakOff(error: Error): void {
    forget(this);
    this.a.breakOff(error);
    this.b.breakOff(error);
  }

  lose(): void {
    forget(this);
    this.a.lose();
    this.b.lose();
  }
}

/** One end of a simulated connection. */
export class SimLink implements Link, PipeSink {
  readonly transport: Transport;
  readonly remote: PeerAddress | undefined;
  readonly highWater: number;
  readonly #fabric: Fabric;
  readonly #connection: LinkConnection;
  readonly #from: SimHost;
  readonly #to: SimHost;
  readonly #out: Pipe;
  #in!: Pipe;
  #handler: LinkHandler | undefined;
  #isAttached = false;
  #isOpen = true;
  #drainMissed = false;
  #isLost = false;
  #givesUp = false;
  /** Broken before anybody was attached. */
  #error: Error | undefined;

  constructor(
    fabric: Fabric,
    connection: LinkConnection,
    from: SimHost,
    to: SimHost,
    transport: 'tcp' | 'webrtc',
    remote: PeerAddress | undefined,
  ) {
    this.transport = transport;
    this.remote = remote;
    this.highWater = HIGH_WATER[transport];
    this.#fabric = fabric;
    this.#connection = connection;
    this.#from = from;
    this.#to = to;
    this.#out = new Pipe(fabric, {
      from,
      to,
      kind: DELIVERED[transport],
      lowWater: this.highWater / 2,
      onDrained: () => this.#drained(),
    });
  }

  static connect(a: SimLink, b: SimLink): void {
    a.#in = b.#out;
    b.#in = a.#out;
    a.#out.reverse = b.#out;
    b.#out.reverse = a.#out;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  get queuedBytes(): number {
    return this.#out.queuedBytes;
  }

  attach(handler: LinkHandler): void {
    if (this.#isAttached) throw new Error('A link was attached twice.');
    this.#isAttached = true;
    if (!this.#isOpen) return;
    this.#handler = handler;
    if (this.#error !== undefined) {
      this.#tell(this.#error);
      return;
    }
    this.#in.attach(this);
    if (this.#drainMissed) this.#fabric.agenda.clock.setTimer(0, () => this.#handler?.onDrain());
  }

  send(parts: readonly Uint8Array[]): void {
    if (!this.#isOpen) return;
    this.#out.write(parts);
    if (this.#isLost) this.#giveUp();
  }

  pauseReading(): void {
    this.#in.pause();
  }

  resumeReading(): void {
    this.#in.resume();
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#handler = undefined;
    this.#in.ignore();
    this.#out.end();
    this.#connection.onClosed();
  }

  // --- from the pipes

  onBytes(chunk: Uint8Array): void {
    this.#handler?.onData(chunk);
  }

  onEnd(): void {
    forget(this.#connection);
    const handler = this.#handler;
    this.#end();
    handler?.onClose(undefined);
  }

  #drained(): void {
    if (this.#handler !== undefined) this.#handler.onDrain();
    else this.#drainMissed = this.#isOpen;
  }

  // --- from the network

  breakOff(error: Error): void {
    this.#out.kill();
    if (!this.#isOpen) return;
    if (this.#handler === undefined) this.#error = error;
    else this.#tell(error);
  }

  lose(): void {
    this.#isLost = true;
    const unacknowledged = this.#out.isUnacknowledged;
    this.#out.lose();
    // ICE asks for consent all the time (RFC 7675); TCP finds out only when it has something to send.
    if (this.transport === 'webrtc' || unacknowledged) this.#giveUp();
  }

  #giveUp(): void {
    if (this.#givesUp) return;
    this.#givesUp = true;
    this.#fabric.agenda.clock.setTimer(GIVE_UP_MS, () => {
      const error = new Error(
        `The connection from ${this.#from.address} to ${this.#to.address} was lost: no answer for 30 s.`,
      );
      this.#out.kill();
      if (!this.#isOpen) return;
      if (this.#handler === undefined) this.#error = error;
      else this.#tell(error);
    });
  }

  /** Not from within the call that broke it. */
  #tell(error: Error): void {
    this.#fabric.agenda.clock.setTimer(0, () => {
      const handler = this.#handler;
      this.#end();
      handler?.onClose(error);
    });
  }

  #end(): void {
    this.#isOpen = false;
    this.#handler = undefined;
    this.#out.abandon();
  }
}
