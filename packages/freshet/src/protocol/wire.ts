/** Messages of the peer wire, read: a push decoder for BEP 3, BEP 6, the envelope of BEP 10, and BEP 52. */

import { readUint32 } from './bytes.ts';
import { ID_LENGTH, type InfoHash, type PeerId } from './ids.ts';
import { placeBytes } from './place-bytes.ts';
import {
  HANDSHAKE_LENGTH,
  HASH_REQUEST_BODY_LENGTH,
  PIECE_HEADER_LENGTH,
  PROTOCOL_NAME,
  RESERVED_BITS,
  WIRE_MESSAGE,
} from './wire-encode.ts';
import { dispatchFixed, FIXED_LENGTH, readHashRequest, SHA256_LENGTH } from './wire-fixed.ts';
import { WireError, type WireErrorCode, type WireHandler } from './wire-handler.ts';

export * from './wire-encode.ts';
export * from './wire-handler.ts';

export interface WireDecoderOptions {
  /** Longest message of a kind that has no limit of its own here, in bytes. Default 2 MiB. */
  readonly maxMessageLength?: number | undefined;
  /** Longest payload of a block. Default 128 KiB, what libtorrent accepts as a request too. */
  readonly maxBlockLength?: number | undefined;
  /** Longest payload of an extended message. Default 128 KiB: a metadata piece is 16 KiB, a PEX message less. */
  readonly maxExtendedLength?: number | undefined;
  /** Longest bitfield while the number of pieces is unknown. Default 256 KiB, or 2 million pieces. */
  readonly maxBitfieldLength?: number | undefined;
  /** Most hashes in one message of them. Default 576: the 512 that may be asked for at once, and their proof. */
  readonly maxHashes?: number | undefined;
  /** False if messages come without a handshake before them. Default true. */
  readonly expectHandshake?: boolean | undefined;
}

// What the decoder is in the middle of. Numbers, because this is read for every message.
const HANDSHAKE = 0;
const HEADER = 1;
const BLOCK = 2;
const BODY = 3;
const SKIP = 4;
const ENDED = 5;

/**
 * Turns chunks of bytes, split anywhere, into calls on a handler, synchronously.
 *
 * The payload of a block is copied once, from the chunk to the array that the handler gives. Headers that lie
 * whole in a chunk are read in place. A message is refused by its length before any of it is kept, so a peer
 * can claim no more memory than one bitfield, one extended message or one message of hashes.
 *
 * A handler may call `destroy()` from within any callback: no callback follows. It must not call `push`.
 */
export class WireDecoder {
  readonly #handler: WireHandler;
  readonly #maxMessageLength: number;
  readonly #maxBlockLength: number;
  readonly #maxExtendedLength: number;
  readonly #maxHashesLength: number;
  #maxBitfieldLength: number;

  #state: number;
  #pushing = false;

  /** Start of a header that did not lie whole in a chunk. */
  readonly #scratch: Uint8Array = new Uint8Array(HANDSHAKE_LENGTH);
  #scratchLength = 0;
  /** How many bytes from its start the header must have before it is worth another look. */
  #needed: number;

  /** The body that is arriving: its message id, length, how much is here, and where it goes. */
  #bodyId = 0;
  #bodyLength = 0;
  #bodyArrived = 0;
  #target: Uint8Array | undefined;
  #piece = 0;
  #begin = 0;

  constructor(handler: WireHandler, options: WireDecoderOptions = {}) {
    this.#handler = handler;
    this.#maxMessageLength = options.maxMessageLength ?? 2 * 1024 * 1024;
    this.#maxBlockLength = options.maxBlockLength ?? 128 * 1024;
    this.#maxExtendedLength = options.maxExtendedLength ?? 128 * 1024;
    this.#maxHashesLength = HASH_REQUEST_BODY_LENGTH + SHA256_LENGTH * (options.maxHashes ?? 576);
    this.#maxBitfieldLength = options.maxBitfieldLength ?? 256 * 1024;
    this.#state = (options.expectHandshake ?? true) ? HANDSHAKE : HEADER;
    this.#needed = this.#state === HANDSHAKE ? 1 : 4;
  }

  /** Lets bitfields be as long as `pieceCount` needs and no longer. */
  setPieceCount(pieceCount: number): void {
    this.#maxBitfieldLength = Math.ceil(pieceCount / 8);
  }

  /** True after `destroy()` or a protocol error: input is ignored. */
  get ended(): boolean {
    return this.#state === ENDED;
  }

  /** The header of a block has come, and nothing behind it yet. */
  get awaitsPayload(): boolean {
    return this.#state === BLOCK && this.#bodyArrived === 0;
  }

