/** Charts of how a time is spread over viewers: histograms and cumulative shares. */

import { percentile, spread } from '../metrics/spread.ts';
import { type Chart, type LegendEntry, type Panel, tone } from './chart.ts';
import { formatCount, formatMany, formatMs, formatShare, NONE } from './format.ts';
import { policyTitle, type Series } from './runs.ts';
import { escapeText, hint, linePath, plot, px, text } from './svg.ts';
import { type Axis, linearAxis, logTimeAxis, PERCENT, timeAxis } from './ticks.ts';

/** Bars between two ticks. */
const BARS_PER_TICK = 5;
const BARS_PER_DECADE = 8;
/** Slowest by fastest, from which on a comparison has a logarithmic axis. */
const LOGARITHMIC = 12;
/** Points of a cumulative line at most. */
const CUMULATIVE_POINTS = 240;
/** Width that bars for the rest take. */
const REST_WIDTH = 56;

export interface DistributionOptions {
  readonly id: string;
  readonly title: string;
  readonly note: string;
  /** What the horizontal axis shows, such as `from arrival to the first picture`. */
  readonly xTitle: string;
  /** What is counted, such as `viewers`. */
  readonly what: string;
  /** What is said when there is nothing, such as `Nobody jumped.` */
  readonly empty: string;
  readonly series: readonly Series[];
  /** Milliseconds of all runs of a policy. */
  readonly values: (series: Series) => readonly number[];
}

interface Sorted {
  readonly title: string;
  readonly values: Float64Array;
}

/** A histogram for each policy and one chart of their cumulative shares. */
export function distributionCharts(options: DistributionOptions): readonly [Chart, Chart] {
  const sorted = options.series.map((series) => ({
    title: policyTitle(series.policy),
    values: Float64Array.from(options.values(series)).sort(),
  }));
  const x = axisOf(sorted);
  return [histogram(options, sorted, x), cumulative(options, sorted, x)];
}

/** Where the slow ones are many times slower than the fast ones, only powers of ten show both. */
function axisOf(sorted: readonly Sorted[]): Axis {
  const all = sorted.filter(({ values }) => values.length > 0);
  const medians = all.map(({ values }) => percentile(values, 0.5)!);
  const slowest = Math.max(0, ...all.map(({ values }) => percentile(values, 0.95)!));
  const fastest = Math.max(10, Math.min(...medians));
  if (all.length < 2 || slowest < LOGARITHMIC * fastest) return timeAxis(shownUpTo(sorted), 5);
  const least = Math.min(...all.map(({ values }) => values[0]!));
  return logTimeAxis(least, Math.max(...all.map(({ values }) => values.at(-1)!)));
}

/** The ends of bars, the first of which begins where the axis does. */
function edgesOf({ begin, end, ticks }: Axis): number[] {
  if (begin === undefined) {
    const step = ticks[1]! / BARS_PER_TICK;
    return Array.from({ length: Math.round(end / step) + 1 }, (_, i) => i * step);
  }
  const count = (ticks.length - 1) * BARS_PER_DECADE;
  return Array.from({ length: count + 1 }, (_, i) => begin * 10 ** (i / BARS_PER_DECADE));
}

/** A long tail does not press the rest into a corner: when it is long, what lies past twice the 95th percentile is counted beside. */
function shownUpTo(sorted: readonly Sorted[]): number {
  const p95 = Math.max(0, ...sorted.map(({ values }) => percentile(values, 0.95) ?? 0));
  const max = Math.max(0, ...sorted.map(({ values }) => values.at(-1) ?? 0));
  return max <= 2 * p95 || p95 === 0 ? max : 2 * p95;
}

