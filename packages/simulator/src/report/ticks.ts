/** Round numbers for axes. */

/** From 0 (or `begin`, where steps multiply) to `end`, the first round number at or over what is to be shown. */
export interface Axis {
  readonly end: number;
  readonly ticks: readonly number[];
  /** Shows a tick, without a unit. */
  readonly format: (tick: number) => string;
  readonly unit: string;
  /** Where it begins when it is logarithmic; what is less stands there too. */
  readonly begin?: number | undefined;
}

/** Where a value stands on the axis, from 0 to 1. */
export function placeOn({ begin, end }: Axis, value: number): number {
  if (begin === undefined) return value / end;
  return Math.log(Math.max(begin, value) / begin) / Math.log(end / begin);
}

const DECIMAL: readonly number[] = [1, 2, 5, 10];
/** Steps of minutes and seconds. */
const SIXTIETHS: readonly number[] = [1, 2, 5, 10, 15, 30, 60];

/** An axis with about `count` steps of 1, 2 or 5 times a power of ten. */
export function linearAxis(max: number, count: number, unit = '', least = 0): Axis {
  const step = Math.max(least, decimalStep(max, count));
  return axis(max, step, 1, unit);
}

/** Shares from 0 to 100 %. */
export const PERCENT: Axis = { end: 100, ticks: [0, 25, 50, 75, 100], format: String, unit: '%' };

/** An axis of milliseconds in the unit that suits, with steps that suit the unit. Its positions stay milliseconds. */
export function timeAxis(maxMs: number, count: number): Axis {
  for (const [unit, per, upTo] of [
    ['ms', 1, 1500],
    ['s', 1000, 150_000],
    ['min', 60_000, 9_000_000],
  ] as const) {
    if (maxMs > upTo) continue;
    const wanted = maxMs / per / count;
    const sixtieth = unit === 'ms' || wanted < 1 ? undefined : SIXTIETHS.find((step) => step >= wanted);
    return axis(maxMs, (sixtieth ?? decimalStep(maxMs / per, count)) * per, per, unit);
  }
  return axis(maxMs, decimalStep(maxMs / 3_600_000, count) * 3_600_000, 3_600_000, 'h');
}

/** A logarithmic axis of milliseconds, by powers of ten; each tick says its unit. */
export function logTimeAxis(minMs: number, maxMs: number): Axis {
  const first = Math.floor(Math.log10(Math.max(10, minMs)) + 1e-9);
  const last = Math.max(first + 1, Math.ceil(Math.log10(maxMs) - 1e-9));
  const ticks = Array.from({ length: last - first + 1 }, (_, i) => 10 ** (first + i));
  const format = (tick: number): string => (tick < 1000 ? `${tick} ms` : `${grouped(String(tick / 1000))} s`);
  return { begin: 10 ** first, end: 10 ** last, ticks, format, unit: '' };
}

/** An axis of bytes per second as a rate of bits. Its positions stay bytes per second. */
export function rateAxis(maxBytesPerSecond: number, count: number): Axis {
  const bits = maxBytesPerSecond * 8;
  const [unit, per] =
    bits >= 1e9
      ? (['Gbit/s', 1e9] as const)
      : bits >= 1e6
        ? (['Mbit/s', 1e6] as const)
        : (['kbit/s', 1e3] as const);
  return axis(maxBytesPerSecond, (decimalStep(bits / per, count) * per) / 8, per / 8, unit);
}

function decimalStep(max: number, count: number): number {
  const wanted = (max > 0 ? max : 1) / count;
  const power = 10 ** Math.floor(Math.log10(wanted));
  return power * DECIMAL.find((step) => step * power >= wanted * (1 - 1e-9))!;
}

function axis(max: number, step: number, per: number, unit: string): Axis {
  const steps = Math.max(1, Math.ceil(max / step - 1e-9));
  const decimals = Math.max(0, -Math.floor(Math.log10(step / per) + 1e-9));
  return {
    end: steps * step,
    ticks: Array.from({ length: steps + 1 }, (_, i) => i * step),
    format: (tick) => (tick === 0 ? '0' : grouped((tick / per).toFixed(decimals))),
    unit,
  };
}

/** Thousands apart, fractions as they are. */
function grouped(text: string): string {
  return text.includes('.') ? text : text.replace(/\B(?=(\d{3})+$)/g, ',');
}
