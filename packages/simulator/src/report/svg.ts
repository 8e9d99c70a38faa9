/** Small pieces of SVG: text that is escaped, numbers that are short, and a plot with two axes. */

import { type Axis, placeOn } from './ticks.ts';

/** Text for HTML and SVG, attributes included. */
export function escapeText(text: string): string {
  return text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}

/** A coordinate, to a tenth of a pixel. */
export function px(value: number): string {
  return String(Math.round(value * 10) / 10);
}

/** A line through points. */
export function linePath(points: readonly (readonly [number, number])[]): string {
  return points.map(([x, y], i) => `${i === 0 ? 'M' : 'L'}${px(x)} ${px(y)}`).join('');
}

/** What a plot is drawn with. */
export interface PlotOptions {
  readonly width: number;
  readonly height: number;
  readonly x: Axis;
  readonly y: Axis;
  /** What the axes mean; the unit is added. */
  readonly xTitle: string;
  readonly yTitle: string;
  /** Space kept free at the right end, inside the axes. */
  readonly reserve?: number | undefined;
}

/** A plot's place on the page: values to pixels, and its axes. */
export interface Plot {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
  readonly x: (value: number) => number;
  readonly y: (value: number) => number;
  /** Grid lines, ticks and titles; to be drawn first. */
  readonly axes: string;
}

const MARGIN = { left: 48, right: 22, top: 26, bottom: 42 };

export function plot({ width, height, x, y, xTitle, yTitle, reserve = 0 }: PlotOptions): Plot {
  const left = MARGIN.left;
  const right = width - MARGIN.right;
  const top = MARGIN.top;
  const bottom = height - MARGIN.bottom;
  const toX = (value: number): number => left + placeOn(x, value) * (right - reserve - left);
  const toY = (value: number): number => bottom - placeOn(y, value) * (bottom - top);
  const parts: string[] = [];
  for (const tick of y.ticks) {
    const at = toY(tick);
    if (tick !== 0) parts.push(`<path class="grid" d="M${left} ${px(at)}H${right}"/>`);
    parts.push(text(left - 7, at + 4, y.format(tick), 'tick end'));
  }
  parts.push(`<path class="axis" d="M${left} ${bottom}H${right}"/>`);
  for (const tick of x.ticks) {
    const at = toX(tick);
    parts.push(
      `<path class="axis" d="M${px(at)} ${bottom}v4"/>`,
      text(at, bottom + 17, x.format(tick), 'tick mid'),
    );
  }
  const titled = (title: string, unit: string): string => (unit === '' ? title : `${title}, ${unit}`);
  parts.push(text(0, 12, titled(yTitle, y.unit), 'name'));
  parts.push(text(right, height - 5, titled(xTitle, x.unit), 'name end'));
  return { left, right, top, bottom, x: toX, y: toY, axes: parts.join('') };
}

export function text(x: number, y: number, content: string, classes: string): string {
  return `<text class="${classes}" x="${px(x)}" y="${px(y)}">${escapeText(content)}</text>`;
}

/** An invisible place that tells its figures to a pointer. */
export function hint(x: number, y: number, width: number, height: number, content: string): string {
  const place = `x="${px(x)}" y="${px(y)}" width="${px(width)}" height="${px(height)}"`;
  return `<rect class="hit" ${place}><title>${escapeText(content)}</title></rect>`;
}
