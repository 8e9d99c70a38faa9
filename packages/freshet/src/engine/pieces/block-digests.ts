import { equalBytes, HASH_LENGTH } from '../../protocol/index.ts';

const TAKEN = 1;
const RIGHT = 2;

/** SHA-256 of the received blocks of one piece (BEP 52), and which of them are those that they should be. */
export class BlockDigests {
  /** 32 bytes for each block of the file in the piece; meaningless where none is taken. */
  readonly bytes: Uint8Array;
  readonly #state: Uint8Array;
  readonly count: number;
  /** Blocks whose digest is here, right ones included. */
  taken = 0;
  right = 0;

  constructor(count: number) {
    this.count = count;
    this.bytes = new Uint8Array(count * HASH_LENGTH);
    this.#state = new Uint8Array(count);
  }

  get complete(): boolean {
    return this.taken === this.count;
  }

  has(block: number): boolean {
    return this.#state[block] !== 0;
  }

  isRight(block: number): boolean {
    return this.#state[block] === RIGHT;
  }

  set(block: number, digest: Uint8Array): void {
    if (this.#state[block] !== 0) return;
    this.#state[block] = TAKEN;
    this.taken++;
    this.bytes.set(digest, block * HASH_LENGTH);
  }

  /** Compares with what the digest should be. A right one is marked. */
  matches(block: number, leaf: Uint8Array): boolean {
    if (this.#state[block] === RIGHT) return true;
    const at = block * HASH_LENGTH;
    if (!equalBytes(this.bytes.subarray(at, at + HASH_LENGTH), leaf)) return false;
    this.#state[block] = RIGHT;
    this.right++;
    return true;
  }

  /** The block is received no longer. */
  clear(block: number): void {
    if (this.#state[block] === 0) return;
    if (this.#state[block] === RIGHT) this.right--;
    this.#state[block] = 0;
    this.taken--;
  }
}
