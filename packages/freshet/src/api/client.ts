/** A client: torrents that share one session. */

import {
  ArgumentError,
  DestroyedError,
  type FreshetError,
  fromErrorValue,
  TorrentNotFoundError,
  toFreshetError,
} from '../session/errors.ts';
import type { Commands, Session, SessionEvent, TorrentKey } from '../session/protocol.ts';
import { abortedBy, onAbort } from './abort.ts';
import { ClientStorage } from './client-storage.ts';
import { callSafely, Emitter, withCallback } from './emitter.ts';
import type { File } from './file.ts';
import {
  addSettings,
  listSeedItems,
  queueSettings,
  readLimit,
  readSeedInputs,
  readTorrentId,
  seedSettings,
  sessionSettings,
} from './input.ts';
import type {
  ClientOptions,
  DestroyOptions,
  QueueOptions,
  SeedInputs,
  SeedOptions,
  ServerOptions,
  TorrentId,
  TorrentOptions,
} from './options.ts';
import type { ClientPlatform, FileServer } from './platform.ts';
import { Torrent, type TorrentOwner } from './torrent.ts';
import { VERSION } from './version.ts';

export interface ClientEvents {
  /** A torrent has been added; nothing may be known of it yet. */
  add: [torrent: Torrent];
  /** A torrent is ready: its metadata is known and what is stored is verified. */
  torrent: [torrent: Torrent];
  /** What `seed` was given is being seeded. */
  seed: [torrent: Torrent];
  /** A torrent has been removed. */
  remove: [torrent: Torrent];
  /**
   * The client cannot go on and has been destroyed (`client.destroyed`), or a torrent that nobody listens to for
   * errors has failed.
   */
  error: [error: Error];
  /** Something is not as it should be, such as an engine that has to run in the page; the client goes on. */
  warning: [error: Error];
  /** Waits for incoming connections, where the platform can. */
  listening: [];
  /** Payload bytes received by any torrent. */
  download: [bytes: number];
  /** Payload bytes sent by any torrent. */
  upload: [bytes: number];
  /** Everything is released. The last event. */
  close: [];
}

type TorrentCallback = (torrent: Torrent) => void;
type DoneCallback = (error: Error | null) => void;

/** Torrents that share connections, limits and one session. */
export class Client extends Emitter<ClientEvents> {
  /** Version of Freshet. */
  static readonly VERSION: string = VERSION;

  /** The torrents, in the order in which they were added. */
  readonly torrents: Torrent[] = [];
  /** What the client was made with. */
  readonly options: Readonly<ClientOptions>;
  /** What the site keeps in the browser. Empty in Node, where files are the user's own. */
  readonly storage: ClientStorage;
  readonly #platform: ClientPlatform;
  readonly #session: Session;
  readonly #byKey = new Map<TorrentKey, Torrent>();
  readonly #unsubscribe: () => void;
  #nextKey = 1;
  #port: number | undefined;
  #server: FileServer | undefined;
  #destroyed: Promise<void> | undefined;

