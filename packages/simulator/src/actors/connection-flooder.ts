import { encodeHaveNone, encodeInterested, encodeKeepAlive } from 'freshet/protocol';
import type { Peer, World } from '../world.ts';
import { type ActorOptions, type Script, type Wire, WireActor } from './wire.ts';

export interface ConnectionFlooderOptions extends ActorOptions {
  /** `silent`: says nothing on any of them. `greeting`: on each it is another peer, who wants everything and does nothing. */
  readonly manner: 'silent' | 'greeting';
}

/** Milliseconds until it tries again. */
const AGAIN = 2000;
const KEEP_ALIVE = 30_000;

/** Opens hundreds of connections, holds them, and opens each again that has ended. */
export class ConnectionFlooder extends WireActor {
  /** Peers that it pretended to be. */
  identities = 0;
  readonly #greets: boolean;

  constructor(world: World, options: ConnectionFlooderOptions) {
    super(world, options);
    this.#greets = options.manner === 'greeting';
  }

  /** Holds so many connections to the victim. */
  flood(victim: Peer, connections: number): void {
    for (let i = 0; i < connections; i++) this.attack(victim, AGAIN);
  }

  protected override begin(wire: Wire): void {
    if (!this.#greets) return;
    this.identities++;
    wire.greet(this.newId(), { m: this.extensions });
    wire.say(encodeHaveNone(), encodeInterested());
    this.every(wire, KEEP_ALIVE, () => wire.say(encodeKeepAlive()));
  }

  protected override script(): Script {
    return {};
  }
}
