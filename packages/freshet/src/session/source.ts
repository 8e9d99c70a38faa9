/** From whatever names a torrent to what the engine needs to start it. */

import { hashesOfInfo } from '../engine/metadata-hashes.ts';
import type { Hasher, HttpClient } from '../engine/ports.ts';
import {
  equalBytes,
  formatMagnet,
  type Info,
  infoHashToHex,
  infoHashV2ToHex,
  type Magnet,
  type Metainfo,
  type PeerAddress,
  parseAddress,
  parseInfo,
  parseMagnet,
  parseTorrent,
  parseTorrentId,
  type TorrentHashes,
  truncatedInfoHash,
} from '../protocol/index.ts';
import { ArgumentError, InvalidTorrentError, SourceError } from './errors.ts';
import { type Fetching, fetchBytes, MAX_TORRENT_FILE } from './fetch.ts';
import type { BlobLike, TorrentSource } from './protocol.ts';

/** A torrent as far as its source tells. */
export interface ResolvedSource {
  /** All of the torrent's where there is metadata, else those that a link names. */
  readonly hashes: TorrentHashes;
  readonly infoBytes?: Uint8Array | undefined;
  /** What they say. */
  readonly info?: Info | undefined;
  /** Of a torrent file of version 2: hashes of the pieces, by the root of their file in hexadecimal (BEP 52). */
  readonly pieceLayers?: ReadonlyMap<string, Uint8Array> | undefined;
  readonly name?: string | undefined;
  readonly trackers: readonly (readonly string[])[];
  readonly webSeeds: readonly string[];
  /** Web seeds that give pieces by number (BEP 17). */
  readonly httpSeeds?: readonly string[] | undefined;
  readonly peers: readonly PeerAddress[];
  readonly selectOnly?: readonly number[] | undefined;
  /** Milliseconds since 1970. */
  readonly created?: number | undefined;
  readonly createdBy?: string | undefined;
  readonly comment?: string | undefined;
  /** The torrent file as it came. */
  readonly torrentFile?: Uint8Array | undefined;
  /** The torrent file that a link points to and that is still being fetched; `undefined` when there is none. */
  readonly late?: Promise<ResolvedSource | undefined> | undefined;
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
      return { hashes: readInfoHash(source.text), trackers: [], webSeeds: [], peers: [] };
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

/** The hashes of a source that has them in itself. */
export async function identifySource(
  source: TorrentSource,
  hasher: Hasher,
): Promise<TorrentHashes | undefined> {
  switch (source.kind) {
    case 'magnet':
      return readMagnet(source.uri).hashes;
    case 'infoHash':
      return readInfoHash(source.text);
    case 'metainfo':
      return hashesOfInfo(readTorrentFile(source.bytes).info, hasher);
    case 'info':
      return hashesOfInfo(readInfo(source.bytes), hasher);
    case 'blob':
      return hashesOfInfo(readTorrentFile(await readBlob(source.blob)).info, hasher);
    case 'url':
    case 'path':
      return undefined;
  }
}

/** A torrent's names as programs and people see them, in hexadecimal. */
export interface HashTexts {
  /** 40 characters: the v1 hash, else the first 20 bytes of the v2 hash. */
  readonly infoHash: string;
  /** 40 characters. */
  readonly infoHashV1: string | undefined;
  /** 64 characters. */
  readonly infoHashV2: string | undefined;
}

export function hashTexts({ v1, v2 }: TorrentHashes): HashTexts {
  const infoHashV2 = v2 && infoHashV2ToHex(v2);
  const infoHashV1 = v1 && infoHashToHex(v1);
  return { infoHash: infoHashV1 ?? infoHashV2?.slice(0, 40) ?? '', infoHashV1, infoHashV2 };
}

function readInfoHash(text: string): TorrentHashes {
  const id = parseTorrentId(text);
  if (id.kind !== 'infoHash') throw new InvalidTorrentError(`"${text.slice(0, 80)}" is not an info-hash.`);
  return id.hashes;
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
  const { hashes, name, selectOnly, peers, webSeeds, trackers } = magnet;
  // Each tracker is a tier of its own: a link does not say which ones belong together.
  const base: ResolvedSource = {
    hashes,
    name,
    trackers: trackers.map((url) => [url]),
    webSeeds,
    peers,
    selectOnly,
  };
  const exact = firstExactSource(magnet, context);
  if (exact === undefined) return base;
  const inTime = await context.within(EXACT_SOURCE_WAIT, exact);
  return inTime === undefined ? { ...base, late: exact } : withExactSource(base, inTime);
}

/** What a link says, with the torrent file that it points to. */
export function withExactSource(link: ResolvedSource, exact: ResolvedSource): ResolvedSource {
  const known = new Set(link.trackers.flat());
  const tiers = exact.trackers.map((tier) => tier.filter((url) => !known.has(url)));
  return {
    ...exact,
    trackers: [...link.trackers, ...tiers.filter((tier) => tier.length > 0)],
    webSeeds: [...new Set([...link.webSeeds, ...exact.webSeeds])],
    peers: link.peers,
    selectOnly: link.selectOnly,
  };
}

/** The torrent file that the link points to, if one is there and is the one meant; absent when it points to none. */
function firstExactSource(
  magnet: Magnet,
  context: SourceContext,
): Promise<ResolvedSource | undefined> | undefined {
  const urls = magnet.exactSources.filter((url) => /^https?:/i.test(url)).slice(0, 3);
  const attempts = urls.map(async (url) => {
    const fetching = fetchBytes(context.http, url, MAX_TORRENT_FILE);
    context.onFetch?.(fetching);
    const found = await fromTorrentFile(await fetching.body, context);
    if (!isMeant(found.hashes, magnet.hashes)) throw new SourceError(`${url} is of another torrent.`);
    return found;
  });
  return attempts.length === 0 ? undefined : Promise.any(attempts).catch(() => undefined);
}

/** Whether a torrent has all hashes that a link names. */
function isMeant(found: TorrentHashes, named: TorrentHashes): boolean {
  const { v1, v2 } = named;
  if (v1 !== undefined && (found.v1 === undefined || !equalBytes(found.v1, v1))) return false;
  return v2 === undefined || (found.v2 !== undefined && equalBytes(found.v2, v2));
}

/** Whether a torrent goes by any of the hashes that name one, the first 20 bytes of a v2 hash included. */
export function goesBy(torrent: TorrentHashes, named: TorrentHashes): boolean {
  if (named.v2 !== undefined && torrent.v2 !== undefined && equalBytes(torrent.v2, named.v2)) return true;
  if (named.v1 === undefined) return false;
  if (torrent.v1 !== undefined && equalBytes(torrent.v1, named.v1)) return true;
  return torrent.v2 !== undefined && equalBytes(truncatedInfoHash(torrent.v2), named.v1);
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
    hashes: await hashesOfInfo(metainfo.info, context.hasher),
    infoBytes: metainfo.infoBytes,
    info: metainfo.info,
    pieceLayers: metainfo.info.hasV2 ? metainfo.pieceLayers : undefined,
    name: metainfo.info.name,
    trackers: metainfo.announceTiers,
    webSeeds: metainfo.urlList,
    httpSeeds: metainfo.httpSeeds,
    peers: [],
    created: metainfo.creationDate === undefined ? undefined : metainfo.creationDate * 1000,
    createdBy: metainfo.createdBy,
    comment: metainfo.comment,
    torrentFile: bytes,
  };
}

function readInfo(bytes: Uint8Array): Info {
  try {
    return parseInfo(bytes);
  } catch (cause) {
    throw new InvalidTorrentError(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

async function fromInfo(bytes: Uint8Array, context: SourceContext): Promise<ResolvedSource> {
  const info = readInfo(bytes);
  return {
    hashes: await hashesOfInfo(info, context.hasher),
    infoBytes: bytes,
    info,
    name: info.name,
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
    hashes: source.hashes,
    name: source.name,
    trackers: [...new Set(source.trackers.flat())],
    webSeeds: source.webSeeds,
  });
}
