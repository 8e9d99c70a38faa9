import { BLOCK_LENGTH } from '../../protocol/index.ts';
import type { PrefixHash } from '../ports.ts';

/** Life of one block of a piece in progress. */
export const FREE = 0;
export const REQUESTED = 1;
export const RECEIVED = 2;

/**
 * One piece in progress: its buffer, which blocks are asked for and from how many, who sent what. The buffer is
 * filled directly from the links; the hash advances over the received prefix while the rest downloads.
 */
export class PartialPiece {
  readonly index: number;
  readonly length: number;
  readonly blockCount: number;
  readonly buffer: Uint8Array;
  readonly hash: PrefixHash;
  readonly #state: Uint8Array;
  /** Sources that are asked for the block right now. */
  readonly #requesters: Uint8Array;
  /** Source that sent a received block, or whose payload is arriving; 0 for none. */
  readonly #sender: Int32Array;
  readonly #requestedAt: Float64Array;
  freeBlocks: number;
  receivedBlocks = 0;
  receivedBytes = 0;
  /** No block before this one is free. */
  #freeHint = 0;
  /** All blocks before this one are received. */
  #prefix = 0;

  constructor(index: number, buffer: Uint8Array, hash: PrefixHash) {
    this.index = index;
    this.length = buffer.length;
    this.blockCount = Math.ceil(buffer.length / BLOCK_LENGTH);
    this.buffer = buffer;
    this.hash = hash;
    this.freeBlocks = this.blockCount;
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

  get complete(): boolean {
    return this.receivedBlocks === this.blockCount;
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

  /** A source is asked for the block, which must not be received. */
  request(block: number, now: number): void {
    if (this.#state[block] === FREE) {
      this.#state[block] = REQUESTED;
      this.freeBlocks--;
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
      this.freeBlocks++;
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
    if (state === FREE) this.freeBlocks--;
    this.#state[block] = RECEIVED;
    this.#sender[block] = source;
    this.receivedBlocks++;
    this.receivedBytes += this.blockLength(block);
    if (block === this.#prefix) {
      let prefix = this.#prefix + 1;
      while (prefix < this.blockCount && this.#state[prefix] === RECEIVED) prefix++;
      this.#prefix = prefix;
      this.hash.advance(Math.min(prefix * BLOCK_LENGTH, this.length));
    }
    return true;
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
}
