/** What programs hand in, told apart. */

import { ArgumentError, InvalidTorrentError } from '../session/errors.ts';
import type {
  AddSettings,
  BlobLike,
  QueueSettings,
  SeedGoals,
  SeedInput,
  SeedSettings,
  SessionSettings,
  StorageLocation,
  TorrentSource,
} from '../session/protocol.ts';
import type {
  ClientOptions,
  Named,
  ParsedTorrent,
  QueueOptions,
  SeedInputs,
  SeedItem,
  SeedOptions,
  TorrentId,
  TorrentOptions,
} from './options.ts';

export interface ReadSource {
  readonly source: TorrentSource;
  /** What a parsed torrent says beside it. */
  readonly extra: AddSettings;
}

/** @throws {InvalidTorrentError} on what is no torrent. */
export function readTorrentId(id: TorrentId): ReadSource {
  if (typeof id === 'string') return { source: sourceOfText(id.trim()), extra: {} };
  if (isBytes(id)) {
    const bytes = toBytes(id);
    const source: TorrentSource =
      bytes.length === 20 || bytes.length === 32
        ? { kind: 'infoHash', text: hex(bytes) }
        : { kind: 'metainfo', bytes };
    return { source, extra: {} };
  }
  if (isBlob(id)) return { source: { kind: 'blob', blob: id }, extra: {} };
  if (typeof id === 'object' && id !== null) return readParsed(id);
  throw new InvalidTorrentError(`A ${id === null ? 'null' : typeof id} is not a torrent.`);
}

