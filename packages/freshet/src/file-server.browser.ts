/** `client.createServer()` in a page. */

import type { Client } from './api/client.ts';
import { ArgumentError, type File, type FileServer, type ServerOptions, type Torrent } from './api/index.ts';
import { BrowserFileServer, type FileSource, type ServedFile } from './browser/file-server.ts';
import { contentType } from './protocol/index.ts';

/** The service worker asks, this answers. */
export class PageFileServer implements FileServer {
  readonly pathname: string;
  readonly #server: BrowserFileServer;

  constructor(client: Client, { controller }: ServerOptions) {
    if (
      typeof ServiceWorkerRegistration === 'undefined' ||
      !(controller instanceof ServiceWorkerRegistration)
    ) {
      throw new ArgumentError('createServer() needs the registration of a service worker as "controller".');
    }
    this.#server = new BrowserFileServer(controller, filesOf(client));
    this.pathname = this.#server.pathname.replace(/\/$/, '');
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
    this.#server.close();
    if (callback !== undefined) queueMicrotask(callback);
  }

  destroy(callback?: (error?: Error) => void): void {
    this.close(callback);
  }
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
