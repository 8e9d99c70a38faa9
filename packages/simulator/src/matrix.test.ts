import { describe, expect, it } from 'vitest';
import { buildMatrix, cellName, pairsOf, sampleOfMatrix } from './matrix.ts';
import { runCells } from './matrix-run.ts';
import { withTestReplay } from './replay.ts';

const SEED = 1;
/** So many of all cells run here, each pair of values among them; `npm run simulate -- matrix` runs all. */
const STRIDE = 7;

describe('the transfer matrix', () => {
  const { cells, leftOut } = buildMatrix();
  const sample = sampleOfMatrix(cells, STRIDE, SEED);

  it('has all combinations but those that are no download', () => {
    const missing = [...leftOut.values()];
    expect(cells).toHaveLength(3168);
    expect(missing).toEqual([576, 288, 288, 864]);
    expect(cells.length + missing.reduce((sum, count) => sum + count, 0)).toBe(4 * 3 * 4 * 2 * 2 * 3 * 3 * 3);
    expect(new Set(cells.map(cellName)).size).toBe(cells.length);
  });

  it('is sampled so that each value meets each value of every other axis', () => {
    expect(sample).toHaveLength(453);
    const met = pairsOf(sample);
    expect([...pairsOf(cells)].filter((pair) => !met.has(pair))).toEqual([]);
  });

  it(`ends each cell with exactly the right files, seed ${SEED}`, { timeout: 240_000 }, () =>
    withTestReplay(expect.getState(), async () => {
      const tally = await runCells(sample, SEED);
      expect(tally.violations).toEqual([]);
      expect(tally.ran).toBe(453);
      // What the cells are about has happened in them.
      // A web seed that lies is not asked for anything in some of the cells with a magnet link.
      expect(tally.lies - tally.caught).toBeLessThanOrEqual(0.05 * tally.lies);
      expect(tally.cut).toBe(tally.restarts);
    }),
  );
});
