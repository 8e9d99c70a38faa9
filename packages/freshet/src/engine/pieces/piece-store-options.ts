import type { Bitfield, Info } from '../../protocol/index.ts';
import type { Disk, Hasher } from '../ports.ts';
import type { BufferPool } from './buffer-pool.ts';
import type { KeptPieces } from './kept-blocks.ts';
import type { PiecePicker } from './picker.ts';
import type { ReadCache } from './read-cache.ts';
import type { PieceHashes } from './verification.ts';

/** What a torrent hears of its pieces. */
export interface PieceStoreEvents {
  /** Hash right; readable from now on. @param leaves with v2: the hashes of its blocks. */
  onVerified(piece: number, leaves?: Uint8Array): void;
  /** On disk. */
  onStored(piece: number): void;
  /** @param received bytes of it that somebody has sent; none when all of it was stored from before. */
  onHashFailed(piece: number, received: number): void;
  /** A piece that was verified could not be written; it is open again. */
  onWriteError(error: Error): void;
  /** There is memory again for pieces that could not be begun. */
  onRoom(): void;
  /** A piece is in progress that was not. */
  onBegun?(): void;
  /** v2: blocks of a piece in progress are right, and readable from now on. */
  onRightBlocks?(piece: number): void;
  /** v2: a block was wrong. @param received its length if somebody has sent it, 0 when it was stored from before. */
  onBlockRefused?(piece: number, received: number): void;
  /** By one version of a hybrid torrent the piece is right and by the other it is wrong. */
  onInconsistent?(piece: number): void;
  /** v2: has the hashes of the piece's blocks asked for. Returns whether anybody may answer. */
  seekLeaves?(piece: number): boolean;
}

/** What a piece store needs: what all torrents share, and what is this torrent's own. */
export interface PieceStoreOptions {
  readonly info: Info;
  readonly verified: Bitfield;
  /** Makes a picker that knows of no verified pieces; asked for one when a piece is missing. */
  readonly picker: () => PiecePicker;
  readonly disk: Disk;
  readonly hasher: Hasher;
  readonly pool: BufferPool;
  readonly cache: ReadCache;
  readonly kept?: KeptPieces | undefined;
  /** With v2: what is known of the files' trees. */
  readonly hashes?: PieceHashes | undefined;
  readonly events: PieceStoreEvents;
}
