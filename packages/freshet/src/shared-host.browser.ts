/** The engine's part in being shared: clients of other tabs come to it over channels. */

import { broadcastPort } from './browser/broadcast-port.ts';
import { claimEngine, EngineDoor } from './browser/engine-door.ts';
import { leadershipNames } from './browser/leadership-messages.ts';
import type { EngineShare } from './browser/local-engine.ts';
import { portOf } from './browser/port.ts';
import { SwitchingPort } from './browser/switching-port.ts';
import { webLocks } from './browser/web-locks.ts';
import type { Connection } from './session/host.ts';
import type { SessionPort } from './session/messages.ts';

/** What is shared. */
interface Shared {
  connect(port: SessionPort): Connection;
}

/** Keeps other engines from running, and lets the clients of other tabs come to this one. */
export class SharedHost {
  readonly #share: EngineShare;
  readonly #pipes = new Map<string, SwitchingPort>();
  readonly #release: () => void;
  #door: EngineDoor | undefined;

  /** @param onTurn no other engine runs: make one, and `open` the door to it. */
  constructor(share: EngineShare, onTurn: () => void) {
    this.#share = share;
    const locks = webLocks();
    if (locks === undefined) throw new Error('this thread has no locks');
    this.#release = claimEngine(
      { names: leadershipNames(share.prefix), engine: share.engine, locks },
      onTurn,
    );
  }

  open(host: Shared): void {
    const locks = webLocks();
    if (locks === undefined) return;
    this.#door = new EngineDoor({
      names: leadershipNames(this.#share.prefix),
      engine: this.#share.engine,
      settings: this.#share.settings,
      locks,
      broadcast: broadcastPort,
      onClient: (port, channel) => {
        const pipe = new SwitchingPort(port);
        this.#pipes.set(channel, pipe);
        const connection = host.connect(pipe);
        return {
          close: () => {
            this.#pipes.delete(channel);
            void connection.close();
          },
        };
      },
    });
  }

  /** A better way to the client that is on this channel. */
  givePipe(channel: string, port: MessagePort): void {
    const pipe = this.#pipes.get(channel);
    if (pipe === undefined) port.close();
    else pipe.adopt(portOf(port), true);
  }

  /** Before the engine ends: nothing of its end reaches the clients. */
  closeDoor(): void {
    this.#door?.close();
    this.#door = undefined;
    for (const pipe of this.#pipes.values()) pipe.close();
    this.#pipes.clear();
  }

  /** When it has ended: another one may run. */
  release(): void {
    this.closeDoor();
    this.#release();
  }
}
