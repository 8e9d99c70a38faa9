/** `npm run fuzz`: tries inputs until it is stopped, keeps those that fail, and says what it did. */

import { readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Coverage } from './coverage.ts';
import { readCrashes, saveCrash } from './crashes.ts';
import { confirm } from './execute.ts';
import { type Finding, Fuzzer } from './fuzzer.ts';
import { type FuzzOptions, parseOptions } from './options.ts';
import type { Target } from './target.ts';
import { Watchdog } from './watchdog.ts';

const HELP = `npm run fuzz -- [TARGET...] [options]

Tries inputs on parsers and sessions, all of them in turns or those named, until it is stopped (Ctrl-C) or the time
is over. What fails is made smaller and kept in fuzz/crashes/TARGET/, where the tests run it from then on.

  --minutes M     ends after so many minutes (default 10)
  --runs N        ends after N executions of each target: with a seed the same run every time
  --seed S        another run (default 1)
  --no-coverage   does not look at which code an input reaches
  --replay FILE   runs one input and says what comes of it; needs its target

Targets:
`;

const ROOT = fileURLToPath(new URL('..', import.meta.url));
/**
 * Parts of its short run that a target has before it is the next one's turn. Not a time: what one target has made or
 * cached for all is then the same for the next one in every run.
 */
const TURN = 1 / 4;

/** Returns the exit code: 1 when something was found. */
export async function main(args: readonly string[]): Promise<number> {
  let options: FuzzOptions;
  try {
    options = parseOptions(args);
  } catch (error) {
    console.error((error as Error).message);
    return 2;
  }
  // Before the code that is to be counted is loaded.
  const isOurs = (url: string): boolean => /\/packages\/[^/]+\/src\//.test(url);
  const coverage = options.coverage && !options.help ? new Coverage(isOurs) : undefined;
  const { TARGETS } = await import('./targets/index.ts');
  if (options.help) {
    console.log(HELP + TARGETS.map(({ name, about }) => `  ${name.padEnd(15)} ${about}`).join('\n'));
    return 0;
  }
  const unknown = options.targets.find((name) => !TARGETS.some((target) => target.name === name));
  if (unknown !== undefined) {
    console.error(`There is no target "${unknown}"; see --help.`);
    return 2;
  }
  const chosen = TARGETS.filter(({ name }) => options.targets.length === 0 || options.targets.includes(name));
  const [first] = chosen;
  return options.replay !== undefined && first !== undefined
    ? replay(first, options.replay)
    : fuzz(chosen, options, coverage);
}

async function fuzz(
  targets: readonly Target[],
  options: FuzzOptions,
  coverage: Coverage | undefined,
): Promise<number> {
  const { seed, runs = Number.POSITIVE_INFINITY } = options;
  const minutes = options.minutes ?? (options.runs === undefined ? 10 : Number.POSITIVE_INFINITY);
  const end = performance.now() + minutes * 60_000;
  let stopped = false;
  process.once('SIGINT', () => {
    stopped = true;
  });
  const isOver = (): boolean => stopped || performance.now() >= end;
  const watchdog = new Watchdog();
  const fuzzers = targets.map((target) => {
    const fuzzer = new Fuzzer(target, {
      seed,
      coverage,
      inputs: readCrashes(target.name).map(({ input }) => input),
      beforeRun: (input) => watchdog.watch(target.name, input),
      onFinding: (finding) => void report(target, finding),
    });
    return { fuzzer, time: 0 };
  });
  const started = performance.now();
  const total = (): number => fuzzers.reduce((sum, { fuzzer }) => sum + fuzzer.executions, 0);
  for (let left = fuzzers.length; left > 0 && !isOver(); ) {
    left = 0;
    for (const entry of fuzzers) {
      const { fuzzer } = entry;
      const from = performance.now();
      const until = Math.min(runs, fuzzer.executions + Math.ceil(fuzzer.target.shortRuns * TURN));
      while (fuzzer.executions < until && !isOver()) await fuzzer.batch(until - fuzzer.executions);
      entry.time += performance.now() - from;
      if (fuzzer.executions < runs) left++;
      const found = fuzzers.reduce((sum, one) => sum + one.fuzzer.findings.length, 0);
      const seconds = (performance.now() - started) / 1000;
      progress(
        `${seconds.toFixed(0)} s  ${total()} executions, ${(total() / seconds).toFixed(0)}/s  ${found} findings  ` +
          `${fuzzer.target.name}: corpus ${fuzzer.corpus}, ${fuzzer.blocks} blocks`,
      );
    }
  }
  watchdog.close();
  progress('');
  console.log(
    `\nseed ${seed}\n${'target'.padEnd(15)}${['executions', 'per second', 'corpus', 'blocks', 'findings', 'digest'].map((text) => text.padStart(13)).join('')}`,
  );
  for (const { fuzzer, time } of fuzzers) {
    const { target, executions, corpus, blocks, findings, digest } = fuzzer;
    const rate = Math.round(executions / Math.max(0.001, time / 1000));
    const cells = [executions, rate, corpus, blocks, findings.length, digest];
    console.log(target.name.padEnd(15) + cells.map((cell) => String(cell).padStart(13)).join(''));
  }
  console.log(`${total()} executions in ${((performance.now() - started) / 1000).toFixed(0)} s`);
  return fuzzers.some(({ fuzzer }) => fuzzer.findings.length > 0) ? 1 : 0;
}

async function report(target: Target, { failure, input }: Finding): Promise<void> {
  const file = relative(ROOT, saveCrash(target.name, input));
  progress('');
  console.log(`\nFOUND in ${target.name}: ${failure.text}\n${printed(input)}`);
  if (target.describe !== undefined) console.log(await target.describe(input));
  console.log(`Kept as ${file}; run it again: npm run fuzz -- ${target.name} --replay ${file}\n`);
}

async function replay(target: Target, file: string): Promise<number> {
  const input = new Uint8Array(readFileSync(file));
  console.log(printed(input));
  if (target.describe !== undefined) console.log(await target.describe(input));
  const failure = await confirm(target, input);
  console.log(failure === undefined ? 'All is as it must be.' : failure.text);
  return failure === undefined ? 0 : 1;
}

function printed(input: Uint8Array): string {
  const bytes = Buffer.from(input.subarray(0, 1000));
  const more = input.length > bytes.length ? ` ... ${input.length} bytes` : '';
  return `input: ${JSON.stringify(bytes.toString('latin1'))}${more}\n  hex: ${bytes.toString('hex')}${more}`;
}

function progress(line: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${line}`);
}
