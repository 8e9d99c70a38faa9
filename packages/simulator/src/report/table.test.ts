import { describe, expect, it } from 'vitest';
import { madeUpRun, madeUpSeries } from '../../testing/made-up-runs.ts';
import { formatBytes, formatClock, formatMs, formatNumber, formatShare } from './format.ts';
import { textTable } from './table.ts';

const ABOUT = 'viewers who were made up';

describe('figures', () => {
  it('have few digits and the unit that suits', () => {
    expect([0, 0.0042, 0.256, 3.256, 42.42, 314.2, 12_345.6].map(formatNumber)).toEqual([
      '0',
      '0.004',
      '0.26',
      '3.26',
      '42.4',
      '314',
      '12,346',
    ]);
    expect([0, 372.4, 999.7, 2070, 130_000, 8_000_000].map(formatMs)).toEqual([
      '0 ms',
      '372 ms',
      '1 s',
      '2.07 s',
      '2.17 min',
      '2.22 h',
    ]);
    expect([0, 0.00001, 0.0152, 0.99999, 1].map(formatShare)).toEqual([
      '0 %',
      '<0.01 %',
      '1.52 %',
      '99.9 %',
      '100 %',
    ]);
    expect([0, 999, 1500, 37_100_000_000].map(formatBytes)).toEqual(['0 B', '999 B', '1.5 kB', '37.1 GB']);
    expect([0, 65_000, 3_725_000].map(formatClock)).toEqual(['0:00', '1:05', '1:02:05']);
  });
});

describe('the table', () => {
  it('shows one run, its digest, and the command that repeats it', () => {
    const table = textTable({ scenario: 'poisson', about: ABOUT, series: [madeUpSeries()] });
    const lines = table.split('\n');
    expect(lines[0]).toBe('poisson: viewers who were made up');
    expect(lines[1]).toBe('200 peers, detailed, seed 1');
    for (const [label, unit] of [
      ['p50', 'ms'],
      ['stalls per viewer-hour', '\\d'],
      ['stalled share of time', '%'],
      ['seek p95', 'ms'],
      ['of the best possible', '%'],
      ['p90', 'MB'],
      ['Gini', '0\\.\\d\\d'],
      ['to and from the tracker', '23'],
      ['HTTP requests', '31'],
      ['virtual duration', 'min'],
      ['CPU time', '12\\.3 s'],
      ['events', '8,246,800'],
      ['digest', 'made-up-1'],
    ]) {
      expect(table).toMatch(new RegExp(`^  ${label} .*${unit}$`, 'm'));
    }
    expect(lines.slice(-3)).toEqual(['Again:', '  npm run simulate -- poisson --peers 200 --seed 1', '']);
    const widths = new Set(
      lines.filter((line) => line.startsWith('  ') && !line.includes('npm')).map((line) => line.length),
    );
    expect(widths.size).toBe(1);
  });

  it('has a column for each policy, with the spread over seeds', () => {
    const series = [madeUpSeries({}, 3), madeUpSeries({ policy: 'rarest', slow: 3 }, 3)];
    const table = textTable({ scenario: 'poisson', about: ABOUT, series });
    expect(table).toMatch(/^ +Freshet +Rarest first$/m);
    expect(table).toContain('seeds 1 to 3, medians (least … most)');
    expect(table).toMatch(/^ {2}p50 +\d+ ms \(\d+ … \d+ ms\) +[\d.]+ s \([\d.]+ … [\d.]+ s\)$/m);
    expect(table).toContain('--seed 3 --policy rarest   # made-up-3');
  });

  it('says what there is not, and that a run was stopped', () => {
    const run = madeUpRun({ peers: 1 });
    const stopped = {
      ...run,
      stopped: true,
      summary: { ...run.summary, seekMs: { ...run.summary.startupMs, p50: undefined } },
    };
    const table = textTable({
      scenario: 'poisson',
      about: ABOUT,
      series: [{ policy: 'freshet', runs: [stopped] }],
    });
    expect(table).toMatch(/^ {2}seek p50 +–$/m);
    expect(table).toContain('--seed 1   # was stopped');
  });
});