function sourceOfText(text: string): TorrentSource {
  if (/^(stream-)?magnet:/i.test(text)) return { kind: 'magnet', uri: text.replace(/^stream-/i, '') };
  if (/^(?:[0-9a-f]{40}|[2-7a-z]{32}|(?:1220)?[0-9a-f]{64})$/i.test(text)) return { kind: 'infoHash', text };
  if (/^https?:\/\//i.test(text)) return { kind: 'url', url: text };
  if (text === '') throw new InvalidTorrentError('An empty text is not a torrent.');
  return { kind: 'path', path: text };
}

function readParsed(parsed: ParsedTorrent): ReadSource {
  const extra: AddSettings = {
    announce: parsed.announce,
    urlList: parsed.urlList,
    peers: parsed.peerAddresses,
    selectOnly: parsed.so,
  };
  if (parsed.torrentFile !== undefined) {
    return { source: { kind: 'metainfo', bytes: toBytes(parsed.torrentFile) }, extra };
  }
  if (parsed.infoBuffer !== undefined) {
    return { source: { kind: 'info', bytes: toBytes(parsed.infoBuffer) }, extra };
  }
  const { infoHash, infoHashV2 } = parsed;
  if (typeof infoHashV2 === 'string' && infoHashV2 !== '') {
    // `torrent.infoHash` is the beginning of the v2 hash where there is no other.
    const isV1 = typeof infoHash === 'string' && !infoHashV2.toLowerCase().startsWith(infoHash.toLowerCase());
    const v1 = isV1 ? `xt=urn:btih:${infoHash}&` : '';
    return { source: { kind: 'magnet', uri: `magnet:?${v1}xt=urn:btmh:1220${infoHashV2}` }, extra };
  }
  if (typeof infoHash === 'string') return { source: { kind: 'infoHash', text: infoHash }, extra };
  throw new InvalidTorrentError('The object has no info-hash, so it is not a torrent.');
}

/** Options of `add` as a session takes them. */
export function addSettings(options: TorrentOptions, extra: AddSettings): AddSettings {
  const { storeOpts, path, addUID, uploads } = options;
  const location: StorageLocation = {
    path,
    addUID,
    memory: storeOpts?.onlyMem,
    directory: storeOpts?.rootDir,
  };
  return {
    announce: joined(options.announce, extra.announce),
    urlList: joined(options.urlList, extra.urlList),
    peers: joined(options.peers, extra.peers),
    maxWebConns: options.maxWebConns,
    location,
    paused: options.paused,
    deselect: options.deselect,
    selectOnly: options.so ?? extra.selectOnly,
    skipVerify: options.skipVerify,
    strategy: options.strategy,
    allocation: readAllocation(options.allocation),
    uploads: uploads === false ? Number.MAX_SAFE_INTEGER : uploads,
    downloadLimit: readLimit(options.downloadLimit) ?? undefined,
    uploadLimit: readLimit(options.uploadLimit) ?? undefined,
    goals: readGoals(options),
    superSeed: options.superSeed,
    private: options.private,
  };
}

export function seedSettings(options: SeedOptions, defaultCreator: string): SeedSettings {
  const { creationDate } = options;
  return {
    ...addSettings(options, {}),
    name: options.name,
    comment: options.comment,
    createdBy: options.createdBy ?? defaultCreator,
    creationDate: creationDate instanceof Date ? creationDate.getTime() : creationDate,
    source: options.source,
    version: options.version,
    pieceLength: options.pieceLength,
    announceList: options.announceList,
    filterJunkFiles: options.filterJunkFiles,
  };
}

/** @throws {ArgumentError} on a peer id that is none, or a limit that is no number. */
export function sessionSettings(options: ClientOptions): SessionSettings {
  const tracker = typeof options.tracker === 'object' ? options.tracker : undefined;
  return {
    peerId: readPeerId(options.peerId),
    maxConns: options.maxConns,
    downloadLimit: readLimit(options.downloadLimit) ?? undefined,
    uploadLimit: readLimit(options.uploadLimit) ?? undefined,
    queue: queueSettings(options),
    torrentPort: options.torrentPort,
    trackers: options.tracker !== false,
    announce: tracker?.announce,
    webSeeds: options.webSeeds,
    maxOriginConns: options.maxOriginConns,
    userAgent: options.userAgent,
    origin: options.origin,
    worker: options.worker instanceof URL ? options.worker.href : options.worker,
    storageLimit: readBytes('storageLimit', options.storageLimit),
    shared: options.shared,
    host: options.host,
    tcp: options.tcp,
    webrtc: options.webrtc,
    bufferBudget: options.bufferBudget,
  };
}

function readAllocation(allocation: unknown): 'sparse' | 'full' | undefined {
  if (allocation === undefined || allocation === 'sparse' || allocation === 'full') return allocation;
  throw new ArgumentError(`"${String(allocation)}" is no kind of allocation: it is "sparse" or "full".`);
}

/** Bytes per second; `null` for no limit. */
export function readLimit(rate: number | undefined): number | null {
  if (rate === undefined || rate < 0) return null;
  if (Number.isNaN(rate)) throw new ArgumentError('A limit of NaN bytes per second is none.');
  return rate === Number.POSITIVE_INFINITY ? null : rate;
}

function readBytes(name: string, bytes: number | undefined): number | undefined {
  if (bytes === undefined || bytes >= 0) return bytes;
  throw new ArgumentError(`"${name}" is ${bytes}: it has to be a number of bytes from 0.`);
}

/** @throws {ArgumentError} on a number of torrents, a ratio or a time that is none. */
export function queueSettings(options: QueueOptions): QueueSettings {
  const { maxActive, maxActiveDownloads, maxActiveSeeds } = options;
  for (const [name, most] of Object.entries({ maxActive, maxActiveDownloads, maxActiveSeeds })) {
    if (most !== undefined && (Number.isNaN(most) || most < 0)) {
      throw new ArgumentError(`${name} must be a number from 0, and not ${most}.`);
    }
  }
  return { maxActive, maxActiveDownloads, maxActiveSeeds, goals: readGoals(options) };
}

/** @throws {ArgumentError} on a ratio or a time that is none. */
export function readGoals(options: {
  seedRatio?: number | undefined;
  seedTime?: number | undefined;
}): SeedGoals | undefined {
  const { seedRatio: ratio, seedTime } = options;
  for (const [name, goal] of Object.entries({ seedRatio: ratio, seedTime })) {
    if (goal !== undefined && (Number.isNaN(goal) || goal < 0)) {
      throw new ArgumentError(`${name} must be a number from 0, and not ${goal}.`);
    }
  }
  return ratio === undefined && seedTime === undefined ? undefined : { ratio, seedTime };
}

function readPeerId(id: string | Uint8Array | undefined): Uint8Array | undefined {
  if (id === undefined) return undefined;
  const bytes =
    typeof id === 'string' ? Uint8Array.from(id.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16)) : id;
  const valid = bytes.length === 20 && (typeof id !== 'string' || /^[0-9a-f]{40}$/i.test(id));
  if (!valid) throw new ArgumentError('A peer id is 40 hexadecimal characters or 20 bytes.');
  return bytes;
}

