/** Engines over a network in memory and in virtual time. */

import { httpTrackers } from '../src/engine/discovery/index.ts';
import { Engine, type EngineOptions } from '../src/engine/engine.ts';
import type { Disk, Link, Ports } from '../src/engine/ports.ts';
import type { Torrent } from '../src/engine/torrent.ts';
import type { TorrentObserver, TorrentSpec } from '../src/engine/torrent-types.ts';
import {
  type HostOptions,
  MemoryDisk,
  MemoryHasher,
  MemoryHttp,
  MemoryMessageSockets,
  MemoryNetwork,
  type SampleTorrent,
  SeededRandom,
  VirtualClock,
} from '../src/memory/index.ts';
import type { TorrentHashes } from '../src/protocol/index.ts';

/** What a torrent told its observer, in order. */
export interface Log extends TorrentObserver {
  readonly events: string[];
  readonly errors: Error[];
  readonly warnings: Error[];
  readonly queued: boolean[];
  readonly goals: string[];
}

export function logObserver(): Log {
  const events: string[] = [];
  const errors: Error[] = [];
  const warnings: Error[] = [];
  const queued: boolean[] = [];
  const goals: string[] = [];
  return {
    events,
    errors,
    warnings,
    queued,
    goals,
    onMetadata: () => events.push('metadata'),
    onChecking: () => {},
    onReady: () => events.push('ready'),
    onVerified: () => {},
    onDone: () => events.push('done'),
    onDownload: () => {},
    onUpload: () => {},
    onPeer: () => events.push('peer'),
    onPeerClosed: () => events.push('peerClosed'),
    onNoPeers: () => events.push('noPeers'),
    onAnnounce: () => events.push('announce'),
    onWarning: (error) => warnings.push(error),
    onError: (error) => {
      events.push('error');
      errors.push(error);
    },
    onQueued: (now) => queued.push(now),
    onGoal: (goal) => goals.push(goal),
  };
}

export interface EngineHostOptions {
  readonly engine?: EngineOptions;
  readonly line?: HostOptions;
  readonly ports?: Partial<Ports>;
  /** Changes outgoing links, as liars do. */
  readonly wrapLink?: (link: Link) => Link;
}

/** One torrent of one engine. */
export interface Entry<D extends Disk = Disk> {
  readonly torrent: Torrent;
  readonly disk: D;
  readonly log: Log;
}

export interface EntryOptions<D extends Disk = Disk> {
  /** Has everything from the start. */
  readonly seed?: boolean;
  /** Has no metadata. `v1` and `v2`: knows only that hash of a hybrid torrent. */
  readonly magnet?: boolean | 'v1' | 'v2';
  /** Default: one in memory. */
  readonly disk?: D;
  readonly spec?: Partial<TorrentSpec>;
}

/** A place for engines, each at a host of its own, where it listens on port 6881. */
export class EngineWorld {
  readonly clock = new VirtualClock();
  readonly network = new MemoryNetwork(this.clock, { random: new SeededRandom(43) });
  readonly http = new MemoryHttp(this.clock);
  readonly sockets = new MemoryMessageSockets(this.clock);
  readonly #engines: Engine[] = [];

  /** Starts an engine. @param index makes its choices its own. */
  async startEngine(host: string, index: number, options: EngineHostOptions): Promise<Engine> {
    this.network.setHost(host, options.line ?? { latencyMs: 10 });
    const listener = this.network.listener(host);
    const wrap = options.wrapLink;
    const engine = new Engine(
      {
        clock: this.clock,
        random: new SeededRandom(1000 + index),
        hasher: new MemoryHasher(),
        http: this.http,
        sockets: this.sockets,
        dialer: this.network.dialer(host),
        listener:
          wrap === undefined
            ? listener
            : {
                listen: (port, onLink) => listener.listen(port, (link) => onLink(wrap(link))),
                close: () => listener.close(),
              },
        ...options.ports,
      },
      { openHttpTracker: httpTrackers(), ...options.engine },
    );
    this.#engines.push(engine);
    await engine.listen(6881);
    return engine;
  }

  async advance(milliseconds: number): Promise<void> {
    await this.clock.advanceAsync(milliseconds);
  }

  /**
   * Lets time pass until `done` says so. Returns how much has passed; fails after `limit` milliseconds of virtual time.
   */
  async until(done: () => boolean, limit: number): Promise<number> {
    const start = this.clock.now();
    while (!done()) {
      if (this.clock.now() - start > limit) {
        const torrents = this.#engines.flatMap((engine) => [...engine.torrents.values()]);
        throw new Error(
          `Not done after ${limit} ms: ${torrents.map((torrent) => JSON.stringify(torrent.stats()))}`,
        );
      }
      await this.clock.advanceAsync(10);
    }
    return this.clock.now() - start;
  }

  /** Closes all engines; nothing may be left on the clock afterwards. */
  async close(): Promise<void> {
    let closed = false;
    const closing = Promise.all(this.#engines.map((engine) => engine.close())).then(() => {
      closed = true;
    });
    for (let i = 0; i < 1000 && !closed; i++) await this.clock.advanceAsync(10);
    await closing;
  }
}

/** Adds a torrent to an engine, with a disk in memory and a log. */
export function addTorrent(
  engine: Engine,
  sample: SampleTorrent,
  options: EntryOptions<MemoryDisk>,
): Promise<Entry<MemoryDisk>>;
export function addTorrent(engine: Engine, sample: SampleTorrent, options: EntryOptions): Promise<Entry>;
export async function addTorrent(
  engine: Engine,
  sample: SampleTorrent,
  options: EntryOptions,
): Promise<Entry> {
  const { files, length } = sample.info;
  const disk = options.disk ?? new MemoryDisk({ length, files });
  if (options.seed === true) await disk.write(0, [sample.content]);
  const log = logObserver();
  const magnet = options.magnet ?? false;
  const torrent = engine.add(
    {
      hashes: namedHashes(sample.hashes, magnet),
      infoBytes: magnet === false ? sample.infoBytes : undefined,
      pieceLayers: magnet === false ? sample.pieceLayers : undefined,
      openDisk: (): Promise<Disk> => Promise.resolve(disk),
      skipCheck: options.seed === true,
      ...options.spec,
    },
    log,
  );
  return { torrent, disk, log };
}

/** The hashes that a magnet link names. */
function namedHashes({ v1, v2 }: TorrentHashes, magnet: EntryOptions['magnet']): TorrentHashes {
  return magnet === 'v1' ? { v1 } : magnet === 'v2' ? { v2 } : { v1, v2 };
}
