import { type Bitfield, BLOCK_LENGTH } from '../../protocol/index.ts';
import type { PrefixHash } from '../ports.ts';
import type { BlockDigests } from './block-digests.ts';

/** Life of one block of a piece in progress. */
export const FREE = 0;
export const REQUESTED = 1;
export const RECEIVED = 2;

/** What a piece in progress is verified by, besides its buffer. */
export interface PartialPieceOptions {
  /** Bytes before the padding at the end of the piece, which nobody is asked for; the whole buffer unless told. */
  readonly length?: number | undefined;
  /** v2 (BEP 52): the hashes of the blocks. */
  readonly digests?: BlockDigests | undefined;
  /** One source at a time: an earlier copy was wrong, and whoever sends all of the next one answers for it. */
  readonly sole?: boolean | undefined;
  /** v1: a fresh hash of the buffer, for when one has seen a block that is taken back. */
  readonly rehash?: (() => PrefixHash) | undefined;
}

/**
 * One piece in progress: its buffer, which blocks are asked for and from how many, who sent what. The buffer is
 * filled directly from the links; the hash advances over the received prefix while the rest downloads.
 */
export class PartialPiece {
  readonly index: number;
  /** Bytes that are asked for. What follows them in the buffer is padding, and zero. */
  readonly length: number;
  readonly blockCount: number;
  readonly buffer: Uint8Array;
  readonly digests: BlockDigests | undefined;
  /** Digests that are being computed of bytes in the buffer. */
  digesting = 0;
  /** v1: the hash of all of it, padding included. */
  #hash: PrefixHash | undefined;
  readonly #rehash: (() => PrefixHash) | undefined;
  readonly #sole: boolean;
  /** The only source that may be asked, 0 for anyone. */
  #holder = 0;
  readonly #state: Uint8Array;
  /** Sources that are asked for the block right now. */
  readonly #requesters: Uint8Array;
  /** Source that sent a received block, or whose payload is arriving; 0 for none. */
  readonly #sender: Int32Array;
  readonly #requestedAt: Float64Array;
  /** Holds the piece while it has free blocks. */
  readonly #unasked: Bitfield | undefined;
  freeBlocks: number;
  receivedBlocks = 0;
  receivedBytes = 0;
  /** No block before this one is free. */
  #freeHint = 0;
  /** All blocks before this one are received. */
  #prefix = 0;

  constructor(
    index: number,
    buffer: Uint8Array,
    hash: PrefixHash | undefined,
    unasked?: Bitfield,
    options: PartialPieceOptions = {},
  ) {
    this.index = index;
    this.length = options.length ?? buffer.length;
    this.blockCount = Math.ceil(this.length / BLOCK_LENGTH);
    this.buffer = buffer;
    this.digests = options.digests;
    this.#sole = options.sole ?? false;
    this.#hash = hash;
    this.#rehash = options.rehash;
    this.freeBlocks = this.blockCount;
    this.#unasked = unasked;
    unasked?.set(index);
    this.#state = new Uint8Array(this.blockCount);
    this.#requesters = new Uint8Array(this.blockCount);
    this.#sender = new Int32Array(this.blockCount);
    this.#requestedAt = new Float64Array(this.blockCount);
  }

  /** Nobody is asked for any of it, and nothing of it is arriving. */
  get idle(): boolean {
    if (this.freeBlocks + this.receivedBlocks < this.blockCount) return false;
    for (let block = 0; block < this.blockCount; block++) if (this.claimedBy(block) !== 0) return false;
    return true;
  }

  /** Only one source at a time is asked, and answers for all of it. */
  get sole(): boolean {
    return this.#sole;
  }

  get complete(): boolean {
    return this.receivedBlocks === this.blockCount;
  }

  /** v1: the hash of the piece. */
  get hash(): PrefixHash | undefined {
    return this.#hash;
  }

  /** Hashes anew from the front: the hash has been finished, or has seen what is not there any more. */
  restartHash(): void {
    this.#hash = this.#rehash?.();
    this.#advance(0);
  }

