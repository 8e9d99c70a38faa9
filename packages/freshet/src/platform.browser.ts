/** What sessions and clients need of a page. */

import { toWebStream } from './api/byte-source.ts';
import type { Client } from './api/client.ts';
import {
  ArgumentError,
  type ClientPlatform,
  type File,
  type FileServer,
  type ServerOptions,
  type TrackerOptions,
  WebReadStream,
} from './api/index.ts';
import { createBlobFileStore } from './browser/blob-files.ts';
import { BrowserFileServer, type ServedFile } from './browser/file-server.ts';
import { createBrowserPorts } from './browser/platform.ts';
import { BrowserStorage } from './browser/storage.ts';
import { DirectSession } from './session/direct.ts';
import type { SessionPlatform } from './session/platform.ts';

const hasWebRtc = typeof RTCPeerConnection !== 'undefined';

export const browserPlatform: ClientPlatform = {
  webrtc: hasWebRtc,
  openSession: ({ webrtc, storageWorker, ...settings }, tracker) => {
    const ports = createBrowserPorts({ webrtc, iceServers: iceServersOf(tracker) });
    const session = new DirectSession(
      sessionPlatform(ports, storageWorker, () => globalThis.removeEventListener('online', online)),
      settings,
    );
    // The machine is back on a network: peers and trackers need not wait for their turn.
    const online = (): void => void session.request('networkChanged', {}).catch(() => undefined);
    globalThis.addEventListener('online', online);
    return session;
  },
  createReadStream: (iterator) => new WebReadStream(iterator),
  createServer: (client, options, force) => {
    if (force === 'node') throw new ArgumentError('A server of the kind "node" needs Node.');
    return new PageFileServer(client, options);
  },
};

function iceServersOf({ rtcConfig }: TrackerOptions): readonly RTCIceServer[] | undefined {
  return (rtcConfig as RTCConfiguration | undefined)?.iceServers;
}

function sessionPlatform(
  ports: ReturnType<typeof createBrowserPorts>,
  storageWorker: string | undefined,
  onClose: () => void,
): SessionPlatform {
  // Opened with the first torrent that is downloaded: a page that only seeds needs none.
  let persistent: Promise<BrowserStorage> | undefined;
  let memory: Promise<BrowserStorage> | undefined;
  const storageFor = (inMemory: boolean): Promise<BrowserStorage> => {
    if (inMemory) {
      memory ??= BrowserStorage.open({ kind: 'memory' });
      return memory;
    }
    persistent ??= BrowserStorage.open(
      storageWorker === undefined ? {} : { createWorker: () => new Worker(storageWorker) },
    );
    return persistent;
  };
  return {
    ports,
    pathOf: () => undefined,
    openStorage: async (location, infoHash) => {
      if (location.directory !== undefined) {
        throw new ArgumentError('A folder of the user (rootDir) cannot be downloaded into in this version.');
      }
      const storage = await storageFor(location.memory === true);
      return storage.openTorrent(infoHash);
    },
    openSeed: (files) =>
      createBlobFileStore(
        files.map(({ path, seed: { content } }) => {
          if (content.kind === 'path') throw new ArgumentError('A page has no paths to seed, only files.');
          return {
            path,
            blob: content.kind === 'blob' ? (content.blob as Blob) : new Blob([content.bytes as BlobPart]),
          };
        }),
      ),
    close: async () => {
      onClose();
      ports.close();
      for (const storage of await Promise.all([persistent, memory])) storage?.close();
    },
  };
}

/** `client.createServer()`: the service worker asks, this answers. */
class PageFileServer implements FileServer {
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
