/** From whatever names a torrent to what the engine needs to start it. */

import type { Hasher, HttpClient } from '../engine/ports.ts';
import {
  formatMagnet,
  type InfoHash,
  infoHashFromBase32,
  infoHashFromBytes,
  infoHashFromHex,
  infoHashToHex,
  type Magnet,
  type Metainfo,
  type PeerAddress,
  parseAddress,
  parseInfo,
  parseMagnet,
  parseTorrent,
} from '../protocol/index.ts';
import { ArgumentError, InvalidTorrentError, SourceError } from './errors.ts';
import { type Fetching, fetchBytes, MAX_TORRENT_FILE } from './fetch.ts';
import type { BlobLike, TorrentSource } from './protocol.ts';

/** A torrent as far as its source tells. */
export interface ResolvedSource {
  readonly infoHash: InfoHash;
  readonly infoBytes?: Uint8Array | undefined;
  readonly name?: string | undefined;
  readonly trackers: readonly (readonly string[])[];
  readonly webSeeds: readonly string[];
  readonly peers: readonly PeerAddress[];
  readonly selectOnly?: readonly number[] | undefined;
  /** Milliseconds since 1970. */
  readonly created?: number | undefined;
  readonly createdBy?: string | undefined;
  readonly comment?: string | undefined;
  /** The torrent file as it came. */
  readonly torrentFile?: Uint8Array | undefined;
}

export interface SourceContext {
  readonly http: HttpClient;
  readonly hasher: Hasher;
  readonly readFile?: ((path: string, maxLength: number) => Promise<Uint8Array>) | undefined;
  /** Gets hold of a running fetch, to be able to cancel it. */
  onFetch?(fetching: Fetching): void;
  /** The same outcome, or `undefined` when that takes longer than `milliseconds`. */
  within<T>(milliseconds: number, outcome: Promise<T>): Promise<T | undefined>;
}

/** @throws {InvalidTorrentError | SourceError | ArgumentError} as a rejection, one sentence each. */
export async function resolveSource(source: TorrentSource, context: SourceContext): Promise<ResolvedSource> {
  switch (source.kind) {
    case 'magnet':
      return fromMagnet(readMagnet(source.uri), context);
    case 'infoHash':
      return { infoHash: readInfoHash(source.text), trackers: [], webSeeds: [], peers: [] };
    case 'metainfo':
      return fromTorrentFile(source.bytes, context);
    case 'info':
      return fromInfo(source.bytes, context);
    case 'blob':
      return fromTorrentFile(await readBlob(source.blob), context);
    case 'url': {
      const fetching = fetchBytes(context.http, source.url, MAX_TORRENT_FILE);
      context.onFetch?.(fetching);
      return fromTorrentFile(await fetching.body, context);
    }
    case 'path':
      if (context.readFile === undefined) {
        throw new ArgumentError(
          `"${source.path}" is neither a magnet link, an info-hash nor an address, and there are no files here.`,
        );
      }
      return fromTorrentFile(await context.readFile(source.path, MAX_TORRENT_FILE), context);
  }
}

/** The info-hash of a source that has it in itself. */
export async function identifySource(source: TorrentSource, hasher: Hasher): Promise<InfoHash | undefined> {
  switch (source.kind) {
    case 'magnet':
      return readMagnet(source.uri).infoHash;
    case 'infoHash':
      return readInfoHash(source.text);
    case 'metainfo':
      return hashOf(readTorrentFile(source.bytes).infoBytes, hasher);
    case 'info':
      return hashOf(source.bytes, hasher);
    case 'blob':
      return hashOf(readTorrentFile(await readBlob(source.blob)).infoBytes, hasher);
    case 'url':
    case 'path':
      return undefined;
  }
}

export async function hashOf(infoBytes: Uint8Array, hasher: Hasher): Promise<InfoHash> {
  return infoHashFromBytes(await hasher.sha1(infoBytes))!;
}

function readInfoHash(text: string): InfoHash {
  const infoHash = infoHashFromHex(text) ?? infoHashFromBase32(text);
  if (infoHash === undefined) throw new InvalidTorrentError(`"${text.slice(0, 80)}" is not an info-hash.`);
  return infoHash;
}