  /**
   * Programs use the `Client` of the package's entry, which knows its platform; this is its base.
   * @throws {ArgumentError} on an option that is out of range.
   * @internal
   */
  constructor(options: ClientOptions, platform: ClientPlatform, session?: Session) {
    super();
    this.options = options;
    this.#platform = platform;
    const settings = sessionSettings(options);
    const tracker = typeof options.tracker === 'object' ? options.tracker : {};
    this.#session = session ?? platform.openSession(settings, tracker);
    this.storage = new ClientStorage(this.#session, platform.storageAccount);
    this.#unsubscribe = this.#session.subscribe((event) => this.#handle(event));
  }

  get destroyed(): boolean {
    return this.#destroyed !== undefined;
  }
  /** Port for incoming connections, after `listening`; 0 if there is none. */
  get torrentPort(): number {
    return this.#port ?? 0;
  }
  /** Incoming connections are accepted. */
  get listening(): boolean {
    return this.#port !== undefined;
  }
  /** Address for incoming connections, after `listening`. */
  address(): { port: number } | null {
    return this.#port === undefined ? null : { port: this.#port };
  }
  /** Bytes per second over all torrents. */
  get downloadSpeed(): number {
    return this.#sum((torrent) => torrent.downloadSpeed);
  }
  /** Bytes per second over all torrents. */
  get uploadSpeed(): number {
    return this.#sum((torrent) => torrent.uploadSpeed);
  }
  /** Verified part of all torrents that are not complete, 0 to 1; 1 when all are. */
  get progress(): number {
    const active = this.torrents.filter((torrent) => torrent.progress !== 1);
    if (active.length === 0) return this.torrents.length === 0 ? 0 : 1;
    const length = active.reduce((sum, torrent) => sum + torrent.length, 0);
    return active.reduce((sum, torrent) => sum + torrent.downloaded, 0) / (length || 1);
  }
  /** Uploaded per byte received, over all torrents, in this run. */
  get ratio(): number {
    return this.#sum((torrent) => torrent.uploaded) / (this.#sum((torrent) => torrent.received) || 1);
  }

  /**
   * Adds a torrent. Returns it at once: listen to its events, or wait with `await client.add(id).untilReady()`. The
   * callback gets it when it is ready. What goes wrong is told by the torrent's `error` event; adding a torrent
   * twice is such an error of the second object, and touches neither the first one nor the client.
   */
  add(id: TorrentId, callback?: TorrentCallback): Torrent;
  add(id: TorrentId, options?: TorrentOptions | null, callback?: TorrentCallback): Torrent;
  add(id: TorrentId, options?: TorrentOptions | null | TorrentCallback, callback?: TorrentCallback): Torrent {
    const [settings, onTorrent] = typeof options === 'function' ? [{}, options] : [options ?? {}, callback];
    return this.#start(settings, onTorrent, false, async (torrent) => {
      const { source, extra } = readTorrentId(id);
      await this.#begin(torrent, 'add', { torrent, source, options: addSettings(settings, extra) });
    });
  }

  /** The same as `add`. */
  download(
    id: TorrentId,
    options?: TorrentOptions | null | TorrentCallback,
    callback?: TorrentCallback,
  ): Torrent {
    return typeof options === 'function' ? this.add(id, options) : this.add(id, options, callback);
  }

  /**
   * Makes a torrent of files, bytes or streams and seeds it. Paths and `File`s are read in place, nothing is copied.
   * Returns the torrent at once; `untilDone()` or the callback tell when it is being seeded.
   */
  seed(input: SeedInputs, callback?: TorrentCallback): Torrent;
  seed(input: SeedInputs, options?: SeedOptions | null, callback?: TorrentCallback): Torrent;
  seed(
    input: SeedInputs,
    options?: SeedOptions | null | TorrentCallback,
    callback?: TorrentCallback,
  ): Torrent {
    const [settings, onSeed] = typeof options === 'function' ? [{}, options] : [options ?? {}, callback];
    const items = listSeedItems(input);
    return this.#start(settings, onSeed, true, async (torrent) => {
      const inputs = await readSeedInputs(items, settings);
      // Reading a stream takes its time, in which the torrent may have been removed.
      if (this.#byKey.get(torrent)?.destroyed !== false) return;
      const creator = `Freshet/${VERSION}`;
      await this.#begin(torrent, 'seed', { torrent, inputs, options: seedSettings(settings, creator) });
    });
  }

  /**
   * The client's torrent with this info-hash, of version 1 or 2, or of this magnet link or torrent file; `null` if there
   * is none.
   */
  async get(id: TorrentId | Torrent): Promise<Torrent | null> {
    if (id instanceof Torrent) return this.torrents.includes(id) ? id : null;
    if (this.destroyed) return null;
    const { source } = readTorrentId(id);
    const hashes = await this.#session.request('identify', { source });
    return this.torrents.find((torrent) => hashes.some((hash) => torrent.goesBy(hash))) ?? null;
  }

  /** Removes a torrent. Resolves, after the callback, when it is torn down; rejects if there is no such torrent. */
  remove(
    id: TorrentId | Torrent,
    options?: DestroyOptions | null | DoneCallback,
    callback?: DoneCallback,
  ): Promise<void> {
    const [settings, done] = typeof options === 'function' ? [undefined, options] : [options, callback];
    return withCallback(this.#remove(id, settings), done);
  }

  async #remove(id: TorrentId | Torrent, options: DestroyOptions | null | undefined): Promise<void> {
    let torrent: Torrent | null;
    try {
      torrent = await this.get(id);
    } catch (error) {
      throw toFreshetError(error);
    }
    if (torrent === null) throw new TorrentNotFoundError(`No torrent with id ${describe(id)}`);
    await torrent.destroy(options);
  }

  /** Most bytes per second over all torrents; -1 for no limit, 0 for nothing at all. */
  throttleDownload(rate: number): void {
    this.#limit({ download: readLimit(rate) });
  }

  /** Most bytes per second over all torrents; -1 for no limit, 0 for nothing at all. */
  throttleUpload(rate: number): void {
    this.#limit({ upload: readLimit(rate) });
  }

  /**
   * How many torrents run at a time, and when they have seeded enough; what is absent is without limit.
   * @throws {ArgumentError} on what is no number from 0.
   */
  setQueue(options: QueueOptions): void {
    const settings = queueSettings(options);
    if (!this.destroyed) this.#session.request('setQueue', settings).catch(() => undefined);
  }

  /**
   * Makes the server behind `file.streamURL`. Node: an HTTP server, to be started with `listen`. Browser: needs the
   * registration of `freshet-sw.js` as `controller`. `force` picks one where both exist.
   * @throws {ArgumentError} if there is one already, or the options do not suit the platform.
   * @throws {DestroyedError} after `destroy`.
   */
  createServer(options: ServerOptions = {}, force?: 'node' | 'browser'): FileServer {
    if (this.destroyed) throw new DestroyedError('The client has been destroyed.');
    if (this.#server !== undefined) throw new ArgumentError('The client has a server already.');
    this.#server = this.#platform.createServer(this, options, force);
    return this.#server;
  }

  /** The server that `createServer` made. */
  get server(): FileServer | undefined {
    return this.#server;
  }

  /** Tells that the network has changed or come back: connects and announces again at once. */
  networkChanged(): void {
    if (!this.destroyed) this.#session.request('networkChanged', {}).catch(() => undefined);
  }

  /**
   * Destroys all torrents and releases everything; their files stay. Resolves, after the callback, when that is done.
   * A second call waits for the first.
   */
  destroy(callback?: DoneCallback): Promise<void> {
    return withCallback(this.#end(undefined), callback);
  }

  #start(
    options: SeedOptions,
    callback: TorrentCallback | undefined,
    seed: boolean,
    begin: (torrent: TorrentKey) => Promise<void>,
  ): Torrent {
    const key = this.#nextKey++;
    const torrent = new Torrent(key, this.#ownerOf(options, callback, seed), seed);
    const refusal = this.destroyed
      ? new DestroyedError('The client has been destroyed.')
      : options.signal?.aborted === true
        ? abortedBy(options.signal)
        : undefined;
    if (refusal === undefined) {
      this.#byKey.set(key, torrent);
      this.torrents.push(torrent);
      if (options.signal !== undefined) endOnAbort(torrent, options.signal);
      this.emit('add', torrent);
    }
    // Later, so that whoever called can listen first.
    Promise.resolve()
      .then(() => {
        if (refusal !== undefined) throw refusal;
        return torrent.destroyed ? undefined : begin(key);
      })
      .catch((error: unknown) => torrent.fail(toFreshetError(error), false));
    return torrent;
  }

  #begin<C extends 'add' | 'seed'>(
    key: TorrentKey,
    command: C,
    args: Commands[C]['args'],
  ): Promise<undefined> {
    const added = this.#session.request(command, args) as Promise<undefined>;
    this.#byKey.get(key)?.begun();
    return added;
  }

  #ownerOf(options: SeedOptions, callback: TorrentCallback | undefined, seed: boolean): TorrentOwner {
    return {
      session: this.#session,
      options,
      createReadStream: (iterator) => this.#platform.createReadStream(iterator),
      fileURL: (torrent, file) => this.#fileURL(torrent, file),
      streamTo: (torrent, request) => {
        if (this.#platform.streamTo !== undefined) {
          this.#platform.streamTo({ ...request, server: this.#server });
          return;
        }
        const { element, file, tell } = request;
        const url = this.#fileURL(torrent, file);
        element.src = url;
        tell({ element, kind: 'server', url });
      },
      ready: (torrent) => {
        if (!seed) callSafely(callback, torrent);
        this.emit('torrent', torrent);
      },
      seeding: (torrent) => {
        callSafely(callback, torrent);
        torrent.emit('seed');
        this.emit('seed', torrent);
      },
      transferred: (kind, bytes) => void this.emit(kind, bytes),
      failed: (torrent, error) => this.#torrentFailed(torrent, error),
      closed: (torrent) => {
        const index = this.torrents.indexOf(torrent);
        if (index < 0) return;
        this.torrents.splice(index, 1);
        this.#byKey.delete(torrent.key);
        this.emit('remove', torrent);
      },
    };
  }

  #fileURL(torrent: Torrent, file: File): string {
    if (this.#server === undefined) throw new ArgumentError('Call client.createServer() first.');
    const path = file.path.split('/').map(encodeURIComponent).join('/');
    return `${this.#server.pathname}/${torrent.infoHash}/${path}`;
  }

  #torrentFailed(torrent: Torrent, error: FreshetError): void {
    const own = error.code === 'DUPLICATE_TORRENT' || error.code === 'ABORTED' || error.code === 'DESTROYED';
    if (torrent.listenerCount('error') > 0) torrent.emit('error', error);
    else if (!own && !this.destroyed) this.emit('error', error);
  }

  #handle({ torrent, event }: SessionEvent): void {
    if (torrent !== undefined) {
      this.#byKey.get(torrent)?.handle(event);
    } else if (event.type === 'listening') {
      this.#port = event.port;
      if (!this.destroyed) this.emit('listening');
    } else if (event.type === 'warning') {
      this.emit('warning', fromErrorValue(event.error));
    } else {
      void this.#end(fromErrorValue(event.error));
    }
  }

  #end(error: FreshetError | undefined): Promise<void> {
    if (this.#destroyed !== undefined) return this.#destroyed;
    const server = this.#server;
    // The promise is there before anything is torn down, as `destroyed` is what listeners on the way look at.
    this.#destroyed = Promise.resolve().then(async () => {
      await Promise.allSettled([...this.torrents].map((torrent) => torrent.destroy()));
      this.#unsubscribe();
      try {
        await Promise.all([
          this.#session.close(),
          server && new Promise<void>((resolve) => server.destroy(() => resolve())),
        ]);
      } finally {
        this.#port = undefined;
        this.emit('close');
      }
    });
    this.#destroyed.catch(() => undefined);
    if (error !== undefined) this.emit('error', error);
    return this.#destroyed;
  }

  #limit(limits: { download?: number | null; upload?: number | null }): void {
    if (!this.destroyed) this.#session.request('setLimits', limits).catch(() => undefined);
  }

  #sum(value: (torrent: Torrent) => number): number {
    let sum = 0;
    for (const torrent of this.torrents) sum += value(torrent);
    return sum;
  }
}

function endOnAbort(torrent: Torrent, signal: AbortSignal): void {
  const forget = onAbort(signal, () => torrent.fail(abortedBy(signal), false));
  onAbort(torrent.signal, forget);
}

function describe(id: TorrentId | Torrent): string {
  if (typeof id === 'string') return id;
  if (id instanceof Torrent) return id.infoHash ?? 'that is not of this client';
  return 'given';
}
