/** Charts of viewers by number: stalls that each had, and who uploads how much. */

import { gini } from '../metrics/spread.ts';
import { type Chart, tone } from './chart.ts';
import { formatBytes, formatCount, formatMany, formatShare } from './format.ts';
import { policyTitle, type Series } from './runs.ts';
import { escapeText, hint, linePath, plot, px, text } from './svg.ts';
import { type Axis, linearAxis, PERCENT } from './ticks.ts';

/** Viewers with this many stalls or more share a bar. */
const MOST_STALLS = 5;

/** Stalls that each viewer had, of those who saw a picture and had any. */
export function stallsChart(series: readonly Series[]): Chart {
  const policies = series.map(({ policy, runs }) => {
    const started = runs.flatMap(({ result }) =>
      result.viewers.filter((viewer) => viewer.startupMs !== undefined),
    );
    const counts = new Array<number>(MOST_STALLS + 1).fill(0);
    for (const { stalls } of started) counts[Math.min(MOST_STALLS, stalls)]! += 1;
    const shares = counts.map((count) => (started.length === 0 ? 0 : count / started.length));
    return { title: policyTitle(policy), total: started.length, counts, shares };
  });
  const several = policies.length > 1;
  const nameOf = (stalls: number): string => (stalls === MOST_STALLS ? `${stalls} or more` : String(stalls));
  // Each number has a unit of the axis for itself.
  const x: Axis = { end: MOST_STALLS, ticks: [], format: String, unit: '' };
  const highest = Math.max(...policies.map(({ shares }) => Math.max(...shares.slice(1))));
  const y = linearAxis(highest * 100, 4, '%');
  const draw = (width: number, height: number): string => {
    const area = plot({ width, height, x, y, xTitle: 'Stalls of a viewer', yTitle: 'Share of viewers' });
    const parts = [area.axes];
    const wide = Math.min(56, ((area.x(1) - area.x(0)) * 0.72) / policies.length);
    for (let stalls = 1; stalls <= MOST_STALLS; stalls++) {
      const middle = area.x(stalls - 0.5);
      parts.push(text(middle, area.bottom + 17, nameOf(stalls), 'tick mid'));
      policies.forEach(({ title, counts, shares }, i) => {
        if (counts[stalls] === 0) return;
        const left = middle + (i - policies.length / 2) * wide;
        const at = Math.min(area.y(shares[stalls]! * 100), area.bottom - 1);
        const told = `${several ? `${title}, ` : ''}${stalls === 1 ? '1 stall' : `${nameOf(stalls)} stalls`}: ${formatMany(counts[stalls]!, 'viewers')}, ${formatShare(shares[stalls]!)}`;
        const shape = `x="${px(left + 0.5)}" y="${px(at)}" width="${px(wide - 1)}" height="${px(area.bottom - at)}" rx="1.5"`;
        parts.push(`<rect class="bar ${tone(i)}" ${shape}><title>${escapeText(told)}</title></rect>`);
        if (!several) parts.push(text(middle, at - 5, formatShare(shares[stalls]!), 'mark mid'));
      });
    }
    return parts.join('');
  };
  const none = policies
    .filter(({ total }) => total > 0)
    .map(({ title, shares }) => `${formatShare(shares[0]!)}${several ? ` with ${title}` : ''}`);
  return {
    id: 'stalls',
    title: 'Stalls',
    note: `Times that a viewer waited in the middle of the film; waiting after a seek is not a stall. Viewers without any: ${none.join(', ')}.`,
    legend: several ? policies.map(({ title }, i) => ({ label: title, tone: tone(i), mark: 'area' })) : [],
    empty: policies.some(({ total }) => total > 0) ? 'Nobody stalled.' : '',
    panels: highest === 0 ? [] : [{ title: undefined, draw }],
    table: {
      head: ['Stalls', ...policies.map(({ title }) => (several ? title : 'Viewers'))],
      rows: policies[0]!.counts.map((_, stalls) => [
        nameOf(stalls),
        ...policies.map(({ counts }) => formatCount(counts[stalls]!)),
      ]),
    },
  };
}

