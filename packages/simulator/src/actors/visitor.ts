/** Whoever opens the page: what is counted of them while they are there, and what remains when they have gone. */

import type { Content } from '../content.ts';
import type { Film } from '../film.ts';
import type { ViewerResult } from '../metrics/result.ts';
import type { LineOptions } from '../network/network.ts';
import type { Playback } from '../playback.ts';
import type { Trace } from '../trace.ts';
import type { World } from '../world.ts';

/** The page and its surroundings, the same for all visitors. */
export interface Site {
  readonly world: World;
  readonly content: Content;
  readonly film: Film;
  readonly trackers: readonly string[];
  /** Addresses of the file on web servers. */
  readonly webSeeds: readonly string[];
  /** It has a seeder of its own, whose bytes are counted apart. */
  readonly seeded: boolean;
}

/** Bytes of payload since the visitor came. */
export interface Totals {
  readonly fromPeers: number;
  readonly fromSeeder: number;
  readonly fromHttp: number;
  readonly uploaded: number;
  readonly wasted: number;
}

export interface Visitor {
  readonly line: LineOptions;
  readonly arrivedAt: number;
  /** `undefined` before a player is there, and for who only downloads. */
  readonly playback: Playback | undefined;
  readonly completedAt: number | undefined;
  /** Bytes needed up to now: the film's head and what was shown of it, or what was received of a download. */
  readonly needed: number;
  /** The ranges of the file that these are, as pairs of first byte and end; they may overlap. */
  readonly neededRanges: readonly (readonly [number, number])[];
  totals(): Totals;
  /** Whether the piece is there. */
  has(piece: number): boolean;
  /** Ends the player, closes the tab. Idempotent. @param silently nobody is told: the machine is gone. */
  leave(silently: boolean): void;
}

export interface VisitorEvents {
  /** The film is over, or the download is complete. */
  onFinished(): void;
  /** A piece is verified. */
  onPiece(piece: number): void;
}

/** What the trace says of visitors; other parts of the simulator use other numbers. */
const EVENT = { arrived: 0x51, left: 0x52, started: 0x53, stalled: 0x54 } as const;

export function noteVisit(trace: Trace, now: number, what: keyof typeof EVENT, detail: number): void {
  trace.note(now, EVENT[what], 0, detail);
}

/** What a player has needed of a film. */
export function neededBy(
  playback: Playback | undefined,
  film: Film,
): { bytes: number; ranges: (readonly [number, number])[] } {
  if (playback?.startupMs === undefined) return { bytes: 0, ranges: [] };
  return {
    bytes: film.head + (playback.watchedMs * film.rate) / 1000,
    ranges: [[0, film.head], ...playback.played],
  };
}

export function resultOf(visitor: Visitor, leftAt: number): ViewerResult {
  const { playback, arrivedAt, completedAt } = visitor;
  return {
    arrivedAt,
    leftAt,
    startupMs: playback?.startupMs,
    stalls: playback?.stalls ?? 0,
    stalledMs: playback?.stalledMs ?? 0,
    watchedMs: playback?.watchedMs ?? 0,
    seekMs: playback?.seekMs ?? [],
    completedAt,
    ...visitor.totals(),
  };
}
