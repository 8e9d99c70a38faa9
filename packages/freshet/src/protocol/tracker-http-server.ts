/** The tracker's half of HTTP trackers: queries read, answers written (BEP 3, 7, 21, 23, 24, 31, 48). */

import { type Encodable, encode } from './bencode.ts';
import { hexDigit, toBinaryString, toHex } from './bytes.ts';
import { encodeCompactPeers, isPort } from './compact.ts';
import { type InfoHash, infoHashFromBytes, type PeerId, peerIdFromBytes } from './ids.ts';
import { ipFromText, ipToText } from './ip.ts';
import type { AnnounceEvent, ScrapeCounts, TrackerFailure, TrackerPeer } from './tracker-http.ts';

export interface HttpAnnounceQuery {
  readonly kind: 'announce';
  readonly infoHash: InfoHash;
  readonly peerId: PeerId;
  readonly port: number;
  /** In bytes; 0 if absent or no number. */
  readonly uploaded: number;
  readonly downloaded: number;
  /** Bytes still to download; `undefined` if the peer does not know. 0 is a seed. */
  readonly left: number | undefined;
  /** `undefined` for a regular announce, also if the event is one that we do not know. */
  readonly event: AnnounceEvent | undefined;
  /** `undefined` if absent or negative: the tracker's default. */
  readonly numwant: number | undefined;
  /** False only if the peer asked for dictionaries. */
  readonly compact: boolean;
  readonly noPeerId: boolean;
  /** The addresses that the peer claims; not to be trusted. */
  readonly ip: string | undefined;
  readonly ipv6: string | undefined;
  readonly key: string | undefined;
  readonly trackerId: string | undefined;
}

export interface HttpScrapeQuery {
  readonly kind: 'scrape';
  /** None twice; empty if all torrents are asked for. */
  readonly infoHashes: readonly InfoHash[];
}

/** Longest query that is read, in characters: room for a hundred hashes in a scrape. */
const MAX_QUERY = 16 * 1024;

/** Reads what follows the `?` of an announce, undecoded. */
export function parseAnnounceQuery(rawQuery: string): HttpAnnounceQuery | TrackerFailure {
  const query = readQuery(rawQuery);
  if (query === undefined) return refuse(`The query is longer than ${MAX_QUERY} characters.`);
  const first = (key: string): Uint8Array | undefined => query.get(key)?.[0];
  const text = (key: string): string | undefined => {
    const value = first(key);
    return value === undefined || value.length === 0 ? undefined : toBinaryString(value);
  };
  const infoHash = first('info_hash');
  if (infoHash === undefined) return refuse('"info_hash" is missing.');
  if (query.get('info_hash')!.length > 1) return refuse('"info_hash" is given more than once.');
  if (infoHashFromBytes(infoHash) === undefined) return refuse('"info_hash" has not 20 bytes.');
  const peerId = first('peer_id');
  if (peerId === undefined) return refuse('"peer_id" is missing.');
  if (peerIdFromBytes(peerId) === undefined) return refuse('"peer_id" has not 20 bytes.');
  const port = number(text('port'));
  if (port === undefined || !isPort(port)) return refuse('"port" is not within 1 and 65535.');
  return {
    kind: 'announce',
    infoHash: infoHash as InfoHash,
    peerId: peerId as PeerId,
    port,
    uploaded: number(text('uploaded')) ?? 0,
    downloaded: number(text('downloaded')) ?? 0,
    left: number(text('left')),
    event: readEvent(text('event')),
    numwant: number(text('numwant')),
    compact: text('compact') !== '0',
    noPeerId: text('no_peer_id') === '1',
    ip: ip(text('ip') ?? text('ipv4')),
    ipv6: ip(text('ipv6')),
    key: text('key'),
    trackerId: text('trackerid'),
  };
}

/** Reads what follows the `?` of a scrape, undecoded. */
export function parseScrapeQuery(rawQuery: string): HttpScrapeQuery | TrackerFailure {
  const query = readQuery(rawQuery);
  if (query === undefined) return refuse(`The query is longer than ${MAX_QUERY} characters.`);
  const infoHashes = new Map<string, InfoHash>();
  for (const bytes of query.get('info_hash') ?? []) {
    const infoHash = infoHashFromBytes(bytes);
    if (infoHash === undefined) return refuse('"info_hash" has not 20 bytes.');
    infoHashes.set(toHex(infoHash), infoHash);
  }
  return { kind: 'scrape', infoHashes: [...infoHashes.values()] };
}

