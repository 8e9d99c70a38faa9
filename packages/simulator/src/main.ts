/** The program behind `npm run simulate` (scripts/simulate.mjs). */

import { faultsCommand } from './faults/command.ts';
import { matrixCommand } from './matrix-run.ts';
import type { SimulationResult } from './metrics/result.ts';
import { type CommandWorld, type RunRequest, runCommand } from './report/command.ts';
import { policies } from './scenario.ts';
import { scenarios } from './scenarios/index.ts';
import { simulate } from './simulate.ts';

/** Returns the exit code. Ctrl-C ends the run between two events, a second one the process. */
export async function main(args: readonly string[]): Promise<number> {
  const print = (line: string): void => void process.stdout.write(`${line}\n`);
  if (args[0] === 'faults') return faultsCommand(args.slice(1), print);
  if (args[0] === 'matrix') return matrixCommand(args.slice(1), print);
  const stop = new AbortController();
  const onInterrupt = (): void => {
    process.removeListener('SIGINT', onInterrupt);
    stop.abort();
  };
  process.on('SIGINT', onInterrupt);
  const world: CommandWorld = {
    scenarios,
    policies,
    run,
    stdout: process.stdout,
    stderr: process.stderr,
    signal: stop.signal,
    folder: process.cwd(),
    now: realNow,
    cpuMs: () => {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1000;
    },
  };
  try {
    return await runCommand(args, world);
  } finally {
    process.removeListener('SIGINT', onInterrupt);
  }
}

/** Real time though a simulation runs, during which the usual clocks are trapped. */
function realNow(): number {
  return Number(process.hrtime.bigint() / 1_000_000n);
}

function run({ scenario, ...options }: RunRequest): Promise<SimulationResult> {
  return simulate(scenarios.get(scenario)!, options);
}