  /**
   * Skips the rest of the block whose payload is arriving, if one is: its place was given to someone else.
   * `onBlockEnd` is still called.
   */
  discardPayload(): void {
    if (this.#state === BLOCK) this.#target = undefined;
  }

  /** Ignores all input from here on, also the rest of the chunk that is being read. */
  destroy(): void {
    this.#state = ENDED;
    this.#target = undefined;
  }

  /**
   * Reads a chunk to its end. Nothing of the chunk is kept, so its buffer may be used again at once.
   * What a handler throws passes through, and the decoder is then destroyed.
   * @throws {Error} if called from within a callback.
   */
  push(chunk: Uint8Array): void {
    if (this.#state === ENDED) return;
    if (this.#pushing) throw new Error('WireDecoder.push was called from within a callback');
    this.#pushing = true;
    let finished = false;
    try {
      this.#read(chunk);
      finished = true;
    } finally {
      this.#pushing = false;
      if (!finished) this.destroy();
    }
  }

  #read(chunk: Uint8Array): void {
    const end = chunk.length;
    let at = 0;
    while (at < end) {
      switch (this.#state) {
        case HANDSHAKE:
        case HEADER:
          at = this.#readHeader(chunk, at);
          break;
        case BLOCK:
        case BODY:
          at = this.#readBody(chunk, at);
          break;
        case SKIP: {
          const length = Math.min(this.#bodyLength - this.#bodyArrived, end - at);
          at += length;
          this.#bodyArrived += length;
          if (this.#bodyArrived === this.#bodyLength) this.#expectHeader();
          break;
        }
        default:
          return;
      }
    }
  }

  /** Reads a header in place if it lies whole in the chunk, else through the scratch. Returns the new offset. */
  #readHeader(chunk: Uint8Array, at: number): number {
    if (this.#scratchLength === 0) {
      const used = this.#parse(chunk, at, chunk.length - at);
      if (used > 0 || this.#state === ENDED) return at + used;
    }
    // Not whole: `#needed` says how far the next look goes.
    const length = Math.min(this.#needed - this.#scratchLength, chunk.length - at);
    for (let i = 0; i < length; i++) this.#scratch[this.#scratchLength + i] = chunk[at + i]!;
    this.#scratchLength += length;
    if (this.#scratchLength === this.#needed && this.#parse(this.#scratch, 0, this.#scratchLength) > 0) {
      this.#scratchLength = 0;
    }
    return at + length;
  }

  /** Returns how many bytes were used; 0 if `#needed` bytes are needed first, or after an error. */
  #parse(bytes: Uint8Array, at: number, available: number): number {
    return this.#state === HANDSHAKE
      ? this.#parseHandshake(bytes, at, available)
      : this.#parseMessage(bytes, at, available);
  }

  #parseHandshake(bytes: Uint8Array, at: number, available: number): number {
    // Look at the name as soon as it begins to arrive: who speaks something else may never send 68 bytes.
    const seen = Math.min(available, PROTOCOL_NAME.length);
    for (let i = 0; i < seen; i++) {
      if (bytes[at + i] !== PROTOCOL_NAME[i]) {
        return this.#fail('BAD_HANDSHAKE', 'the peer does not speak the BitTorrent protocol');
      }
    }
    if (available < HANDSHAKE_LENGTH) {
      this.#needed = available < PROTOCOL_NAME.length ? available + 1 : HANDSHAKE_LENGTH;
      return 0;
    }
    const reserved = bytes.slice(at + 20, at + 28);
    const has = ([byte, bit]: readonly [number, number]): boolean => (reserved[byte]! & bit) !== 0;
    this.#expectHeader();
    this.#handler.onHandshake({
      infoHash: bytes.slice(at + 28, at + 28 + ID_LENGTH) as InfoHash,
      peerId: bytes.slice(at + 48, at + 48 + ID_LENGTH) as PeerId,
      reserved,
      extension: has(RESERVED_BITS.extension),
      fast: has(RESERVED_BITS.fast),
      dht: has(RESERVED_BITS.dht),
      v2: has(RESERVED_BITS.v2),
    });
    return HANDSHAKE_LENGTH;
  }

  #parseMessage(bytes: Uint8Array, at: number, available: number): number {
    if (available < 4) return this.#need(4);
    const length = readUint32(bytes, at);
    if (length === 0) {
      this.#needed = 4;
      this.#handler.onKeepAlive();
      return 4;
    }
    if (length > this.#maxMessageLength) {
      return this.#fail('TOO_LONG', `a message of ${length} bytes, more than ${this.#maxMessageLength}`);
    }
    if (available < 5) return this.#need(5);
    const id = bytes[at + 4]!;
    const bodyLength = length - 1;
    const fixed = FIXED_LENGTH[id]!;
    if (fixed >= 0) {
      if (bodyLength !== fixed) return this.#badLength(id, length);
      if (available < 5 + fixed) return this.#need(5 + fixed);
      this.#needed = 4;
      dispatchFixed(this.#handler, id, bytes, at + 5);
      return 5 + fixed;
    }
    switch (id) {
      case WIRE_MESSAGE.piece:
        return this.#startBlock(bytes, at, available, length);
      case WIRE_MESSAGE.bitfield:
        if (bodyLength > this.#maxBitfieldLength) return this.#tooLong('bitfield', bodyLength);
        this.#startBody(id, bodyLength);
        return 5;
      case WIRE_MESSAGE.extended:
        if (bodyLength < 1) return this.#badLength(id, length);
        if (bodyLength - 1 > this.#maxExtendedLength) return this.#tooLong('extended message', bodyLength);
        if (available < 6) return this.#need(6);
        this.#begin = bytes[at + 5]!;
        this.#startBody(id, bodyLength - 1);
        return 6;
      case WIRE_MESSAGE.hashes:
        if (
          bodyLength < HASH_REQUEST_BODY_LENGTH + SHA256_LENGTH ||
          (bodyLength - HASH_REQUEST_BODY_LENGTH) % SHA256_LENGTH !== 0
        ) {
          return this.#badLength(id, length);
        }
        if (bodyLength > this.#maxHashesLength) return this.#tooLong('message of hashes', bodyLength);
        this.#startBody(id, bodyLength);
        return 5;
      default:
        this.#bodyLength = bodyLength;
        this.#bodyArrived = 0;
        if (bodyLength > 0) this.#state = SKIP;
        this.#needed = 4;
        this.#handler.onUnknown(id, bodyLength);
        return 5;
    }
  }

  #startBlock(bytes: Uint8Array, at: number, available: number, length: number): number {
    const blockLength = length - (PIECE_HEADER_LENGTH - 4);
    // Nobody may ask for an empty block, so nobody may send one.
    if (blockLength < 1) return this.#badLength(WIRE_MESSAGE.piece, length);
    if (blockLength > this.#maxBlockLength) return this.#tooLong('block', blockLength);
    if (available < PIECE_HEADER_LENGTH) return this.#need(PIECE_HEADER_LENGTH);
    this.#piece = readUint32(bytes, at + 5);
    this.#begin = readUint32(bytes, at + 9);
    this.#bodyId = WIRE_MESSAGE.piece;
    this.#bodyLength = blockLength;
    this.#bodyArrived = 0;
    this.#state = BLOCK;
    const target = this.#handler.onBlockStart(this.#piece, this.#begin, blockLength);
    // The handler may have destroyed us meanwhile: then nothing may be left behind.
    if ((this.#state as number) !== ENDED) this.#target = target;
    return PIECE_HEADER_LENGTH;
  }

  #startBody(id: number, length: number): void {
    this.#bodyId = id;
    this.#bodyLength = length;
    this.#bodyArrived = 0;
    this.#target = new Uint8Array(length);
    this.#state = BODY;
    // An empty body is whole already, and no further byte need ever come.
    if (length === 0) this.#endBody();
  }

  #readBody(chunk: Uint8Array, at: number): number {
    const length = Math.min(this.#bodyLength - this.#bodyArrived, chunk.length - at);
    // The view is the only thing allocated for a block; a byte loop would cost ten times as much.
    if (this.#target !== undefined) {
      placeBytes(
        this.#target,
        this.#bodyArrived,
        length === chunk.length ? chunk : chunk.subarray(at, at + length),
      );
    }
    this.#bodyArrived += length;
    if (this.#bodyArrived === this.#bodyLength) this.#endBody();
    else if (this.#state === BLOCK) this.#handler.onBlockData?.(this.#bodyArrived);
    return at + length;
  }

  #endBody(): void {
    const target = this.#target;
    this.#expectHeader();
    switch (this.#bodyId) {
      case WIRE_MESSAGE.piece:
        this.#handler.onBlockEnd(this.#piece, this.#begin, this.#bodyLength);
        break;
      case WIRE_MESSAGE.bitfield:
        this.#handler.onBitfield(target!);
        break;
      case WIRE_MESSAGE.hashes:
        this.#handler.onHashes?.(readHashRequest(target!, 0), target!.subarray(HASH_REQUEST_BODY_LENGTH));
        break;
      default:
        this.#handler.onExtended(this.#begin, target!);
        break;
    }
  }

  #expectHeader(): void {
    this.#state = HEADER;
    this.#needed = 4;
    this.#target = undefined;
  }

  #need(length: number): 0 {
    this.#needed = length;
    return 0;
  }

  #badLength(id: number, length: number): 0 {
    return this.#fail('BAD_LENGTH', `a message of kind ${id} with the impossible length ${length}`);
  }

  #tooLong(what: string, length: number): 0 {
    return this.#fail('TOO_LONG', `a ${what} of ${length} bytes is longer than allowed`);
  }

  #fail(code: WireErrorCode, reason: string): 0 {
    this.destroy();
    this.#handler.onProtocolError(new WireError(code, reason));
    return 0;
  }
}