function histogram(
  { id, title, note, xTitle, what, empty }: DistributionOptions,
  sorted: readonly Sorted[],
  x: Axis,
): Chart {
  const edges = edgesOf(x);
  const count = edges.length - 1;
  const bars = sorted.map(({ values }) => counted(values, edges));
  const rest = bars.some((one) => one[count]! > 0);
  const highest = Math.max(...bars.map((one, i) => Math.max(...one) / Math.max(1, sorted[i]!.values.length)));
  const y = linearAxis(highest * 100, 4, '%');
  const range = (bar: number): string => {
    if (bar === count) return `over ${formatMs(x.end)}`;
    if (bar === 0 && x.begin !== undefined) return `up to ${formatMs(edges[1]!)}`;
    return `${formatMs(edges[bar]!)} to ${formatMs(edges[bar + 1]!)}`;
  };
  const panels = sorted.map(({ title: policy, values }, i): Panel => {
    const draw = (width: number, height: number): string => {
      const reserve = rest ? REST_WIDTH : 0;
      const area = plot({ width, height, x, y, xTitle, yTitle: `Share of ${what}`, reserve });
      const parts = [area.axes];
      bars[i]!.forEach((value, bar) => {
        if (value === 0) return;
        const share = value / values.length;
        const end = bar === count;
        const left = end ? area.right - REST_WIDTH * 0.6 : area.x(edges[bar]!) + 0.5;
        const wide = end ? REST_WIDTH * 0.6 : area.x(edges[bar + 1]!) - area.x(edges[bar]!) - 1;
        const at = Math.min(area.y(share * 100), area.bottom - 1);
        const label = `${range(bar)}: ${formatMany(value, what)}, ${formatShare(share)}`;
        const shape = `x="${px(left)}" y="${px(at)}" width="${px(wide)}" height="${px(area.bottom - at)}" rx="1.5"`;
        const classes = end ? 'bar rest' : `bar ${sorted.length > 1 ? tone(i) : 's0'}`;
        parts.push(`<rect class="${classes}" ${shape}><title>${escapeText(label)}</title></rect>`);
      });
      if (rest) parts.push(text(area.right - REST_WIDTH * 0.3, area.bottom + 17, 'more', 'tick mid'));
      return parts.join('');
    };
    return { title: sorted.length > 1 ? policy : undefined, draw };
  });
  const used = Array.from({ length: count + 1 }, (_, bar) => bar).filter((bar) =>
    bars.some((one) => one[bar]! > 0),
  );
  return {
    id,
    title,
    note,
    legend: [],
    panels: bars.every((one) => one.every((value) => value === 0)) ? [] : panels,
    empty,
    table: {
      head: ['Time', ...sorted.map(({ title: policy }) => (sorted.length > 1 ? policy : capital(what)))],
      rows: used.map((bar) => [range(bar), ...bars.map((one) => formatCount(one[bar]!))]),
    },
  };
}

/** Values between each two edges, with those below in the first bar, and those past the end last. */
function counted(values: Float64Array, edges: readonly number[]): number[] {
  const count = edges.length - 1;
  const bars = new Array<number>(count + 1).fill(0);
  let bar = 0;
  for (const value of values) {
    while (bar < count && value >= edges[bar + 1]!) bar++;
    // The last bar includes its end, or a greatest value that is round would count as beyond.
    const place = bar === count && value <= edges[count]! ? count - 1 : bar;
    bars[place] = bars[place]! + 1;
  }
  return bars;
}

