import { BLOCK_LENGTH } from '../../protocol/index.ts';

/** What the planner sees of a torrent. */
export interface RunMap {
  readonly pieceLength: number;
  /** Bytes of the torrent. */
  readonly length: number;
  /** Whether the run may touch the piece. */
  mayTake(piece: number): boolean;
  /** Whether the block is worth fetching; asked only of pieces that may be taken. */
  needs(piece: number, block: number): boolean;
}

/** Bytes [begin, end) of the torrent, from the begin of a block to the end of one. */
export interface RunPlan {
  readonly begin: number;
  readonly end: number;
  /** Fetched ahead for this viewer and others: it neither gives way to what is due nor has that wait. */
  readonly shared?: boolean | undefined;
}

/** A hole of this many bytes costs less to read over than another request. */
const MAX_HOLE = 4 * BLOCK_LENGTH;
const MIN_RUN = 1024 * 1024;
export const MAX_RUN: number = 8 * 1024 * 1024;
/** Milliseconds that a run should take. */
const RUN_TIME = 3000;

/** Length of a run in bytes, for a rate in bytes per second: large enough for caches, short enough to turn round. */
export function runLength(rate: number): number {
  return Math.round(Math.max(MIN_RUN, Math.min(MAX_RUN, (rate * RUN_TIME) / 1000)));
}

/**
 * Where a run from `begin` should end so that the runs of all viewers end at the same places, which caches between
 * them and the server like: at a multiple of `grid` bytes, after a quarter of it at least.
 */
export function gridEnd(begin: number, grid: number): number {
  return Math.ceil((begin + grid / 4) / grid) * grid;
}

/**
 * The run that begins in piece `first`: contiguous needed blocks, over small holes, to the end of the piece that
 * reaches `maxBytes`, or the end that `aligned` says. `undefined` when nothing of the piece is needed.
 */
export function planRun(
  map: RunMap,
  first: number,
  maxBytes: number,
  aligned: boolean = false,
): RunPlan | undefined {
  let begin = -1;
  let end = -1;
  const pieceCount = Math.ceil(map.length / map.pieceLength);
  for (let piece = first; piece < pieceCount && map.mayTake(piece); piece++) {
    const start = piece * map.pieceLength;
    const stop = Math.min(start + map.pieceLength, map.length);
    for (let at = start, block = 0; at < stop; at += BLOCK_LENGTH, block++) {
      if (end >= 0 && at - end > MAX_HOLE) return { begin, end };
      if (!map.needs(piece, block)) continue;
      if (begin < 0) begin = at;
      end = Math.min(at + BLOCK_LENGTH, stop);
    }
    if (begin < 0) return undefined;
    if (stop >= (aligned ? gridEnd(begin, maxBytes) : begin + maxBytes)) break;
  }
  return begin < 0 ? undefined : { begin, end };
}
