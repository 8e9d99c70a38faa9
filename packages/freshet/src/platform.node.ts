/** What sessions and clients need of Node. */

import { AsyncLocalStorage } from 'node:async_hooks';
import type { Stats } from 'node:fs';
import { open, readdir, stat } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { Readable } from 'node:stream';
import type { Client } from './api/client.ts';
import {
  ArgumentError,
  type ByteIterator,
  type ClientPlatform,
  type File,
  type FileReadStream,
  type FileServer,
  type ServerOptions,
  SourceError,
  type Torrent,
  type TrackerOptions,
} from './api/index.ts';
import { createBlobFileStore } from './browser/blob-files.ts';
import { httpTrackers } from './engine/discovery/index.ts';
import type { FileStore } from './engine/storage/file-store.ts';
import { type Folder, TorrentFolder } from './engine/storage/torrent-folder.ts';
import { fileStoreForPaths, NodeFileStore } from './node/files.ts';
import { createNodePorts } from './node/platform.ts';
import { createRangeServer, type ServedFile, type ServedIndex } from './node/range-server.ts';
import { NodeStateStore } from './node/state.ts';
import type { IceServer } from './node/webrtc.ts';
import { type InfoHash, infoHashToHex, safePath } from './protocol/index.ts';
import { DirectSession } from './session/direct.ts';
import { FileMoves } from './session/file-moves.ts';
import type { PlacedSeedFile, SeedFile, SessionPlatform } from './session/platform.ts';
import type { StorageLocation } from './session/protocol.ts';

const DEFAULT_FOLDER = 'freshet';
const DEFAULT_PATHNAME = '/webtorrent';

export const nodePlatform: ClientPlatform = {
  // node-datachannel comes with the package.
  webrtc: true,
  openSession: (settings, tracker) => {
    const { host, tcp, webrtc } = settings;
    const ports = createNodePorts({ host, tcp, webrtc, iceServers: iceServersOf(tracker) });
    return new DirectSession(sessionPlatform(ports), settings);
  },
  createReadStream: (iterator) => new NodeReadStream(iterator) as unknown as FileReadStream,
  createServer: (client, options, force) => {
    if (force === 'browser') throw new ArgumentError('A server of the kind "browser" needs a page.');
    return new NodeFileServer(client, options);
  },
};

function iceServersOf({ rtcConfig }: TrackerOptions): readonly IceServer[] | undefined {
  const servers = (rtcConfig as { iceServers?: unknown } | undefined)?.iceServers;
  return Array.isArray(servers) ? (servers as IceServer[]) : undefined;
}

function sessionPlatform(ports: ReturnType<typeof createNodePorts>): SessionPlatform {
  const folderOf = (location: StorageLocation, infoHash: InfoHash): string => {
    const path = resolve(location.path ?? join(tmpdir(), DEFAULT_FOLDER));
    return location.addUID === true ? join(path, infoHashToHex(infoHash)) : path;
  };
  return {
    ports,
    openHttpTracker: httpTrackers(),
    pathOf: folderOf,
    openStorage: async (location, infoHash) => {
      const open = (name: string): Folder => ({
        name,
        store: new NodeFileStore(name),
        state: new NodeStateStore(join(name, '.freshet')),
      });
      const folder = await TorrentFolder.open({ infoHash, at: open(folderOf(location, infoHash)), open });
      return {
        openDisk: (info) => folder.openDisk(info),
        state: folder.state,
        files: folder,
        openMoves: (host) => new FileMoves(host),
      };
    },
    readFile,
    listSeed,
    folderOf: (path) => dirname(resolve(path)),
    openSeed,
    close: () => ports.close(),
  };
}

async function readFile(path: string, maxLength: number): Promise<Uint8Array> {
  try {
    const file = await open(path);
    try {
      const { size } = await file.stat();
      if (size > maxLength) throw new Error(`it is longer than ${maxLength} bytes`);
      return new Uint8Array(await file.readFile());
    } finally {
      await file.close();
    }
  } catch (cause) {
    throw new SourceError(`The torrent file ${path} could not be read: ${reasonOf(cause)}.`, { cause });
  }
}

/** What operating systems leave in folders, by name. */
const JUNK =
  /^(\..*|Thumbs\.db|ehthumbs\.db|desktop\.ini|\$RECYCLE\.BIN|System Volume Information|__MACOSX)$/i;

/** The owner may execute the file. */
const S_IXUSR = 0o100;

async function listSeed(path: string, junk: boolean): Promise<SeedFile[]> {
  const top = resolve(path);
  const files: SeedFile[] = [];
  const add = (full: string, stats: Stats, names: readonly string[]): void => {
    const executable = (stats.mode & S_IXUSR) !== 0 && process.platform !== 'win32';
    files.push({
      path: safePath(names),
      length: stats.size,
      executable,
      content: { kind: 'path', path: full },
    });
  };
  const walk = async (folder: string, names: readonly string[]): Promise<void> => {
    const entries = await readdir(folder, { withFileTypes: true });
    entries.sort((a, b) => (a.name < b.name ? -1 : 1));
    for (const entry of entries) {
      if (!junk && JUNK.test(entry.name)) continue;
      const full = join(folder, entry.name);
      const inner = [...names, entry.name];
      // A link to a folder may lead back to where we are; one to a file is that file.
      if (entry.isDirectory()) await walk(full, inner);
      else {
        const stats = await stat(full);
        if (stats.isFile()) add(full, stats, inner);
      }
    }
  };
  try {
    const stats = await stat(top);
    if (stats.isDirectory()) await walk(top, [basename(top)]);
    else if (stats.isFile()) add(top, stats, [basename(top)]);
    else throw new Error('it is neither a file nor a folder');
  } catch (cause) {
    throw new SourceError(`${path} cannot be seeded: ${reasonOf(cause)}.`, { cause });
  }
  return files;
}

