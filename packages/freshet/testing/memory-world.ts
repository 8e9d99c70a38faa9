/** Whole clients, from the API down, over a network in memory and in virtual time. */

import { expect } from 'vitest';
import { Client } from '../src/api/client.ts';
import type { ClientPlatform } from '../src/api/platform.ts';
import { WebReadStream } from '../src/api/read-stream.ts';
import { createBlobFileStore } from '../src/browser/blob-files.ts';
import { httpTrackers } from '../src/engine/discovery/index.ts';
import { openMovableDisk } from '../src/engine/storage/movable-disk.ts';
import type { FaultPlan } from '../src/memory/faults.ts';
import {
  MemoryFileStore,
  MemoryHasher,
  MemoryHttp,
  MemoryMessageSockets,
  MemoryNetwork,
  MemoryState,
  SeededRandom,
  VirtualClock,
} from '../src/memory/index.ts';
import { DirectSession } from '../src/session/direct.ts';
import { SessionHost } from '../src/session/host.ts';
import type { SessionPlatform } from '../src/session/platform.ts';
import type { Session, SessionSettings } from '../src/session/protocol.ts';
import { RemoteSession } from '../src/session/remote.ts';
import { sessionPipe } from './session-pipe.ts';

/** Where the engines of a world are, seen from its clients. */
export const PLACES = ['in the same thread', 'over a port'] as const;
export type Place = (typeof PLACES)[number];

/** Machines of one network, each with storage of its own; time moves by `run`. */
export class World {
  readonly clock = new VirtualClock({ settle: () => new Promise((resolve) => setImmediate(resolve)) });
  readonly network = new MemoryNetwork(this.clock, { link: { latencyMs: 10 } });
  readonly http = new MemoryHttp(this.clock);
  readonly files = new Map<string, MemoryFileStore>();
  readonly #states = new Map<string, MemoryState>();
  closed = 0;
  #seeds = 0;

  /** Why downloads are not kept, if they are not. */
  reason: string | undefined;
  /** What sessions warned of. */
  readonly warnings: Error[] = [];
  readonly #place: Place;

  constructor(place: Place = 'in the same thread') {
    this.#place = place;
  }

  session(host: string, settings: SessionSettings = {}, faults?: FaultPlan): Session {
    const direct = this.direct(host, settings, faults);
    if (this.#place === 'in the same thread') return direct;
    const remote = new RemoteSession({ onWarning: (error) => this.warnings.push(error) });
    const pipe = sessionPipe(this.clock);
    this.host(direct).connect(pipe.host, { onClose: () => direct.close() });
    remote.attach(pipe.client);
    return remote;
  }

  /** For several clients of one session. */
  host(session: Session): SessionHost {
    return new SessionHost(session, {
      clock: this.clock,
      onWarning: (error) => this.warnings.push(error),
    });
  }

  /** An engine on a machine, which finds what earlier ones there have stored. */
  direct(host: string, settings: SessionSettings = {}, faults?: FaultPlan): DirectSession {
    const store = this.files.get(host) ?? new MemoryFileStore({ faults });
    this.files.set(host, store);
    const state = this.#states.get(host) ?? new MemoryState();
    this.#states.set(host, state);
    const platform: SessionPlatform = {
      ports: {
        clock: this.clock,
        random: new SeededRandom(++this.#seeds),
        hasher: new MemoryHasher(),
        http: this.http,
        sockets: new MemoryMessageSockets(this.clock),
        dialer: this.network.dialer(host),
        listener: this.network.listener(host),
      },
      openHttpTracker: httpTrackers(),
      pathOf: () => `/${host}`,
      openStorage: async (_location, infoHash) => ({
        openDisk: async (info) => openMovableDisk({ info, infoHash, store }),
        state,
        reason: this.reason,
      }),
      openSeed: (placed) =>
        createBlobFileStore(
          placed.map(({ path, seed }) => ({
            path,
            blob: seed.content.kind === 'bytes' ? new Blob([seed.content.bytes as BlobPart]) : new Blob([]),
          })),
        ),
      close: async () => {
        this.closed++;
      },
    };
    return new DirectSession(platform, settings);
  }

  client(host: string, settings: SessionSettings = {}, faults?: FaultPlan): Client {
    return this.clientOf(this.session(host, settings, faults));
  }

  clientOf(session: Session): Client {
    return new Client({}, API, session);
  }

  /** Lets time pass until the promise is settled, at most a minute of it. */
  async run<T>(promise: Promise<T>): Promise<T> {
    let settled = false;
    const done = (): void => {
      settled = true;
    };
    promise.then(done, done);
    for (let i = 0; i < 600 && !settled; i++) await this.clock.advanceAsync(100);
    expect(settled).toBe(true);
    return promise;
  }
}

const API: ClientPlatform = {
  webrtc: false,
  openSession: () => {
    throw new Error('A session is given.');
  },
  createReadStream: (iterator) => new WebReadStream(iterator),
  createServer: () => {
    throw new Error('No server here.');
  },
};
