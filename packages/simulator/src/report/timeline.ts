/** Charts over virtual time: where the bytes come from, who is there, how many copies there are. */

import type { SwarmSample } from '../metrics/result.ts';
import { type Chart, type LegendEntry, type Panel, tone } from './chart.ts';
import { formatClock, formatCount, formatNumber, formatShare, NONE } from './format.ts';
import { policyTitle, type Series } from './runs.ts';
import { hint, linePath, type Plot, plot, px } from './svg.ts';
import { type Axis, linearAxis, PERCENT, rateAxis, timeAxis } from './ticks.ts';

/** Columns that a chart over time has at most. */
const COLUMNS = 120;
/** Points of the lines of offload, which a few bytes more or less would let jump. */
const OFFLOAD_POINTS = 60;
/** Rows of the tables behind them at most. */
const TABLE_ROWS = 20;

/** Between two moments: rates in bytes per second, numbers as of its end. */
export interface Interval {
  readonly from: number;
  readonly to: number;
  readonly fromPeers: number;
  readonly fromSeeder: number;
  readonly fromHttp: number;
  readonly capacity: number;
  readonly viewers: number;
  readonly playing: number;
  readonly stalled: number;
  readonly availability: readonly number[];
}

/** The timeline in at most `count` intervals; bytes add up, so nothing is lost between them. */
export function intervals(timeline: readonly SwarmSample[], count: number = COLUMNS): Interval[] {
  const every = Math.max(1, Math.ceil(timeline.length / count));
  const result: Interval[] = [];
  let from = 0;
  for (let i = 0; i < timeline.length; i += every) {
    const part = timeline.slice(i, i + every);
    const last = part.at(-1)!;
    const seconds = (last.at - from) / 1000;
    if (seconds <= 0) continue;
    const rate = (of: (sample: SwarmSample) => number): number =>
      part.reduce((sum, sample) => sum + of(sample), 0) / seconds;
    result.push({
      from,
      to: last.at,
      fromPeers: rate((s) => s.fromPeers),
      fromSeeder: rate((s) => s.fromSeeder),
      fromHttp: rate((s) => s.fromHttp),
      capacity: rate((s) => s.uploadCapacity),
      viewers: last.viewers,
      playing: last.playing,
      stalled: last.stalled,
      availability: last.availability,
    });
    from = last.at;
  }
  return result;
}

interface Row {
  readonly title: string | undefined;
  readonly policy: string;
  readonly intervals: readonly Interval[];
}

/** Each policy's first run: runs of several seeds have no common course. */
function rowsOf(series: readonly Series[], count?: number): Row[] {
  return series.map(({ policy, runs }) => ({
    title: series.length > 1 ? policyTitle(policy) : undefined,
    policy: policyTitle(policy),
    intervals: intervals(runs[0]!.result.timeline, count),
  }));
}

/** Steps of an axis over time on a drawing of this width. */
export function ticksFor(width: number): number {
  return width > 800 ? 14 : width > 450 ? 8 : 5;
}

function timeOf(rows: readonly Row[], width: number): Axis {
  return timeAxis(Math.max(1, ...rows.map((row) => row.intervals.at(-1)?.to ?? 0)), ticksFor(width));
}

function highest(rows: readonly Row[], of: (interval: Interval) => number): number {
  return Math.max(0, ...rows.map((row) => Math.max(0, ...row.intervals.map(of))));
}

const SOURCES: readonly { key: 'fromPeers' | 'fromSeeder' | 'fromHttp'; label: string; tone: string }[] = [
  { key: 'fromPeers', label: 'other viewers', tone: 'peers' },
  { key: 'fromSeeder', label: "the site's seeder", tone: 'seeder' },
  { key: 'fromHttp', label: 'HTTP', tone: 'http' },
];

