import type { TorrentContent } from './content.ts';
import type { Hasher } from './ports.ts';
import { checkPieces } from './storage/check.ts';

/**
 * The verified pieces of these files that are not right any more. Pieces that are still on their way to the disk are
 * left out. Rejects with `DiskError` when the storage does not answer.
 */
export async function findLost(
  content: TorrentContent,
  hasher: Hasher,
  files: readonly number[],
  cancelled: () => boolean,
): Promise<number[]> {
  const { info, disk, store } = content;
  const pieces = new Set<number>();
  for (const index of files) {
    const { offset, length } = info.files[index]!;
    if (length === 0) continue;
    const last = Math.floor((offset + length - 1) / info.pieceLength);
    for (let piece = Math.floor(offset / info.pieceLength); piece <= last; piece++) {
      if (store.verified.get(piece) && !store.isWriting(piece)) pieces.add(piece);
    }
  }
  if (pieces.size === 0) return [];
  const only = [...pieces].sort((a, b) => a - b);
  const hashes = content.merkle?.store;
  const { verified } = await checkPieces({
    info,
    disk,
    hasher,
    hashes,
    only,
    cancelled,
    onProgress: () => {},
  });
  if (cancelled()) return [];
  return only.filter((piece) => !verified.get(piece) && store.verified.get(piece));
}
