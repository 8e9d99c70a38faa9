/** The command line of `npm run fuzz`. */

export interface FuzzOptions {
  /** Empty for all. */
  readonly targets: readonly string[];
  readonly minutes: number | undefined;
  /** Executions for each target. */
  readonly runs: number | undefined;
  readonly seed: number;
  readonly coverage: boolean;
  /** A file to run instead of fuzzing. */
  readonly replay: string | undefined;
  readonly help: boolean;
}

/** @throws an error of one sentence about an option that is none. */
export function parseOptions(args: readonly string[]): FuzzOptions {
  const targets: string[] = [];
  const values = new Map<string, string>();
  let help = false;
  let coverage = true;
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]!;
    if (arg === '--help' || arg === '-h') help = true;
    else if (arg === '--no-coverage') coverage = false;
    else if (/^--(minutes|runs|seed|replay)$/.test(arg)) {
      const value = args[++i];
      if (value === undefined) throw new Error(`${arg} needs a value.`);
      values.set(arg.slice(2), value);
    } else if (arg.startsWith('-')) throw new Error(`There is no option ${arg}; see --help.`);
    else targets.push(arg);
  }
  const replay = values.get('replay');
  if (replay !== undefined && targets.length !== 1) throw new Error('--replay needs one target.');
  return {
    targets,
    minutes: number('minutes', values.get('minutes'), false),
    runs: number('runs', values.get('runs'), true),
    seed: number('seed', values.get('seed') ?? '1', true)!,
    coverage,
    replay,
    help,
  };
}

function number(name: string, text: string | undefined, whole: boolean): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!(value > 0 && value < 2 ** 32) || (whole && !Number.isInteger(value))) {
    throw new Error(`--${name} must be a ${whole ? 'whole ' : ''}number above 0.`);
  }
  return value;
}
