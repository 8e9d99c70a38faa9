/** What a report is about: runs of one scenario, by policy. */

import type { SimulationResult } from '../metrics/result.ts';
import type { Summary } from '../metrics/summary.ts';

/** One run and what it cost. */
export interface Run {
  readonly result: SimulationResult;
  readonly summary: Summary;
  /** Processor time of this process meanwhile, milliseconds. */
  readonly cpuMs: number;
  /** Repeats it. */
  readonly command: string;
  /** Ended by the user before its end. */
  readonly stopped: boolean;
}

/** The runs of one policy: the same scenario with one seed or several. Never empty. */
export interface Series {
  readonly policy: string;
  readonly runs: readonly Run[];
}

export interface Report {
  readonly scenario: string;
  /** One line on what happens in it. */
  readonly about: string;
  readonly series: readonly Series[];
}

/** What readers call the policies of the field; an unknown one is called by its name. */
export function policyTitle(policy: string): string {
  const titles: Readonly<Record<string, string>> = {
    freshet: 'Freshet',
    sequential: 'Sequential',
    rarest: 'Rarest first',
    window: 'HTTP window',
    http: 'Plain HTTP',
  };
  return titles[policy] ?? policy;
}