function reasonOf(error: unknown): string {
  switch ((error as { code?: unknown }).code) {
    case 'ENOENT':
      return 'there is no such file or folder';
    case 'EACCES':
    case 'EPERM':
      return 'this user may not read it';
    case 'EISDIR':
      return 'it is a folder';
    default:
      return error instanceof Error ? error.message : String(error);
  }
}

function openSeed(files: readonly PlacedSeedFile[]): FileStore {
  const onDisk = fileStoreForPaths(
    files.flatMap(({ path, seed }) =>
      seed.content.kind === 'path' ? [{ path, file: seed.content.path }] : [],
    ),
  );
  // Nothing in it is of a browser: Node has blobs too.
  const inMemory = createBlobFileStore(
    files.flatMap(({ path, seed: { content } }) => {
      if (content.kind === 'path') return [];
      const blob = content.kind === 'blob' ? (content.blob as Blob) : new Blob([content.bytes as BlobPart]);
      return [{ path, blob }];
    }),
  );
  const places = new Map(files.map(({ path, seed }) => [path.join('/'), seed.content.kind]));
  const storeOf = (path: readonly string[]): FileStore =>
    places.get(path.join('/')) === 'path' ? onDisk : inMemory;
  return {
    open: (path, forWriting) => storeOf(path).open(path, forWriting),
    stat: (path) => storeOf(path).stat(path),
    remove: (path) => storeOf(path).remove(path),
    label: (path) => storeOf(path).label(path),
  };
}

/** A file of a torrent as Node's own kind of stream. */
class NodeReadStream extends Readable {
  readonly #iterator: ByteIterator;

  constructor(iterator: ByteIterator) {
    super({ highWaterMark: 64 * 1024 });
    this.#iterator = iterator;
  }

  override _read(): void {
    this.#iterator.next().then(
      ({ value, done }) => void this.push(done === true ? null : value),
      (error: Error) => void this.destroy(error),
    );
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    void this.#iterator.return?.();
    callback(error);
  }
}

/** `client.createServer()`: addresses `<pathname>/`, `<pathname>/<info-hash>/` and `<pathname>/<info-hash>/<file>`. */
class NodeFileServer implements FileServer {
  readonly server: Server;
  readonly pathname: string;
  readonly #client: Client;
  readonly #range: ReturnType<typeof createRangeServer>;
  readonly #requests = new AsyncLocalStorage<IncomingMessage>();

  constructor(client: Client, options: ServerOptions) {
    this.#client = client;
    this.pathname = (options.pathname ?? options.path ?? DEFAULT_PATHNAME).replace(/\/+$/, '');
    this.#range = createRangeServer({
      lookup: (pathname) => this.#lookup(pathname),
      origin: options.origin,
      hostname: options.hostname,
    });
    this.server = createServer((request, response) => {
      void this.#requests.run(request, () => this.#range.handle(request, response));
    });
  }

  listen(...args: Parameters<FileServer['listen']>): Server {
    return this.server.listen(...(args as [number]));
  }

  address(): ReturnType<Server['address']> {
    return this.server.address();
  }

  close(callback?: (error?: Error) => void): void {
    void this.#range.close();
    this.server.close(callback);
    this.server.closeIdleConnections();
  }

  destroy(callback?: (error?: Error) => void): void {
    void this.#range.close();
    this.server.close(() => callback?.());
    this.server.closeAllConnections();
  }

  async #lookup(pathname: string): Promise<ServedFile | ServedIndex | undefined> {
    if (pathname !== this.pathname && !pathname.startsWith(`${this.pathname}/`)) return undefined;
    const [infoHash, ...rest] = pathname.slice(this.pathname.length).split('/').filter(Boolean);
    if (infoHash === undefined) return this.#listTorrents();
    const torrent = this.#client.torrents.find((known) => known.infoHash === infoHash.toLowerCase());
    if (torrent === undefined) return undefined;
    const request = this.#requests.getStore();
    await torrent.untilReady();
    if (rest.length === 0) return this.#listFiles(torrent);
    const path = decodePath(rest);
    const file = torrent.files.find((one) => one.path === path);
    return file && served(torrent, file, request);
  }

  #listTorrents(): ServedIndex {
    const entries = this.#client.torrents.flatMap(({ infoHash, name, length }) =>
      infoHash === undefined
        ? []
        : [{ name: name ?? infoHash, href: `${this.pathname}/${infoHash}`, length }],
    );
    return { title: 'Freshet', entries };
  }

  #listFiles(torrent: Torrent): ServedIndex {
    const entries = torrent.files.map((file) => ({
      name: file.path,
      href: file.streamURL,
      length: file.length,
    }));
    return { title: torrent.name ?? '', entries };
  }
}

function decodePath(parts: readonly string[]): string | undefined {
  try {
    return parts.map(decodeURIComponent).join('/');
  } catch {
    return undefined;
  }
}

function served(torrent: Torrent, file: File, request: IncomingMessage | undefined): ServedFile {
  return {
    name: file.name,
    length: file.length,
    etag: `${torrent.infoHash}-${file.index}`,
    read: (start, end, signal) => {
      if (file.listenerCount('stream') === 0) return file[Symbol.asyncIterator]({ start, end, signal });
      const stream = file.createReadStream({ start, end, signal });
      let replaced: AsyncIterable<Uint8Array> | undefined;
      const { method = 'GET', url = '', headers = {} } = request ?? {};
      const req = { method, url, headers: headers as Record<string, string | undefined> };
      file.emit('stream', { stream, file, req }, (other) => {
        replaced = other;
      });
      return replaced ?? stream;
    },
  };
}
