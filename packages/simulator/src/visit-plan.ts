import type { SeededRandom } from 'freshet/memory';
import { exponential, fraction } from './arrivals.ts';
import type { LineOptions } from './network/network.ts';
import type { Scenario } from './scenario.ts';

/** What is decided about a visitor before it comes. The same for every policy and mode, as only the seed is asked. */
export interface VisitPlan {
  readonly line: LineOptions;
  /** Milliseconds after which the tab is closed; `undefined`: when the film is over. */
  readonly leavesAfter: number | undefined;
  /** Whether nobody is told. */
  readonly silently: boolean;
}

const MINUTE = 60_000;

/** @param random the visitor's own, from its beginning. */
export function planVisit(scenario: Scenario, random: SeededRandom): VisitPlan {
  const { stay = {} } = scenario;
  const line = lineOf(scenario, fraction(random));
  const leavesAfter =
    stay.meanMinutes === undefined ? undefined : exponential(stay.meanMinutes * MINUTE, random);
  return { line, leavesAfter, silently: fraction(random) < (stay.vanish ?? 0) };
}

function lineOf({ lines }: Scenario, chance: number): LineOptions {
  let left = chance * lines.reduce((sum, { weight }) => sum + weight, 0);
  for (const { weight, line } of lines) {
    left -= weight;
    if (left < 0) return line;
  }
  throw new RangeError('A scenario has one class of lines at least.');
}
