/** Messages of the peer wire, written: BEP 3, fast extension (BEP 6), extension protocol (BEP 10), v2 (BEP 52). */

import { writeUint16, writeUint32 } from './bytes.ts';
import type { InfoHash, PeerId } from './ids.ts';

/** Message ids of the peer wire. */
export const WIRE_MESSAGE = {
  choke: 0,
  unchoke: 1,
  interested: 2,
  notInterested: 3,
  have: 4,
  bitfield: 5,
  request: 6,
  piece: 7,
  cancel: 8,
  port: 9,
  suggest: 13,
  haveAll: 14,
  haveNone: 15,
  reject: 16,
  allowedFast: 17,
  extended: 20,
  hashRequest: 21,
  hashes: 22,
  hashReject: 23,
} as const;

export const HANDSHAKE_LENGTH = 68;
/** Bytes before the payload of a piece message. */
export const PIECE_HEADER_LENGTH = 13;
/** Bytes of a request message. */
export const REQUEST_LENGTH = 17;

/** The protocol name that a handshake begins with, its length first. */
export const PROTOCOL_NAME: Uint8Array = Uint8Array.from('\x13BitTorrent protocol', (c) => c.charCodeAt(0));

/** What a peer says it can do in the reserved bytes of its handshake. */
export interface HandshakeFlags {
  /** Extension protocol, BEP 10. */
  readonly extension: boolean;
  /** Fast extension, BEP 6. */
  readonly fast: boolean;
  /** DHT, BEP 5: it will send a port message. */
  readonly dht: boolean;
  /** It can talk about a hybrid torrent by its v2 hash, BEP 52. */
  readonly v2: boolean;
}

/** Byte and bit of each flag in the 8 reserved bytes. */
export const RESERVED_BITS: {
  readonly [flag in keyof HandshakeFlags]: readonly [byte: number, bit: number];
} = {
  extension: [5, 0x10],
  fast: [7, 0x04],
  dht: [7, 0x01],
  v2: [7, 0x10],
};

export interface HandshakeFields {
  readonly infoHash: InfoHash | Uint8Array;
  readonly peerId: PeerId | Uint8Array;
  /** Default: the extension protocol and the fast extension, no DHT, no v2. */
  readonly reserved?: { readonly [flag in keyof HandshakeFlags]?: boolean | undefined } | undefined;
}

/**
 * The 68 bytes that open a connection (BEP 3).
 * @throws {RangeError} if an id has not 20 bytes.
 */
export function encodeHandshake(fields: HandshakeFields): Uint8Array<ArrayBuffer> {
  if (fields.infoHash.length !== 20) throw new RangeError('An info-hash has 20 bytes');
  if (fields.peerId.length !== 20) throw new RangeError('A peer id has 20 bytes');
  const bytes = new Uint8Array(HANDSHAKE_LENGTH);
  bytes.set(PROTOCOL_NAME);
  const flags: HandshakeFlags = {
    extension: fields.reserved?.extension ?? true,
    fast: fields.reserved?.fast ?? true,
    dht: fields.reserved?.dht ?? false,
    v2: fields.reserved?.v2 ?? false,
  };
  for (const flag of Object.keys(RESERVED_BITS) as (keyof HandshakeFlags)[]) {
    const [byte, bit] = RESERVED_BITS[flag];
    if (flags[flag]) bytes[PROTOCOL_NAME.length + byte]! |= bit;
  }
  bytes.set(fields.infoHash, 28);
  bytes.set(fields.peerId, 48);
  return bytes;
}

function message(id: number, bodyLength: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(5 + bodyLength);
  writeUint32(bytes, 0, 1 + bodyLength);
  bytes[4] = id;
  return bytes;
}

function pieceMessage(id: number, piece: number): Uint8Array<ArrayBuffer> {
  const bytes = message(id, 4);
  writeUint32(bytes, 5, piece);
  return bytes;
}

function blockMessage(id: number, piece: number, begin: number, length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(REQUEST_LENGTH);
  writeBlockMessage(bytes, 0, id, piece, begin, length);
  return bytes;
}

function writeBlockMessage(
  bytes: Uint8Array,
  at: number,
  id: number,
  piece: number,
  begin: number,
  length: number,
): void {
  writeUint32(bytes, at, REQUEST_LENGTH - 4);
  bytes[at + 4] = id;
  writeUint32(bytes, at + 5, piece);
  writeUint32(bytes, at + 9, begin);
  writeUint32(bytes, at + 13, length);
}

export function encodeKeepAlive(): Uint8Array<ArrayBuffer> {
  return new Uint8Array(4);
}

export function encodeChoke(): Uint8Array<ArrayBuffer> {
  return message(WIRE_MESSAGE.choke, 0);
}

export function encodeUnchoke(): Uint8Array<ArrayBuffer> {
  return message(WIRE_MESSAGE.unchoke, 0);
}

export function encodeInterested(): Uint8Array<ArrayBuffer> {
  return message(WIRE_MESSAGE.interested, 0);
}

export function encodeNotInterested(): Uint8Array<ArrayBuffer> {
  return message(WIRE_MESSAGE.notInterested, 0);
}

export function encodeHave(piece: number): Uint8Array<ArrayBuffer> {
  return pieceMessage(WIRE_MESSAGE.have, piece);
}

/** `bits` in the form of `Bitfield.toBytes()`. */
export function encodeBitfield(bits: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = message(WIRE_MESSAGE.bitfield, bits.length);
  bytes.set(bits, 5);
  return bytes;
}

