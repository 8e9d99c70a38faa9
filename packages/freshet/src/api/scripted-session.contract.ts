/** A session that a test plays by hand: it records commands and says what it is told to. */

import type {
  ByteReader,
  CommandName,
  Commands,
  MetadataSnapshot,
  ReaderRange,
  Session,
  SessionEvent,
  StatsSnapshot,
  TorrentEvent,
} from '../session/protocol.ts';
import { Client } from './client.ts';
import type { ClientOptions } from './options.ts';
import type { ClientPlatform, FileServer } from './platform.ts';
import { WebReadStream } from './read-stream.ts';

export class ScriptedSession implements Session {
  readonly commands: { readonly command: CommandName; readonly args: unknown }[] = [];
  readonly readers: (ReaderRange & { cancelled: boolean })[] = [];
  /** What files contain: the torrent's bytes. */
  data: Uint8Array = new Uint8Array();
  closed = 0;
  /** Answers by command; absent ones get `undefined`. */
  answer: (command: CommandName, args: unknown) => unknown = () => undefined;
  #listeners = new Set<(event: SessionEvent) => void>();

  async request<C extends CommandName>(
    command: C,
    args: Commands[C]['args'],
  ): Promise<Commands[C]['result']> {
    this.commands.push({ command, args });
    return (await this.answer(command, args)) as Commands[C]['result'];
  }

  openReader(range: ReaderRange): ByteReader {
    const reader = { ...range, cancelled: false };
    this.readers.push(reader);
    let at = range.start;
    return {
      read: async (maxBytes) => {
        if (reader.cancelled) throw Object.assign(new Error('cancelled'), { code: 'STREAM' });
        if (at >= range.end) return undefined;
        // Short reads, as pieces make them.
        const end = Math.min(at + Math.min(maxBytes, 7), range.end);
        const bytes = this.data.slice(at, end);
        at = end;
        return bytes;
      },
      cancel: () => {
        reader.cancelled = true;
      },
    };
  }

  subscribe(listener: (event: SessionEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): Promise<void> {
    this.closed++;
    return Promise.resolve();
  }

  say(torrent: number, event: TorrentEvent): void {
    for (const listener of this.#listeners) listener({ torrent, event });
  }

  sayAll(event: (SessionEvent & { torrent?: undefined })['event']): void {
    for (const listener of this.#listeners) listener({ event });
  }

  named(command: CommandName): unknown[] {
    return this.commands.filter((entry) => entry.command === command).map((entry) => entry.args);
  }
}

export const HASH = 'aa'.repeat(20);

export function infoHashEvent(infoHash: string = HASH): TorrentEvent {
  return {
    type: 'infoHash',
    infoHash,
    magnetURI: `magnet:?xt=urn:btih:${infoHash}`,
    name: undefined,
    announce: [],
    urlList: [],
    path: '/downloads',
  };
}

/** Two files, 25 and 10 bytes, and an empty one, in pieces of 10. */
export const METADATA: MetadataSnapshot = {
  name: 'Folder',
  files: [
    { index: 0, name: 'a.mp4', path: 'Folder/a.mp4', length: 25, offset: 0 },
    { index: 1, name: 'empty.txt', path: 'Folder/empty.txt', length: 0, offset: 25 },
    { index: 2, name: 'ü b.txt', path: 'Folder/ü b.txt', length: 10, offset: 25 },
  ],
  length: 35,
  pieceLength: 10,
  lastPieceLength: 5,
  pieceCount: 4,
  private: false,
  torrentFile: Uint8Array.of(1, 2, 3),
  infoBytes: Uint8Array.of(2),
  magnetURI: `magnet:?xt=urn:btih:${HASH}&dn=Folder`,
  announce: ['wss://tracker.example'],
  urlList: [],
  created: 86_400_000,
  createdBy: 'somebody',
  comment: 'for the test',
  deselected: [],
};

export function statsOf(change: Partial<StatsSnapshot> = {}): StatsSnapshot {
  return {
    state: 'active',
    verifiedBytes: 0,
    wantedBytes: 35,
    wantedVerifiedBytes: 0,
    received: {},
    uploaded: 0,
    wasted: 0,
    downloadSpeed: 0,
    uploadSpeed: 0,
    numPeers: 0,
    hashFailures: 0,
    queued: false,
    queuePosition: 0,
    reachedGoal: undefined,
    seedTime: 0,
    ...change,
  };
}

export const PLATFORM: ClientPlatform = {
  webrtc: false,
  openSession: () => new ScriptedSession(),
  createReadStream: (iterator) => new WebReadStream(iterator),
  createServer: () => fakeServer(),
};

function fakeServer(): FileServer {
  const server: FileServer = {
    server: { listen: () => undefined, address: () => null },
    pathname: '/webtorrent',
    listen: () => undefined,
    address: () => null,
    close: (callback) => callback?.(),
    destroy: (callback) => callback?.(),
  };
  return server;
}

export function scriptedClient(options: ClientOptions = {}): { client: Client; session: ScriptedSession } {
  const session = new ScriptedSession();
  return { client: new Client(options, PLATFORM, session), session };
}

/** Lets promises that are settled run their course. */
export async function turn(): Promise<void> {
  for (let i = 0; i < 10; i++) await Promise.resolve();
}