  /** Whether the source may be asked for blocks of the piece. The first one that is asked for a `sole` piece has it. */
  admits(source: number): boolean {
    if (!this.#sole || this.#holder === source) return true;
    // Whoever has it and is asked for nothing any more has given it up, or is gone.
    if (!this.idle || this.digesting > 0 || this.complete) return false;
    this.#holder = source;
    for (let block = 0; block < this.blockCount; block++) {
      // All of the piece is to come from one, unless a block is known to be right.
      if (this.digests?.isRight(block) !== true) this.refuse(block);
    }
    return true;
  }

  /** Bytes from `begin` on whose blocks are right, before the piece is complete. */
  rightFrom(begin: number): number {
    const { digests } = this;
    if (digests === undefined || digests.right === 0) return 0;
    let block = Math.floor(begin / BLOCK_LENGTH);
    while (block < this.blockCount && digests.isRight(block)) block++;
    return Math.max(0, Math.min(block * BLOCK_LENGTH, this.length) - begin);
  }

  blockLength(block: number): number {
    return block === this.blockCount - 1 ? this.length - block * BLOCK_LENGTH : BLOCK_LENGTH;
  }

  state(block: number): number {
    return this.#state[block]!;
  }

  requesters(block: number): number {
    return this.#requesters[block]!;
  }

  requestedAt(block: number): number {
    return this.#requestedAt[block]!;
  }

  senderOf(block: number): number {
    return this.#sender[block]!;
  }

  /** The first free block, or -1. */
  firstFree(): number {
    if (this.freeBlocks === 0) return -1;
    let block = this.#freeHint;
    while (this.#state[block] !== FREE) block++;
    this.#freeHint = block;
    return block;
  }

  /** The first free block from this one on, or -1. */
  nextFree(from: number): number {
    if (this.freeBlocks === 0) return -1;
    return this.#state.indexOf(FREE, Math.max(from, this.#freeHint));
  }

  /** A source is asked for the block, which must not be received. */
  request(block: number, now: number): void {
    if (this.#state[block] === FREE) {
      this.#state[block] = REQUESTED;
      this.#take();
    }
    this.#requesters[block] = this.#requesters[block]! + 1;
    this.#requestedAt[block] = now;
  }

  /** A source that is asked for the block is about to send it: its lateness counts from now. */
  touch(block: number, now: number): void {
    this.#requestedAt[block] = now;
  }

  /** A source is no longer asked. The block is free again when it was the last one. */
  unrequest(block: number): void {
    const left = this.#requesters[block]! - 1;
    this.#requesters[block] = left;
    if (left === 0 && this.#state[block] === REQUESTED) {
      this.#state[block] = FREE;
      if (this.freeBlocks++ === 0) this.#unasked?.set(this.index);
      if (block < this.#freeHint) this.#freeHint = block;
    }
  }

  /**
   * Claims the place of a block for a source whose payload begins to arrive: where to copy it, or `undefined`
   * when the block is received or another source's payload is arriving there.
   */
  claim(block: number, source: number): Uint8Array | undefined {
    if (this.#state[block] === RECEIVED || this.#sender[block] !== 0) return undefined;
    this.#sender[block] = source;
    const begin = block * BLOCK_LENGTH;
    return this.buffer.subarray(begin, begin + this.blockLength(block));
  }

  /** The payload of a claimed block will not come to its end. */
  unclaim(block: number, source: number): void {
    if (this.#state[block] !== RECEIVED && this.#sender[block] === source) this.#sender[block] = 0;
  }

  /** The source whose payload is arriving in the block's place, 0 for none. */
  claimedBy(block: number): number {
    return this.#state[block] === RECEIVED ? 0 : this.#sender[block]!;
  }

  /** All bytes of the block are in the buffer. Returns false when it was received before. */
  receive(block: number, source: number): boolean {
    const state = this.#state[block]!;
    if (state === RECEIVED) return false;
    if (state === FREE) this.#take();
    this.#state[block] = RECEIVED;
    this.#sender[block] = source;
    this.receivedBlocks++;
    this.receivedBytes += this.blockLength(block);
    if (block === this.#prefix) this.#advance(block + 1);
    return true;
  }

  /** A received block is not taken after all: it is free again. */
  refuse(block: number): void {
    if (this.#state[block] !== RECEIVED) return;
    const asked = this.#requesters[block]! > 0;
    this.#state[block] = asked ? REQUESTED : FREE;
    this.#sender[block] = 0;
    this.digests?.clear(block);
    this.receivedBlocks--;
    this.receivedBytes -= this.blockLength(block);
    if (!asked && this.freeBlocks++ === 0) this.#unasked?.set(this.index);
    if (block < this.#freeHint) this.#freeHint = block;
    if (block < this.#prefix) this.restartHash();
  }

  /** All blocks before `from` are received. */
  #advance(from: number): void {
    let prefix = from;
    while (prefix < this.blockCount && this.#state[prefix] === RECEIVED) prefix++;
    this.#prefix = prefix;
    if (prefix === 0 || this.#hash === undefined) return;
    this.#hash.advance(prefix === this.blockCount ? this.buffer.length : prefix * BLOCK_LENGTH);
  }

  /** The sources of the received blocks, each once. */
  senders(): Set<number> {
    const senders = new Set<number>();
    for (let block = 0; block < this.blockCount; block++) {
      if (this.#state[block] === RECEIVED) senders.add(this.#sender[block]!);
    }
    return senders;
  }

  /** Sender of each block, for blame after a failed hash. */
  sendersByBlock(): Int32Array {
    return this.#sender.slice();
  }

  /** A block is free no longer. */
  #take(): void {
    if (--this.freeBlocks === 0) this.#unasked?.unset(this.index);
  }
}
