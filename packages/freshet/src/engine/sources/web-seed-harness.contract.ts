/** A torrent with web seeds only, on memory ports: what the tests of this folder share. */

import {
  MemoryDisk,
  MemoryHasher,
  MemoryHttp,
  type MemoryHttpOptions,
  SeededRandom,
  Sha1,
  VirtualClock,
} from '../../memory/index.ts';
import {
  Bitfield,
  type BuildFile,
  buildInfo,
  equalBytes,
  type Info,
  infoHashFromBytes,
  parseInfo,
} from '../../protocol/index.ts';
import type { BlockSource } from '../pieces/block-source.ts';
import { BufferPool } from '../pieces/buffer-pool.ts';
import { PiecePicker } from '../pieces/picker.ts';
import { PieceStore } from '../pieces/piece-store.ts';
import { ReadCache } from '../pieces/read-cache.ts';
import { Scheduler, type UrgentPiece } from '../pieces/scheduler.ts';
import type { PieceHashes } from '../pieces/verification.ts';
import { RateLimiter } from '../rate-limiter.ts';
import { OriginLimits } from './origin-limits.ts';
import type { WebSeedHost } from './web-seed-host.ts';
import type { WebSeedPolicy } from './web-seed-policy.ts';
import { WebSeeds } from './web-seeds.ts';

export interface TestTorrent {
  readonly info: Info;
  readonly content: Uint8Array;
  /** The bytes of one file. */
  file(index: number): Uint8Array;
}

export function makeTorrent(
  files: number | readonly BuildFile[],
  pieceLength: number,
  name: string = 'film.mp4',
): TestTorrent {
  const entries = typeof files === 'number' ? [{ path: [name], length: files, attr: '' }] : files;
  const length = entries.reduce((sum, file) => sum + file.length, 0);
  const content = new Uint8Array(length);
  const random = new SeededRandom(length + 1);
  let offset = 0;
  for (const file of entries) {
    if (file.attr?.includes('p') !== true) random.fill(content.subarray(offset, offset + file.length));
    offset += file.length;
  }
  const count = Math.ceil(length / pieceLength);
  const pieces = new Uint8Array(20 * count);
  for (let piece = 0; piece < count; piece++) {
    const sha1 = new Sha1();
    sha1.update(content.subarray(piece * pieceLength, (piece + 1) * pieceLength));
    pieces.set(sha1.digest(), 20 * piece);
  }
  const info = parseInfo(buildInfo({ name, pieceLength, files, pieces }));
  return {
    info,
    content,
    file: (index) => {
      const { offset: start, length: size } = info.files[index]!;
      return content.subarray(start, start + size);
    },
  };
}

export interface HarnessOptions extends MemoryHttpOptions {
  readonly rateLimit?: number | undefined;
  readonly maxConnections?: number | undefined;
  readonly policy?: WebSeedPolicy | undefined;
  readonly poolBytes?: number | undefined;
  /** With v2: what is known of the files' trees. */
  readonly hashes?: PieceHashes | undefined;
  /** Shared with other torrents; else this one has its own. */
  readonly shared?: {
    readonly clock: VirtualClock;
    readonly http: MemoryHttp;
    readonly origins: OriginLimits;
  };
}

/** Stands in for a peer: gives blocks by hand. */
export class HandPeer implements BlockSource {
  readonly id: number;
  readonly cancelled: string[] = [];
  banned: string | undefined;

  constructor(id: number) {
    this.id = id;
  }

  cancelBlock(piece: number, block: number): void {
    this.cancelled.push(`${piece}:${block}`);
  }

  dropPiece(): void {}

  ban(reason: string): void {
    this.banned = reason;
  }
}

export class Harness {
  readonly clock: VirtualClock;
  readonly random: SeededRandom = new SeededRandom(7);
  readonly http: MemoryHttp;
  readonly store: PieceStore;
  readonly scheduler: Scheduler;
  readonly host: WebSeedHost;
  readonly seeds: WebSeeds;
  readonly limiter: RateLimiter;
  readonly disk: MemoryDisk;
  readonly warnings: string[] = [];
  /** Pieces in the order in which they were verified. */
  readonly verified: number[] = [];
  readonly torrent: TestTorrent;
  urgent: UrgentPiece[] = [];
  streaming = false;
  peers = 0;
  expectsPeers = false;
  received = 0;
  wasted = 0;
  hashFailures = 0;
  #nextId = 1;

