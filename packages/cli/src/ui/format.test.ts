import { describe, expect, it } from 'vitest';
import { count, formatBytes, formatDuration, formatPercent, formatSpeed } from './format.ts';

describe('formatBytes', () => {
  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1.00 kB'],
    [1234, '1.23 kB'],
    [9_994_000, '9.99 MB'],
    [9_996_000, '10.0 MB'],
    [99_960_000, '100 MB'],
    [999_499_999, '999 MB'],
    [999_500_000, '1.00 GB'],
    [2 ** 40, '1.10 TB'],
    [-5, '0 B'],
  ])('%d bytes are %s', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });

  it('adds the second to a speed', () => {
    expect(formatSpeed(1_500_000)).toBe('1.50 MB/s');
  });
});

describe('formatDuration', () => {
  it.each([
    [0, '0 s'],
    [0.2, '1 s'],
    [59, '59 s'],
    [60, '1 min'],
    [192, '3 min 12 s'],
    [3600, '1 h'],
    [7500, '2 h 5 min'],
    [90_000, '1 d 1 h'],
    [Number.POSITIVE_INFINITY, 'unknown'],
  ])('%d seconds are %s', (seconds, text) => {
    expect(formatDuration(seconds)).toBe(text);
  });
});

describe('formatPercent', () => {
  it('says 100% only of what is complete', () => {
    expect(formatPercent(0.99999)).toBe('99.9%');
    expect(formatPercent(1)).toBe('100%');
    expect(formatPercent(0)).toBe('0.0%');
  });
});

it('counts in words', () => {
  expect([count(0, 'peer'), count(1, 'peer'), count(2, 'peer')]).toEqual(['0 peers', '1 peer', '2 peers']);
});
