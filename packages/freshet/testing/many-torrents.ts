import { Engine, type EngineOptions } from '../src/engine/engine.ts';
import type { Disk, Ports } from '../src/engine/ports.ts';
import type { Torrent } from '../src/engine/torrent.ts';
import type { TorrentSpec } from '../src/engine/torrent-types.ts';
import {
  type HostOptions,
  MemoryDisk,
  MemoryHasher,
  MemoryHttp,
  MemoryMessageSockets,
  MemoryNetwork,
  SeededRandom,
  VirtualClock,
} from '../src/memory/index.ts';
import { type Log, logObserver, type SampleTorrent } from './memory-swarm.ts';

/** One torrent of one client. */
export interface Entry {
  readonly sample: SampleTorrent;
  readonly torrent: Torrent;
  readonly disk: Disk;
  readonly log: Log & { readonly queued: boolean[]; readonly goals: string[] };
}

export interface EntryOptions {
  /** Has everything from the start. */
  readonly seed?: boolean;
  readonly magnet?: boolean;
  readonly disk?: Disk;
  readonly spec?: Partial<TorrentSpec>;
}

/** A client with any number of torrents. */
export class ManyClient {
  readonly host: string;
  readonly engine: Engine;

  constructor(world: ManyWorld, host: string, engine: Engine) {
    this.host = host;
    this.engine = engine;
    world.clients.push(this);
  }

  async add(sample: SampleTorrent, options: EntryOptions = {}): Promise<Entry> {
    const disk = options.disk ?? new MemoryDisk({ length: sample.content.length });
    if (options.seed === true) await disk.write(0, [sample.content]);
    const queued: boolean[] = [];
    const goals: string[] = [];
    const log = {
      ...logObserver(),
      queued,
      goals,
      onQueued: (now: boolean) => void queued.push(now),
      onGoal: (goal: string) => void goals.push(goal),
    };
    const torrent = this.engine.add(
      {
        hashes: { v1: sample.infoHash },
        infoBytes: options.magnet === true ? undefined : sample.infoBytes,
        openDisk: () => Promise.resolve(disk),
        skipCheck: options.seed === true,
        ...options.spec,
      },
      log,
    );
    return { sample, torrent, disk, log };
  }
}

/** Clients over a network in memory and in virtual time, each with several torrents. */
export class ManyWorld {
  readonly clock = new VirtualClock();
  readonly network = new MemoryNetwork(this.clock, { random: new SeededRandom(43) });
  readonly http = new MemoryHttp(this.clock);
  readonly sockets = new MemoryMessageSockets(this.clock);
  readonly clients: ManyClient[] = [];

  async client(
    options: {
      readonly engine?: EngineOptions;
      readonly line?: HostOptions;
      readonly ports?: Partial<Ports>;
    } = {},
  ): Promise<ManyClient> {
    const host = `10.0.0.${this.clients.length + 1}`;
    this.network.setHost(host, options.line ?? { latencyMs: 10 });
    const engine = new Engine(
      {
        clock: this.clock,
        random: new SeededRandom(1000 + this.clients.length),
        hasher: new MemoryHasher(),
        http: this.http,
        sockets: this.sockets,
        dialer: this.network.dialer(host),
        listener: this.network.listener(host),
        ...options.ports,
      },
      options.engine,
    );
    await engine.listen(6881);
    return new ManyClient(this, host, engine);
  }

  /** Tells a torrent where another client is. */
  introduce(entry: Entry, to: ManyClient): void {
    entry.torrent.addPeer({ host: to.host, port: 6881 });
  }

  async advance(milliseconds: number): Promise<void> {
    await this.clock.advanceAsync(milliseconds);
  }

  /** Lets time pass until `done` says so; fails after `limit` milliseconds of virtual time. */
  async until(done: () => boolean, limit: number): Promise<void> {
    const start = this.clock.now();
    while (!done()) {
      if (this.clock.now() - start > limit) throw new Error(`Not done after ${limit} ms`);
      await this.clock.advanceAsync(20);
    }
  }

  /** Closes all clients; nothing may be left on the clock afterwards. */
  async close(): Promise<void> {
    let closed = false;
    const closing = Promise.all(this.clients.map((client) => client.engine.close())).then(() => {
      closed = true;
    });
    for (let i = 0; i < 1000 && !closed; i++) await this.clock.advanceAsync(10);
    await closing;
  }
}
