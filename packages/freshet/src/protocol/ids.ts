/** The names of a torrent, by version, and of a peer, and their text forms. */

import { fromBase32, fromHex, toHex } from './bytes.ts';

export { fromHex, toHex } from './bytes.ts';

declare const kind: unique symbol;

/** Length in bytes of a v1 info-hash and of a peer id. */
export const ID_LENGTH = 20;

/** Length in bytes of a v2 info-hash. */
export const ID_LENGTH_V2 = 32;

/**
 * SHA-1 of a torrent's info dictionary (BEP 3), or the first 20 bytes of its SHA-256 (BEP 52). Never written to
 * after it is made.
 */
export type InfoHash = Uint8Array & { readonly [kind]: 'InfoHash' };
/** SHA-256 of a torrent's info dictionary, 32 bytes (BEP 52). Never written to after it is made. */
export type InfoHashV2 = Uint8Array & { readonly [kind]: 'InfoHashV2' };
/** What a peer calls itself in one session, 20 bytes (BEP 3, BEP 20). Never written to after it is made. */
export type PeerId = Uint8Array & { readonly [kind]: 'PeerId' };
/** An info-hash as 40 lower-case hexadecimal characters: the form for map keys, logs and users. */
export type InfoHashHex = string & { readonly [kind]: 'InfoHashHex' };

/** The array itself as an info-hash, not a copy; `undefined` unless it has 20 bytes. */
export function infoHashFromBytes(bytes: Uint8Array): InfoHash | undefined {
  return bytes.length === ID_LENGTH ? (bytes as InfoHash) : undefined;
}

/** From 40 hexadecimal characters in either case. */
export function infoHashFromHex(text: string): InfoHash | undefined {
  const bytes = text.length === 2 * ID_LENGTH ? fromHex(text) : undefined;
  return bytes as InfoHash | undefined;
}

/** From 32 base32 characters in either case, as old magnet links have them (BEP 9). */
export function infoHashFromBase32(text: string): InfoHash | undefined {
  const bytes = text.length === 32 ? fromBase32(text) : undefined;
  return bytes as InfoHash | undefined;
}

export function infoHashToHex(infoHash: InfoHash): InfoHashHex {
  return toHex(infoHash) as InfoHashHex;
}

/** Lower-cases and checks 40 hexadecimal characters. */
export function infoHashHex(text: string): InfoHashHex | undefined {
  return /^[0-9a-f]{40}$/i.test(text) ? (text.toLowerCase() as InfoHashHex) : undefined;
}

/** The array itself as a peer id, not a copy; `undefined` unless it has 20 bytes. */
export function peerIdFromBytes(bytes: Uint8Array): PeerId | undefined {
  return bytes.length === ID_LENGTH ? (bytes as PeerId) : undefined;
}

/** The array itself as a v2 info-hash, not a copy; `undefined` unless it has 32 bytes. */
export function infoHashV2FromBytes(bytes: Uint8Array): InfoHashV2 | undefined {
  return bytes.length === ID_LENGTH_V2 ? (bytes as InfoHashV2) : undefined;
}

/** From 64 hexadecimal characters in either case. */
export function infoHashV2FromHex(text: string): InfoHashV2 | undefined {
  const bytes = text.length === 2 * ID_LENGTH_V2 ? fromHex(text) : undefined;
  return bytes as InfoHashV2 | undefined;
}

/** 64 lower-case hexadecimal characters. */
export function infoHashV2ToHex(infoHash: InfoHashV2): string {
  return toHex(infoHash);
}

/** The first 20 bytes: what handshakes, trackers and the DHT know a v2 torrent by (BEP 52). */
export function truncatedInfoHash(v2: InfoHashV2): InfoHash {
  return v2.subarray(0, ID_LENGTH) as InfoHash;
}

/** What is known of a torrent's names: at least one of them. */
export interface TorrentHashes {
  /** SHA-1 of the info dictionary. */
  readonly v1?: InfoHash | undefined;
  /** SHA-256 of the info dictionary. */
  readonly v2?: InfoHashV2 | undefined;
}

/**
 * The 20 bytes to file a torrent under: its v1 hash, else its truncated v2 hash.
 * @throws {RangeError} if there is neither.
 */
export function primaryHash(hashes: TorrentHashes): InfoHash {
  const [first] = swarmHashes(hashes);
  if (first === undefined) throw new RangeError('A torrent has an info-hash');
  return first;
}

/** The 20 bytes by which each of its swarms knows a torrent: v1 first, then the truncated v2 hash. */
export function swarmHashes(hashes: TorrentHashes): InfoHash[] {
  const found: InfoHash[] = [];
  if (hashes.v1 !== undefined) found.push(hashes.v1);
  if (hashes.v2 !== undefined) found.push(truncatedInfoHash(hashes.v2));
  return found;
}
