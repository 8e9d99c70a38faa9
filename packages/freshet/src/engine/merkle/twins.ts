import { BLOCK_LENGTH } from '../../protocol/index.ts';
import { LazyMap } from '../../protocol/lazy-collections.ts';
import type { BlockSource } from '../pieces/block-source.ts';
import { DISK_SOURCE } from '../pieces/kept-blocks.ts';
import { FREE, type PartialPiece } from '../pieces/partial-piece.ts';
import type { PieceStore } from '../pieces/piece-store.ts';
import type { MerkleStore } from './merkle-store.ts';

export interface TwinsOptions {
  readonly hashes: MerkleStore;
  readonly store: PieceStore;
  /** Clock milliseconds. */
  now(): number;
}

/** Bytes that are read at a time. */
const RUN = 16 * BLOCK_LENGTH;
/** Pieces of one content from which on not all are looked at when one more is verified. */
const MANY = 64;
const DISK: BlockSource = { id: DISK_SOURCE, cancelBlock() {}, dropPiece() {}, ban() {} };

/**
 * Files of the same content, which v2 knows by their roots (BEP 52): as soon as a piece of one is there, that of the
 * others is copied from it instead of downloaded, and verified like any other.
 */
export class Twins {
  readonly #hashes: MerkleStore;
  readonly #store: PieceStore;
  readonly #now: () => number;
  /** Pieces to be filled, and the verified ones to fill them from. */
  readonly #queue = new LazyMap<number, number>();
  #running = false;
  #closed = false;

  constructor(options: TwinsOptions) {
    this.#hashes = options.hashes;
    this.#store = options.store;
    this.#now = () => options.now();
  }

  /** The piece is verified. */
  onVerified(piece: number): void {
    const { verified } = this.#store;
    this.#queue.delete(piece);
    // Whether there are any takes its time to find out when there are many files.
    if (verified.isFull || !this.#hashes.hasTwins) return;
    const twins = this.#hashes.twinsOf(piece);
    // Thousands of empty pages need not be looked at thousands of times each: the first one did it for all.
    const isTold = twins.length > MANY && twins.some((twin) => twin !== piece && verified.get(twin));
    if (!isTold) for (const twin of twins) if (this.#wants(twin)) this.#queue.set(twin, piece);
    this.run();
  }

  /** Looks at all of them, as when others are wanted than before. */
  update(): void {
    const { verified } = this.#store;
    if (verified.isFull || verified.isEmpty || !this.#hashes.hasTwins) return;
    for (const pieces of this.#hashes.twins()) {
      const source = pieces.find((piece) => verified.get(piece));
      if (source === undefined) continue;
      for (const piece of pieces) if (this.#wants(piece)) this.#queue.set(piece, source);
    }
    this.run();
  }

  /** Goes on, as when there is memory again. */
  run(): void {
    if (this.#running || this.#queue.size === 0 || this.#closed) return;
    this.#running = true;
    // Not from within whatever has told of the piece.
    void Promise.resolve().then(async () => {
      for (const [piece, source] of this.#queue) {
        if (this.#closed) break;
        if (this.#wants(piece) && this.#store.verified.get(source)) {
          const partial = this.#store.begin(piece, false);
          // There will be memory again, and then it goes on.
          if (partial === undefined) break;
          await this.#copy(source, partial);
        }
        this.#queue.delete(piece);
      }
      this.#running = false;
    });
  }

  close(): void {
    this.#closed = true;
    this.#queue.clear();
  }

  #wants(piece: number): boolean {
    return this.#store.isMissing(piece) && this.#store.picker.priority(piece) > 0;
  }

  async #copy(source: number, partial: PartialPiece): Promise<void> {
    const { index, blockCount } = partial;
    const isCurrent = (): boolean => !this.#closed && this.#store.partials.get(index) === partial;
    const asked: number[] = [];
    for (let block = 0; block < blockCount; block++) {
      if (partial.state(block) !== FREE) continue;
      partial.request(block, this.#now());
      asked.push(block);
    }
    const own = new Set(asked);
    const release = (block: number): void => {
      if (own.delete(block)) partial.unrequest(block);
    };
    for (let begin = 0; begin < partial.length && isCurrent(); begin += RUN) {
      const run = await this.#read(source, begin, Math.min(RUN, partial.length - begin));
      if (run === undefined) break;
      for (let at = 0; at < run.length && isCurrent(); at += BLOCK_LENGTH) {
        const block = (begin + at) / BLOCK_LENGTH;
        release(block);
        // A peer may have been faster, or be in the middle of it.
        const place = partial.claim(block, DISK_SOURCE);
        if (place === undefined) continue;
        place.set(run.subarray(at, at + place.length));
        this.#store.receive(partial, block, DISK);
      }
    }
    for (const block of own) if (isCurrent()) partial.unrequest(block);
  }

  /** `undefined` when the bytes are not there any more. */
  #read(piece: number, begin: number, length: number): Promise<Uint8Array | undefined> {
    return new Promise((resolve) => {
      const attempt = (): void => {
        if (this.#closed || !this.#store.verified.get(piece)) {
          resolve(undefined);
          return;
        }
        const views = this.#store.read(piece, begin, length, attempt);
        if (views === undefined) return;
        if (views instanceof Error) {
          resolve(undefined);
          return;
        }
        const bytes = new Uint8Array(length);
        let at = 0;
        for (const view of views) {
          bytes.set(view, at);
          at += view.length;
        }
        resolve(bytes);
      };
      attempt();
    });
  }
}