/** Lorenz curves: what share of all upload comes from the part of the viewers that uploads least. */
export function uploadChart(series: readonly Series[]): Chart {
  const policies = series.map(({ policy, runs }) => {
    const values = runs.flatMap(({ result }) => result.viewers.map(({ uploaded }) => uploaded));
    return {
      title: policyTitle(policy),
      curve: lorenz(values),
      gini: gini(values),
      values: values.sort((a, b) => a - b),
    };
  });
  const several = policies.length > 1;
  const draw = (width: number, height: number): string => {
    const titles = { xTitle: 'Viewers, those who upload least first', yTitle: 'Their share of all upload' };
    const area = plot({ width, height, x: PERCENT, y: PERCENT, ...titles });
    const point = (share: number, part: number): [number, number] => [
      area.x(share * 100),
      area.y(part * 100),
    ];
    const equal = `<path class="line dashes" d="${linePath([point(0, 0), point(1, 1)])}"/>`;
    const lines = policies.map(({ curve }, i) => {
      if (curve.length === 0) return '';
      const points = curve.map((part, step) => point(step / (curve.length - 1), part));
      const under = `<path class="under ${tone(i)}" d="${linePath([...points, point(0, 0)])}Z"/>`;
      return `${several ? '' : under}<path class="line ${tone(i)}" d="${linePath(points)}"/>`;
    });
    const slice = (area.right - area.left) / 20;
    const told = Array.from({ length: 20 }, (_, i) => {
      const share = (i + 0.5) / 20;
      const parts = policies
        .filter(({ curve }) => curve.length > 0)
        .map(
          ({ title, curve }) =>
            `${several ? `${title}: ` : ''}${formatShare(at(curve, share))} of all upload`,
        );
      const content = `The ${formatShare(share)} who upload least:\n${parts.join('\n')}`;
      return hint(area.left + i * slice, area.top, slice, area.bottom - area.top, content);
    });
    return area.axes + equal + lines.join('') + told.join('');
  };
  const ginis = policies
    .filter((policy) => policy.gini !== undefined)
    .map((policy) => `${several ? `${policy.title} ` : ''}${policy.gini!.toFixed(2)}`);
  const equalLegend = { label: 'everybody alike', tone: 'dashes', mark: 'dashes' } as const;
  return {
    id: 'upload',
    title: 'Upload per viewer',
    note: `The further a line hangs below the dashed one, the fewer viewers do the work. Gini coefficient: ${ginis.join(', ') || '–'}.`,
    legend: [
      ...(several
        ? policies.map(({ title }, i) => ({ label: title, tone: tone(i), mark: 'line' }) as const)
        : []),
      equalLegend,
    ],
    empty: 'Nobody uploaded anything.',
    panels: policies.every(({ curve }) => curve.length === 0) ? [] : [{ title: undefined, draw }],
    table: {
      head: [
        'Viewers, least first',
        ...policies.flatMap(({ title }) => [several ? `${title}: one` : 'one uploads', 'share up to it']),
      ],
      rows: [0.1, 0.25, 0.5, 0.75, 0.9, 1].map((share) => [
        formatShare(share),
        ...policies.flatMap(({ values, curve }) => {
          const one = values[Math.max(0, Math.ceil(share * values.length) - 1)];
          return one === undefined || curve.length === 0
            ? ['–', '–']
            : [formatBytes(one), formatShare(at(curve, share))];
        }),
      ]),
    },
  };
}

/** Shares of all, summed from the least on, at steps of a hundredth of the viewers; empty when there is nothing. */
export function lorenz(values: readonly number[]): number[] {
  const sorted = Float64Array.from(values).sort();
  const sums = new Float64Array(sorted.length + 1);
  for (let i = 0; i < sorted.length; i++) sums[i + 1] = sums[i]! + sorted[i]!;
  const total = sums[sorted.length]!;
  if (total === 0) return [];
  return Array.from({ length: 101 }, (_, i) => {
    const place = (i / 100) * sorted.length;
    const low = Math.floor(place);
    const next = sums[Math.min(sorted.length, low + 1)]!;
    return (sums[low]! + (place - low) * (next - sums[low]!)) / total;
  });
}

function at(curve: readonly number[], share: number): number {
  return curve[Math.round(share * (curve.length - 1))]!;
}
