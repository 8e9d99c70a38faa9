import { describe, expect, it } from 'vitest';
import { madeUpResult, madeUpRun, madeUpSeries } from '../../testing/made-up-runs.ts';
import { summarise } from '../metrics/summary.ts';
import { heatLevels } from './heat-map.ts';
import { htmlReport } from './page.ts';
import type { Report } from './runs.ts';
import { lorenz } from './shares.ts';
import { intervals } from './timeline.ts';

const VOID = new Set(['meta']);

/** Elements by name, after a check that all are closed in order and no attribute holds markup. */
function elements(html: string): string[] {
  const open: string[] = [];
  const names: string[] = [];
  const wrong: string[] = [];
  const body = html.replace(/^<!doctype html>\n/, '').replace(/<style>[^<]*<\/style>/, '');
  for (const [, closing, name, attributes = '', self] of body.matchAll(
    /<(\/?)([a-z0-9]+)((?:\s[^<>]*?)?)(\/?)>/g,
  )) {
    if (attributes.replace(/\s[\w:-]+="[^"<>]*"/g, '') !== '') wrong.push(attributes);
    if (closing === '/') {
      const begun = open.pop();
      if (begun !== name) wrong.push(`<${begun}> ended by </${name}>`);
    }
    if (closing !== '/') {
      names.push(name!);
      if (self !== '/' && !VOID.has(name!)) open.push(name!);
    }
  }
  expect({ open, wrong }).toEqual({ open: [], wrong: [] });
  return names;
}

function reportOf(over: Partial<Report> = {}): Report {
  return { scenario: 'poisson', about: 'viewers who were made up', series: [madeUpSeries()], ...over };
}

function textOf(html: string): string {
  return html.replace(/<style>[^<]*<\/style>/, '').replace(/<[^>]*>/g, '\n');
}

describe('the report', () => {
  it('has a chart for each metric, with its title, its note and its figures', () => {
    const html = htmlReport(reportOf());
    const names = elements(html);
    for (const id of [
      'startup',
      'startup-cumulative',
      'stalls',
      'viewers',
      'seek',
      'seek-cumulative',
      'completion',
      'sources',
      'offload',
      'availability',
      'upload',
    ]) {
      const card =
        html.match(new RegExp(`<section class="card[^"]*" id="${id}"[\\s\\S]*?</section>`))?.[0] ?? '';
      expect(card, id).toMatch(new RegExp(`<h3 id="${id}-title">[^<]+</h3>`));
      expect(card, id).toMatch(/<svg class="chart narrow"[^>]* role="img" aria-label="[^"]+"/);
      expect(card, id).toMatch(/<table><thead>.*<td>.*<\/table>/);
    }
    expect(names.filter((name) => name === 'h1')).toHaveLength(1);
    expect(html.match(/NaN|Infinity|undefined/)).toBeNull();
  });

  it('needs nothing from elsewhere and runs no script', () => {
    const html = htmlReport(reportOf());
    expect(
      html.match(/https?:\/\/|\/\/[a-z]|src=|href=|url\(|@import|<script|<link|\son[a-z]+=/i),
    ).toBeNull();
    expect(html).toContain("default-src 'none'");
  });

  it('compares policies: a panel each, one line each, one column each', () => {
    const series = ['freshet', 'sequential', 'rarest', 'http'].map((policy, i) =>
      madeUpSeries({ policy, slow: 1 + i }, 2),
    );
    const html = htmlReport(reportOf({ series }));
    elements(html);
    for (const title of ['Freshet', 'Sequential', 'Rarest first', 'Plain HTTP']) {
      expect(html.split(`<h4>${title}</h4>`)).toHaveLength(
        1 + ['startup', 'seek', 'completion', 'sources', 'viewers', 'availability'].length,
      );
      expect(html).toContain(`<th scope="col">${title}</th>`);
    }
    expect(textOf(html)).toContain('seeds 1 to 2');
    expect(html.match(/id="upload"[\s\S]*?line s3[\s\S]*?<\/section>/)).not.toBeNull();
  });

  it('compares what is many times slower on a logarithmic axis', () => {
    const series = [madeUpSeries(), madeUpSeries({ policy: 'http', slow: 40 })];
    const html = htmlReport(reportOf({ series }));
    elements(html);
    expect(html).toMatch(
      /id="startup-cumulative"[\s\S]*?>100 ms<[\s\S]*?>1 s<[\s\S]*?>10 s<[\s\S]*?<\/section>/,
    );
    expect(html.match(/NaN|Infinity|undefined/)).toBeNull();
  });

  it('escapes every name', () => {
    const policy = '<b onclick="x">&\'';
    const result = { ...madeUpResult({ peers: 20 }), policy, digest: '<i>' };
    const run = { ...madeUpRun(), result, command: 'npm run simulate -- "<u>"' };
    const evil = { policy, runs: [run] };
    for (const series of [[evil], [evil, madeUpSeries()]]) {
      const html = htmlReport(reportOf({ scenario: '</title><script>', about: '<img src=x>', series }));
      const names = elements(html);
      for (const name of ['b', 'i', 'u', 'img', 'script']) expect(names).not.toContain(name);
      expect(html).toContain('&#60;img src=x&#62;');
    }
  });

  it('is there when next to nothing happened', () => {
    const empty = { ...madeUpResult({ peers: 1 }), viewers: [], timeline: [], offloadBound: 0 };
    const run = { ...madeUpRun(), result: empty, summary: summarise(empty), stopped: true };
    const html = htmlReport(reportOf({ series: [{ policy: 'freshet', runs: [run] }] }));
    elements(html);
    expect(html.match(/NaN|Infinity|undefined|<svg class="chart/)).toBeNull();
    expect(textOf(html)).toContain('Stopped before its end');
    expect(textOf(html)).toMatch(/Nobody saw a picture. Nobody jumped. Nobody got everything./);
  });
});

describe('what charts are made of', () => {
  it('joins samples without losing a byte', () => {
    const { timeline } = madeUpResult();
    const joined = intervals(timeline, 20);
    expect(joined.length).toBeLessThanOrEqual(20);
    const bytes = joined.reduce((sum, one) => sum + (one.fromPeers * (one.to - one.from)) / 1000, 0);
    expect(bytes).toBeCloseTo(
      timeline.reduce((sum, one) => sum + one.fromPeers, 0),
      -2,
    );
    expect(joined.at(-1)).toMatchObject({ to: timeline.at(-1)!.at, viewers: timeline.at(-1)!.viewers });
  });

  it('has shades that grow with the number of copies', () => {
    expect(heatLevels(0)).toEqual([0, 1]);
    expect(heatLevels(5)).toEqual([0, 1, 2, 4]);
    expect(heatLevels(89)).toEqual([0, 1, 2, 4, 8, 16, 32, 64]);
    expect(heatLevels(10_000).length).toBeLessThanOrEqual(8);
    expect(heatLevels(10_000).at(-1)).toBeLessThanOrEqual(10_000);
  });

  it('draws equal upload as the diagonal, and one who does all as a corner', () => {
    const equal = lorenz([5, 5, 5, 5]);
    expect(equal[50]).toBeCloseTo(0.5);
    expect(equal.at(-1)).toBe(1);
    expect(lorenz([0, 0, 0, 8])[75]).toBe(0);
    expect(lorenz([])).toEqual([]);
    expect(lorenz([0, 0])).toEqual([]);
  });
});
