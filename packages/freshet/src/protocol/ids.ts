/** The 20-byte names of a torrent and of a peer, and their text forms. */

import { fromBase32, fromHex, toHex } from './bytes.ts';

export { fromHex, toHex } from './bytes.ts';

declare const kind: unique symbol;

/** Length in bytes of a v1 info-hash and of a peer id. */
export const ID_LENGTH = 20;

/** SHA-1 of a torrent's info dictionary, 20 bytes (BEP 3). Never written to after it is made. */
export type InfoHash = Uint8Array & { readonly [kind]: 'InfoHash' };
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
