/** `client.createServer()` in a page. */

import { toWebStream } from './api/byte-source.ts';
import type { Client } from './api/client.ts';
import { ArgumentError, type File, type FileServer, type ServerOptions } from './api/index.ts';
import { BrowserFileServer, type ServedFile } from './browser/file-server.ts';

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
    this.#server = new BrowserFileServer(controller, (path) => lookup(client, path));
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

/** `path` is `<info-hash>/<path of the file>`. */
async function lookup(client: Client, path: string): Promise<ServedFile | undefined> {
  const slash = path.indexOf('/');
  const infoHash = path.slice(0, slash).toLowerCase();
  const torrent = client.torrents.find((known) => known.infoHash === infoHash);
  if (torrent === undefined) return undefined;
  await torrent.untilReady();
  const file = torrent.files.find((one) => one.path === path.slice(slash + 1));
  return file && served(file, path);
}

function served(file: File, url: string): ServedFile {
  return {
    name: file.name,
    length: file.length,
    type: file.type,
    stream: (start, end, signal) => {
      const iterator = file[Symbol.asyncIterator]({ start, end, signal });
      let source: AsyncIterable<Uint8Array> = iterator;
      file.emit('iterator', { iterator, file, req: { method: 'GET', url, headers: {} } }, (other) => {
        source = other;
      });
      return toWebStream(source[Symbol.asyncIterator]());
    },
  };
}
