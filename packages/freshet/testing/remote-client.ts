/** Clients whose engine is behind a pipe, and engines that come and go. */

import type { Client } from '../src/api/client.ts';
import type { DirectSession } from '../src/session/direct.ts';
import type { Connection, SessionHost } from '../src/session/host.ts';
import type { SessionEvent, SessionSettings } from '../src/session/protocol.ts';
import { RemoteSession } from '../src/session/remote.ts';
import type { World } from './memory-world.ts';
import { type SessionPipe, sessionPipe } from './session-pipe.ts';

/** An engine that several clients may share. */
export class HostedEngine {
  readonly world: World;
  readonly direct: DirectSession;
  readonly host: SessionHost;
  readonly #pipes: SessionPipe[] = [];

  constructor(world: World, address: string, settings: SessionSettings = {}) {
    this.world = world;
    this.direct = world.direct(address, settings);
    this.host = world.host(this.direct);
  }

  connect(remote: RemoteSession, delay?: () => number): { connection: Connection; pipe: SessionPipe } {
    const pipe = sessionPipe(this.world.clock, delay);
    this.#pipes.push(pipe);
    const connection = this.host.connect(pipe.host);
    remote.attach(pipe.client);
    return { connection, pipe };
  }

  /** Its process is gone: nobody hears of it, and what it held is free. */
  async crash(): Promise<void> {
    for (const pipe of this.#pipes) pipe.cut();
    await this.direct.close();
  }
}

export interface RemoteClient {
  readonly client: Client;
  readonly remote: RemoteSession;
  /** Types of events, one for each row of the same kind. */
  readonly heard: string[];
}

export function remoteClient(world: World): RemoteClient {
  const remote = new RemoteSession({ onWarning: (error) => world.warnings.push(error) });
  const heard: string[] = [];
  remote.subscribe(({ event }: SessionEvent) => {
    if (heard.at(-1) !== event.type) heard.push(event.type);
  });
  return { client: world.clientOf(remote), remote, heard };
}
