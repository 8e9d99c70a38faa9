/** Blocks of unfinished pieces that lie on the disk at their place, unverified, for when the piece is taken up again. */

import { BLOCK_LENGTH, type Info } from '../../protocol/index.ts';
import { LazyMap, LazySet } from '../../protocol/lazy-collections.ts';
import type { Disk } from '../ports.ts';
import { type PartialPiece, RECEIVED } from './partial-piece.ts';

/** Stands for the disk where a block's sender is named. Nobody is banned for what it brings. */
export const DISK_SOURCE = -1;

/** Most that is read or written at a time; it is copied, as the piece's buffer may be taken away meanwhile. */
const RUN_LENGTH = 16 * BLOCK_LENGTH;
const NOBODY_SEEN: ReadonlySet<PartialPiece> = new Set();

/** For each piece which of its blocks are stored: the high bit of the first byte stands for block 0. */
export type KeptPieces = ReadonlyMap<number, Uint8Array>;

/** What is kept, with all blocks of pieces that are stored as a whole and could not be verified yet. */
export function keepAll(
  kept: KeptPieces | undefined,
  pieces: readonly number[],
  info: Pick<Info, 'dataLength'>,
): KeptPieces | undefined {
  if (pieces.length === 0) return kept;
  const all = new Map(kept);
  for (const piece of pieces) {
    all.set(piece, new Uint8Array(Math.ceil(info.dataLength(piece) / BLOCK_LENGTH / 8)).fill(0xff));
  }
  return all;
}

export class KeptBlocks {
  readonly #disk: Disk;
  readonly #pieceLength: number;
  readonly #stored = new LazyMap<number, Uint8Array>();
  readonly #writing = new LazyMap<number, Promise<void>>();
  /** Pieces that were forgotten while they were being written. */
  readonly #dropped = new LazySet<number>();
  /** Pieces that were in progress at the last sweep. */
  #seen: ReadonlySet<PartialPiece> = NOBODY_SEEN;

  constructor(disk: Disk, pieceLength: number, kept: KeptPieces = new Map()) {
    this.#disk = disk;
    this.#pieceLength = pieceLength;
    for (const [piece, blocks] of kept) this.#stored.set(piece, blocks.slice());
  }

  get pieces(): Iterable<number> {
    return this.#stored.keys();
  }

  get size(): number {
    return this.#stored.size;
  }

  has(piece: number): boolean {
    return this.#stored.has(piece);
  }