function readQuery(rawQuery: string): Map<string, Uint8Array[]> | undefined {
  if (rawQuery.length > MAX_QUERY) return undefined;
  const query = new Map<string, Uint8Array[]>();
  for (const part of rawQuery.replace(/^\?/, '').split('&')) {
    const equals = part.indexOf('=');
    if (equals < 1) continue;
    const key = toBinaryString(unescapeBytes(part.slice(0, equals)));
    const value = unescapeBytes(part.slice(equals + 1));
    const values = query.get(key);
    if (values === undefined) query.set(key, [value]);
    else values.push(value);
  }
  return query;
}

/**
 * The bytes of percent-encoded text. They are no text: an info-hash is not UTF-8, and in it `+` is a plus. What is
 * not a valid escape stands for itself.
 */
export function unescapeBytes(text: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(text.length);
  let length = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x25 && at + 2 < text.length) {
      const high = hexDigit(text.charCodeAt(at + 1));
      const low = hexDigit(text.charCodeAt(at + 2));
      if (high >= 0 && low >= 0) {
        bytes[length++] = high * 16 + low;
        at += 2;
        continue;
      }
    }
    bytes[length++] = code;
  }
  return bytes.slice(0, length);
}

function number(text: string | undefined): number | undefined {
  if (text === undefined || !/^[0-9]{1,20}$/.test(text)) return undefined;
  // Clients count in 64 bits, and some write 2^63 - 1 for "all of it".
  return Math.min(Number(text), Number.MAX_SAFE_INTEGER);
}

function readEvent(text: string | undefined): AnnounceEvent | undefined {
  return text === 'started' || text === 'stopped' || text === 'completed' || text === 'paused'
    ? text
    : undefined;
}

function ip(text: string | undefined): string | undefined {
  const bytes = text === undefined ? undefined : ipFromText(text);
  return bytes === undefined ? undefined : ipToText(bytes);
}

function refuse(reason: string): TrackerFailure {
  return { kind: 'failure', code: 'MALFORMED', reason };
}

export interface HttpAnnounceAnswer {
  /** Seconds until the next regular announce. */
  readonly interval: number;
  /** Seconds that must pass before any announce. */
  readonly minInterval?: number | undefined;
  /** Seeds. */
  readonly complete: number;
  /** Leeches. */
  readonly incomplete: number;
  readonly downloaded?: number | undefined;
  readonly peers: readonly TrackerPeer[];
  /** As the query said. Default true. */
  readonly compact?: boolean | undefined;
  /** Leave out peer ids where there is room for them. Default false. */
  readonly noPeerId?: boolean | undefined;
  readonly trackerId?: string | undefined;
  /** The address that the announce came from (BEP 24). */
  readonly externalIp?: string | undefined;
  readonly warning?: string | undefined;
}

/** Body of the answer to an announce. */
export function encodeAnnounceResponse(answer: HttpAnnounceAnswer): Uint8Array<ArrayBuffer> {
  return encode({
    interval: answer.interval,
    'min interval': answer.minInterval,
    complete: answer.complete,
    incomplete: answer.incomplete,
    downloaded: answer.downloaded,
    'tracker id': answer.trackerId,
    'external ip': answer.externalIp === undefined ? undefined : ipFromText(answer.externalIp),
    'warning message': answer.warning,
    ...(answer.compact === false ? dictPeers(answer) : compactPeers(answer)),
  });
}

function compactPeers(answer: HttpAnnounceAnswer): { [key: string]: Encodable | undefined } {
  const { v4, v6 } = encodeCompactPeers(answer.peers);
  return { peers: v4, peers6: v6.length > 0 ? v6 : undefined };
}

function dictPeers(answer: HttpAnnounceAnswer): { [key: string]: Encodable | undefined } {
  return {
    peers: answer.peers.map((peer) => ({
      ip: peer.host,
      port: peer.port,
      'peer id': answer.noPeerId === true ? undefined : peer.peerId,
    })),
  };
}

/** Body of the answer to a scrape. */
export function encodeScrapeResponse(
  files: Iterable<readonly [InfoHash, ScrapeCounts]>,
  minRequestInterval?: number,
): Uint8Array<ArrayBuffer> {
  const dict = new Map<string, Encodable>();
  for (const [infoHash, { complete, incomplete, downloaded }] of files) {
    dict.set(toBinaryString(infoHash), { complete, incomplete, downloaded });
  }
  return encode({
    files: dict,
    flags: minRequestInterval === undefined ? undefined : { min_request_interval: minRequestInterval },
  });
}

/** Body of a refusal. `retryIn` is in minutes, or `never` (BEP 31). */
export function encodeFailure(reason: string, retryIn?: number | 'never'): Uint8Array<ArrayBuffer> {
  return encode({
    'failure reason': reason,
    'retry in': retryIn === undefined ? undefined : String(retryIn),
  });
}
