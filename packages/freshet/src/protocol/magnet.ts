/** Magnet links (BEP 9, BEP 53), and telling apart what users may give to name a torrent. */

import { fromHex, toHex, utf8DecodeStrict, utf8Encode } from './bytes.ts';
import { formatAddress, type PeerAddress, parseAddress } from './compact.ts';
import {
  type InfoHash,
  type InfoHashV2,
  infoHashFromBase32,
  infoHashFromHex,
  infoHashV2FromHex,
  primaryHash,
  type TorrentHashes,
} from './ids.ts';

export type MagnetErrorCode =
  /** It does not begin with `magnet:?`. */
  | 'NOT_A_MAGNET'
  /** It has no `xt` with an info-hash. */
  | 'NO_INFO_HASH'
  /** Its `xt` has something that is no info-hash. */
  | 'BAD_INFO_HASH'
  /** It is longer than the limit. */
  | 'TOO_LONG';

/** A magnet link that cannot be used; the message is one sentence that says why. */
export class MagnetError extends Error {
  override readonly name: string = 'MagnetError';
  readonly code: MagnetErrorCode;

  constructor(code: MagnetErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

export interface Magnet {
  /** The first `xt=urn:btih:` (BEP 9) and the first `xt=urn:btmh:` (BEP 52); at least one of the two. */
  readonly hashes: TorrentHashes;
  /** `primaryHash` of them. */
  readonly infoHash: InfoHash;
  /** Name to show until the metadata is here (`dn`). */
  readonly name?: string | undefined;
  /** Length in bytes (`xl`). */
  readonly length?: number | undefined;
  /** Tracker URLs (`tr`). */
  readonly trackers: readonly string[];
  /** Web seeds (`ws`). */
  readonly webSeeds: readonly string[];
  /** Where the torrent file itself is (`xs`). */
  readonly exactSources: readonly string[];
  /** Other places for the content (`as`). */
  readonly acceptableSources: readonly string[];
  /** Peers to connect to (`x.pe`). */
  readonly peers: readonly PeerAddress[];
  /** Indexes of the files to download, ascending (`so`, BEP 53); `undefined` for all of them. */
  readonly selectOnly?: readonly number[] | undefined;
}

const MAX_LENGTH = 256 * 1024;
/** A few characters such as `0-4000000000` must not claim all memory. */
const MAX_SELECTED_FILES = 100_000;
const MAX_FILE_INDEX = 10_000_000;

/**
 * Reads a magnet link. Parameters that make no sense are left out, except the info-hash.
 * @throws {MagnetError} if there is no info-hash to be had from it.
 */
export function parseMagnet(text: string): Magnet {
  const link = text.trim();
  if (link.length > MAX_LENGTH) {
    throw new MagnetError(
      'TOO_LONG',
      `The magnet link has ${link.length} characters, more than ${MAX_LENGTH}.`,
    );
  }
  if (!/^magnet:\?/i.test(link)) {
    throw new MagnetError('NOT_A_MAGNET', 'A magnet link begins with "magnet:?".');
  }
  const parameters = readParameters(link.slice('magnet:?'.length));
  const all = (key: string): string[] =>
    [...new Set(parameters.get(key) ?? [])].filter((value) => value !== '');
  const hashes = readTopics(all('xt'));
  const length = Number(all('xl')[0]);
  return {
    hashes,
    infoHash: primaryHash(hashes),
    name: all('dn')[0],
    length: Number.isSafeInteger(length) && length >= 0 ? length : undefined,
    trackers: all('tr'),
    webSeeds: all('ws'),
    exactSources: all('xs'),
    acceptableSources: all('as'),
    peers: all('x.pe')
      .map(parseAddress)
      .filter((peer) => peer !== undefined),
    selectOnly: readSelection(all('so')),
  };
}

/** Multihash of a SHA-256: its code, its length, then the digest. */
const MULTIHASH_SHA256 = '1220';

function readTopics(topics: readonly string[]): TorrentHashes {
  let v1: InfoHash | undefined;
  let v2: InfoHashV2 | undefined;
  let unreadable: string | undefined;
  for (const topic of topics) {
    const [, scheme, value] = /^urn:(btih|btmh):(.*)$/is.exec(topic) ?? [];
    if (scheme === undefined || value === undefined) continue;
    if (scheme.toLowerCase() === 'btmh') {
      const hash = infoHashV2FromMultihash(value);
      if (hash === undefined)
        unreadable ??= `${value.slice(0, 80)}" is not 1220 and 64 hexadecimal characters`;
      else v2 ??= hash;
    } else {
      const hash = infoHashFromText(value);
      const neither = 'is neither 40 hexadecimal nor 32 base32 characters';
      if (hash === undefined) unreadable ??= `${value.slice(0, 80)}" ${neither}`;
      else v1 ??= hash;
    }
  }
  if (v1 !== undefined && v2 !== undefined) return { v1, v2 };
  if (v1 !== undefined) return { v1 };
  if (v2 !== undefined) return { v2 };
  if (unreadable !== undefined) {
    throw new MagnetError('BAD_INFO_HASH', `The magnet link's info-hash "${unreadable}.`);
  }
  throw new MagnetError(
    'NO_INFO_HASH',
    'The magnet link has no info-hash: "xt=urn:btih:..." or "xt=urn:btmh:..." is missing.',
  );
}

function infoHashV2FromMultihash(text: string): InfoHashV2 | undefined {
  return text.startsWith(MULTIHASH_SHA256)
    ? infoHashV2FromHex(text.slice(MULTIHASH_SHA256.length))
    : undefined;
}

function infoHashFromText(text: string): InfoHash | undefined {
  return infoHashFromHex(text) ?? infoHashFromBase32(text);
}

/** Values by parameter name. `tr.1` and the like, as some links number them, count as `tr`. */
function readParameters(query: string): Map<string, string[]> {
  const parameters = new Map<string, string[]>();
  // "&amp;" is what copying from a page's source leaves.
  for (const part of query.replaceAll('&amp;', '&').split('&')) {
    const equals = part.indexOf('=');
    if (equals < 1) continue;
    const key = part
      .slice(0, equals)
      .toLowerCase()
      .replace(/\.[0-9]+$/, '');
    const raw = part.slice(equals + 1);
    // In a name a plus is a space, as forms write it; in a URL it is a plus.
    const value = decodeText(key === 'dn' ? raw.replaceAll('+', ' ') : raw).trim();
    const values = parameters.get(key);
    if (values === undefined) parameters.set(key, [value]);
    else values.push(value);
  }
  return parameters;
}

/** The escapes of one character in UTF-8. */
const ESCAPED_CHARACTER =
  /%[0-7][0-9a-f]|%[cd][0-9a-f]%[89ab][0-9a-f]|%e[0-9a-f](?:%[89ab][0-9a-f]){2}|%f[0-7](?:%[89ab][0-9a-f]){3}/gi;

/** Percent-decoding that leaves alone what is not a valid escape, or not of UTF-8. */
function decodeText(text: string): string {
  return text.replace(ESCAPED_CHARACTER, (escapes) => {
    const bytes = fromHex(escapes.replaceAll('%', ''));
    return (bytes === undefined ? undefined : utf8DecodeStrict(bytes)) ?? escapes;
  });
}

function readSelection(values: readonly string[]): number[] | undefined {
  if (values.length === 0) return undefined;
  const selected = new Set<number>();
  let steps = MAX_SELECTED_FILES;
  for (const range of values.join(',').split(',')) {
    const [, firstText, lastText] = /^\s*([0-9]{1,10})(?:-([0-9]{1,10}))?\s*$/.exec(range) ?? [];
    if (firstText === undefined) continue;
    const last = Math.min(Number(lastText ?? firstText), MAX_FILE_INDEX);
    // The budget is of steps, not of indexes, so that the same range many times costs no more either.
    for (let i = Number(firstText); i <= last && steps > 0; i++, steps--) selected.add(i);
  }
  return selected.size === 0 ? undefined : [...selected].sort((a, b) => a - b);
}

/** What a magnet link is written from; only a hash is needed. `hashes` goes before `infoHash`, which is of v1. */
export type MagnetFields = Partial<Omit<Magnet, 'infoHash' | 'hashes'>> &
  ({ readonly hashes: TorrentHashes } | { readonly infoHash: InfoHash });

/** A magnet link. */
export function formatMagnet(magnet: MagnetFields): string {
  const parts: string[] = [];
  const { v1, v2 }: TorrentHashes = 'hashes' in magnet ? magnet.hashes : { v1: magnet.infoHash };
  if (v1 !== undefined) parts.push(`xt=urn:btih:${toHex(v1)}`);
  if (v2 !== undefined) parts.push(`xt=urn:btmh:${MULTIHASH_SHA256}${toHex(v2)}`);
  const add = (key: string, values: readonly (string | undefined)[] | undefined): void => {
    for (const value of values ?? []) if (value !== undefined) parts.push(`${key}=${escapeText(value)}`);
  };
  add('dn', [magnet.name]);
  add('xl', [magnet.length?.toString()]);
  add('tr', magnet.trackers);
  add('ws', magnet.webSeeds);
  add('xs', magnet.exactSources);
  add('as', magnet.acceptableSources);
  // Unescaped, as BEP 9 shows them; no character of an address has a meaning in a query.
  for (const peer of magnet.peers ?? []) parts.push(`x.pe=${formatAddress(peer)}`);
  if (magnet.selectOnly !== undefined && magnet.selectOnly.length > 0) {
    parts.push(`so=${formatSelection(magnet.selectOnly)}`);
  }
  return `magnet:?${parts.join('&')}`;
}

/** `encodeURIComponent` that does not throw on half of a surrogate pair. */
function escapeText(text: string): string {
  let escaped = '';
  for (const byte of utf8Encode(text)) {
    const char = String.fromCharCode(byte);
    escaped += /[A-Za-z0-9._~!*'()-]/.test(char)
      ? char
      : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return escaped;
}

function formatSelection(indexes: readonly number[]): string {
  const sorted = [...new Set(indexes)].sort((a, b) => a - b);
  const ranges: string[] = [];
  for (let at = 0; at < sorted.length; ) {
    let end = at;
    while (sorted[end + 1] === sorted[end]! + 1) end++;
    ranges.push(end === at ? `${sorted[at]}` : `${sorted[at]}-${sorted[end]}`);
    at = end + 1;
  }
  return ranges.join(',');
}

/** What a text that names a torrent is. */
export type TorrentId =
  | { readonly kind: 'magnet'; readonly magnet: Magnet }
  /** An info-hash by itself: v1 in hexadecimal or base32, v2 in hexadecimal. `infoHash` is their `primaryHash`. */
  | { readonly kind: 'infoHash'; readonly hashes: TorrentHashes; readonly infoHash: InfoHash }
  /** Where a torrent file can be fetched; http or https. */
  | { readonly kind: 'url'; readonly url: string }
  /** Anything else: the path of a torrent file. */
  | { readonly kind: 'path'; readonly path: string };

/**
 * Tells magnet links, info-hashes, web addresses and paths apart.
 * @throws {MagnetError} if it is a magnet link that cannot be used.
 */
export function parseTorrentId(text: string): TorrentId {
  const id = text.trim();
  if (/^magnet:/i.test(id)) return { kind: 'magnet', magnet: parseMagnet(id) };
  const hashes = hashesFromText(id);
  if (hashes !== undefined) return { kind: 'infoHash', hashes, infoHash: primaryHash(hashes) };
  if (/^https?:\/\//i.test(id)) return { kind: 'url', url: id };
  return { kind: 'path', path: text };
}

function hashesFromText(text: string): TorrentHashes | undefined {
  const v1 = infoHashFromText(text);
  if (v1 !== undefined) return { v1 };
  const v2 = infoHashV2FromHex(text) ?? infoHashV2FromMultihash(text);
  return v2 === undefined ? undefined : { v2 };
}
