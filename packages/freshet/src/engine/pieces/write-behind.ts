import { LazyMap } from '../../protocol/lazy-collections.ts';
import type { Disk } from '../ports.ts';
import type { BufferPool } from './buffer-pool.ts';
import type { KeptBlocks } from './kept-blocks.ts';
import type { PartialPiece } from './partial-piece.ts';

export interface WriteBehindOptions {
  readonly pieceLength: number;
  readonly disk: Disk;
  readonly pool: BufferPool;
  readonly kept: KeptBlocks;
  /** On disk. The buffer is free again. */
  onWritten(piece: number, length: number): void;
  /** It could not be written, and is lost with its buffer. */
  onFailed(piece: number, error: Error): void;
}

/** Verified pieces on their way to the disk: each is one write, and is read from memory until it is there. */
export class WriteBehind {
  readonly #options: WriteBehindOptions;
  readonly #writing = new LazyMap<number, Uint8Array>();

  constructor(options: WriteBehindOptions) {
    this.#options = options;
  }

  /** How many there are. */
  get size(): number {
    return this.#writing.size;
  }

  pieces(): Iterable<number> {
    return this.#writing.keys();
  }

  has(piece: number): boolean {
    return this.#writing.has(piece);
  }

  /** Bytes of the piece, if it is on its way. */
  read(piece: number, begin: number, length: number): Uint8Array | undefined {
    const buffer = this.#writing.get(piece);
    if (buffer === undefined) return undefined;
    // A buffer of the pool goes back once it is written, and then changes: hence the copy.
    const end = begin + length;
    return this.#options.pool.isLent(buffer) ? buffer.subarray(begin, end) : buffer.slice(begin, end);
  }

  /** Writes the piece. Its buffer is released when that has ended. */
  write(partial: PartialPiece): void {
    const { disk, pool, kept, pieceLength } = this.#options;
    const { index: piece, buffer } = partial;
    this.#writing.set(piece, buffer);
    pool.writeBegun(buffer.length);
    // What is under way of an earlier, perhaps wrong, copy must not end after this.
    const earlier = kept.whenWritten(piece);
    const write = (): Promise<void> => disk.write(piece * pieceLength, [buffer]);
    (earlier === undefined ? write() : earlier.then(write)).then(
      () => {
        kept.forget(piece);
        this.#end(piece, buffer);
        this.#options.onWritten(piece, buffer.length);
      },
      (error: Error) => {
        this.#end(piece, buffer);
        this.#options.onFailed(piece, error);
      },
    );
  }

  #end(piece: number, buffer: Uint8Array): void {
    this.#writing.delete(piece);
    this.#options.pool.writeEnded(buffer.length);
    this.#options.pool.release(buffer);
  }
}
