import { buildMatrix, type Cell, cellName } from './matrix.ts';
import { runCell } from './matrix-cell.ts';

export interface MatrixTally {
  readonly ran: number;
  /** Cells with somebody who lies, and those in which he was found out in the last life of the leech. */
  readonly lies: number;
  readonly caught: number;
  /** Cells with a restart, and those in which something was still missing then. */
  readonly restarts: number;
  readonly cut: number;
  /** Each begins with the name of its cell. */
  readonly violations: readonly string[];
}

export async function runCells(cells: readonly Cell[], seed: number): Promise<MatrixTally> {
  const tally = { ran: 0, lies: 0, caught: 0, restarts: 0, cut: 0 };
  const violations: string[] = [];
  for (const cell of cells) {
    try {
      const { wrongs, caught, cut } = await runCell(cell, seed);
      tally.ran++;
      if (cell.lies !== 'nobody') tally.lies++;
      if (caught) tally.caught++;
      if (cell.restart !== 'none') tally.restarts++;
      if (cut) tally.cut++;
      for (const wrong of wrongs) violations.push(`${cellName(cell)}, seed ${seed}: ${wrong}`);
    } catch (error) {
      violations.push(
        `${cellName(cell)}, seed ${seed}: ${error instanceof Error ? error.stack : String(error)}`,
      );
    }
  }
  return { ...tally, violations };
}

/** `npm run simulate -- matrix [--seed N]`: runs all cells and prints what came of them. Returns the exit code. */
export async function matrixCommand(args: readonly string[], print: (line: string) => void): Promise<number> {
  const at = args.indexOf('--seed');
  const seed = at < 0 ? 1 : Number(args[at + 1]);
  if (!Number.isSafeInteger(seed) || seed < 0) {
    print('--seed takes a whole number.');
    return 2;
  }
  const { cells, leftOut } = buildMatrix();
  for (const [why, count] of leftOut) print(`Left out ${count}: ${why}.`);
  const tally = await runCells(cells, seed);
  for (const violation of tally.violations) print(violation);
  print(`${tally.ran} of ${cells.length} cells ran, ${tally.violations.length} violations.`);
  print(`A liar in ${tally.lies} cells, caught in ${tally.caught}.`);
  print(`A restart in ${tally.restarts} cells, in mid-download in ${tally.cut}.`);
  return tally.violations.length === 0 && tally.ran === cells.length ? 0 : 1;
}