/** Asks for `length` bytes at offset `begin` of a piece. */
export function encodeRequest(piece: number, begin: number, length: number): Uint8Array<ArrayBuffer> {
  return blockMessage(WIRE_MESSAGE.request, piece, begin, length);
}

export interface BlockRequest {
  readonly piece: number;
  /** Offset in the piece, in bytes. */
  readonly begin: number;
  readonly length: number;
}

/** All of `list` as request messages in one buffer, so that a whole window is one write. */
export function encodeRequests(list: readonly BlockRequest[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(REQUEST_LENGTH * list.length);
  let at = 0;
  for (const { piece, begin, length } of list) {
    writeBlockMessage(bytes, at, WIRE_MESSAGE.request, piece, begin, length);
    at += REQUEST_LENGTH;
  }
  return bytes;
}

export function encodeCancel(piece: number, begin: number, length: number): Uint8Array<ArrayBuffer> {
  return blockMessage(WIRE_MESSAGE.cancel, piece, begin, length);
}

/** Says that a request will not be served (BEP 6). */
export function encodeReject(piece: number, begin: number, length: number): Uint8Array<ArrayBuffer> {
  return blockMessage(WIRE_MESSAGE.reject, piece, begin, length);
}

/** The 13 bytes before a block; its `length` bytes of payload follow as a view of their own, uncopied. */
export function encodePieceHeader(piece: number, begin: number, length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(PIECE_HEADER_LENGTH);
  writeUint32(bytes, 0, PIECE_HEADER_LENGTH - 4 + length);
  bytes[4] = WIRE_MESSAGE.piece;
  writeUint32(bytes, 5, piece);
  writeUint32(bytes, 9, begin);
  return bytes;
}

/** In place of a bitfield from a seed (BEP 6). */
export function encodeHaveAll(): Uint8Array<ArrayBuffer> {
  return message(WIRE_MESSAGE.haveAll, 0);
}

/** In place of a bitfield from a peer without pieces (BEP 6). */
export function encodeHaveNone(): Uint8Array<ArrayBuffer> {
  return message(WIRE_MESSAGE.haveNone, 0);
}

/** A piece that the peer may request while it is choked (BEP 6). */
export function encodeAllowedFast(piece: number): Uint8Array<ArrayBuffer> {
  return pieceMessage(WIRE_MESSAGE.allowedFast, piece);
}

/** A piece that we would like the peer to request (BEP 6). */
export function encodeSuggest(piece: number): Uint8Array<ArrayBuffer> {
  return pieceMessage(WIRE_MESSAGE.suggest, piece);
}

/** The UDP port of our DHT node (BEP 5). */
export function encodePort(port: number): Uint8Array<ArrayBuffer> {
  const bytes = message(WIRE_MESSAGE.port, 2);
  writeUint16(bytes, 5, port);
  return bytes;
}

/** Message of the extension protocol (BEP 10). `id` is the receiver's own for it; 0 is the handshake. */
export function encodeExtended(id: number, payload: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = message(WIRE_MESSAGE.extended, 1 + payload.length);
  bytes[5] = id;
  bytes.set(payload, 6);
  return bytes;
}

/** Which hashes of a file's Merkle tree are asked for, sent, or refused (BEP 52). */
export interface HashRequest {
  /** Root of the file's tree, 32 bytes. */
  readonly piecesRoot: Uint8Array;
  /** Layers above the leaves: 0 for the hashes of blocks. */
  readonly baseLayer: number;
  /** The first hash in the base layer; a multiple of `length`. */
  readonly index: number;
  /** Hashes of the base layer: a power of two from 2, or what the end of the layer leaves of one. */
  readonly length: number;
  /** Ancestor layers to prove them by. */
  readonly proofLayers: number;
}

/** Bytes of what a hash request, and each answer to it, says before any hashes. */
export const HASH_REQUEST_BODY_LENGTH = 48;

/**
 * Asks for hashes of a file's tree (BEP 52).
 * @throws {RangeError} if the root has not 32 bytes.
 */
export function encodeHashRequest(request: HashRequest): Uint8Array<ArrayBuffer> {
  return hashMessage(WIRE_MESSAGE.hashRequest, request, 0);
}

/**
 * Answers a hash request (BEP 52). `hashes`: those of the base layer, then the uncles up to the root, 32 bytes each.
 * @throws {RangeError} if the root has not 32 bytes.
 */
export function encodeHashes(request: HashRequest, hashes: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = hashMessage(WIRE_MESSAGE.hashes, request, hashes.length);
  bytes.set(hashes, 5 + HASH_REQUEST_BODY_LENGTH);
  return bytes;
}

/**
 * Says that a hash request will not be answered (BEP 52).
 * @throws {RangeError} if the root has not 32 bytes.
 */
export function encodeHashReject(request: HashRequest): Uint8Array<ArrayBuffer> {
  return hashMessage(WIRE_MESSAGE.hashReject, request, 0);
}

function hashMessage(id: number, request: HashRequest, more: number): Uint8Array<ArrayBuffer> {
  if (request.piecesRoot.length !== 32) throw new RangeError('The root of a file has 32 bytes');
  const bytes = message(id, HASH_REQUEST_BODY_LENGTH + more);
  bytes.set(request.piecesRoot, 5);
  writeUint32(bytes, 37, request.baseLayer);
  writeUint32(bytes, 41, request.index);
  writeUint32(bytes, 45, request.length);
  writeUint32(bytes, 49, request.proofLayers);
  return bytes;
}
