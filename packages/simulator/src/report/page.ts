/** The report: one HTML file that needs nothing else, neither network nor scripts. */

import type { Chart, LegendEntry, Panel } from './chart.ts';
import { distributionCharts, inWords } from './distribution.ts';
import { cell, FIGURES, type Figure } from './figures.ts';
import { formatMany, formatMs } from './format.ts';
import { availabilityChart } from './heat-map.ts';
import { policyTitle, type Report, type Series } from './runs.ts';
import { stallsChart, uploadChart } from './shares.ts';
import { STYLE } from './style.ts';
import { escapeText } from './svg.ts';
import { seedsOf } from './table.ts';
import { offloadChart, sourcesChart, viewersChart } from './timeline.ts';

/** Drawings for places wide and narrow: text keeps its size, which scaling would not let it. */
const SIZES = [
  { name: 'wide', width: 520, height: 270 },
  { name: 'narrow', width: 330, height: 236 },
] as const;
/** In addition where a drawing has a row for itself. */
const BROAD = { name: 'broad', width: 1090, height: 290 } as const;

/** A complete HTML document. */
export function htmlReport(report: Report): string {
  const { scenario, about, series } = report;
  const { peers, mode, durationMs } = series[0]!.runs[0]!.result;
  const several = series.length > 1;
  const repeated = series[0]!.runs.length > 1;
  const facts = [
    formatMany(peers, 'peers'),
    mode,
    seedsOf(report),
    `${formatMs(durationMs)} of virtual time`,
    several ? `${series.length} policies` : policyTitle(series[0]!.policy),
  ];
  const figures = `<h2 id="figures">Figures</h2>\n<div class="card">${figuresTable(report)}</div>`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${escapeText(`${scenario}: ${peers} peers, simulated`)}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<header>
<h1>${escapeText(scenario)}</h1>
<p class="about">${escapeText(capital(about))}.</p>
<p class="facts">${facts.map(escapeText).join(' · ')}</p>
${series.some(({ runs }) => runs.some((run) => run.stopped)) ? '<p class="stopped">Stopped before its end: the figures are those up to then.</p>' : ''}
</header>
${several ? figures : tiles(series[0]!)}
${section('What viewers feel', feelCharts(series), new Set())}
${section('What the swarm does', swarmCharts(series), new Set(['sources', 'availability']))}
${repeated ? '<p class="facts">Charts over time show the first seed; the others all of them.</p>' : ''}
${several ? '' : figures}
<h2>Again</h2>
<div class="card"><pre tabindex="0">${commands(report)}</pre></div>
</main>
</body>
</html>
`;
}

function feelCharts(series: readonly Series[]): Chart[] {
  const words = (values: (series: Series) => readonly number[]): string =>
    series.length > 1 ? '' : ` ${inWords(values(series[0]!))}.`;
  const startups = ({ runs }: Series): number[] =>
    runs.flatMap(({ result }) => result.viewers.map((v) => v.startupMs).filter((ms) => ms !== undefined));
  const seeks = ({ runs }: Series): number[] =>
    runs.flatMap(({ result }) => result.viewers.flatMap((v) => v.seekMs));
  const completions = ({ runs }: Series): number[] =>
    runs.flatMap(({ result }) =>
      result.viewers.flatMap((v) => (v.completedAt === undefined ? [] : [v.completedAt - v.arrivedAt])),
    );
  return [
    ...distributionCharts({
      id: 'startup',
      empty: 'Nobody saw a picture.',
      title: 'Start-up',
      note: `How long viewers wait for the first picture.${words(startups)}`,
      xTitle: 'From arrival to the first picture',
      what: 'viewers',
      series,
      values: startups,
    }),
    stallsChart(series),
    viewersChart(series),
    ...distributionCharts({
      id: 'seek',
      empty: 'Nobody jumped.',
      title: 'Seeks',
      note: `How long viewers wait for the picture after a jump.${words(seeks)}`,
      xTitle: 'From the seek to its picture',
      what: 'seeks',
      series,
      values: seeks,
    }),
    ...distributionCharts({
      id: 'completion',
      empty: 'Nobody got everything.',
      title: 'Completion',
      note: `How long those took who got everything.${words(completions)}`,
      xTitle: 'From arrival to having everything',
      what: 'viewers',
      series,
      values: completions,
    }),
  ];
}

function swarmCharts(series: readonly Series[]): Chart[] {
  return [sourcesChart(series), offloadChart(series), uploadChart(series), availabilityChart(series)];
}

/** The charts that have something to show, then one line on those that have not. */
function section(title: string, charts: readonly Chart[], rows: ReadonlySet<string>): string {
  const shown = charts.filter((chart) => chart.panels.length > 0);
  const halves = shown.filter((chart) => chart.panels.length === 1 && !rows.has(chart.id));
  // Two stand side by side: the last of an odd number has a row for itself.
  const alone = halves.length % 2 === 1 ? halves.at(-1) : undefined;
  const spans = shown.filter((chart) => !halves.includes(chart));
  const lone = spans.filter((chart) => chart.panels.length === 1);
  const ordered = [...lone, ...halves, ...spans.filter((chart) => !lone.includes(chart))];
  const cards = ordered.map((chart) => card(chart, chart === alone || !halves.includes(chart)));
  const missing = charts.filter((chart) => chart.panels.length === 0 && chart.empty !== '');
  const said = missing.map((chart) => escapeText(chart.empty)).join(' ');
  return `<h2>${escapeText(title)}</h2>\n<div class="cards">\n${cards.join('\n')}\n</div>\n${said === '' ? '' : `<p class="facts">${said}</p>`}`;
}

function card(chart: Chart, span: boolean): string {
  const { id, title, note, legend, panels, table } = chart;
  const name = escapeText(title);
  const broad = span && panels.length === 1;
  return `<section class="card${span ? ' span' : ''}" id="${id}" aria-labelledby="${id}-title">
<h3 id="${id}-title">${name}</h3>
<p id="${id}-note">${escapeText(note)}</p>
${legend.length === 0 ? '' : `<ul class="legend">${legend.map(legendEntry).join('')}</ul>`}
<div class="panels${panels.length === 3 || panels.length > 4 ? ' small' : ''}">${panels.map((one) => panel(one, chart, broad)).join('')}</div>
<details><summary>Figures of this chart</summary>
<div class="scroll" tabindex="0" role="group" aria-label="${name}, figures">${plainTable(table)}</div></details>
</section>`;
}

function panel({ title, draw }: Panel, chart: Chart, broad: boolean): string {
  const label = escapeText(title === undefined ? chart.title : `${chart.title}: ${title}`);
  const drawings = (broad ? [BROAD, ...SIZES] : SIZES).map(
    ({ name, width, height }) =>
      `<svg class="chart ${name}" viewBox="0 0 ${width} ${height}" role="img" aria-label="${label}" ` +
      `aria-describedby="${chart.id}-note">${draw(width, height)}</svg>`,
  );
  const heading = title === undefined ? '' : `<h4>${escapeText(title)}</h4>`;
  return `<div class="panel">${heading}${drawings.join('')}</div>`;
}

function legendEntry({ label, tone, mark }: LegendEntry): string {
  const shape =
    mark === 'area'
      ? `<rect class="swatch ${tone}" x="2" width="14" height="12" rx="2"/>`
      : `<path class="line ${tone}" d="M1 6H17"/>`;
  return `<li><svg viewBox="0 0 18 12" aria-hidden="true">${shape}</svg>${escapeText(label)}</li>`;
}

function plainTable({ head, rows }: Chart['table']): string {
  const heads = head.map((text) => `<th scope="col">${escapeText(text)}</th>`).join('');
  const body = rows.map(
    ([first = '', ...rest]) =>
      `<tr><th scope="row">${escapeText(first)}</th>${rest.map((text) => `<td>${escapeText(text)}</td>`).join('')}</tr>`,
  );
  return `<table><thead><tr>${heads}</tr></thead><tbody>${body.join('')}</tbody></table>`;
}

/** All figures: a row each, a column a policy; a small table a group where there is one policy. */
function figuresTable({ series }: Report): string {
  const groups = grouped(FIGURES).map(([name, figures]) => {
    const rows = figures.map((figure) => {
      const cells = series.map((one) => `<td>${escapeText(cell(figure, one))}</td>`);
      return `<tr><th scope="row">${escapeText(figure.label)}</th>${cells.join('')}</tr>`;
    });
    return { name: escapeText(name), rows: rows.join('') };
  });
  if (series.length === 1) {
    const tables = groups.map(
      ({ name, rows }) => `<table class="figures"><caption>${name}</caption><tbody>${rows}</tbody></table>`,
    );
    return `<div class="groups">${tables.join('')}</div>`;
  }
  const heads = series.map(({ policy }) => `<th scope="col">${escapeText(policyTitle(policy))}</th>`);
  const bodies = groups.map(
    ({ name, rows }) =>
      `<tbody><tr class="group"><th colspan="${series.length + 1}" scope="rowgroup">${name}</th></tr>${rows}</tbody>`,
  );
  const table = `<table class="figures several"><thead><tr><td></td>${heads.join('')}</tr></thead>${bodies.join('')}</table>`;
  return `<div class="scroll" tabindex="0" role="group" aria-label="Figures">${table}</div>`;
}

function grouped(figures: readonly Figure[]): [string, Figure[]][] {
  const groups = new Map<string, Figure[]>();
  for (const figure of figures) groups.set(figure.group, [...(groups.get(figure.group) ?? []), figure]);
  return [...groups];
}

/** The figures that one asks for first. */
function tiles(series: Series): string {
  const find = (group: string, label: string): string =>
    cell(FIGURES.find((figure) => figure.group === group && figure.label === label)!, series);
  const shown: (readonly [string, string, string])[] = [];
  const { summary } = series.runs[0]!;
  if (summary.startupMs.count > 0) {
    shown.push(
      ['Start-up', find('Start-up', 'p50'), `p95 ${find('Start-up', 'p95')}`],
      [
        'Stalls per hour',
        find('Playback', 'stalls per viewer-hour'),
        `${find('Playback', 'viewers with a stall')} of viewers`,
      ],
    );
  }
  if (summary.seekMs.count > 0) {
    shown.push(['Seek', find('Playback', 'seek p50'), `p95 ${find('Playback', 'seek p95')}`]);
  }
  if (summary.startupMs.count === 0 && summary.completed > 0) {
    shown.push(['Completion', find('Completion', 'time p50'), `p95 ${find('Completion', 'time p95')}`]);
  }
  shown.push(
    [
      'From viewers',
      find('Offload', 'from viewers'),
      `${find('Offload', 'of the best possible')} of the best possible`,
    ],
    ['Upload per viewer', find('Upload per viewer', 'p50'), `Gini ${find('Upload per viewer', 'Gini')}`],
    ['Wasted', find('Offload', 'wasted'), 'of all bytes received'],
  );
  const items = shown.map(
    ([name, value, more]) =>
      `<div class="tile"><dt>${escapeText(name)}</dt><dd>${escapeText(value)}<small>${escapeText(more)}</small></dd></div>`,
  );
  return `<dl class="tiles">${items.join('')}</dl>`;
}

function commands({ series }: Report): string {
  return series
    .flatMap(({ runs }) => runs.map((run) => escapeText(`${run.command}   # digest ${run.result.digest}`)))
    .join('\n');
}

function capital(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}
