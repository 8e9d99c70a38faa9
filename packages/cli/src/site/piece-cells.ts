/** Pieces of a torrent as cells of a map that has room for a given number of them. */

/** What a cell shows: of its pieces the one that needs attention most. */
export type Cell = 'missing' | 'partial' | 'verified' | 'kept';

export interface PieceFacts {
  verified(index: number): boolean;
  /** Found in storage when the page was opened. */
  kept(index: number): boolean;
  /** Some bytes of it have come. */
  partial(index: number): boolean;
}

/** Cells for pieces `first` to `last`, both inclusive: one for each, or `room` at most. */
export function pieceCells(first: number, last: number, room: number, facts: PieceFacts): Cell[] {
  const pieces = last - first + 1;
  const count = Math.max(0, Math.min(pieces, Math.floor(room)));
  return Array.from({ length: count }, (_, cell) => {
    const from = first + Math.floor((cell * pieces) / count);
    const to = first + Math.floor(((cell + 1) * pieces) / count);
    return cellOf(from, to, facts);
  });
}

/** A cell of several pieces is done only when they all are, and on its way when any of them is. */
function cellOf(from: number, to: number, facts: PieceFacts): Cell {
  let done = 0;
  let kept = 0;
  let begun = false;
  for (let index = from; index < to; index++) {
    if (facts.verified(index)) {
      done++;
      if (facts.kept(index)) kept++;
    } else if (facts.partial(index)) {
      begun = true;
    }
  }
  if (done === to - from) return kept === done ? 'kept' : 'verified';
  return begun || done > 0 ? 'partial' : 'missing';
}
