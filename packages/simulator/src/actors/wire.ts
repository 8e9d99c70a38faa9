/** Peers without an engine: they say what a script tells them to, over real links. */

import type { Link } from 'freshet/engine';
import {
  EXTENDED_HANDSHAKE,
  EXTENSION_ID,
  type ExtendedHandshake,
  encodeExtended,
  encodeExtendedHandshake,
  encodeHandshake,
  type PeerId,
  peerIdFromBytes,
  WireDecoder,
  type WireHandler,
} from 'freshet/protocol';
import type { Content } from '../content.ts';
import type { Host, HostOptions } from '../host.ts';
import type { Peer, World } from '../world.ts';

const PORT = 6881;

export interface ActorOptions extends HostOptions {
  readonly content: Content;
}

/** What a script does with what it hears. */
export type Script = Partial<WireHandler> & {
  /** The connection has ended, by whomever. */
  onEnd?(): void;
};

const IGNORED: WireHandler = {
  onHandshake: () => {},
  onKeepAlive: () => {},
  onChoke: () => {},
  onUnchoke: () => {},
  onInterested: () => {},
  onNotInterested: () => {},
  onHave: () => {},
  onBitfield: () => {},
  onRequest: () => {},
  onCancel: () => {},
  onReject: () => {},
  onHaveAll: () => {},
  onHaveNone: () => {},
  onSuggest: () => {},
  onAllowedFast: () => {},
  onPort: () => {},
  onExtended: () => {},
  onUnknown: () => {},
  onBlockStart: () => undefined,
  onBlockEnd: () => {},
  onProtocolError: () => {},
};

/** One connection of a scripted peer. */
export class Wire {
  readonly link: Link;
  readonly #content: Content;
  readonly #script: Script;
  #closed = false;

  constructor(link: Link, content: Content, script: (wire: Wire) => Script) {
    this.link = link;
    this.#content = content;
    this.#script = script(this);
    const decoder = new WireDecoder({ ...IGNORED, ...this.#script });
    link.attach({
      onData: (chunk) => {
        if (!this.#closed) decoder.push(chunk);
      },
      onDrain: () => {},
      onClose: () => this.#end(),
    });
  }

  get closed(): boolean {
    return this.#closed;
  }

  say(...messages: Uint8Array[]): void {
    if (!this.#closed) this.link.send(messages);
  }

  /** Introduces the peer: handshake and, with `extended`, the extended one (BEP 10). */
  greet(peerId: PeerId, extended?: ExtendedHandshake): void {
    this.say(encodeHandshake({ infoHash: this.#content.infoHash, peerId, reserved: { fast: true } }));
    if (extended !== undefined) {
      this.say(encodeExtended(EXTENDED_HANDSHAKE, encodeExtendedHandshake(extended)));
    }
  }

  close(): void {
    if (this.#closed) return;
    this.link.close();
    this.#end();
  }

  #end(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#script.onEnd?.();
  }
}

/** A machine that connects to its victims, again and again. */
export abstract class WireActor {
  readonly host: Host;
  readonly wires: Set<Wire> = new Set();
  protected readonly world: World;
  protected readonly content: Content;
  #stopped = false;
  #opened = 0;
  #refused = 0;
  #mostOpen = 0;

  constructor(world: World, options: ActorOptions) {
    this.world = world;
    this.content = options.content;
    this.host = world.host(options);
  }

  /** Connections that were opened, those that failed to, and the most that were open at a time. */
  get opened(): number {
    return this.#opened;
  }

  get refused(): number {
    return this.#refused;
  }

  get mostOpen(): number {
    return this.#mostOpen;
  }

  get stopped(): boolean {
    return this.#stopped;
  }

  /** Lets victims come by themselves. */
  listen(): void {
    this.host.ports.listener
      ?.listen(PORT, (link) => this.open(link))
      .catch((error: unknown) => this.world.loop.fail(error));
  }

  /** Connects to the victim. @param again milliseconds after the end of a connection until the next; `undefined`: never. */
  attack(victim: Peer, again?: number): void {
    if (this.#stopped) return;
    const retry = (): void => {
      if (again !== undefined) this.after(again, () => this.attack(victim, again));
    };
    this.host.ports.dialer?.dial(
      { host: victim.host.address, port: PORT },
      {
        onLink: (link) => this.open(link, retry),
        onError: () => {
          this.#refused++;
          retry();
        },
      },
    );
  }

  /** Ends all that it does. */
  stop(): void {
    this.#stopped = true;
    for (const wire of [...this.wires]) wire.close();
  }

  /** What it says and does on one connection. */
  protected abstract script(wire: Wire): Script;

  protected open(link: Link, onEnd?: () => void): void {
    const wire = new Wire(link, this.content, (made) => {
      const script = this.script(made);
      return {
        ...script,
        onEnd: () => {
          this.wires.delete(made);
          script.onEnd?.();
          onEnd?.();
        },
      };
    });
    if (this.#stopped) {
      wire.close();
      return;
    }
    this.#opened++;
    this.wires.add(wire);
    this.#mostOpen = Math.max(this.#mostOpen, this.wires.size);
    this.begin(wire);
  }

  /** The connection is open. */
  protected abstract begin(wire: Wire): void;

  /** A timer that does nothing any more when the actor has stopped. */
  protected after(milliseconds: number, callback: () => void): void {
    this.world.clock.setTimer(milliseconds, () => {
      if (!this.#stopped) callback();
    });
  }

  /** Calls back again and again while the connection is open. */
  protected every(wire: Wire, milliseconds: number, callback: () => void): void {
    this.after(milliseconds, () => {
      if (wire.closed) return;
      callback();
      this.every(wire, milliseconds, callback);
    });
  }

  /** A peer id that nobody has gone by before. */
  protected newId(): PeerId {
    const bytes = new Uint8Array(20);
    this.host.random.fill(bytes);
    bytes.set([45, 88, 88, 48, 48, 48, 48, 45]); // -XX0000-
    return peerIdFromBytes(bytes)!;
  }

  protected get extensions(): Readonly<Record<string, number>> {
    return { ut_metadata: EXTENSION_ID.ut_metadata, lt_donthave: EXTENSION_ID.lt_donthave };
  }
}
