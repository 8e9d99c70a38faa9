/** The figures of a run, in the order in which tables show them. */

import { percentile } from '../metrics/spread.ts';
import { formatBytes, formatCount, formatMs, formatNumber, formatShare, NONE } from './format.ts';
import type { Run, Series } from './runs.ts';

export interface Figure {
  /** Figures of one group stand together. */
  readonly group: string;
  readonly label: string;
  readonly of: (run: Run) => number | undefined;
  readonly format: (value: number) => string;
}

function group(
  name: string,
  figures: readonly (readonly [string, Figure['of'], Figure['format']])[],
): Figure[] {
  return figures.map(([label, of, format]) => ({ group: name, label, of, format }));
}

export const FIGURES: readonly Figure[] = [
  ...group('Viewers', [
    ['viewers', (r) => r.summary.viewers, formatCount],
    ['left before the first picture', (r) => beforePicture(r), formatCount],
  ]),
  ...group('Start-up', [
    ['p50', (r) => r.summary.startupMs.p50, formatMs],
    ['p95', (r) => r.summary.startupMs.p95, formatMs],
    ['max', (r) => r.summary.startupMs.max, formatMs],
  ]),
  ...group('Playback', [
    ['stalls per viewer-hour', (r) => r.summary.stallsPerHour, formatNumber],
    ['stalled share of time', (r) => r.summary.stalledShare, formatShare],
    ['viewers with a stall', (r) => r.summary.stalledViewers, formatShare],
    ['seek p50', (r) => r.summary.seekMs.p50, formatMs],
    ['seek p95', (r) => r.summary.seekMs.p95, formatMs],
  ]),
  ...group('Completion', [
    ['complete', (r) => r.summary.completed, formatCount],
    ['time p50', (r) => r.summary.completionMs.p50, formatMs],
    ['time p95', (r) => r.summary.completionMs.p95, formatMs],
  ]),
  ...group('Offload', [
    ['received', (r) => r.summary.received, formatBytes],
    ['from viewers', (r) => r.summary.offload, formatShare],
    ['the best possible', (r) => r.summary.offloadBound, formatShare],
    ['of the best possible', (r) => r.summary.offloadRatio, formatShare],
    ['wasted', (r) => r.summary.wastedShare, formatShare],
  ]),
  ...group('Upload per viewer', [
    ['p10', (r) => r.summary.uploaded.p10, formatBytes],
    ['p50', (r) => r.summary.uploaded.p50, formatBytes],
    ['p90', (r) => r.summary.uploaded.p90, formatBytes],
    ['Gini', (r) => r.summary.uploadGini, (value) => value.toFixed(2)],
  ]),
  ...group('Messages per viewer', [
    ['to and from the tracker', (r) => r.summary.trackerMessages, formatNumber],
    ['HTTP requests', (r) => r.summary.httpRequests, formatNumber],
  ]),
  ...group('Run', [
    ['virtual duration', (r) => r.result.durationMs, formatMs],
    ['CPU time', (r) => r.cpuMs, formatMs],
    ['events', (r) => r.result.events, formatCount],
  ]),
];

/** Downloaders look at no picture, so nobody left before it. */
function beforePicture({ summary }: Run): number | undefined {
  const downloadsOnly = summary.startupMs.count === 0 && summary.completed > 0;
  return downloadsOnly ? undefined : summary.neverStarted;
}

/** The figure of a policy: that of its run, or the median of its runs with the least and the most. */
export function cell(figure: Figure, { runs }: Series): string {
  const values = runs.map(figure.of).filter((value) => value !== undefined);
  if (values.length === 0) return NONE;
  values.sort((a, b) => a - b);
  const [least, median, most] = [values[0]!, percentile(values, 0.5)!, values.at(-1)!];
  const shown = figure.format(median);
  const [from, to] = [figure.format(least), figure.format(most)];
  return runs.length === 1 || from === to ? shown : `${shown} (${withoutUnit(from, to)} … ${to})`;
}

/** The unit once, where both have the same. */
function withoutUnit(from: string, to: string): string {
  const unit = to.slice(to.lastIndexOf(' '));
  return to.includes(' ') && from.endsWith(unit) ? from.slice(0, -unit.length) : from;
}
