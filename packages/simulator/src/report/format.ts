/** Figures as people read them: three digits that matter, and a unit. */

/** In the place of a figure that there is not. */
export const NONE = '–';

/** 3 significant digits for small numbers, groups of thousands for large ones. */
export function formatNumber(value: number): string {
  const size = Math.abs(value);
  if (size >= 1000) return grouped(Math.round(value));
  if (size >= 99.95 || value === 0) return String(Math.round(value));
  if (size >= 9.995) return trimmed(value.toFixed(1));
  return size >= 0.01 ? trimmed(value.toFixed(2)) : Number(value.toPrecision(1)).toString();
}

export function formatCount(value: number): string {
  return grouped(Math.round(value));
}

export function formatShare(share: number): string {
  const percent = share * 100;
  if (percent > 99.95 && share < 1) return '99.9 %';
  return `${percent !== 0 && Math.abs(percent) < 0.01 ? '<0.01' : formatNumber(percent)} %`;
}

/** A duration in the unit that suits its size. */
export function formatMs(ms: number): string {
  if (ms < 999.5) return `${formatNumber(ms)} ms`;
  if (ms < 119_950) return `${formatNumber(ms / 1000)} s`;
  if (ms < 7_197_000) return `${formatNumber(ms / 60_000)} min`;
  return `${formatNumber(ms / 3_600_000)} h`;
}

/** `3 viewers`, `1 viewer`: of a word whose plural has an s. */
export function formatMany(count: number, plural: string): string {
  return `${formatCount(count)} ${count === 1 ? plural.replace(/s$/, '') : plural}`;
}

/** Decimal units, as of disks and lines. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let unit = 0;
  let value = bytes;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${formatNumber(value)} ${units[unit]}`;
}

/** Virtual time as a clock shows it, `h:mm:ss` or `m:ss`. */
export function formatClock(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  const two = (value: number): string => String(value).padStart(2, '0');
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}:${two(seconds % 60)}`;
  return `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(seconds % 60)}`;
}

function grouped(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ',');
}

function trimmed(text: string): string {
  return text.replace(/\.?0+$/, '');
}
