/** Which bytes of a torrent a disk has, as one bit for each 16 KiB, the unit in which engines write. */

import { BLOCK_LENGTH } from 'freshet/protocol';

export class WrittenRanges {
  readonly #length: number;
  readonly #blocks: number;
  readonly #bits: Uint8Array;

  /** @param length of the torrent. */
  constructor(length: number) {
    this.#length = length;
    this.#blocks = Math.ceil(length / BLOCK_LENGTH);
    this.#bits = new Uint8Array(Math.ceil(this.#blocks / 8));
  }

  /** One more than the highest byte that is there. */
  get size(): number {
    let block = this.#blocks;
    while (block > 0 && !this.#has(block - 1)) block--;
    return Math.min(this.#length, block * BLOCK_LENGTH);
  }

  /** Returns false, with nothing added, when the range is not of whole blocks. */
  add(offset: number, length: number): boolean {
    const end = offset + length;
    if (offset % BLOCK_LENGTH !== 0 || end > this.#length) return false;
    if (end % BLOCK_LENGTH !== 0 && end !== this.#length) return false;
    const last = Math.ceil(end / BLOCK_LENGTH);
    for (let block = offset / BLOCK_LENGTH; block < last; block++)
      this.#bits[block >> 3]! |= 1 << (block & 7);
    return true;
  }

  /** Bytes from `offset` on that are there without a gap, `length` at most. */
  prefix(offset: number, length: number): number {
    const end = Math.min(offset + length, this.#length);
    let block = Math.floor(offset / BLOCK_LENGTH);
    while (block * BLOCK_LENGTH < end && this.#has(block)) block++;
    return Math.max(0, Math.min(end, block * BLOCK_LENGTH) - offset);
  }

  clear(): void {
    this.#bits.fill(0);
  }

  #has(block: number): boolean {
    return (this.#bits[block >> 3]! & (1 << (block & 7))) !== 0;
  }
}
