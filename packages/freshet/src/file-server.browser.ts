/** `client.createServer()` in a page. */

import type { Client } from './api/client.ts';
import { ArgumentError, type File, type FileServer, type ServerOptions, type Torrent } from './api/index.ts';
import { BrowserFileServer, type FileSource, type ServedFile } from './browser/file-server.ts';
import { contentType } from './protocol/index.ts';

/** The service worker asks, this answers. */
export class PageFileServer implements FileServer {
  /** Resolves once requests are answered, or with the reason why there is no service worker. Never rejects. */
  readonly ready: Promise<Error | undefined>;
  readonly #source: FileSource;
  #server: BrowserFileServer | undefined;
  #failure: Error | undefined;
  #closed = false;

  constructor(client: Client, { controller }: ServerOptions) {
    this.#source = filesOf(client);
    if (isRegistration(controller)) {
      this.#open(controller);
      this.ready = Promise.resolve(undefined);
      return;
    }
    if (!(controller instanceof Promise)) throw new ArgumentError(NO_CONTROLLER);
    this.ready = controller.then(
      (registration: unknown) => {
        if (isRegistration(registration)) this.#open(registration);
        else this.#failure = new ArgumentError(NO_CONTROLLER);
        return this.#failure;
      },
      (error: unknown) => {
        this.#failure = error instanceof Error ? error : new Error(String(error));
        return this.#failure;
      },
    );
  }

  /** Requests are answered. */
  get isOpen(): boolean {
    return this.#server !== undefined;
  }

  get pathname(): string {
    if (this.#server !== undefined) return this.#server.pathname.replace(/\/$/, '');
    throw new ArgumentError(
      this.#failure?.message ??
        'The service worker is not ready: await the promise that createServer() was given, or use streamTo().',
    );
  }

  get server(): this {
    return this;
  }

  /** The service worker listens already; calls back. */
  listen(...args: Parameters<FileServer['listen']>): this {
    const callback = args.find((value) => typeof value === 'function');
    if (callback !== undefined) queueMicrotask(callback);
    return this;
  }

  address(): null {
    return null;
  }

  close(callback?: (error?: Error) => void): void {
    this.#closed = true;
    this.#server?.close();
    if (callback !== undefined) queueMicrotask(callback);
  }

  destroy(callback?: (error?: Error) => void): void {
    this.close(callback);
  }

  #open(registration: ServiceWorkerRegistration): void {
    this.#server = new BrowserFileServer(registration, this.#source);
    if (this.#closed) this.#server.close();
  }
}

const NO_CONTROLLER = 'createServer() needs the registration of a service worker as "controller".';

function isRegistration(value: unknown): value is ServiceWorkerRegistration {
  return typeof ServiceWorkerRegistration !== 'undefined' && value instanceof ServiceWorkerRegistration;
}

/** A `path` is `<info-hash>/<path of the file>`. */
function filesOf(client: Client): FileSource {
  const torrentOf = (path: string): Torrent | undefined => {
    const hash = path.slice(0, path.indexOf('/')).toLowerCase();
    return client.torrents.find((torrent) => torrent.goesBy(hash));
  };
  return {
    has: (path) => torrentOf(path) !== undefined,
    find: async (path) => {
      const torrent = torrentOf(path);
      // Once the files are known a stream can wait for the rest by itself.
      if (torrent?.files.length === 0) await torrent.untilReady();
      const slash = path.indexOf('/');
      const file = torrent?.files.find((one) => one.path === path.slice(slash + 1));
      return file && served(file, path.slice(0, slash).toLowerCase(), path);
    },
  };
}

function served(file: File, hash: string, url: string): ServedFile {
  return {
    name: file.name,
    length: file.length,
    type: contentType(file.name),
    // By the hash of the address: another tab may have the torrent under the other one of its two.
    etag: `"${hash}-${file.index}"`,
    read: (start, end, signal) => {
      const iterator = file[Symbol.asyncIterator]({ start, end, signal });
      let source: AsyncIterable<Uint8Array> = iterator;
      file.emit('iterator', { iterator, file, req: { method: 'GET', url, headers: {} } }, (other) => {
        source = other;
      });
      return source;
    },
  };
}
