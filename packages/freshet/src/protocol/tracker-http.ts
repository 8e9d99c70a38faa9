/** The client's half of HTTP trackers: announce (BEP 3, 7, 23, 24, 31) and scrape (BEP 48). */

import {
  type BencodeDict,
  BencodeError,
  type BencodeValue,
  decode,
  dictBytes,
  dictDict,
  dictNumber,
  dictString,
} from './bencode.ts';
import { fromBinaryString, toBinaryString } from './bytes.ts';
import { decodeCompactPeers4, decodeCompactPeers6, isPort, type PeerAddress } from './compact.ts';
import {
  type InfoHash,
  type InfoHashHex,
  infoHashFromBytes,
  infoHashToHex,
  type PeerId,
  peerIdFromBytes,
} from './ids.ts';
import { ipToText } from './ip.ts';

/** Why an announce is made; absent for the regular ones. `paused` is of BEP 21. */
export type AnnounceEvent = 'started' | 'stopped' | 'completed' | 'paused';

export interface HttpAnnounceParams {
  readonly infoHash: InfoHash;
  readonly peerId: PeerId;
  /** TCP port we listen on. */
  readonly port: number;
  /** Bytes since `started`. */
  readonly uploaded: number;
  readonly downloaded: number;
  /** Bytes still to download. Unknown before a magnet's metadata is here: give any number above 0. */
  readonly left: number;
  readonly event?: AnnounceEvent | undefined;
  /** How many peers we would like. */
  readonly numwant?: number | undefined;
  /** Tells us apart from others at our address when it changes: some text that stays the same. */
  readonly key?: string | undefined;
  /** What the tracker's last answer had. */
  readonly trackerId?: string | undefined;
  /** Our addresses of the other family (BEP 7). */
  readonly ipv4?: string | undefined;
  readonly ipv6?: string | undefined;
  /** Default true. */
  readonly compact?: boolean | undefined;
}

/** A tracker said no, or what it said cannot be understood. */
export interface TrackerFailure {
  readonly kind: 'failure';
  readonly code: 'REFUSED' | 'MALFORMED';
  /** For users; the tracker's own words if it refused. */
  readonly reason: string;
  /** Seconds to wait before another attempt, or `never` (BEP 31). */
  readonly retryIn?: number | 'never' | undefined;
}

export interface TrackerPeer extends PeerAddress {
  /** Only in answers that are not compact. */
  readonly peerId?: PeerId | undefined;
}

export interface HttpAnnounceResponse {
  readonly kind: 'announce';
  /** Seconds until the next regular announce; `undefined` if the tracker did not say. */
  readonly interval?: number | undefined;
  /** Seconds that must pass before any announce. */
  readonly minInterval?: number | undefined;
  readonly trackerId?: string | undefined;
  /** Seeds. */
  readonly complete?: number | undefined;
  /** Leeches. */
  readonly incomplete?: number | undefined;
  /** How often it was downloaded to the end. */
  readonly downloaded?: number | undefined;
  readonly warning?: string | undefined;
  /** How the tracker sees our address (BEP 24). */
  readonly externalIp?: string | undefined;
  readonly peers: readonly TrackerPeer[];
}

/** Counts of one swarm. */
export interface ScrapeCounts {
  /** Seeds. */
  readonly complete: number;
  /** Leeches. */
  readonly incomplete: number;
  /** How often it was downloaded to the end. */
  readonly downloaded: number;
}

export interface ScrapeResponse {
  readonly kind: 'scrape';
  readonly files: ReadonlyMap<InfoHashHex, ScrapeCounts>;
  /** Seconds that must pass before another scrape. */
  readonly minRequestInterval?: number | undefined;
}

// A full answer of 200 peers has 4 KiB; a scrape of everything on a large tracker can have megabytes.
const MAX_RESPONSE = 8 * 1024 * 1024;

/** The URL of an announce. What `base` has in its query stays: it may hold a passkey. */
export function buildAnnounceUrl(base: string, params: HttpAnnounceParams): string {
  const query = [
    `info_hash=${escapeBytes(params.infoHash)}`,
    `peer_id=${escapeBytes(params.peerId)}`,
    `port=${params.port}`,
    `uploaded=${params.uploaded}`,
    `downloaded=${params.downloaded}`,
    `left=${params.left}`,
    `compact=${params.compact === false ? 0 : 1}`,
  ];
  const add = (key: string, value: string | number | undefined): void => {
    if (value !== undefined) query.push(`${key}=${encodeURIComponent(value)}`);
  };
  add('event', params.event);
  add('numwant', params.numwant);
  add('key', params.key);
  // Byte for byte as the tracker gave it.
  if (params.trackerId !== undefined) {
    const bytes = fromBinaryString(params.trackerId);
    query.push(
      `trackerid=${bytes === undefined ? encodeURIComponent(params.trackerId) : escapeBytes(bytes)}`,
    );
  }
  add('ipv4', params.ipv4);
  add('ipv6', params.ipv6);
  return appendQuery(base, query);
}

