import type { UrgentPiece } from './scheduler.ts';

/** Pieces that one draw compares. */
const SAMPLES = 8;

/**
 * A piece that is not needed soon, of those from place `from` on: the rarest of a few that `may` be asked for, beginning
 * anywhere. Viewers who are about as far would otherwise all fetch the same ones next, and have nothing to give each other; and
 * who has come last, behind all others, would have nothing that any of them lacks. -1 when there is none.
 */
export function drawFar(
  pieces: readonly UrgentPiece[],
  from: number,
  may: (piece: number) => boolean,
  availability: (piece: number) => number,
  below: (bound: number) => number,
): number {
  const count = pieces.length - from;
  if (count <= 0) return -1;
  const start = below(count);
  let best = -1;
  let rarest = Number.POSITIVE_INFINITY;
  for (let i = 0, found = 0; i < count && found < SAMPLES; i++) {
    const { piece } = pieces[from + ((start + i) % count)]!;
    if (!may(piece)) continue;
    found++;
    const copies = availability(piece);
    if (copies >= rarest) continue;
    best = piece;
    rarest = copies;
  }
  return best;
}