function cumulative(
  { id, title, xTitle, what }: DistributionOptions,
  sorted: readonly Sorted[],
  x: Axis,
): Chart {
  const several = sorted.length > 1;
  const draw = (width: number, height: number): string => {
    const area = plot({ width, height, x, y: PERCENT, xTitle, yTitle: `Share of ${what} within that time` });
    const parts = [area.axes];
    sorted.forEach(({ title: policy, values }, i) => {
      if (values.length === 0) return;
      const points: [number, number][] = [[area.left, area.y(0)]];
      let last = area.left;
      for (const { value, share } of stepsOf(values)) {
        if (value > x.end) break;
        const at = area.x(value);
        points.push([at, points.at(-1)![1]], [at, area.y(share * 100)]);
        last = at;
      }
      if (last < area.right) points.push([area.right, points.at(-1)![1]]);
      parts.push(`<path class="line ${tone(i)}" d="${linePath(points)}"/>`);
      for (const share of [0.5, 0.95]) {
        const value = percentile(values, share)!;
        if (value > x.end) continue;
        const [cx, cy] = [area.x(value), area.y(share * 100)];
        const label = `p${share * 100}: ${formatMs(value)}`;
        const hover = escapeText(several ? `${policy}, ${label}` : label);
        parts.push(
          `<circle class="dot ${tone(i)}" cx="${px(cx)}" cy="${px(cy)}" r="4"><title>${hover}</title></circle>`,
        );
        if (!several) parts.push(markLabel(cx, cy, label, area.right));
      }
    });
    const slice = (area.right - area.left) / 40;
    for (let i = 0; i < 40; i++) {
      const value = valueAt(x, (i + 0.5) / 40);
      const shares = sorted.map(({ title: policy, values }) => {
        const share = values.length === 0 ? NONE : formatShare(shareWithin(values, value));
        return several ? `${policy}: ${share}` : share;
      });
      const hover = `within ${formatMs(value)}: ${shares.join(', ')}`;
      parts.push(hint(area.left + i * slice, area.top, slice, area.bottom - area.top, hover));
    }
    return parts.join('');
  };
  const legend = sorted.map(
    ({ title: policy }, i): LegendEntry => ({ label: policy, tone: tone(i), mark: 'line' }),
  );
  return {
    id: `${id}-cumulative`,
    title: `${title}, cumulative`,
    note: cumulativeNote(sorted, what, x),
    legend: several ? legend : [],
    panels: sorted.every(({ values }) => values.length === 0) ? [] : [{ title: undefined, draw }],
    empty: '',
    table: {
      head: ['Share', ...sorted.map(({ title: policy }) => (several ? policy : 'Time'))],
      rows: [0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1].map((share) => [
        formatShare(share),
        ...sorted.map(({ values }) => {
          const value = percentile(values, share);
          return value === undefined ? NONE : formatMs(value);
        }),
      ]),
    },
  };
}

/** The label of a point on a line: to its right and below, where a rising line leaves room. */
function markLabel(x: number, y: number, label: string, right: number): string {
  const room = right - x > 80;
  return text(x + (room ? 9 : -9), y + (room ? 16 : 4), label, room ? 'mark' : 'mark end');
}

function cumulativeNote(sorted: readonly Sorted[], what: string, { begin, end }: Axis): string {
  const beyond = sorted
    .map(({ title, values }) => {
      const count = values.length - Math.round(shareWithin(values, end) * values.length);
      if (count === 0) return '';
      return sorted.length > 1 ? `${formatCount(count)} with ${title}` : formatMany(count, what);
    })
    .filter((part) => part !== '');
  const max = Math.max(0, ...sorted.map(({ values }) => values.at(-1) ?? 0));
  const steps = begin === undefined ? '' : ' Each step of the axis is ten times the one before.';
  const rule = `A point of the line says how many took that time at most; the dots are p50 and p95.${steps}`;
  return beyond.length === 0
    ? rule
    : `${rule} Past the right end: ${beyond.join(', ')}, up to ${formatMs(max)}.`;
}

/** What stands at a place from 0 to 1 of the axis. */
function valueAt({ begin, end }: Axis, place: number): number {
  return begin === undefined ? place * end : begin * (end / begin) ** place;
}

function shareWithin(ascending: Float64Array, value: number): number {
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (ascending[middle]! <= value) low = middle + 1;
    else high = middle;
  }
  return ascending.length === 0 ? 0 : low / ascending.length;
}

function* stepsOf(values: Float64Array): Generator<{ value: number; share: number }> {
  const stride = Math.max(1, Math.floor(values.length / CUMULATIVE_POINTS));
  for (let i = 0; i < values.length; i += stride) yield { value: values[i]!, share: (i + 1) / values.length };
  yield { value: values.at(-1)!, share: 1 };
}

/** `p50 … max` of values as a sentence needs them. */
export function inWords(values: readonly number[]): string {
  const { p50, p95, max } = spread(values);
  if (p50 === undefined || p95 === undefined || max === undefined) return NONE;
  return `Median ${formatMs(p50)}, p95 ${formatMs(p95)}, at most ${formatMs(max)}`;
}

function capital(word: string): string {
  return word.slice(0, 1).toUpperCase() + word.slice(1);
}
