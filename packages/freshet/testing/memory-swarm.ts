import { Engine, type EngineOptions } from '../src/engine/engine.ts';
import { hashesOfInfo } from '../src/engine/metadata-hashes.ts';
import type { Disk, Link, Ports } from '../src/engine/ports.ts';
import { hashPieces, pieceLayersOf, treeOfFile } from '../src/engine/storage/hash-pieces.ts';
import type { Torrent } from '../src/engine/torrent.ts';
import type { TorrentObserver, TorrentSpec } from '../src/engine/torrent-types.ts';
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
import {
  arrangeFiles,
  type BuildFile,
  buildInfo,
  equalBytes,
  type Info,
  type InfoHash,
  parseInfo,
  primaryHash,
  type TorrentHashes,
  type TorrentVersion,
} from '../src/protocol/index.ts';

/** A torrent of pseudo-random bytes, made from a seed. */
export interface SampleTorrent {
  readonly content: Uint8Array;
  readonly info: Info;
  readonly infoBytes: Uint8Array;
  /** The primary one. */
  readonly infoHash: InfoHash;
  readonly hashes: TorrentHashes;
  /** What the torrent file of version 2 has beside the metadata. */
  readonly pieceLayers: ReadonlyMap<string, Uint8Array> | undefined;
}

/** @param length of the content in version 1; in version 2 padding comes to it between the files. */
export async function sampleTorrent(
  length: number,
  pieceLength: number,
  options: {
    readonly files?: readonly { path: string[]; length: number }[];
    readonly seed?: number;
    /** Default 1. */
    readonly version?: TorrentVersion;
    /** Writes what is not random, before it is hashed. */
    readonly write?: (content: Uint8Array) => void;
  } = {},
): Promise<SampleTorrent> {
  const hasher = new MemoryHasher();
  const version = options.version ?? 1;
  const listed = options.files;
  const files = listed === undefined || version === 1 ? listed : arrangeFiles(listed, pieceLength);
  const build = (pieces: Uint8Array, rootOf: (index: number) => Uint8Array | undefined): Uint8Array => {
    const rooted = files?.map((file, i): BuildFile => ({ ...file, piecesRoot: rootOf(i) }));
    const single = { length, piecesRoot: rootOf(0) };
    return buildInfo({ version, name: 'sample', pieceLength, files: rooted ?? single, pieces });
  };
  const total = files?.reduce((sum, file) => sum + file.length, 0) ?? length;
  const noHashes = new Uint8Array(20 * Math.ceil(total / pieceLength));
  const draft = parseInfo(build(noHashes, () => (version === 1 ? undefined : new Uint8Array(32))));
  const content = new Uint8Array(draft.length);
  new SeededRandom(options.seed ?? 1).fill(content);
  options.write?.(content);
  for (const file of draft.files) if (file.padding) content.fill(0, file.offset, file.offset + file.length);
  const { pieces = noHashes, pieceRoots } = await hashPieces({
    info: draft,
    read: async (offset, into) => {
      into.set(content.subarray(offset, offset + into.length));
      return into.length;
    },
    hasher,
    cancelled: () => false,
    onProgress: () => {},
  });
  const trees = draft.files.map((file) =>
    file.padding || pieceRoots === undefined ? undefined : treeOfFile(draft, file, pieceRoots),
  );
  const infoBytes = build(pieces, (index) => trees[index]?.piecesRoot);
  const hashes = await hashesOfInfo({ ...draft, bytes: infoBytes }, hasher);
  return {
    content,
    infoBytes,
    infoHash: primaryHash(hashes),
    hashes,
    info: parseInfo(infoBytes, hashes),
    pieceLayers: pieceRoots && pieceLayersOf(trees),
  };
}

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
