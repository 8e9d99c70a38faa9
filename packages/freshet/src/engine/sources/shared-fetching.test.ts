import { describe, expect, it } from 'vitest';
import type { UrgentPiece } from '../pieces/scheduler.ts';
import { isCrowded, SHARED_RUN, type SharedState, sharedDraw } from './shared-fetching.ts';

const KIB = 1024;
const NOW = 50_000;

/** One piece of a quarter of a mebibyte each second, the first one due in so many milliseconds. */
function pieces(firstDue: number, count: number, each = 1000): UrgentPiece[] {
  return Array.from({ length: count }, (_, i) => ({ piece: 7 + i, deadline: NOW + firstDue + i * each }));
}

/** Ten viewers and an origin that sends a piece in a quarter of a second. */
const plain: SharedState = {
  now: NOW,
  alone: pieces(6000, 20),
  pieceLength: SHARED_RUN,
  rate: 1024 * KIB,
  viewers: 10,
  copies: 2,
  aloneDemand: 5000,
  interval: 1000,
};

describe('isCrowded', () => {
  it.each<[string, Partial<SharedState>, boolean]>([
    ['not when the origin sends the next piece in time', {}, false],
    ['not when nothing is missing that nobody has', { alone: [], rate: 1 }, false],
    ['not while nothing is known of the origin', { alone: pieces(0, 5), rate: 0 }, false],
    ['when the next piece will be late', { alone: pieces(200, 5) }, true],
    ['when it is overdue', { alone: pieces(-3000, 5) }, true],
    ['when less than a second is left beyond what it takes', { alone: pieces(1249, 5) }, true],
    ['not when a second is left', { alone: pieces(1250, 5) }, false],
    ['when a slow origin needs longer than there is', { rate: 32 * KIB }, true],
    ['when it is busy, however soon it could send', { interval: 1001 }, true],
    ['when it is busy and nothing is known of its rate', { interval: 8000, rate: 0 }, true],
    ['when a piece is too long for it', { pieceLength: 16 * SHARED_RUN, alone: pieces(4900, 5) }, true],
  ])('%s', (_name, change, expected) => expect(isCrowded({ ...plain, ...change })).toBe(expected));
});

describe('sharedDraw', () => {
  const crowded: Partial<SharedState> = { rate: 16 * KIB };
  const numbers = (state: SharedState): number[] => sharedDraw(state).pieces.map(({ piece }) => piece);

  it.each<[string, Partial<SharedState>, number]>([
    ['a run each second, twice by ten', {}, 0.2],
    ['less often the more there are', { viewers: 100 }, 0.02],
    ['as often as the policy says', { copies: 5 }, 0.5],
    ['never, if it says so', { copies: 0 }, 0],
    ['never, if it says so, in a crowd either', { ...crowded, copies: 0 }, 0],
    ['by who is alone always', { viewers: 1 }, 1],
    ['twice as often when the film takes two pieces a second', { alone: pieces(6000, 20, 500) }, 0.4],
    ['less often when a run brings several pieces', { pieceLength: SHARED_RUN / 8 }, 0.2 / 8],
    ['no more often when a piece is more than a run', { pieceLength: 4 * SHARED_RUN }, 0.2],
    ['ten times as often in a crowd', { ...crowded, viewers: 100 }, 0.2],
    ['once a second at most', crowded, 1],
    ['as of a piece a second when there is only one', { alone: pieces(6000, 1) }, 0.2],
    ['not when all is had', { alone: [] }, 0],
    ['not when all is had and the origin is busy', { alone: [], interval: 8000 }, 0],
    ['once in the interval of a busy origin', { interval: 8000 }, 1 / 8],
    ['no more often than all together should', { interval: 2500, viewers: 1000 }, 0.02],
  ])('draws %s', (_name, change, chance) =>
    expect(sharedDraw({ ...plain, ...change }).chance).toBeCloseTo(chance, 10),
  );

  it('leaves what is due soon to who needs it', () => {
    const alone = pieces(3000, 6);
    expect(numbers({ ...plain, alone })).toEqual([9, 10, 11, 12]);
    expect(sharedDraw({ ...plain, alone: alone.slice(0, 2) })).toEqual({ pieces: [], chance: 0 });
  });

  it('chooses among the next ones in a crowd, as many as there are viewers', () => {
    const alone = pieces(200, 200);
    expect(numbers({ ...plain, alone })).toEqual(alone.slice(0, 10).map(({ piece }) => piece));
    expect(numbers({ ...plain, alone, viewers: 3 })).toEqual([7, 8, 9]);
    expect(numbers({ ...plain, alone, viewers: 500 })).toHaveLength(64);
    expect(numbers({ ...plain, alone: alone.slice(0, 4) })).toHaveLength(4);
  });

  it.each([
    ['as many as all together ask for in four seconds', 80, 16_000, 20],
    ['no more than there are viewers', 10, 2500, 10],
    ['64 at most', 500, 8000, 64],
    ['four at least', 10, 64_000, 4],
  ])('chooses among the next ones of a busy origin: %s', (_name, viewers, interval, expected) => {
    const alone = pieces(9000, 200);
    expect(numbers({ ...plain, alone, viewers, interval })).toEqual(
      alone.slice(0, expected).map(({ piece }) => piece),
    );
  });
});