/** The URL for scrapes that belongs to an announce URL, or `undefined` if it has none (BEP 48). */
export function scrapeUrl(announceUrl: string): string | undefined {
  const [, path, rest] = /^([^?#]*)(.*)$/s.exec(announceUrl) ?? [];
  if (path === undefined) return undefined;
  const slash = path.lastIndexOf('/');
  if (slash < 0 || !path.startsWith('announce', slash + 1)) return undefined;
  return `${path.slice(0, slash)}/scrape${path.slice(slash + 1 + 'announce'.length)}${rest}`;
}

/** `base` is what `scrapeUrl` gave. */
export function buildScrapeUrl(base: string, infoHashes: readonly InfoHash[]): string {
  return appendQuery(
    base,
    infoHashes.map((infoHash) => `info_hash=${escapeBytes(infoHash)}`),
  );
}

function appendQuery(base: string, query: readonly string[]): string {
  const url = base.split('#', 1)[0]!;
  if (query.length === 0) return url;
  const separator = url.includes('?') ? (/[?&]$/.test(url) ? '' : '&') : '?';
  return url + separator + query.join('&');
}

/** Percent-encoding of bytes, each by itself (RFC 3986's unreserved characters stay as they are). */
export function escapeBytes(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) {
    const char = String.fromCharCode(byte);
    text += /[A-Za-z0-9._~-]/.test(char) ? char : `%${byte.toString(16).padStart(2, '0')}`;
  }
  return text;
}

/** Reads the body of an announce's answer, whatever it is. */
export function parseAnnounceResponse(body: Uint8Array): HttpAnnounceResponse | TrackerFailure {
  const dict = readDict(body);
  if (!(dict instanceof Map)) return dict;
  const interval = seconds(dict, 'interval');
  // Trackers leave out what they have nothing to say of; who says nothing at all is none.
  if (interval === undefined && !hasPeers(dict)) {
    return malformed("The tracker's answer has neither peers nor an interval.");
  }
  const externalIp = dictBytes(dict, 'external ip');
  const trackerId = dictBytes(dict, 'tracker id');
  return {
    kind: 'announce',
    interval,
    minInterval: seconds(dict, 'min interval'),
    trackerId: trackerId === undefined ? undefined : toBinaryString(trackerId),
    complete: count(dict, 'complete'),
    incomplete: count(dict, 'incomplete'),
    downloaded: count(dict, 'downloaded'),
    warning: dictString(dict, 'warning message'),
    externalIp: externalIp === undefined ? undefined : ipToText(externalIp),
    peers: [
      ...readPeers(dict.get('peers'), decodeCompactPeers4),
      ...readPeers(dict.get('peers6'), decodeCompactPeers6),
    ],
  };
}

/** Reads the body of a scrape's answer, whatever it is. */
export function parseScrapeResponse(body: Uint8Array): ScrapeResponse | TrackerFailure {
  const dict = readDict(body);
  if (!(dict instanceof Map)) return dict;
  // Some trackers call the dictionary of torrents "host".
  const torrents = dictDict(dict, 'files') ?? dictDict(dict, 'host');
  if (torrents === undefined) return malformed('The tracker\'s answer to a scrape has no "files".');
  const files = new Map<InfoHashHex, ScrapeCounts>();
  for (const [key, value] of torrents) {
    const infoHash = infoHashFromBytes(fromBinaryString(key)!);
    if (infoHash === undefined || !(value instanceof Map)) continue;
    files.set(infoHashToHex(infoHash), {
      complete: count(value, 'complete') ?? 0,
      incomplete: count(value, 'incomplete') ?? 0,
      downloaded: count(value, 'downloaded') ?? 0,
    });
  }
  const flags = dictDict(dict, 'flags');
  return { kind: 'scrape', files, minRequestInterval: flags && seconds(flags, 'min_request_interval') };
}

function readDict(body: Uint8Array): BencodeDict | TrackerFailure {
  let value: BencodeValue;
  try {
    value = decode(body, { strict: false, trailing: true, maxLength: MAX_RESPONSE, maxDepth: 8 });
  } catch (error) {
    if (!(error instanceof BencodeError)) throw error;
    return malformed(`The tracker's answer is not bencoded: ${error.message}.`);
  }
  if (!(value instanceof Map)) return malformed("The tracker's answer is not a dictionary.");
  const reason = dictString(value, 'failure reason');
  return reason === undefined
    ? value
    : { kind: 'failure', code: 'REFUSED', reason, retryIn: readRetryIn(value.get('retry in')) };
}

function malformed(reason: string): TrackerFailure {
  return { kind: 'failure', code: 'MALFORMED', reason };
}

/** Minutes, as an integer or as text, or the word "never" (BEP 31). */
function readRetryIn(value: BencodeValue | undefined): number | 'never' | undefined {
  const text = value instanceof Uint8Array ? toBinaryString(value) : String(value);
  if (text === 'never') return 'never';
  return /^[0-9]{1,9}$/.test(text) ? 60 * Number(text) : undefined;
}

function hasPeers(dict: BencodeDict): boolean {
  return ['peers', 'peers6'].some((key) => {
    const value = dict.get(key);
    return value instanceof Uint8Array || Array.isArray(value);
  });
}

function readPeers(
  value: BencodeValue | undefined,
  compact: (bytes: Uint8Array) => PeerAddress[],
): TrackerPeer[] {
  if (value instanceof Uint8Array) return compact(value);
  if (!Array.isArray(value)) return [];
  const peers: TrackerPeer[] = [];
  for (const item of value) {
    if (!(item instanceof Map)) continue;
    const host = dictString(item, 'ip');
    const port = dictNumber(item, 'port');
    if (host === undefined || host === '' || host.length > 255 || port === undefined || !isPort(port))
      continue;
    const id = dictBytes(item, 'peer id');
    const peerId = id === undefined ? undefined : peerIdFromBytes(id);
    peers.push(peerId === undefined ? { host, port } : { host, port, peerId });
  }
  return peers;
}

function seconds(dict: BencodeDict, key: string): number | undefined {
  const value = dictNumber(dict, key);
  return value !== undefined && value > 0 ? value : undefined;
}

function count(dict: BencodeDict, key: string): number | undefined {
  const value = dictNumber(dict, key);
  return value !== undefined && value >= 0 ? value : undefined;
}
