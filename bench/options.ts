/** The command line of `npm run bench`. */

export type TorrentFormat = 'v1' | 'v2' | 'hybrid';

export interface BenchOptions {
  readonly names: readonly string[];
  readonly rounds: number;
  /** Bytes of the TCP transfers. */
  readonly size: number;
  /** Bytes of the transfers between pages. */
  readonly pageSize: number;
  /** What the TCP transfers' torrent is made for. */
  readonly format: TorrentFormat;
  /** Folder for the data; a new folder in it is made and removed. */
  readonly tmp: string | undefined;
  /** Only contestants whose name contains this, in any case. */
  readonly only: string | undefined;
  readonly profile: string | undefined;
  readonly help: boolean;
}

/** @throws an error of one sentence about an option that is none. */
export function parseOptions(args: readonly string[]): BenchOptions {
  const names: string[] = [];
  const values = new Map<string, string>();
  let help = false;
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]!;
    if (arg === '--help' || arg === '-h') help = true;
    else if (/^--(rounds|size|page-size|format|tmp|only|profile)$/.test(arg)) {
      const value = args[++i];
      if (value === undefined) throw new Error(`${arg} needs a value.`);
      values.set(arg.slice(2), value);
    } else if (arg.startsWith('-')) throw new Error(`There is no option ${arg}; see --help.`);
    else names.push(arg);
  }
  return {
    names,
    rounds: positive('rounds', values.get('rounds') ?? '5'),
    size: positive('size', values.get('size') ?? '1024') * 2 ** 20,
    pageSize: positive('page-size', values.get('page-size') ?? '64') * 2 ** 20,
    format: format(values.get('format') ?? 'v1'),
    tmp: values.get('tmp'),
    only: values.get('only')?.toLowerCase(),
    profile: values.get('profile'),
    help,
  };
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new Error(`--${name} must be a whole number from 1.`);
  return value;
}

function format(text: string): TorrentFormat {
  if (text === 'v1' || text === 'v2' || text === 'hybrid') return text;
  throw new Error('--format must be v1, v2 or hybrid.');
}
