/** What the decoder of the peer wire hands over: the handler's interface, the handshake, the error. */

import type { InfoHash, PeerId } from './ids.ts';
import type { HandshakeFlags, HashRequest } from './wire-encode.ts';

/** A peer's opening words (BEP 3). The arrays are copies that belong to the receiver. */
export interface Handshake extends HandshakeFlags {
  readonly infoHash: InfoHash;
  readonly peerId: PeerId;
  /** The 8 reserved bytes as they came. */
  readonly reserved: Uint8Array;
}

export type WireErrorCode =
  /** The first bytes are not those of a BitTorrent handshake. */
  | 'BAD_HANDSHAKE'
  /** A message longer than the limit for its kind. */
  | 'TOO_LONG'
  /** A message whose length does not fit its kind. */
  | 'BAD_LENGTH';

/** The peer broke the protocol; nothing that it sends from here on can be understood. */
export class WireError extends Error {
  override readonly name: string = 'WireError';
  readonly code: WireErrorCode;

  constructor(code: WireErrorCode, reason: string) {
    super(reason);
    this.code = code;
  }
}

/** Receives what the decoder reads. All calls are made from within `push`, in the order of the wire. */
export interface WireHandler {
  onHandshake(handshake: Handshake): void;
  onKeepAlive(): void;
  onChoke(): void;
  onUnchoke(): void;
  onInterested(): void;
  onNotInterested(): void;
  onHave(piece: number): void;
  /** `bits` is a copy that belongs to the receiver; its length is the peer's, to be checked. */
  onBitfield(bits: Uint8Array): void;
  onRequest(piece: number, begin: number, length: number): void;
  onCancel(piece: number, begin: number, length: number): void;
  onReject(piece: number, begin: number, length: number): void;
  onHaveAll(): void;
  onHaveNone(): void;
  onSuggest(piece: number): void;
  onAllowedFast(piece: number): void;
  onPort(port: number): void;
  /** `payload` is a copy that belongs to the receiver. */
  onExtended(id: number, payload: Uint8Array): void;
  /**
   * The peer wants hashes of a file's tree (BEP 52). Its fields are the peer's, to be checked. Who speaks version 1
   * only has none of these three.
   */
  onHashRequest?(request: HashRequest): void;
  /** `hashes` is a copy that belongs to the receiver, a multiple of 32 bytes and at least one hash. */
  onHashes?(request: HashRequest, hashes: Uint8Array): void;
  /** The peer does not answer a hash request. */
  onHashReject?(request: HashRequest): void;
  /** A message of a kind we do not know; `length` bytes of it are skipped, its id not counted. */
  onUnknown(id: number, length: number): void;
  /**
   * A block begins. Returns where to put its `length` bytes, an array at least that long, or `undefined` to
   * skip them.
   */
  onBlockStart(piece: number, begin: number, length: number): Uint8Array | undefined;
  /** Part of a block has arrived: `arrived` bytes of it so far. Not called when the block is whole. */
  onBlockData?(arrived: number): void;
  /** All bytes of the block are in the array that `onBlockStart` gave, or skipped. */
  onBlockEnd(piece: number, begin: number, length: number): void;
  /** Called at most once; all input after it is ignored. */
  onProtocolError(error: WireError): void;
}
