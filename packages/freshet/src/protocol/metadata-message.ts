/** Messages by which peers exchange a torrent's info dictionary (ut_metadata, BEP 9). */

import { dictNumber, encode } from './bencode.ts';
import { concatBytes } from './bytes.ts';
import { decodeDict } from './extension.ts';

/** Bytes in a piece of metadata; only the last one is shorter. */
export const METADATA_PIECE_LENGTH = 16384;

export type MetadataMessage =
  | { readonly type: 'request'; readonly piece: number }
  | {
      readonly type: 'data';
      readonly piece: number;
      /** Bytes of the whole info dictionary. */
      readonly totalSize: number;
      /** When decoded, a view of the payload. */
      readonly data: Uint8Array;
    }
  | { readonly type: 'reject'; readonly piece: number };

export function encodeMetadataMessage(message: MetadataMessage): Uint8Array<ArrayBuffer> {
  switch (message.type) {
    case 'request':
      return encode({ msg_type: 0, piece: message.piece });
    case 'data':
      return concatBytes([
        encode({ msg_type: 1, piece: message.piece, total_size: message.totalSize }),
        message.data,
      ]);
    case 'reject':
      return encode({ msg_type: 2, piece: message.piece });
  }
}

/** Number of pieces that `size` bytes of metadata make. */
export function metadataPieceCount(size: number): number {
  return Math.ceil(size / METADATA_PIECE_LENGTH);
}

/**
 * Reads a message; `undefined` if it is malformed or of a type to be ignored, as BEP 9 wants for unknown ones.
 * Of a data message it is checked that its length is what piece and total size make it.
 */
export function decodeMetadataMessage(payload: Uint8Array): MetadataMessage | undefined {
  const decoded = decodeDict(payload);
  if (decoded === undefined) return undefined;
  const piece = dictNumber(decoded.dict, 'piece');
  if (piece === undefined || piece < 0) return undefined;
  switch (dictNumber(decoded.dict, 'msg_type')) {
    case 0:
      return { type: 'request', piece };
    case 1: {
      const totalSize = dictNumber(decoded.dict, 'total_size');
      const data = payload.subarray(decoded.end);
      if (totalSize === undefined) return undefined;
      const expected = Math.min(METADATA_PIECE_LENGTH, totalSize - piece * METADATA_PIECE_LENGTH);
      return expected > 0 && data.length === expected ? { type: 'data', piece, totalSize, data } : undefined;
    }
    case 2:
      return { type: 'reject', piece };
    default:
      return undefined;
  }
}
