/** A session that is an engine in the same thread: plain calls, no copies. */

import { Engine } from '../engine/index.ts';
import { openMappedDisk } from '../engine/storage/mapped-disk.ts';
import { peerIdFromBytes, primaryHash, type TorrentHashes } from '../protocol/index.ts';
import {
  DestroyedError,
  DuplicateTorrentError,
  TorrentNotFoundError,
  toErrorValue,
  toFreshetError,
} from './errors.ts';
import { addPeer, addTracker, addWebSeed, fileAddresses, removePeer } from './named-sources.ts';
import type { SessionPlatform } from './platform.ts';
import type {
  AddSettings,
  ByteReader,
  CommandName,
  Commands,
  GlobalEvent,
  ReaderRange,
  SeedInput,
  SeedSettings,
  Session,
  SessionEvent,
  SessionSettings,
  TorrentEvent,
  TorrentKey,
  TorrentSource,
} from './protocol.ts';
import { makeTorrent } from './seed.ts';
import { SessionTorrent } from './session-torrent.ts';
import { webSeedSnapshot } from './snapshots.ts';
import { hashTexts, identifySource, type ResolvedSource, resolveSource } from './source.ts';

type Handlers = {
  [C in CommandName]: (args: Commands[C]['args']) => Promise<Commands[C]['result']> | Commands[C]['result'];
};

/** Torrents that are closed in one turn. */
const CLOSE_BATCH = 20;

export class DirectSession implements Session {
  readonly #platform: SessionPlatform;
  readonly #settings: SessionSettings;
  readonly #engine: Engine;
  readonly #torrents = new Map<TorrentKey, SessionTorrent>();
  readonly #listeners = new Set<(event: SessionEvent) => unknown>();
  readonly #handlers: Handlers = this.#makeHandlers();
  /** Resolves when it is known whether incoming connections can come. */
  readonly #listening: Promise<void>;
  #limits: { download: number | undefined; upload: number | undefined };
  #closed: Promise<void> | undefined;

