import { describe, expect, it } from 'vitest';
import { planRun, type RunMap, runLength } from './web-seed-plan.ts';

const BLOCK = 16384;

/** One character a block, pieces parted by spaces: `.` needed, `#` not, a piece in brackets not to be taken. */
function mapOf(drawing: string, tail = 0): RunMap {
  const pieces = drawing.split(' ');
  const perPiece = pieces[0]!.replace(/[[\]]/g, '').length;
  const blocks = pieces.map((piece) => piece.replace(/[[\]]/g, ''));
  return {
    pieceLength: perPiece * BLOCK,
    length: blocks.join('').length * BLOCK - tail,
    mayTake: (piece) => pieces[piece]?.startsWith('[') === false,
    needs: (piece, block) => blocks[piece]![block] === '.',
  };
}

describe('planRun', () => {
  const far = 1000 * BLOCK;
  it.each<[string, string, number, number, number, [number, number] | undefined]>([
    ['takes all that is missing', '.. .. ..', 0, far, 0, [0, 6]],
    ['begins at the piece it is given', '.. .. ..', 1, far, 0, [2, 6]],
    ['begins and ends at needed blocks', '#. .. .#', 0, far, 0, [1, 5]],
    ['stops before a piece it may not take', '.. .. [..] ..', 0, far, 0, [0, 4]],
    ['ends with the piece that makes it long enough', '.. .. .. ..', 0, 3, 0, [0, 4]],
    ['takes one whole piece at least', '.... ....', 0, 1, 0, [0, 4]],
    ['reads over a small hole', '.... .##. ....', 0, far, 0, [0, 12]],
    ['reads over a hole of four blocks', '.... #### ....', 0, far, 0, [0, 12]],
    ['stops at a larger hole', '...... .##### #.....', 0, far, 0, [0, 7]],
    ['has nothing to do in a piece that is asked for', '.. ## ..', 1, far, 0, undefined],
    ['has nothing to do in a piece it may not take', '[..] ..', 0, far, 0, undefined],
    ['has nothing to do behind the end', '..', 1, far, 0, undefined],
  ])('%s', (_name, drawing, first, maxBlocks, tail, expected) => {
    const plan = planRun(mapOf(drawing, tail), first, maxBlocks * BLOCK);
    expect(plan && [plan.begin / BLOCK, plan.end / BLOCK]).toEqual(expected);
  });

  it('ends with the torrent when the last block is short', () => {
    expect(planRun(mapOf('.. ..', 100), 1, far)).toEqual({ begin: 2 * BLOCK, end: 4 * BLOCK - 100 });
  });
});

describe('runLength', () => {
  const MIB = 1024 * 1024;
  it.each([
    [0, MIB],
    [100_000, MIB],
    [MIB, 3 * MIB],
    [100 * MIB, 8 * MIB],
  ])('at %i bytes per second is %i', (rate, expected) => expect(runLength(rate)).toBe(expected));
});