/** The inputs one by one. A page's `FileList` is empty again as soon as its form is, so this cannot wait. */
export function listSeedItems(inputs: SeedInputs): readonly SeedItem[] {
  return isList(inputs) ? Array.from(inputs) : [inputs];
}

/** Reads streams to their end and names everything. Rejects when an input is of an unknown kind, or a stream breaks. */
export async function readSeedInputs(items: readonly SeedItem[], options: SeedOptions): Promise<SeedInput[]> {
  if (items.length === 0) throw new ArgumentError('There is nothing to seed.');
  const result: SeedInput[] = [];
  for (const [index, item] of items.entries()) {
    const fallback =
      items.length === 1 && options.name !== undefined ? options.name : unnamed(index, items.length);
    result.push(await readSeedItem(item, fallback));
  }
  return result;
}

function unnamed(index: number, count: number): string {
  return count === 1 ? 'Unnamed Torrent' : `Unknown File ${index + 1}`;
}

async function readSeedItem(item: SeedItem, fallback: string): Promise<SeedInput> {
  if (typeof item === 'string') return { kind: 'path', path: item };
  if (isBytes(item)) {
    return { kind: 'bytes', name: (item as Named<Uint8Array>).name ?? fallback, bytes: toBytes(item) };
  }
  if (isBlob(item)) return { kind: 'blob', name: blobName(item) ?? fallback, blob: item };
  if (typeof item === 'object' && item !== null && Symbol.asyncIterator in item) {
    return { kind: 'bytes', name: item.name ?? fallback, bytes: await readAll(item) };
  }
  throw new ArgumentError(`A ${typeof item} cannot be seeded.`);
}

async function readAll(stream: AsyncIterable<Uint8Array | string>): Promise<Uint8Array> {
  const encoder = new TextEncoder();
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of stream) {
    const bytes = typeof chunk === 'string' ? encoder.encode(chunk) : chunk;
    parts.push(bytes);
    length += bytes.length;
  }
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** A dropped folder's files carry their paths in `webkitRelativePath` or, from some libraries, `fullPath`. */
function blobName(blob: BlobLike): string | undefined {
  const { webkitRelativePath, fullPath } = blob as { webkitRelativePath?: string; fullPath?: string };
  const path = webkitRelativePath || fullPath;
  return path ? path.replace(/^\//, '') : blob.name;
}

function isList(inputs: SeedInputs): inputs is ArrayLike<SeedItem> {
  return Array.isArray(inputs) || (typeof FileList !== 'undefined' && inputs instanceof FileList);
}

function isBytes(value: unknown): value is Uint8Array | ArrayBuffer {
  return value instanceof ArrayBuffer || ArrayBuffer.isView(value);
}

function toBytes(value: Uint8Array | ArrayBuffer): Uint8Array {
  return value instanceof ArrayBuffer
    ? new Uint8Array(value)
    : new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
}

function isBlob(value: unknown): value is BlobLike {
  return typeof Blob !== 'undefined' && value instanceof Blob;
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function joined(
  first: readonly string[] | undefined,
  second: readonly string[] | undefined,
): readonly string[] | undefined {
  return first === undefined ? second : second === undefined ? first : [...new Set([...first, ...second])];
}