/** Payload that viewers receive by its source, stacked, and what their lines could send. */
export function sourcesChart(series: readonly Series[]): Chart {
  const rows = rowsOf(series);
  const used = SOURCES.filter(({ key }) => highest(rows, (i) => i[key]) > 0);
  const total = (interval: Interval): number => SOURCES.reduce((sum, { key }) => sum + interval[key], 0);
  const y = rateAxis(highest(rows, (i) => Math.max(total(i), i.capacity)) || 1000, 4);
  const panels = rows.map((row): Panel => {
    const draw = (width: number, height: number): string => {
      const area = plot({
        width,
        height,
        x: timeOf(rows, width),
        y,
        xTitle: 'Virtual time',
        yTitle: 'Received',
      });
      const parts = [area.axes];
      const below = row.intervals.map(() => 0);
      for (const { key, tone: classes } of used) {
        const above = below.map((value, i) => value + row.intervals[i]![key]);
        const upper = course(area, row.intervals, above);
        const lower = course(area, row.intervals, below).reverse();
        parts.push(`<path class="area ${classes}" d="${linePath([...upper, ...lower])}Z"/>`);
        above.forEach((value, i) => {
          below[i] = value;
        });
      }
      const capacity = row.intervals.map((interval) => interval.capacity);
      parts.push(`<path class="line dashes" d="${linePath(course(area, row.intervals, capacity))}"/>`);
      const shown = (value: number): string => `${formatNumber((value * 8) / 1e6)} Mbit/s`;
      parts.push(
        hints(area, row.intervals, (interval) =>
          [
            ...used.map(({ key, label }) => `from ${label}: ${shown(interval[key])}`),
            `viewers could send: ${shown(interval.capacity)}`,
          ].join('\n'),
        ),
      );
      return parts.join('');
    };
    return { title: row.title, draw };
  });
  const areas = used.map(({ label, tone: classes }): LegendEntry => ({ label, tone: classes, mark: 'area' }));
  const mbits = (value: number): string => formatNumber((value * 8) / 1e6);
  return {
    id: 'sources',
    title: 'Where the bytes come from',
    note: 'Payload that all viewers together receive, by its source. The dashed line is what their own lines could send.',
    legend: [...areas, { label: "viewers' upload capacity", tone: 'dashes', mark: 'dashes' }],
    empty: '',
    panels: rows.every((row) => row.intervals.length === 0) ? [] : panels,
    table: timeTable(series, [
      ...used.map(({ key, label }) => column(`${label}, Mbit/s`, (i: Interval) => mbits(i[key]))),
      column('capacity, Mbit/s', (i) => mbits(i.capacity)),
    ]),
  };
}

/** The part of all payload that comes from viewers, over time: a line for each policy. */
export function offloadChart(series: readonly Series[]): Chart {
  const rows = rowsOf(series, OFFLOAD_POINTS);
  const several = series.length > 1;
  const shares = rows.map((row) => row.intervals.map(offloadOf));
  const bounds = series.map(({ runs }) => runs[0]!.result.offloadBound);
  // Policies on the same seed share a bound, unless they change how long viewers stay.
  const bound = bounds.every((one) => Math.abs(one - bounds[0]!) < 0.005) ? bounds[0] : undefined;
  const draw = (width: number, height: number): string => {
    const x = timeOf(rows, width);
    const titles = { xTitle: 'Virtual time', yTitle: 'Received from other viewers' };
    const area = plot({ width, height, x, y: PERCENT, ...titles });
    const lines = rows.map((row, i) => {
      const points = row.intervals.flatMap(({ from, to }, j): [number, number][] => {
        const share = shares[i]![j];
        return share === undefined ? [] : [[area.x((from + to) / 2), area.y(share * 100)]];
      });
      return `<path class="line ${tone(i)}" d="${linePath(points)}"/>`;
    });
    const best =
      bound === undefined
        ? ''
        : `<path class="line dashes" d="M${area.left} ${px(area.y(bound * 100))}H${area.right}"/>`;
    const longest = rows.reduce((a, b) => (b.intervals.length > a.intervals.length ? b : a));
    const told = hints(area, longest.intervals, (_, j) =>
      rows
        .map(
          ({ policy }, i) =>
            `${several ? `${policy}: ` : ''}${shares[i]![j] === undefined ? NONE : formatShare(shares[i]![j]!)}`,
        )
        .join('\n'),
    );
    return area.axes + best + lines.join('') + told;
  };
  const lines = rows.map(
    ({ policy }, i): LegendEntry => ({ label: several ? policy : 'offload', tone: tone(i), mark: 'line' }),
  );
  const dashes: LegendEntry = { label: 'the best possible of the whole run', tone: 'dashes', mark: 'dashes' };
  return {
    id: 'offload',
    title: 'Offload',
    note: 'The part of what viewers receive that other viewers send, moment by moment.',
    legend: bound === undefined ? lines : [...lines, dashes],
    empty: '',
    panels: shares.every((row) => row.every((share) => share === undefined))
      ? []
      : [{ title: undefined, draw }],
    table: timeTable(series, [
      column('offload', (interval) => {
        const share = offloadOf(interval);
        return share === undefined ? NONE : formatShare(share);
      }),
    ]),
  };
}

