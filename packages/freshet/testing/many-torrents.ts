import type { Engine } from '../src/engine/engine.ts';
import {
  addTorrent,
  type EngineHostOptions,
  EngineWorld,
  type EntryOptions,
  type Entry as TorrentEntry,
} from './engine-world.ts';
import type { SampleTorrent } from './memory-swarm.ts';

/** One torrent of one client. */
export interface Entry extends TorrentEntry {
  readonly sample: SampleTorrent;
}

/** A client with any number of torrents. */
export class ManyClient {
  readonly host: string;
  readonly engine: Engine;

  constructor(host: string, engine: Engine) {
    this.host = host;
    this.engine = engine;
  }

  async add(sample: SampleTorrent, options: EntryOptions = {}): Promise<Entry> {
    return { sample, ...(await addTorrent(this.engine, sample, options)) };
  }
}

/** Clients with several torrents each. Client n listens on 10.0.0.n:6881. */
export class ManyWorld extends EngineWorld {
  readonly clients: ManyClient[] = [];

  async client(options: EngineHostOptions = {}): Promise<ManyClient> {
    const index = this.clients.length;
    const host = `10.0.0.${index + 1}`;
    const client = new ManyClient(host, await this.startEngine(host, index, options));
    this.clients.push(client);
    return client;
  }

  /** Tells a torrent where another client is. */
  introduce(entry: Entry, to: ManyClient): void {
    entry.torrent.addPeer({ host: to.host, port: 6881 });
  }
}
