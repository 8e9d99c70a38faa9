/** Extension protocol (BEP 10): the extended handshake, and our ids for the extensions that we speak. */

import {
  type BencodeDict,
  BencodeError,
  type BencodeValue,
  decodePrefix,
  dictBytes,
  dictDict,
  dictNumber,
  dictString,
  type Encodable,
  encode,
} from './bencode.ts';
import { readUint32, utf8Encode, writeUint32 } from './bytes.ts';
import { isPort } from './compact.ts';
import { ipFromText, ipToText } from './ip.ts';

/** Id of the extended handshake itself. */
export const EXTENDED_HANDSHAKE = 0;

/** The ids by which peers address extensions to us. Theirs, for what we send, are in their handshake's `m`. */
export const EXTENSION_ID = {
  /** Metadata exchange, BEP 9. */
  ut_metadata: 1,
  /** Peer exchange, BEP 11. */
  ut_pex: 2,
  /** Taking back a `have`, BEP 54. */
  lt_donthave: 3,
  /** Telling that we will not download (libtorrent's extension; BEP 21 has it in the handshake only). */
  upload_only: 4,
} as const;

export type ExtensionName = keyof typeof EXTENSION_ID;

export interface ExtendedHandshake {
  /** The sender's id for each extension it speaks, 1 to 255; 0 switches one off again. */
  readonly m: Readonly<Record<string, number>>;
  /** Name and version of the client. */
  readonly v?: string | undefined;
  /** TCP port that the sender listens on. */
  readonly p?: number | undefined;
  /** Requests that the sender keeps without dropping any. */
  readonly reqq?: number | undefined;
  /** Bytes of the info dictionary (BEP 9). */
  readonly metadataSize?: number | undefined;
  /** How the sender sees the receiver's address. */
  readonly yourip?: string | undefined;
  /** The sender's addresses of both families. */
  readonly ipv4?: string | undefined;
  readonly ipv6?: string | undefined;
  /** The sender downloads nothing (BEP 21). */
  readonly uploadOnly?: boolean | undefined;
}

/** Longest client name that is kept of a peer's handshake, in characters: it is shown to users. */
const MAX_CLIENT_NAME = 128;

/** Payload of the extended handshake. An address that is no IP address is left out. */
export function encodeExtendedHandshake(handshake: ExtendedHandshake): Uint8Array<ArrayBuffer> {
  const m = new Map<string, Encodable>();
  for (const [name, id] of Object.entries(handshake.m)) m.set(latin1(name), id);
  return encode({
    m,
    v: handshake.v,
    p: handshake.p,
    reqq: handshake.reqq,
    metadata_size: handshake.metadataSize,
    yourip: ipBytes(handshake.yourip),
    ipv4: ipBytes(handshake.ipv4),
    ipv6: ipBytes(handshake.ipv6),
    upload_only: handshake.uploadOnly === undefined ? undefined : handshake.uploadOnly ? 1 : 0,
  });
}

/**
 * Reads an extended handshake. Entries of the wrong type or out of range are left out, as real clients send
 * such; `undefined` only if the payload is no dictionary at all.
 */
export function decodeExtendedHandshake(payload: Uint8Array): ExtendedHandshake | undefined {
  const dict = decodeDict(payload)?.dict;
  if (dict === undefined) return undefined;
  const m: Record<string, number> = Object.create(null) as Record<string, number>;
  for (const [name, id] of dictDict(dict, 'm') ?? []) {
    if (typeof id === 'number' && id >= 0 && id <= 255) m[name] = id;
  }
  const port = dictNumber(dict, 'p');
  const uploadOnly = dictNumber(dict, 'upload_only');
  return {
    m,
    v: dictString(dict, 'v')?.slice(0, MAX_CLIENT_NAME),
    p: port !== undefined && isPort(port) ? port : undefined,
    reqq: positive(dictNumber(dict, 'reqq')),
    metadataSize: positive(dictNumber(dict, 'metadata_size')),
    yourip: ipText(dictBytes(dict, 'yourip')),
    ipv4: ipText(dictBytes(dict, 'ipv4'), 4),
    ipv6: ipText(dictBytes(dict, 'ipv6'), 16),
    uploadOnly: uploadOnly === undefined ? undefined : uploadOnly !== 0,
  };
}

/**
 * The dictionary that an extension message begins with and the offset where it ends; `undefined` if there is
 * none. Keys may be out of order, as some clients write them.
 */
export function decodeDict(
  payload: Uint8Array,
): { readonly dict: BencodeDict; readonly end: number } | undefined {
  let decoded: { readonly value: BencodeValue; readonly end: number };
  try {
    decoded = decodePrefix(payload, { strict: false, maxDepth: 8 });
  } catch (error) {
    if (error instanceof BencodeError) return undefined;
    throw error;
  }
  return decoded.value instanceof Map ? { dict: decoded.value, end: decoded.end } : undefined;
}

/** Payload of `lt_donthave`: the sender no longer has a piece (BEP 54). */
export function encodeDontHave(piece: number): Uint8Array<ArrayBuffer> {
  const payload = new Uint8Array(4);
  writeUint32(payload, 0, piece);
  return payload;
}

/** The piece that an `lt_donthave` takes back, or `undefined` if the payload has not 4 bytes. */
export function decodeDontHave(payload: Uint8Array): number | undefined {
  return payload.length === 4 ? readUint32(payload, 0) : undefined;
}

/** Payload of `upload_only`: one byte. */
export function encodeUploadOnly(uploadOnly: boolean): Uint8Array<ArrayBuffer> {
  return Uint8Array.of(uploadOnly ? 1 : 0);
}

export function decodeUploadOnly(payload: Uint8Array): boolean | undefined {
  return payload.length === 1 ? payload[0] !== 0 : undefined;
}

function positive(value: number | undefined): number | undefined {
  return value !== undefined && value > 0 ? value : undefined;
}

function ipBytes(text: string | undefined): Uint8Array | undefined {
  return text === undefined ? undefined : ipFromText(text);
}

function ipText(bytes: Uint8Array | undefined, length?: 4 | 16): string | undefined {
  if (bytes === undefined || (length !== undefined && bytes.length !== length)) return undefined;
  return ipToText(bytes);
}

/** A name as a byte string: decoded names are such already, others are text. */
function latin1(name: string): string {
  for (let i = 0; i < name.length; i++) {
    if (name.charCodeAt(i) > 0xff) return String.fromCharCode(...utf8Encode(name));
  }
  return name;
}
