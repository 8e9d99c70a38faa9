/** The figures as text for a terminal. */

import { cell, FIGURES } from './figures.ts';
import { formatMany } from './format.ts';
import { policyTitle, type Report } from './runs.ts';

/** One column a policy; ends with the commands that repeat the runs. */
export function textTable(report: Report): string {
  const { scenario, about, series } = report;
  const { peers, mode } = series[0]!.runs[0]!.result;
  const rows: (readonly string[] | string)[] = [];
  if (series.length > 1) rows.push(['', ...series.map(({ policy }) => policyTitle(policy))]);
  let group = '';
  for (const figure of FIGURES) {
    if (figure.group !== group) rows.push(figure.group);
    group = figure.group;
    rows.push([`  ${figure.label}`, ...series.map((one) => cell(figure, one))]);
  }
  rows.push([
    '  digest',
    ...series.map(({ runs }) => (runs.length === 1 ? runs[0]!.result.digest : 'see below')),
  ]);
  const lines = [`${scenario}: ${about}`, `${formatMany(peers, 'peers')}, ${mode}, ${seedsOf(report)}`, ''];
  lines.push(...aligned(rows), '', 'Again:');
  for (const { runs } of series) {
    for (const run of runs) {
      const digest = runs.length === 1 ? '' : `   # ${run.result.digest}`;
      lines.push(`  ${run.command}${run.stopped ? '   # was stopped' : ''}${digest}`);
    }
  }
  return `${lines.join('\n')}\n`;
}

/** `seed 7`, or `seeds 7 to 11, medians (least … most)`. */
export function seedsOf({ series }: Report): string {
  const seeds = series.flatMap(({ runs }) => runs.map(({ result }) => result.seed));
  const [first, last] = [Math.min(...seeds), Math.max(...seeds)];
  return first === last ? `seed ${first}` : `seeds ${first} to ${last}, medians (least … most)`;
}

/** A lone text is a heading: it makes no column wider. */
function aligned(rows: readonly (readonly string[] | string)[]): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    if (typeof row === 'string') continue;
    row.forEach((text, i) => {
      widths[i] = Math.max(widths[i] ?? 0, text.length);
    });
  }
  return rows.map((row) => {
    if (typeof row === 'string') return row;
    return row
      .map((text, i) => (i === 0 ? text.padEnd(widths[i]!) : text.padStart(widths[i]!)))
      .join('   ')
      .trimEnd();
  });
}
