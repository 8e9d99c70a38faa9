/** Colours and characters that the terminal can show. */

import pc from 'picocolors';

export interface Theme {
  readonly bold: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly good: (text: string) => string;
  readonly warn: (text: string) => string;
  readonly bad: (text: string) => string;
  readonly accent: (text: string) => string;
  /** Beyond ASCII. */
  readonly unicode: boolean;
}

export function makeTheme(options: { colors: boolean; unicode: boolean }): Theme {
  const colors = pc.createColors(options.colors);
  return {
    bold: colors.bold,
    dim: colors.dim,
    good: colors.green,
    warn: colors.yellow,
    bad: colors.red,
    accent: colors.cyan,
    unicode: options.unicode,
  };
}

/** Whether a process with this environment writes to a terminal that shows UTF-8. */
export function showsUnicode(env: Readonly<Record<string, string | undefined>>): boolean {
  if (process.platform === 'win32') return env['WT_SESSION'] !== undefined;
  if (env['TERM'] === 'linux') return false;
  return /utf-?8/i.test(env['LC_ALL'] || env['LC_CTYPE'] || env['LANG'] || '');
}

/** A bar of `columns` characters for a fraction from 0 to 1; full only when complete. */
export function bar(fraction: number, columns: number, theme: Theme): string {
  const full = fraction >= 1 ? columns : Math.min(columns - 1, Math.floor(Math.max(0, fraction) * columns));
  const [done, left] = theme.unicode ? ['━', '─'] : ['#', '-'];
  return theme.good(done.repeat(full)) + theme.dim(left.repeat(columns - full));
}
