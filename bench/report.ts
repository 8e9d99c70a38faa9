/** Results of a benchmark, as JSON and as the tables of docs/benchmarks.md. */

import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { cpus, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const RESULTS = fileURLToPath(new URL('results/', import.meta.url));

/** One measured value per round, and how it is shown. */
export interface Column {
  readonly key: string;
  readonly title: string;
  readonly digits: number;
  /** Values are divided by this for the table. Default 1. */
  readonly scale?: number | undefined;
}

/** What one contestant did, round by round. */
export interface Row {
  readonly name: string;
  readonly rounds: Record<string, number>[];
}

export interface Result {
  readonly bench: string;
  readonly title: string;
  /** What was done, in a few sentences. */
  readonly about: string;
  readonly columns: readonly Column[];
  readonly rows: readonly Row[];
  /** Ratios are to this row; none when absent. */
  readonly baseline?: string | undefined;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Medians, each with its least and greatest value, and the ratio to the baseline, as a Markdown table. */
export function table(result: Result): string {
  const { columns, rows } = result;
  const baseline = rows.find((row) => row.name === result.baseline);
  const lines = [
    ['', ...columns.map((column) => column.title)],
    ['---', ...columns.map(() => '---:')],
    ...rows.map((row) => [row.name, ...columns.map((column) => cell(row, column, baseline))]),
  ];
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function cell(row: Row, column: Column, baseline: Row | undefined): string {
  const { key, digits, scale = 1 } = column;
  const values = row.rounds.flatMap((round) => round[key] ?? []).map((value) => value / scale);
  if (values.length === 0) return '';
  const show = (value: number): string => value.toFixed(digits);
  const middle = median(values);
  const spread = values.length > 1 ? ` (${show(Math.min(...values))} to ${show(Math.max(...values))})` : '';
  if (baseline === undefined || baseline === row) return `${show(middle)}${spread}`;
  const others = baseline.rounds.flatMap((round) => round[key] ?? []);
  if (others.length === 0) return `${show(middle)}${spread}`;
  const other = median(others) / scale;
  return `${show(middle)}${spread}, ×${(middle / other).toFixed(2)}`;
}

/** What a reader must know to judge the figures. */
export interface Machine {
  readonly date: string;
  readonly processor: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly node: string;
  readonly system: string;
}

export async function machine(): Promise<Machine> {
  const { stdout } = await promisify(execFile)('uname', ['-sr']);
  return {
    date: new Date().toISOString().slice(0, 10),
    processor: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    node: process.version,
    system: stdout.trim(),
  };
}

/** Writes `bench/results/<bench>.json` and `.md`. */
export async function save(result: Result, command: string): Promise<void> {
  await mkdir(RESULTS, { recursive: true });
  const context = { command, machine: await machine() };
  await writeFile(
    `${RESULTS}${result.bench}.json`,
    `${JSON.stringify({ ...context, ...result }, null, 2)}\n`,
  );
  const text = `### ${result.title}\n\n${result.about}\n\n\`${command}\`\n\n${table(result)}\n`;
  await writeFile(`${RESULTS}${result.bench}.md`, text);
}

/** Adds one round to the row of that name; makes the row. */
export function addRound(rows: Row[], name: string, values: Record<string, number>): void {
  const row = rows.find((one) => one.name === name);
  if (row === undefined) rows.push({ name, rounds: [values] });
  else row.rounds.push(values);
}
