/** How the command ends: exit codes for scripts, and errors as one sentence for people. */

import { ArgumentError, InvalidTorrentError, StorageError } from 'freshet';

/** Documented in `--help`; scripts rely on them. */
export const ExitCode = {
  ok: 0,
  failure: 1,
  usage: 2,
  noPeers: 3,
  disk: 4,
  interrupted: 130,
  terminated: 143,
} as const;

export const EXIT_CODES_HELP = `
Exit codes:
  0    done
  1    failed
  2    wrong usage or bad input, such as a damaged torrent
  3    no peers, or nothing arrived for --timeout seconds
  4    the disk is full, read-only or faulty
  130  interrupted (Ctrl-C) before it was done`;

/** Something to tell the user in one sentence, with the exit code that goes with it. */
export class CliError extends Error {
  override readonly name: string = 'CliError';
  readonly exitCode: number;

  constructor(exitCode: number, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.exitCode = exitCode;
  }
}

export function usageError(message: string, cause?: unknown): CliError {
  return new CliError(ExitCode.usage, message, { cause });
}

/** The exit code for anything thrown. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof CliError) return error.exitCode;
  if (error instanceof StorageError) return ExitCode.disk;
  if (error instanceof InvalidTorrentError || error instanceof ArgumentError) return ExitCode.usage;
  return ExitCode.failure;
}

/** One sentence, with its full stop. */
export function sentenceOf(error: unknown): string {
  const text = (error instanceof Error ? error.message : String(error)).trim();
  if (text === '') return 'Something failed without saying what; --verbose shows more.';
  return /[.!?]$/.test(text) ? text : `${text}.`;
}

/** The `code` of a Node error, such as `ENOENT`. */
export function systemCode(error: unknown): string {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  return typeof code === 'string' ? code : '';
}
