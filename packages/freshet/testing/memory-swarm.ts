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
  sampleTorrent,
  VirtualClock,
} from '../src/memory/index.ts';
import { equalBytes, type TorrentHashes } from '../src/protocol/index.ts';

export { type SampleTorrent, sampleTorrent };

/** What a torrent told its observer, in order. */
export interface Log extends TorrentObserver {
  readonly events: string[];
  readonly errors: Error[];
  readonly warnings: Error[];
}

export function logObserver(): Log {
  const events: string[] = [];
  const errors: Error[] = [];
  const warnings: Error[] = [];
  return {
    events,
    errors,
    warnings,
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
  };
}

export interface Member {
  readonly host: string;
  readonly engine: Engine;
  readonly torrent: Torrent;
  readonly disk: MemoryDisk;
  readonly log: Log;
}

export interface MemberOptions {
  /** Default 10.0.0.n for member n, all in one network. */
  readonly host?: string;
  /** Has everything from the start. */
  readonly seed?: boolean;
  readonly spec?: Partial<TorrentSpec>;
  readonly engine?: EngineOptions;
  readonly line?: HostOptions;
  readonly ports?: Partial<Ports>;
  readonly disk?: MemoryDisk;
  /** Has no metadata. `v1` and `v2`: knows only that hash of a hybrid torrent. */
  readonly magnet?: boolean | 'v1' | 'v2';
  /** Changes outgoing links, as liars do. */
  readonly wrapLink?: (link: Link) => Link;
}

/** A swarm of real engines over a network in memory and in virtual time. Member n listens on 10.0.0.n:6881. */
export class MemorySwarm {
  readonly clock = new VirtualClock();
  readonly random = new SeededRandom(42);
  readonly network = new MemoryNetwork(this.clock, { random: new SeededRandom(43) });
  readonly http = new MemoryHttp(this.clock);
  readonly sockets = new MemoryMessageSockets(this.clock);
  readonly members: Member[] = [];
  readonly sample: SampleTorrent;

  constructor(sample: SampleTorrent) {
    this.sample = sample;
  }

  async add(options: MemberOptions = {}): Promise<Member> {
    const host = options.host ?? `10.0.0.${this.members.length + 1}`;
    this.network.setHost(host, options.line ?? { latencyMs: 10 });
    const listener = this.network.listener(host);
    const wrap = options.wrapLink;
    const engine = new Engine(
      {
        clock: this.clock,
        random: new SeededRandom(1000 + this.members.length),
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
      options.engine,
    );
    await engine.listen(6881);
    const { files, length } = this.sample.info;
    const disk = options.disk ?? new MemoryDisk({ length, files });
    if (options.seed === true) await disk.write(0, [this.sample.content]);
    const log = logObserver();
    const torrent = engine.add(
      {
        hashes: namedHashes(this.sample.hashes, options.magnet),
        infoBytes: (options.magnet ?? false) === false ? this.sample.infoBytes : undefined,
        pieceLayers: (options.magnet ?? false) === false ? this.sample.pieceLayers : undefined,
        openDisk: (): Promise<Disk> => Promise.resolve(disk),
        skipCheck: options.seed === true,
        ...options.spec,
      },
      log,
    );
    const member = { host, engine, torrent, disk, log };
    this.members.push(member);
    await this.clock.advanceAsync(1);
    return member;
  }

  /** Tells `from` the address of `to`. */
  introduce(from: Member, to: Member): void {
    from.torrent.addPeer({ host: to.host, port: 6881 });
  }

  /** Lets time pass until `done` says so; fails after `limit` milliseconds of virtual time. */
  async until(done: () => boolean, limit: number): Promise<number> {
    const start = this.clock.now();
    while (!done()) {
      if (this.clock.now() - start > limit) {
        throw new Error(
          `Not done after ${limit} ms: ${this.members.map((m) => JSON.stringify(m.torrent.stats()))}`,
        );
      }
      await this.clock.advanceAsync(10);
    }
    return this.clock.now() - start;
  }

  /** Whether the member's disk holds the sample. */
  async hasContent(member: Member): Promise<boolean> {
    const bytes = new Uint8Array(this.sample.content.length);
    await member.disk.read(0, bytes);
    return equalBytes(bytes, this.sample.content);
  }

  /** Closes all engines; nothing may be left on the clock afterwards. */
  async close(): Promise<void> {
    let closed = false;
    const closing = Promise.all(this.members.map((member) => member.engine.close())).then(() => {
      closed = true;
    });
    for (let i = 0; i < 1000 && !closed; i++) await this.clock.advanceAsync(10);
    await closing;
  }
}

/** The hashes that a magnet link names. */
function namedHashes({ v1, v2 }: TorrentHashes, magnet: MemberOptions['magnet']): TorrentHashes {
  return magnet === 'v1' ? { v1 } : magnet === 'v2' ? { v2 } : { v1, v2 };
}
