/** The command line of `npm run simulate`. */

export type Mode = 'detailed' | 'coarse';

export interface CommandOptions {
  /** Absent with `help` and `list`. */
  readonly scenario: string | undefined;
  /** Default: the scenario's own number. */
  readonly peers: number | undefined;
  /** The first seed. */
  readonly seed: number;
  /** Runs of each policy, with seeds one after the other. */
  readonly repeat: number;
  /** One or more; empty: the scenario's own. */
  readonly policies: readonly string[];
  readonly mode: Mode;
  /** Virtual minutes; default: the scenario's own duration. */
  readonly minutes: number | undefined;
  /** File of the report. */
  readonly out: string | undefined;
  readonly json: string | undefined;
  readonly help: boolean;
  readonly list: boolean;
}

/** What exists, for messages and to be checked against. */
export interface Known {
  readonly scenarios: ReadonlyMap<string, { readonly about: string; readonly peers: number }>;
  readonly policies: readonly string[];
}

export const HELP = `npm run simulate -- SCENARIO [options]

Simulates a swarm of viewers in virtual time, prints what they felt, and writes a report with charts.

  --peers N       viewers (the scenario's own number)
  --seed S        the same seed gives the same run, event by event (1)
  --policy P,...  how viewers get their film; several are compared (the scenario's own)
  --repeat K      runs seeds S to S+K-1: medians, with the least and the most (1)
  --mode MODE     detailed: real engines, block by block; coarse: a model, for 10,000 viewers and more (detailed)
  --minutes M     ends after so many virtual minutes (the scenario's own duration)
  --out FILE      where the report is written (reports/, named after scenario, viewers and seed)
  --json FILE     writes the results too, everything about every viewer
  --list          names the scenarios
  --help          this text

npm run simulate -- faults [--seed S]   fails each call of a small download, once and for ever
npm run simulate -- matrix [--seed S]   runs all cells of the transfer matrix

Ctrl-C ends the run between two events; what there is until then is printed and written.`;

const VALUES = ['peers', 'seed', 'policy', 'repeat', 'mode', 'minutes', 'out', 'json'] as const;
type ValueName = (typeof VALUES)[number];

/** @throws an `Error` of one sentence about what is wrong with the command line. */
export function parseCommand(args: readonly string[], known: Known): CommandOptions {
  const { names, values, flags } = split(args);
  const help = flags.has('help');
  const list = flags.has('list');
  const [scenario, ...more] = names;
  if (more.length > 0) throw new Error(`One scenario at a time, but there are ${names.join(' and ')}.`);
  if (scenario === undefined && !help && !list) throw new Error('Which scenario? See --list, or --help.');
  if (scenario !== undefined && !known.scenarios.has(scenario)) {
    throw new Error(`There is no scenario ${scenario}; there are ${[...known.scenarios.keys()].join(', ')}.`);
  }
  const minutes = values.get('minutes');
  return {
    scenario,
    peers: values.has('peers') ? whole('peers', values.get('peers')!, 1) : undefined,
    seed: whole('seed', values.get('seed') ?? '1', 0),
    repeat: whole('repeat', values.get('repeat') ?? '1', 1),
    policies: policiesOf(values.get('policy'), known),
    mode: modeOf(values.get('mode') ?? 'detailed'),
    minutes: minutes === undefined ? undefined : positive('minutes', minutes),
    out: values.get('out'),
    json: values.get('json'),
    help,
    list,
  };
}

/** `--name value` and `--name=value`. */
function split(args: readonly string[]): {
  names: string[];
  values: Map<ValueName, string>;
  flags: Set<string>;
} {
  const names: string[] = [];
  const values = new Map<ValueName, string>();
  const flags = new Set<string>();
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]!;
    if (!arg.startsWith('-')) {
      names.push(arg);
      continue;
    }
    const equals = arg.indexOf('=');
    const option = equals < 0 ? arg : arg.slice(0, equals);
    const name = VALUES.find((one) => `--${one}` === option);
    if (name !== undefined) {
      const value = equals < 0 ? args[++i] : arg.slice(equals + 1);
      if (value === undefined || value === '') throw new Error(`${option} needs a value.`);
      if (values.has(name)) throw new Error(`${option} is given twice.`);
      values.set(name, value);
    } else if (arg === '--help' || arg === '-h') flags.add('help');
    else if (arg === '--list') flags.add('list');
    else throw new Error(`There is no option ${option}; see --help.`);
  }
  return { names, values, flags };
}

function whole(name: ValueName, text: string, least: number): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value) || value < least) {
    throw new Error(`--${name} must be a whole number from ${least}, not ${text}.`);
  }
  return value;
}

function positive(name: ValueName, text: string): number {
  const value = Number(text);
  if (!Number.isFinite(value) || value <= 0)
    throw new Error(`--${name} must be a number above 0, not ${text}.`);
  return value;
}

function modeOf(text: string): Mode {
  if (text === 'detailed' || text === 'coarse') return text;
  throw new Error(`--mode must be detailed or coarse, not ${text}.`);
}

function policiesOf(text: string | undefined, known: Known): string[] {
  if (text === undefined) return [];
  const names = text.split(',');
  for (const [i, name] of names.entries()) {
    if (!known.policies.includes(name)) {
      throw new Error(
        `There is no policy ${name === '' ? 'without a name' : name}; there are ${known.policies.join(', ')}.`,
      );
    }
    if (names.indexOf(name) !== i) throw new Error(`The policy ${name} is named twice.`);
  }
  return names;
}

/** A line for each scenario. */
export function scenarioList({ scenarios }: Known): string {
  const width = Math.max(...[...scenarios.keys()].map((name) => name.length));
  return [...scenarios]
    .map(([name, { about, peers }]) => `${name.padEnd(width)}  ${about} (${peers})`)
    .join('\n');
}