  /** A copy, to be remembered. */
  snapshot(): Map<number, Uint8Array> {
    return new Map([...this.#stored].map(([piece, blocks]) => [piece, blocks.slice()]));
  }

  /** The piece is complete, or what is stored of it is not worth keeping. */
  forget(piece: number): void {
    this.#stored.delete(piece);
    if (this.#writing.has(piece)) this.#dropped.add(piece);
  }

  /** Resolves when nothing of the piece is being written; `undefined` when nothing is. */
  whenWritten(piece: number): Promise<void> | undefined {
    return this.#writing.get(piece);
  }

  /**
   * Writes the blocks of these pieces that are received and not stored yet. With `sweep`, only of pieces that were in
   * progress at the last sweep already: a piece that is about to be complete is written once, as a whole. Resolves with
   * whether there was something to write; rejects with the disk's fault, and what was written until then counts.
   */
  async store(partials: Iterable<PartialPiece>, sweep: boolean): Promise<boolean> {
    const now = new Set(partials);
    const due = sweep ? [...now].filter((partial) => this.#seen.has(partial)) : [...now];
    this.#seen = now;
    // All in this turn: afterwards a buffer may be another piece's.
    const writes = due.flatMap((partial) => this.#storePiece(partial) ?? []);
    await Promise.all(writes);
    return writes.length > 0;
  }

  #storePiece(partial: PartialPiece): Promise<void> | undefined {
    const piece = partial.index;
    const blocks = this.#stored.get(piece)?.slice() ?? new Uint8Array(Math.ceil(partial.blockCount / 8));
    const runs: { readonly offset: number; readonly bytes: Uint8Array }[] = [];
    for (const { first, end } of runsOf(partial, (block) => {
      return partial.state(block) === RECEIVED && !hasBit(blocks, block);
    })) {
      for (let block = first; block < end; block++) setBit(blocks, block);
      const [begin, stop] = [first * BLOCK_LENGTH, Math.min(end * BLOCK_LENGTH, partial.length)];
      runs.push({ offset: piece * this.#pieceLength + begin, bytes: partial.buffer.slice(begin, stop) });
    }
    if (runs.length === 0) return undefined;
    const write = async (): Promise<void> => {
      await this.#writing.get(piece)?.catch(() => {});
      for (const { offset, bytes } of runs) await this.#disk.write(offset, [bytes]);
      // The piece may have become complete meanwhile, or failed.
      if (!this.#dropped.has(piece)) this.#stored.set(piece, blocks);
    };
    const writing = write();
    const tracked = writing.then(
      () => {},
      () => {},
    );
    this.#writing.set(piece, tracked);
    void tracked.then(() => {
      if (this.#writing.get(piece) !== tracked) return;
      this.#writing.delete(piece);
      this.#dropped.delete(piece);
    });
    return writing;
  }

  /**
   * Reads what is stored of a piece that was just begun. Its blocks count as asked for until they are there: `receive` is
   * called for each whose bytes are in the buffer, unless `isCurrent` says that the piece was given up.
   */
  async restore(
    partial: PartialPiece,
    isCurrent: () => boolean,
    receive: (block: number) => void,
  ): Promise<void> {
    const blocks = this.#stored.get(partial.index);
    if (blocks === undefined) return;
    const runs = [...runsOf(partial, (block) => hasBit(blocks, block))];
    for (const { first, end } of runs) {
      // Never late, so that nobody else is asked for them.
      for (let block = first; block < end; block++) partial.request(block, Number.POSITIVE_INFINITY);
    }
    await this.#writing.get(partial.index);
    for (const { first, end } of runs) {
      const begin = first * BLOCK_LENGTH;
      const bytes = new Uint8Array(Math.min(end * BLOCK_LENGTH, partial.length) - begin);
      const found = await this.#disk.read(partial.index * this.#pieceLength + begin, bytes).catch(() => 0);
      for (let block = first; block < end && isCurrent(); block++) {
        partial.unrequest(block);
        const at = (block - first) * BLOCK_LENGTH;
        const stop = at + partial.blockLength(block);
        if (stop > found) {
          clearBit(blocks, block);
          continue;
        }
        // A peer may have been faster, or be in the middle of it.
        const place = partial.claim(block, DISK_SOURCE);
        if (place === undefined) continue;
        place.set(bytes.subarray(at, stop));
        receive(block);
      }
    }
  }
}

/** Rows of blocks for which `take` holds, none longer than a run. */
function* runsOf(
  partial: PartialPiece,
  take: (block: number) => boolean,
): Generator<{ readonly first: number; readonly end: number }> {
  const most = RUN_LENGTH / BLOCK_LENGTH;
  for (let block = 0; block < partial.blockCount; block++) {
    if (!take(block)) continue;
    const first = block;
    while (block < partial.blockCount && block - first < most && take(block)) block++;
    yield { first, end: block };
    block--;
  }
}

function hasBit(bits: Uint8Array, index: number): boolean {
  return ((bits[index >> 3] ?? 0) & (0x80 >> (index & 7))) !== 0;
}

function setBit(bits: Uint8Array, index: number): void {
  bits[index >> 3] = (bits[index >> 3] ?? 0) | (0x80 >> (index & 7));
}

function clearBit(bits: Uint8Array, index: number): void {
  bits[index >> 3] = (bits[index >> 3] ?? 0) & ~(0x80 >> (index & 7));
}
