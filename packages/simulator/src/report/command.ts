/** `npm run simulate`: runs what the command line asks for, prints the table, writes the report. */

import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, relative, resolve } from 'node:path';
import type { SimulationResult } from '../metrics/result.ts';
import { summarise } from '../metrics/summary.ts';
import { replayCommand, withReplay } from '../replay.ts';
import {
  type CommandOptions,
  HELP,
  type Known,
  type Mode,
  parseCommand,
  scenarioList,
} from './command-line.ts';
import { htmlReport } from './page.ts';
import { Progress, type ProgressAt, type ProgressStream } from './progress.ts';
import { policyTitle, type Report, type Run, type Series } from './runs.ts';
import { textTable } from './table.ts';

/** One run, as the command line wants it. */
export interface RunRequest {
  readonly scenario: string;
  readonly peers: number | undefined;
  readonly seed: number;
  /** Default: the scenario's own. */
  readonly policy: string | undefined;
  readonly mode: Mode;
  readonly minutes: number | undefined;
  /** When it aborts, the run ends between two events and gives what there is. */
  readonly signal: AbortSignal;
  readonly onProgress: (at: ProgressAt) => void;
}

/** What the command stands on. */
export interface CommandWorld extends Known {
  readonly run: (request: RunRequest) => Promise<SimulationResult>;
  readonly stdout: { write(text: string): unknown };
  readonly stderr: ProgressStream;
  /** Aborts when the user wants an end. */
  readonly signal: AbortSignal;
  /** Folder that relative files are relative to. */
  readonly folder: string;
  /** Real milliseconds from any begin, and the processor's of this process. */
  readonly now: () => number;
  readonly cpuMs: () => number;
}

/** Exit codes: 0, 2 for a wrong command line, 130 when the user ended it. An error of the simulation itself is thrown. */
export async function runCommand(args: readonly string[], world: CommandWorld): Promise<number> {
  let options: CommandOptions;
  try {
    options = parseCommand(args, world);
  } catch (error) {
    world.stderr.write(`${(error as Error).message}\n`);
    return 2;
  }
  if (options.help || options.scenario === undefined) {
    world.stdout.write(`${options.help ? `${HELP}\n\nScenarios, with their numbers of viewers:\n\n` : ''}`);
    world.stdout.write(`${scenarioList(world)}\n`);
    if (options.help) world.stdout.write(`\nPolicies: ${world.policies.join(', ')}\n`);
    return 0;
  }
  const { scenario } = options;
  const series = await runAll(options, scenario, world);
  if (series.length === 0) {
    world.stderr.write('Stopped before anything had happened.\n');
    return 130;
  }
  const report: Report = { scenario, about: world.scenarios.get(scenario)!.about, series };
  world.stdout.write(textTable(report));
  const out = resolve(world.folder, options.out ?? `reports/${fileName(options, series)}.html`);
  write(out, htmlReport(report));
  world.stdout.write(`\nReport: ${shown(out, world)}\n`);
  if (options.json !== undefined) {
    const json = resolve(world.folder, options.json);
    const runs = series.flatMap((one) =>
      one.runs.map(({ result, summary, cpuMs, command, stopped }) => ({
        command,
        stopped,
        cpuMs,
        summary,
        result,
      })),
    );
    write(json, `${JSON.stringify(runs)}\n`);
    world.stdout.write(`Results: ${shown(json, world)}\n`);
  }
  return world.signal.aborted ? 130 : 0;
}

/** Policy by policy, seed by seed, until done or stopped. */
async function runAll(options: CommandOptions, scenario: string, world: CommandWorld): Promise<Series[]> {
  const { seed, repeat, mode, minutes, peers } = options;
  const policies = options.policies.length > 0 ? options.policies : [undefined];
  const series: Series[] = [];
  for (const policy of policies) {
    const runs: Run[] = [];
    for (let i = 0; i < repeat && !world.signal.aborted; i++) {
      const names = [scenario, policies.length > 1 && policyTitle(policy!), repeat > 1 && `seed ${seed + i}`];
      const progress = new Progress(
        names.filter((name) => name !== false).join(', '),
        world.stderr,
        world.now,
      );
      const before = world.cpuMs();
      try {
        const request: RunRequest = {
          scenario,
          peers,
          seed: seed + i,
          policy,
          mode,
          minutes,
          signal: world.signal,
          onProgress: (at) => progress.update(at),
        };
        const result = await withReplay(scenario, request, () => world.run(request));
        const replay = { peers: result.peers, seed: result.seed, policy, mode, minutes };
        const command = replayCommand(scenario, replay);
        const cpuMs = world.cpuMs() - before;
        runs.push({ result, summary: summarise(result), cpuMs, command, stopped: world.signal.aborted });
      } finally {
        progress.end();
      }
    }
    if (runs.length > 0) series.push({ policy: runs[0]!.result.policy, runs });
  }
  return series;
}

function fileName({ scenario, seed, repeat, policies }: CommandOptions, series: readonly Series[]): string {
  const { peers } = series[0]!.runs[0]!.result;
  const seeds = repeat > 1 ? `${seed}-${seed + repeat - 1}` : String(seed);
  return [scenario, peers, seeds, ...policies].join('-');
}

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

function shown(path: string, { folder }: CommandWorld): string {
  const short = relative(folder, path);
  return short.startsWith('..') ? path : short;
}
