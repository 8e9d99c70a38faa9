import { describe, expect, it } from 'vitest';
import { type Axis, linearAxis, logTimeAxis, placeOn, rateAxis, timeAxis } from './ticks.ts';

function shown({ ticks, format, unit }: Axis): string {
  return `${ticks.map(format).join(' ')} ${unit}`.trim();
}

describe('an axis', () => {
  it('has round numbers that reach over the greatest value', () => {
    expect(shown(linearAxis(22.6, 4, '%'))).toBe('0 10 20 30 %');
    expect(shown(linearAxis(87, 4))).toBe('0 50 100');
    expect(shown(linearAxis(100, 5))).toBe('0 20 40 60 80 100');
    expect(shown(linearAxis(0.031, 4))).toBe('0 0.01 0.02 0.03 0.04');
    expect(shown(linearAxis(4200, 4))).toBe('0 2,000 4,000 6,000');
    expect(shown(linearAxis(3, 4, '', 1))).toBe('0 1 2 3');
  });

  it('shows time in the unit that suits', () => {
    expect(shown(timeAxis(985, 5))).toBe('0 200 400 600 800 1,000 ms');
    expect(shown(timeAxis(2070, 5))).toBe('0.0 0.5 1.0 1.5 2.0 2.5 s'.replace('0.0', '0'));
    expect(shown(timeAxis(65_000, 5))).toBe('0 15 30 45 60 75 s');
    expect(shown(timeAxis(19.4 * 60_000, 8))).toBe('0 5 10 15 20 min');
    expect(shown(timeAxis(4 * 3_600_000, 5))).toBe('0 1 2 3 4 h');
  });

  it('shows rates of bytes as rates of bits', () => {
    const axis = rateAxis(50_000_000, 4);
    expect(shown(axis)).toBe('0 100 200 300 400 Mbit/s');
    expect(axis.end).toBe(50_000_000);
    expect(shown(rateAxis(1000, 4))).toBe('0 2 4 6 8 kbit/s');
  });

  it('has powers of ten where steps multiply', () => {
    const axis = logTimeAxis(320, 262_000);
    expect(shown(axis)).toBe('100 ms 1 s 10 s 100 s 1,000 s');
    expect([0, 100, 1000, 1_000_000].map((ms) => placeOn(axis, ms))).toEqual([0, 0, expect.closeTo(0.25), 1]);
    expect(shown(logTimeAxis(0, 0))).toBe('10 ms 100 ms');
  });

  it('is there for nothing at all too', () => {
    for (const axis of [linearAxis(0, 4), timeAxis(0, 5), rateAxis(0, 4)]) {
      expect(axis.end).toBeGreaterThan(0);
      expect(axis.ticks.every(Number.isFinite)).toBe(true);
    }
  });

  it('never has more steps than asked for by much, nor ends before the greatest value', () => {
    for (let max = 0.013; max < 1e9; max *= 1.37) {
      for (const axis of [linearAxis(max, 5), timeAxis(max, 5), rateAxis(max, 5)]) {
        expect(axis.end).toBeGreaterThanOrEqual(max * (1 - 1e-6));
        expect(axis.ticks.length).toBeLessThanOrEqual(7);
        expect(axis.end).toBeLessThan(max * 5);
        expect(new Set(axis.ticks.map(axis.format)).size).toBe(axis.ticks.length);
      }
    }
  });
});