function readMagnet(uri: string): Magnet {
  try {
    return parseMagnet(uri);
  } catch (cause) {
    throw new InvalidTorrentError(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

/** How long a magnet link's `xs` may keep the torrent from asking peers for its metadata. */
const EXACT_SOURCE_WAIT = 3_000;

async function fromMagnet(magnet: Magnet, context: SourceContext): Promise<ResolvedSource> {
  const { infoHash, name, selectOnly, peers, webSeeds, trackers } = magnet;
  // Each tracker is a tier of its own: a link does not say which ones belong together.
  const base: ResolvedSource = {
    infoHash,
    name,
    trackers: trackers.map((url) => [url]),
    webSeeds,
    peers,
    selectOnly,
  };
  const exact = await firstExactSource(magnet, context);
  if (exact === undefined) return base;
  return {
    ...exact,
    trackers: [...base.trackers, ...exact.trackers],
    webSeeds: [...new Set([...base.webSeeds, ...exact.webSeeds])],
    peers,
    selectOnly,
  };
}

/** The torrent file that the link points to, if it is there in time and is the one meant. */
async function firstExactSource(magnet: Magnet, context: SourceContext): Promise<ResolvedSource | undefined> {
  const urls = magnet.exactSources.filter((url) => /^https?:/i.test(url)).slice(0, 3);
  const wanted = infoHashToHex(magnet.infoHash);
  const attempts = urls.map(async (url) => {
    const fetching = fetchBytes(context.http, url, MAX_TORRENT_FILE);
    context.onFetch?.(fetching);
    const found = await fromTorrentFile(await fetching.body, context);
    if (infoHashToHex(found.infoHash) !== wanted) throw new SourceError(`${url} is of another torrent.`);
    return found;
  });
  if (attempts.length === 0) return undefined;
  const first = Promise.any(attempts).catch(() => undefined);
  return context.within(EXACT_SOURCE_WAIT, first);
}

async function readBlob(blob: BlobLike): Promise<Uint8Array> {
  if (blob.size > MAX_TORRENT_FILE) {
    throw new InvalidTorrentError(`The torrent file is longer than ${MAX_TORRENT_FILE} bytes.`);
  }
  try {
    return new Uint8Array(await blob.arrayBuffer());
  } catch (cause) {
    throw new SourceError(`The torrent file ${blob.name ?? ''} could not be read: choose it again.`, {
      cause,
    });
  }
}

function readTorrentFile(bytes: Uint8Array): Metainfo {
  try {
    return parseTorrent(bytes);
  } catch (cause) {
    throw new InvalidTorrentError(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

async function fromTorrentFile(bytes: Uint8Array, context: SourceContext): Promise<ResolvedSource> {
  const metainfo = readTorrentFile(bytes);
  return {
    infoHash: await hashOf(metainfo.infoBytes, context.hasher),
    infoBytes: metainfo.infoBytes,
    name: metainfo.info.name,
    trackers: metainfo.announceTiers,
    webSeeds: metainfo.urlList,
    peers: [],
    created: metainfo.creationDate === undefined ? undefined : metainfo.creationDate * 1000,
    createdBy: metainfo.createdBy,
    comment: metainfo.comment,
    torrentFile: bytes,
  };
}

async function fromInfo(bytes: Uint8Array, context: SourceContext): Promise<ResolvedSource> {
  let name: string;
  try {
    name = parseInfo(bytes).name;
  } catch (cause) {
    throw new InvalidTorrentError(cause instanceof Error ? cause.message : String(cause), { cause });
  }
  return {
    infoHash: await hashOf(bytes, context.hasher),
    infoBytes: bytes,
    name,
    trackers: [],
    webSeeds: [],
    peers: [],
  };
}

/** Addresses that can be read; the others are left out. */
export function readPeers(texts: readonly string[] | undefined): PeerAddress[] {
  return (texts ?? []).map(parseAddress).filter((address) => address !== undefined);
}

/** A link that names the torrent and how to reach it. */
export function magnetOf(source: ResolvedSource): string {
  return formatMagnet({
    infoHash: source.infoHash,
    name: source.name,
    trackers: [...new Set(source.trackers.flat())],
    webSeeds: source.webSeeds,
  });
}
