import { type PartialPiece, RECEIVED } from './partial-piece.ts';

/** Pieces in progress and blocks that one call looks at. */
const MAX_PIECES = 64;
const MAX_BLOCKS = 1024;

/** A block that was asked for and has not come. */
export interface OwedBlock {
  readonly partial: PartialPiece;
  readonly block: number;
}

/** Whom the end game is for. */
export interface EndGamePeer {
  readonly id: number;
  /** Whether the block is asked of this peer at the moment. */
  isRequesting(piece: number, block: number): boolean;
}

/**
 * The end game: what an idle peer can do when nothing is left to ask for that nobody owes. Blocks that one other source
 * owes, the oldest first. Pieces that had nothing go to the end of `partials`: the next look is at others.
 * @param mayTake whether the peer has the piece, and it may be asked of it.
 * @param minAge milliseconds for which they must have been owed.
 */
export function owedBlocks(
  partials: Map<number, PartialPiece>,
  peer: EndGamePeer,
  mayTake: (piece: number) => boolean,
  now: number,
  minAge: number,
): OwedBlock[] {
  const owed: OwedBlock[] = [];
  const fruitless: PartialPiece[] = [];
  let looks = Math.min(MAX_PIECES, partials.size);
  let blockLooks = MAX_BLOCKS;
  for (const partial of partials.values()) {
    if (looks-- === 0 || blockLooks <= 0) break;
    const before = owed.length;
    if (mayTake(partial.index) && partial.admits(peer.id)) {
      blockLooks -= partial.blockCount;
      for (let block = 0; block < partial.blockCount; block++) {
        if (partial.state(block) === RECEIVED || partial.requesters(block) > 1) continue;
        if (now - partial.requestedAt(block) < minAge) continue;
        if (!peer.isRequesting(partial.index, block)) owed.push({ partial, block });
      }
    }
    if (owed.length === before) fruitless.push(partial);
  }
  for (const partial of fruitless) {
    if (fruitless.length === partials.size) break;
    partials.delete(partial.index);
    partials.set(partial.index, partial);
  }
  return owed.sort((a, b) => a.partial.requestedAt(a.block) - b.partial.requestedAt(b.block));
}
