/**
 * Numbers that must not be mixed up. A branded number is a plain number at run time and may be passed
 * wherever a `number` is wanted; only the way back needs a constructor.
 */

declare const unit: unique symbol;

/** A number that counts or names something of one kind only. */
export type Unit<Name extends string> = number & { readonly [unit]: Name };

/** Index of a piece within a torrent, from 0. */
export type PieceIndex = Unit<'PieceIndex'>;
/** Index of a block within its piece, from 0. */
export type BlockIndex = Unit<'BlockIndex'>;
/** Offset in bytes from the start of the torrent's linear address space. */
export type ByteOffset = Unit<'ByteOffset'>;

export function pieceIndex(value: number): PieceIndex {
  return value as PieceIndex;
}

export function blockIndex(value: number): BlockIndex {
  return value as BlockIndex;
}

export function byteOffset(value: number): ByteOffset {
  return value as ByteOffset;
}

/** Bytes in a block, the unit of a request. All clients use 16 KiB and many refuse more (BEP 3). */
export const BLOCK_LENGTH = 16384;