  constructor(torrent: TestTorrent, options: HarnessOptions = {}) {
    const { random } = this;
    const { info } = torrent;
    const clock = options.shared?.clock ?? new VirtualClock();
    this.clock = clock;
    this.torrent = torrent;
    this.http = options.shared?.http ?? new MemoryHttp(clock, options);
    this.disk = new MemoryDisk({ length: info.length });
    this.limiter = new RateLimiter(clock, options.rateLimit);
    this.store = new PieceStore({
      info,
      verified: new Bitfield(info.pieceCount),
      picker: () => new PiecePicker(info.pieceCount, random, 'rarest'),
      disk: this.disk,
      hasher: new MemoryHasher(),
      hashes: options.hashes,
      pool: new BufferPool(options.poolBytes ?? 64 * 1024 * 1024),
      cache: new ReadCache(1024 * 1024),
      events: {
        onVerified: (piece) => {
          this.verified.push(piece);
          this.seeds.update();
        },
        onStored: () => {},
        onHashFailed: () => {
          this.hashFailures++;
        },
        onWriteError: (error) => this.warnings.push(error.message),
        onRoom: () => {},
      },
    });
    const urgent = (): UrgentPiece[] => this.urgent.filter(({ piece }) => !this.store.verified.get(piece));
    this.scheduler = new Scheduler(this.store, random, urgent, () => this.streaming);
    this.host = {
      info,
      store: this.store,
      scheduler: this.scheduler,
      clock,
      random,
      http: this.http,
      downloadLimiter: this.limiter,
      infoHash: infoHashFromBytes(new Uint8Array(20).fill(0xa5))!,
      origins: options.shared?.origins ?? new OriginLimits(clock, 6),
      maxConnections: options.maxConnections ?? 4,
      policy: options.policy,
      urgent,
      streaming: () => this.streaming,
      demand: () => (this.streaming ? this.urgent.length : 0),
      usefulPeers: () => this.peers,
      rivals: () => this.peers,
      viewers: () => this.peers + 1,
      expectsPeers: () => this.expectsPeers,
      nextSourceId: () => this.nextId(),
      onReceived: (bytes) => {
        this.received += bytes;
      },
      onWasted: (bytes) => {
        this.wasted += bytes;
      },
      onWarning: (error) => this.warnings.push(error.message),
    };
    this.seeds = new WebSeeds(this.host);
  }

  nextId(): number {
    return this.#nextId++;
  }

  /** Serves every file below `base` as BEP 19 lays them out. */
  serveAll(base: string): void {
    this.torrent.info.files.forEach((file, i) => {
      if (file.padding) return;
      const path = file.path.map(encodeURIComponent).join('/');
      this.http.serve(this.torrent.info.multiFile ? `${base}/${path}` : base, this.torrent.file(i));
    });
  }

  /** Lets time pass with a tick each second, until all is verified or the time is over. */
  async run(milliseconds: number): Promise<void> {
    const end = this.clock.now() + milliseconds;
    while (this.clock.now() < end && !this.store.verified.isFull) {
      await this.clock.advanceAsync(Math.min(1000, end - this.clock.now()));
      this.seeds.update();
    }
    await this.clock.advanceAsync(0);
  }

  /** Whether the disk holds the content, all of it. */
  async isStored(): Promise<boolean> {
    const bytes = new Uint8Array(this.disk.length);
    await this.disk.read(0, bytes);
    return equalBytes(bytes, this.torrent.content);
  }

  /** Makes pieces of the torrent verified, as from an earlier run or a peer. */
  give(source: BlockSource, piece: number, block?: number): void {
    const { store, torrent } = this;
    const partial = store.begin(piece, true)!;
    const blocks = block === undefined ? Array.from({ length: partial.blockCount }, (_, i) => i) : [block];
    for (const index of blocks) {
      const begin = piece * torrent.info.pieceLength + index * 16384;
      const data = torrent.content.subarray(begin, begin + partial.blockLength(index));
      partial.claim(index, source.id);
      partial.buffer.set(data, index * 16384);
      store.receive(partial, index, source);
    }
  }
}
