/** The piece hashes of a torrent that is being made (BEP 3). */

import type { Hasher } from '../ports.ts';
import { inParallel } from './in-parallel.ts';

export interface HashPiecesOptions {
  /** Bytes of all files together. */
  readonly length: number;
  readonly pieceLength: number;
  /** Fills `into` from `offset`; resolves with the bytes that were there. */
  read(offset: number, into: Uint8Array): Promise<number>;
  readonly hasher: Hasher;
  /** Asked before each piece; true ends the work early. */
  cancelled(): boolean;
  onProgress(hashedPieces: number, totalPieces: number): void;
}

const DIGEST_LENGTH = 20;

/**
 * All SHA-1 digests one after another, 20 bytes each; incomplete after a cancel. Rejects with what `read` rejects
 * with, or when a file is shorter than it was said to be. Holds at most 32 MiB, or one piece where that is more.
 */
export async function hashPieces(options: HashPiecesOptions): Promise<Uint8Array<ArrayBuffer>> {
  const { length, pieceLength, hasher } = options;
  const count = Math.ceil(length / pieceLength);
  const pieces = new Uint8Array(DIGEST_LENGTH * count);
  let next = 0;
  let hashed = 0;
  await inParallel(
    pieceLength,
    () => (next < count && !options.cancelled() ? next++ : undefined),
    async (index, buffer) => {
      const start = index * pieceLength;
      const target = buffer.subarray(0, Math.min(pieceLength, length - start));
      const found = await options.read(start, target);
      if (found < target.length) {
        throw new Error(
          `A file changed while it was read: nothing is at byte ${start + found} of ${length}. Try again.`,
        );
      }
      pieces.set(await hasher.sha1(target), DIGEST_LENGTH * index);
      hashed++;
      if (!options.cancelled()) options.onProgress(hashed, count);
    },
  );
  return pieces;
}