  constructor(platform: SessionPlatform, settings: SessionSettings = {}) {
    this.#platform = platform;
    this.#settings = settings;
    this.#limits = { download: settings.downloadLimit, upload: settings.uploadLimit };
    this.#engine = new Engine(platform.ports, {
      peerId: settings.peerId && peerIdFromBytes(settings.peerId),
      maxPeersPerTorrent: settings.maxConns,
      maxOriginConnections: settings.maxOriginConns,
      bufferBudget: settings.bufferBudget,
      clientName: settings.userAgent,
      origin: settings.origin,
      downloadLimit: settings.downloadLimit,
      uploadLimit: settings.uploadLimit,
      queue: settings.queue,
      openHttpTracker: platform.openHttpTracker,
    });
    this.#listening = this.#listen();
  }

  async request<C extends CommandName>(
    command: C,
    args: Commands[C]['args'],
  ): Promise<Commands[C]['result']> {
    if (this.#closed !== undefined && command !== 'remove') {
      throw new DestroyedError('The client has been destroyed.');
    }
    try {
      const handler: (args: Commands[C]['args']) => unknown = this.#handlers[command];
      return (await handler(args)) as Commands[C]['result'];
    } catch (error) {
      throw toFreshetError(error);
    }
  }

  openReader({ torrent, start, end }: ReaderRange): ByteReader {
    try {
      return this.#get(torrent).openReader(start, end);
    } catch (error) {
      return { read: () => Promise.reject(toFreshetError(error)), cancel: () => undefined };
    }
  }

  subscribe(listener: (event: SessionEvent) => unknown): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    const torrents = [...this.#torrents.values()];
    this.#torrents.clear();
    const closing: Promise<void>[] = [];
    for (const torrent of torrents) {
      const closed = torrent.close(false);
      closed.catch(() => undefined);
      closing.push(closed);
      // With thousands of them, the goodbyes of the first should be said before the last are closed.
      if (closing.length % CLOSE_BATCH === 0) {
        await new Promise<void>((resolve) => void this.#platform.ports.clock.setTimer(0, resolve));
      }
    }
    await Promise.allSettled([...closing, this.#listening]);
    await this.#engine.close();
    await this.#platform.close();
    this.#listeners.clear();
  }

  async #listen(): Promise<void> {
    if (this.#platform.ports.listener === undefined) return;
    // Later, so that nobody misses the event.
    await Promise.resolve();
    const wanted = this.#settings.torrentPort ?? 0;
    try {
      const port = await this.#engine.listen(wanted);
      this.#tell({ type: 'listening', port });
    } catch (error) {
      // Whoever named a port counts on it; without one, the client reaches out only.
      const { name, message } = toErrorValue(error);
      if (wanted !== 0) this.#tell({ type: 'fatal', error: { name, code: 'LISTEN', message } });
    }
  }

  #tell(event: GlobalEvent): void {
    if (this.#closed === undefined) for (const listener of this.#listeners) listener({ event });
  }

  #emit(torrent: TorrentKey, event: TorrentEvent): Promise<unknown> | undefined {
    const answers: Promise<unknown>[] = [];
    for (const listener of this.#listeners) {
      const answer = listener({ torrent, event });
      if (event.type === 'ready' && answer instanceof Promise) answers.push(answer);
    }
    return answers.length === 0 ? undefined : Promise.allSettled(answers);
  }

  #get(key: TorrentKey): SessionTorrent {
    const torrent = this.#torrents.get(key);
    if (torrent === undefined) throw new TorrentNotFoundError('The torrent is not there any more.');
    return torrent;
  }

  #makeHandlers(): Handlers {
    const get = (key: TorrentKey): SessionTorrent => this.#get(key);
    return {
      add: ({ torrent, source, options }) => this.#add(torrent, source, options),
      seed: ({ torrent, inputs, options }) => this.#seed(torrent, inputs, options),
      remove: async ({ torrent: key, destroyStore }) => {
        const torrent = this.#torrents.get(key);
        this.#torrents.delete(key);
        await torrent?.close(destroyStore);
        return undefined;
      },
      identify: async ({ source }) => {
        const { infoHashV1, infoHashV2 } = hashTexts(
          (await identifySource(source, this.#platform.ports.hasher)) ?? {},
        );
        return [infoHashV1, infoHashV2].filter((text) => text !== undefined);
      },
      selectPieces: ({ torrent, first, last, priority }) =>
        void get(torrent).selection.selectPieces(first, last, priority),
      deselectPieces: ({ torrent, first, last }) => void get(torrent).selection.deselectPieces(first, last),
      criticalPieces: ({ torrent, first, last }) => void get(torrent).selection.criticalPieces(first, last),
      selectFiles: ({ torrent, files }) => void get(torrent).selection.selectFiles(files),
      pause: ({ torrent }) => void get(torrent).pause(),
      resume: ({ torrent }) => void get(torrent).resume(),
      addPeer: ({ torrent, address }) => addPeer(get(torrent), address),
      removePeer: ({ torrent, peer }) => removePeer(get(torrent), peer),
      addWebSeed: ({ torrent, url }) => void addWebSeed(get(torrent), this.#settings, url),
      removeWebSeed: ({ torrent, url }) => void get(torrent).run((engine) => engine.removeWebSeed(url)),
      addTracker: ({ torrent, url }) => void addTracker(get(torrent), this.#settings, url),
      setMetadata: ({ torrent, source }) => this.#setMetadata(get(torrent), source),
      recheck: async ({ torrent }) => {
        await get(torrent).recheck();
        return undefined;
      },
      renameFile: async ({ torrent, index, path }) => {
        await get(torrent).relocate((moves) => moves.renameFile(index, path));
        return undefined;
      },
      rename: async ({ torrent, name }) => {
        await get(torrent).relocate((moves) => moves.rename(name));
        return undefined;
      },
      move: async ({ torrent, path }) => {
        await get(torrent).relocate((moves) => moves.move(path));
        return undefined;
      },
      setTorrentLimits: ({ torrent, download, upload }) => void get(torrent).setLimits(download, upload),
      setGoals: ({ torrent, goals }) => void get(torrent).run(({ turn }) => turn.setGoals(goals)),
      moveInQueue: ({ torrent, to, by }) =>
        void get(torrent).run(({ turn }) => turn.moveTo(to ?? turn.position + (by ?? 0))),
      forceStart: ({ torrent, forced }) => void get(torrent).run(({ turn }) => turn.force(forced)),
      setQueue: (settings) => void this.#engine.setQueue(settings),
      setLimits: ({ download, upload }) => this.#setLimits(download, upload),
      peers: ({ torrent }) => get(torrent).peers(),
      trackers: ({ torrent }) =>
        (get(torrent).engineTorrent?.trackers() ?? []).map(({ url, state, lastError, seeds, leechers }) => ({
          url,
          state,
          lastError,
          seeds,
          leechers,
        })),
      webSeeds: ({ torrent }) => (get(torrent).engineTorrent?.webSeeds() ?? []).map(webSeedSnapshot),
      fileAddresses: ({ torrent, index }) => fileAddresses(get(torrent), index),
      pieces: ({ torrent }) => get(torrent).pieceMap(),
      kept: () => this.#platform.kept?.list() ?? [],
      removeKept: ({ infoHash }) =>
        this.#platform.kept?.remove(infoHash) ?? (infoHash === undefined ? 0 : undefined),
      networkChanged: () => void this.#engine.networkChanged(),
    };
  }

  #create(key: TorrentKey, settings: AddSettings): SessionTorrent {
    const torrent = new SessionTorrent(
      {
        engine: this.#engine,
        platform: this.#platform,
        settings: this.#settings,
        key,
        emit: (event) => this.#emit(key, event),
      },
      settings,
    );
    this.#torrents.set(key, torrent);
    return torrent;
  }

  async #add(key: TorrentKey, source: TorrentSource, settings: AddSettings): Promise<undefined> {
    const torrent = this.#create(key, settings);
    try {
      const resolved = await this.#resolve(torrent, source);
      if (torrent.closed) return undefined;
      this.#refuseDuplicate(resolved.hashes);
      const location = settings.location ?? {};
      const infoHash = primaryHash(resolved.hashes);
      const storage = await this.#platform.openStorage(location, infoHash);
      await this.#listening;
      if (torrent.closed) return undefined;
      this.#refuseDuplicate(resolved.hashes);
      torrent.start({
        source: this.#completed(resolved, settings),
        storage,
        // A move that was interrupted may have taken it elsewhere.
        path: storage.files?.name ?? this.#platform.pathOf(location, infoHash),
        seed: false,
      });
    } catch (error) {
      torrent.fail(error, false);
    }
    return undefined;
  }

  #resolve(torrent: SessionTorrent, source: TorrentSource): Promise<ResolvedSource> {
    const { ports, readFile } = this.#platform;
    return resolveSource(source, {
      http: ports.http,
      hasher: ports.hasher,
      readFile,
      onFetch: (fetching) => void torrent.onClose(() => fetching.cancel()),
      within: (milliseconds, outcome) => this.#within(milliseconds, outcome),
    });
  }

  async #setMetadata(torrent: SessionTorrent, source: TorrentSource): Promise<undefined> {
    torrent.onExactSource(await this.#resolve(torrent, source));
    return undefined;
  }

  async #seed(key: TorrentKey, inputs: readonly SeedInput[], settings: SeedSettings): Promise<undefined> {
    const torrent = this.#create(key, settings);
    try {
      const made = await makeTorrent(inputs, settings, {
        platform: this.#platform,
        cancelled: () => torrent.closed,
        onProgress: (hashed, total) => torrent.hashing(hashed, total),
      });
      await this.#listening;
      if (torrent.closed) return undefined;
      const infoHash = primaryHash(made.source.hashes);
      this.#refuseDuplicate(made.source.hashes);
      torrent.start({
        source: this.#completed(made.source, {}),
        storage: {
          openDisk: async (info) => openMappedDisk({ info, infoHash, store: made.store }),
          state: undefined,
        },
        path: made.path,
        seed: true,
      });
    } catch (error) {
      torrent.fail(error, false);
    }
    return undefined;
  }

  #refuseDuplicate(hashes: TorrentHashes): void {
    const found = this.#engine.find(hashes);
    if (found === undefined) return;
    throw new DuplicateTorrentError(`Cannot add duplicate torrent ${hashTexts(hashes).infoHash}`, {
      infoHash: found.infoHashHex,
    });
  }

  /** With the trackers, web seeds and peers that the settings add. */
  #completed(source: ResolvedSource, settings: AddSettings): ResolvedSource {
    const known = new Set(source.trackers.flat());
    const more = [...new Set([...(settings.announce ?? []), ...(this.#settings.announce ?? [])])];
    const added = more.filter((url) => !known.has(url)).map((url) => [url]);
    return {
      ...source,
      trackers: [...source.trackers, ...added],
      webSeeds: [...new Set([...source.webSeeds, ...(settings.urlList ?? [])])],
      // A file that lacks what was added is not the one to hand on.
      torrentFile:
        added.length === 0 && (settings.urlList ?? []).length === 0 ? source.torrentFile : undefined,
    };
  }

  #setLimits(download: number | null | undefined, upload: number | null | undefined): undefined {
    if (download !== undefined) this.#limits.download = download ?? undefined;
    if (upload !== undefined) this.#limits.upload = upload ?? undefined;
    this.#engine.setLimits({ ...this.#limits });
    return undefined;
  }

  #within<T>(milliseconds: number, outcome: Promise<T>): Promise<T | undefined> {
    return new Promise((resolve, reject) => {
      const timer = this.#platform.ports.clock.setTimer(milliseconds, () => resolve(undefined));
      outcome.then(resolve, reject).finally(() => timer.cancel());
    });
  }
}
