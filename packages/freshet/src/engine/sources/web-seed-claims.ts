import { BLOCK_LENGTH } from '../../protocol/index.ts';
import { LazyMap } from '../../protocol/lazy-collections.ts';
import type { PartialPiece } from '../pieces/partial-piece.ts';
import type { WebSeedHost } from './web-seed-host.ts';

interface ClaimedPiece {
  readonly partial: PartialPiece;
  /** 1 for blocks that are asked of this run. */
  readonly asked: Uint8Array;
}

/** Names one block of a piece in progress. */
export interface BlockPlace {
  readonly partial: PartialPiece;
  readonly block: number;
}

/** The blocks that one run has asked for and that are not there. */
export class RunClaims {
  readonly #host: WebSeedHost;
  readonly #source: number;
  readonly #pieces = new LazyMap<number, ClaimedPiece>();
  #left = 0;

  /** @param source the web seed's number among the sources. */
  constructor(host: WebSeedHost, source: number) {
    this.#host = host;
    this.#source = source;
  }

  get isEmpty(): boolean {
    return this.#left === 0;
  }

  /** Whether anything of it is wanted still. */
  get wanted(): boolean {
    const { picker } = this.#host.store;
    for (const [piece, { asked }] of this.#pieces) {
      if (asked.includes(1) && picker.priority(piece) > 0) return true;
    }
    return false;
  }

  asksFor(piece: number, block: number): boolean {
    return this.#pieces.get(piece)?.asked[block] === 1;
  }

  /** Whether blocks of the piece are still to come. */
  covers(piece: number): boolean {
    return this.#pieces.get(piece)?.asked.includes(1) ?? false;
  }

  coversAny(pieces: ReadonlyMap<number, unknown>): boolean {
    for (const piece of this.#pieces.keys()) if (pieces.has(piece) && this.covers(piece)) return true;
    return false;
  }

  /** The piece in progress of which blocks are asked for. */
  partialOf(piece: number): PartialPiece | undefined {
    return this.#pieces.get(piece)?.partial;
  }

  /**
   * Asks for the blocks of a piece from offset `from` of the torrent to `end` that `needs` says yes to. Returns false
   * when there is no memory for the piece.
   */
  claim(
    piece: number,
    range: { readonly from: number; readonly end: number },
    urgent: boolean,
    needs: (piece: number, block: number) => boolean,
  ): boolean {
    const { store, clock, info } = this.#host;
    if (!store.isMissing(piece)) return true;
    const wanted: number[] = [];
    const start = piece * info.pieceLength;
    const blocks = Math.ceil(info.dataLength(piece) / BLOCK_LENGTH);
    for (let block = 0; block < blocks; block++) {
      const at = start + block * BLOCK_LENGTH;
      if (at >= range.from && at < range.end && needs(piece, block)) wanted.push(block);
    }
    if (wanted.length === 0) return true;
    const partial = store.begin(piece, urgent);
    if (partial === undefined) return false;
    if (!partial.admits(this.#source)) return true;
    const claimed = { partial, asked: new Uint8Array(partial.blockCount) };
    const now = clock.now();
    for (const block of wanted) {
      partial.request(block, now);
      claimed.asked[block] = 1;
      this.#left++;
    }
    this.#pieces.set(piece, claimed);
    return true;
  }

  /** The block has come, or is not to come from here any more. */
  release(piece: number, block: number): void {
    const claimed = this.#pieces.get(piece);
    if (claimed === undefined || claimed.asked[block] !== 1) return;
    this.#unask(claimed, block);
    if (!claimed.asked.includes(1)) this.#pieces.delete(piece);
  }

  releasePiece(piece: number): void {
    const claimed = this.#pieces.get(piece);
    if (claimed === undefined) return;
    for (let block = 0; block < claimed.asked.length; block++) this.release(piece, block);
    this.#pieces.delete(piece);
  }

  /** Releases what lies behind an offset of the torrent. @param except a block that is arriving. */
  releaseFrom(offset: number, except: BlockPlace | undefined): void {
    const { pieceLength } = this.#host.info;
    for (const [piece, { partial, asked }] of [...this.#pieces]) {
      for (let block = 0; block < asked.length; block++) {
        if (except?.partial === partial && except.block === block) continue;
        if (piece * pieceLength + block * BLOCK_LENGTH >= offset) this.release(piece, block);
      }
    }
  }

  releaseAll(): void {
    for (const piece of [...this.#pieces.keys()]) this.releasePiece(piece);
  }

  /** Blocks before this offset of the torrent are not late: their turn is about to come. */
  touch(before: number, now: number): void {
    const { pieceLength } = this.#host.info;
    for (const [piece, { partial, asked }] of this.#pieces) {
      const blocks = Math.min(asked.length, Math.ceil((before - piece * pieceLength) / BLOCK_LENGTH));
      for (let block = 0; block < blocks; block++) if (asked[block] === 1) partial.touch(block, now);
    }
  }

  #unask(claimed: ClaimedPiece, block: number): void {
    claimed.asked[block] = 0;
    claimed.partial.unrequest(block);
    this.#left--;
  }
}
