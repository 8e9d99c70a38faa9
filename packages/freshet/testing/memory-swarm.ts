import type { Engine } from '../src/engine/engine.ts';
import { type MemoryDisk, type SampleTorrent, SeededRandom, sampleTorrent } from '../src/memory/index.ts';
import { equalBytes } from '../src/protocol/index.ts';
import {
  addTorrent,
  type EngineHostOptions,
  EngineWorld,
  type Entry,
  type EntryOptions,
} from './engine-world.ts';

export { type Log, logObserver } from './engine-world.ts';
export { type SampleTorrent, sampleTorrent };

export interface Member extends Entry<MemoryDisk> {
  readonly host: string;
  readonly engine: Engine;
}

export interface MemberOptions extends EngineHostOptions, EntryOptions<MemoryDisk> {
  /** Default 10.0.0.n for member n, all in one network. */
  readonly host?: string;
}

/** A swarm of real engines, each with the same torrent. Member n listens on 10.0.0.n:6881. */
export class MemorySwarm extends EngineWorld {
  readonly random = new SeededRandom(42);
  readonly members: Member[] = [];
  readonly sample: SampleTorrent;

  constructor(sample: SampleTorrent) {
    super();
    this.sample = sample;
  }

  async add(options: MemberOptions = {}): Promise<Member> {
    const host = options.host ?? `10.0.0.${this.members.length + 1}`;
    const engine = await this.startEngine(host, this.members.length, options);
    const member = { host, engine, ...(await addTorrent(engine, this.sample, options)) };
    this.members.push(member);
    await this.advance(1);
    return member;
  }

  /** Tells `from` the address of `to`. */
  introduce(from: Member, to: Member): void {
    from.torrent.addPeer({ host: to.host, port: 6881 });
  }

  /** Whether the member's disk holds the sample. */
  async hasContent(member: Member): Promise<boolean> {
    const bytes = new Uint8Array(this.sample.content.length);
    await member.disk.read(0, bytes);
    return equalBytes(bytes, this.sample.content);
  }
}