function offloadOf({ fromPeers, fromSeeder, fromHttp }: Interval): number | undefined {
  const all = fromPeers + fromSeeder + fromHttp;
  return all > 0 ? fromPeers / all : undefined;
}

const STATES: readonly { key: 'viewers' | 'playing' | 'stalled'; label: string; tone: string }[] = [
  { key: 'viewers', label: 'present', tone: 'present' },
  { key: 'playing', label: 'playing', tone: 's0' },
  { key: 'stalled', label: 'stalled', tone: 'stalled' },
];

/** How many are there, see the film, or wait for it. */
export function viewersChart(series: readonly Series[]): Chart {
  const rows = rowsOf(series);
  const y = linearAxis(highest(rows, (i) => i.viewers) || 1, 4, '', 1);
  const panels = rows.map((row): Panel => {
    const draw = (width: number, height: number): string => {
      const area = plot({
        width,
        height,
        x: timeOf(rows, width),
        y,
        xTitle: 'Virtual time',
        yTitle: 'Viewers',
      });
      const lines = STATES.map(({ key, tone: classes }) => {
        const points = row.intervals.map((interval) => [area.x(interval.to), area.y(interval[key])] as const);
        return `<path class="line ${classes}" d="${linePath(points)}"/>`;
      });
      const told = hints(area, row.intervals, (interval) =>
        STATES.map(({ key, label }) => `${label}: ${formatCount(interval[key])}`).join('\n'),
      );
      return area.axes + lines.join('') + told;
    };
    return { title: row.title, draw };
  });
  return {
    id: 'viewers',
    title: 'Viewers',
    note: 'Who is there, who sees a picture, and who waits for one in the middle of the film.',
    legend: STATES.map(({ label, tone: classes }) => ({ label, tone: classes, mark: 'line' })),
    empty: '',
    panels: rows.every((row) => row.intervals.length === 0) ? [] : panels,
    table: timeTable(
      series,
      STATES.map(({ key, label }) => column(label, (i: Interval) => formatCount(i[key]))),
    ),
  };
}

interface Column {
  readonly label: string;
  readonly of: (interval: Interval) => string;
}

function column(label: string, of: Column['of']): Column {
  return { label, of };
}

/** The figures behind a chart over time, in fewer and longer intervals than it has columns. */
export function timeTable(series: readonly Series[], columns: readonly Column[]): Chart['table'] {
  const rows = rowsOf(series, TABLE_ROWS);
  const several = series.length > 1;
  return {
    head: [...(several ? ['Policy'] : []), 'Until', ...columns.map(({ label }) => label)],
    rows: rows.flatMap((row) =>
      row.intervals.map((interval) => [
        ...(several ? [row.policy] : []),
        formatClock(interval.to),
        ...columns.map(({ of }) => of(interval)),
      ]),
    ),
  };
}

/** Rates through the middle of their intervals, from the first moment to the last. */
function course(area: Plot, all: readonly Interval[], values: readonly number[]): [number, number][] {
  const points = all.map(({ from, to }, i): [number, number] => [
    area.x((from + to) / 2),
    area.y(values[i]!),
  ]);
  if (points.length === 0) return points;
  return [[area.x(all[0]!.from), points[0]![1]], ...points, [area.x(all.at(-1)!.to), points.at(-1)![1]]];
}

/** A column for each interval that tells its figures to a pointer. */
export function hints(
  area: Plot,
  all: readonly Interval[],
  tell: (interval: Interval, index: number) => string,
): string {
  return all
    .map((interval, i) => {
      const left = area.x(interval.from);
      const content = `${formatClock(interval.to)}\n${tell(interval, i)}`;
      return hint(left, area.top, area.x(interval.to) - left, area.bottom - area.top, content);
    })
    .join('');
}
