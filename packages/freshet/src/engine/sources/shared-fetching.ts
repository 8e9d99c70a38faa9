import type { UrgentPiece } from '../pieces/scheduler.ts';
import { MIN_INTERVAL } from './origin-pace.ts';

/**
 * What each viewer brings in for all. Viewers who are about as far would each ask the origin for the piece that comes next,
 * which nobody has: it would send every byte to everybody, and a crowd starves beside it. So each fetches something else,
 * drawn at random among what will be due and nobody has, and the rest comes from peer to peer.
 */

/** Bytes that one viewer fetches for all at a time. */
export const SHARED_RUN: number = 256 * 1024;
/** What the swarm runs out of is fetched so many times as often. */
const HURRY = 10;
/** And is chosen among so many of the next pieces at most. */
const MAX_CHOICE = 64;
/**
 * Of a busy origin, among as many as all together ask for in so many milliseconds: until one that somebody has got is known to
 * the others. Among fewer, many would fetch the same; among more, what is needed first would come late.
 */
const SPREAD = 4000;
const MIN_CHOICE = 4;
/** Milliseconds between the moment when the origin could have sent a piece, and its deadline, that are no reserve. */
const MARGIN = 1000;

export interface SharedState {
  readonly now: number;
  /** The missing pieces with a deadline that nobody has, earliest first. */
  readonly alone: readonly UrgentPiece[];
  /** Bytes of a piece. */
  readonly pieceLength: number;
  /** Bytes per second that the origin sends to us; 0 while nothing is known. */
  readonly rate: number;
  /** Who wants what we want in the whole swarm, we included; about. */
  readonly viewers: number;
  /** How often each part of the film is to be fetched by all together. */
  readonly copies: number;
  /** What is due within so many milliseconds is fetched by who needs it, unless the origin is too slow for that. */
  readonly aloneDemand: number;
  /** Milliseconds that lie between two runs of each viewer, as the origin is busy; `MIN_INTERVAL` while it is not. @see OriginPace */
  readonly interval: number;
}

/**
 * Whether the origin is too slow to send everybody what nobody has: it is busy, or the first such piece would come late, or
 * only just in time.
 */
export function isCrowded({ now, alone, pieceLength, rate, interval }: SharedState): boolean {
  if (interval > MIN_INTERVAL) return true;
  const first = alone[0];
  if (first === undefined || rate === 0) return false;
  return first.deadline - now < (1000 * pieceLength) / rate + MARGIN;
}

/** The pieces that a viewer may draw one of, and with which chance it does so within a second. */
export function sharedDraw(state: SharedState): {
  readonly pieces: readonly UrgentPiece[];
  readonly chance: number;
} {
  const { now, alone, viewers, copies, aloneDemand, interval } = state;
  const crowded = isCrowded(state);
  const pieces = crowded
    ? alone.slice(0, Math.min(viewers, MAX_CHOICE, Math.max(MIN_CHOICE, (viewers * SPREAD) / interval)))
    : alone.filter(({ deadline }) => deadline - now >= aloneDemand);
  if (pieces.length === 0) return { pieces, chance: 0 };
  const often = copies * (crowded ? HURRY : 1);
  const chance = (often * runsPerSecond(pieces, state.pieceLength)) / viewers;
  return { pieces, chance: Math.min(MIN_INTERVAL / interval, chance) };
}

/** How many runs a second of the film takes. */
function runsPerSecond(pieces: readonly UrgentPiece[], pieceLength: number): number {
  const [first, last] = [pieces[0]!, pieces.at(-1)!];
  const span = last.deadline - first.deadline;
  const perSecond = span > 0 ? (1000 * (last.piece - first.piece)) / span : 1;
  return (perSecond * pieceLength) / Math.max(SHARED_RUN, pieceLength);
}
