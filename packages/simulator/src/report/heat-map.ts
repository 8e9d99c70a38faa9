/** How many copies of each part of the film there are among the viewers, over time. */

import type { Chart, LegendEntry, Panel } from './chart.ts';
import { formatCount } from './format.ts';
import { policyTitle, type Series } from './runs.ts';
import { plot, px } from './svg.ts';
import { PERCENT, timeAxis } from './ticks.ts';
import { hints, type Interval, intervals, ticksFor, timeTable } from './timeline.ts';

/** Shades: none, one copy, and six that grow by a factor. */
const LEVELS = 8;

/** Least number of copies of each shade. Rare matters more than frequent, so steps grow. */
export function heatLevels(max: number): number[] {
  const levels = [0, 1];
  let factor = 2;
  while (factor ** (LEVELS - 1) <= max) factor++;
  for (let from = factor; from <= max && levels.length < LEVELS; from *= factor) levels.push(from);
  return levels;
}

export function availabilityChart(series: readonly Series[]): Chart {
  const rows = series.map(({ policy, runs }) => ({
    title: series.length > 1 ? policyTitle(policy) : undefined,
    intervals: intervals(runs[0]!.result.timeline),
  }));
  const all = rows.flatMap((row) => row.intervals);
  const max = Math.max(0, ...all.map(({ availability }) => Math.max(0, ...availability)));
  const levels = heatLevels(max);
  const end = Math.max(1, ...all.map(({ to }) => to));
  const panels = rows.map((row): Panel => {
    const cells = heatCells(row.intervals, levels);
    const draw = (width: number, height: number): string => {
      const x = timeAxis(end, ticksFor(width));
      const area = plot({
        width,
        height,
        x,
        y: PERCENT,
        xTitle: 'Virtual time',
        yTitle: 'Position in the film',
      });
      const first = row.intervals[0];
      const last = row.intervals.at(-1);
      if (first === undefined || last === undefined) return area.axes;
      const scaleX = (area.x(last.to) - area.x(first.from)) / row.intervals.length;
      const scaleY = (area.bottom - area.top) / Math.max(1, last.availability.length);
      const place = `translate(${px(area.x(first.from))} ${area.bottom}) scale(${scaleX.toFixed(4)} ${(-scaleY).toFixed(4)})`;
      const told = hints(area, row.intervals, ({ availability }) => {
        const least = availability.length === 0 ? 0 : Math.min(...availability);
        return `fewest copies of a part: ${formatCount(least)}, most: ${formatCount(Math.max(0, ...availability))}`;
      });
      return `${area.axes}<g class="heat" transform="${place}">${cells}</g>${told}`;
    };
    return { title: row.title, draw };
  });
  return {
    id: 'availability',
    title: 'Copies of each part of the film',
    note: 'How many viewers have each part; the sources of the site are not counted. A shade is a range of numbers.',
    legend: levels.map((from, i): LegendEntry => {
      const to = (levels[i + 1] ?? max + 1) - 1;
      return {
        label: to > from ? `${formatCount(from)}–${formatCount(to)}` : formatCount(from),
        tone: `h${i}`,
        mark: 'area',
      };
    }),
    empty: 'Nobody had any part of the film.',
    panels: all.every(({ availability }) => availability.length === 0) ? [] : panels,
    table: timeTable(series, [
      {
        label: 'fewest copies',
        of: ({ availability }) => formatCount(availability.length > 0 ? Math.min(...availability) : 0),
      },
      { label: 'mean', of: ({ availability }) => mean(availability).toFixed(1) },
      { label: 'most', of: ({ availability }) => formatCount(Math.max(0, ...availability)) },
      {
        label: 'parts without a copy',
        of: ({ availability }) => formatCount(availability.filter((copies) => copies === 0).length),
      },
    ]),
  };
}

/** One path a shade, in units of cells; runs of one shade along the film are one rectangle. */
function heatCells(all: readonly Interval[], levels: readonly number[]): string {
  const paths = levels.map((): string[] => []);
  all.forEach(({ availability }, column) => {
    let from = 0;
    for (let part = 1; part <= availability.length; part++) {
      const level = levelOf(availability[from]!, levels);
      if (part < availability.length && levelOf(availability[part]!, levels) === level) continue;
      paths[level]!.push(`M${column} ${from}h1v${part - from}h-1z`);
      from = part;
    }
  });
  return paths
    .map((path, i) => (path.length === 0 ? '' : `<path class="h${i}" d="${path.join('')}"/>`))
    .join('');
}

function levelOf(copies: number, levels: readonly number[]): number {
  let level = levels.length - 1;
  while (level > 0 && copies < levels[level]!) level--;
  return level;
}

function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}
