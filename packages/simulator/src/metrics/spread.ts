/** How values are spread. */

/** Percentiles by nearest rank: each is a value that occurred. All are `undefined` when there was none. */
export interface Spread {
  readonly count: number;
  readonly p10: number | undefined;
  readonly p50: number | undefined;
  readonly p90: number | undefined;
  readonly p95: number | undefined;
  readonly max: number | undefined;
}

export function spread(values: readonly number[]): Spread {
  const sorted = Float64Array.from(values).sort();
  const at = (share: number): number | undefined => percentile(sorted, share);
  return { count: sorted.length, p10: at(0.1), p50: at(0.5), p90: at(0.9), p95: at(0.95), max: at(1) };
}

/** The smallest of the ascending values that at least `share` (0..1) of them do not exceed. */
export function percentile(ascending: ArrayLike<number>, share: number): number | undefined {
  return ascending[Math.max(0, Math.ceil(share * ascending.length) - 1)];
}

/**
 * Gini coefficient of values that are not negative: 0 when all are equal, towards 1 when one has everything.
 * `undefined` when there is nothing to share.
 */
export function gini(values: readonly number[]): number | undefined {
  const sorted = Float64Array.from(values).sort();
  const n = sorted.length;
  let sum = 0;
  let weighted = 0;
  for (let i = 0; i < n; i++) {
    sum += sorted[i]!;
    weighted += (i + 1) * sorted[i]!;
  }
  return sum === 0 ? undefined : (2 * weighted) / (n * sum) - (n + 1) / n;
}
