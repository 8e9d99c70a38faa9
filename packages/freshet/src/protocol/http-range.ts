/** The `Range` header of HTTP (RFC 9110, section 14). */

import type { ByteRange } from './bencode.ts';

export type { ByteRange } from './bencode.ts';

export type RangeResult =
  /** No range, or a header to be ignored: answer 200 with everything. */
  | { readonly kind: 'none' }
  /** Answer 206. At least one range, in the order asked for; `end` is exclusive and within the size. */
  | { readonly kind: 'satisfiable'; readonly ranges: readonly [ByteRange, ...ByteRange[]] }
  /** Answer 416. */
  | { readonly kind: 'unsatisfiable' };

/** More than any player asks for; many small ranges are an attack (RFC 9110, section 14.2). */
const MAX_RANGES = 16;

/** Reads the header against a content of `size` bytes. What is malformed is ignored, as the RFC says. */
export function parseRange(header: string | undefined | null, size: number): RangeResult {
  const [, list] = /^\s*bytes\s*=(.*)$/i.exec(header ?? '') ?? [];
  if (list === undefined) return { kind: 'none' };
  const specs = list
    .split(',')
    .map((spec) => spec.trim())
    .filter((spec) => spec !== '');
  if (specs.length === 0 || specs.length > MAX_RANGES) return { kind: 'none' };
  const ranges: ByteRange[] = [];
  for (const spec of specs) {
    const [, firstText, lastText] = /^([0-9]*)-([0-9]*)$/.exec(spec) ?? [];
    if (firstText === undefined || lastText === undefined || spec === '-') return { kind: 'none' };
    const last = lastText === '' ? Number.POSITIVE_INFINITY : Number(lastText);
    const start = firstText === '' ? Math.max(0, size - last) : Number(firstText);
    const end = firstText === '' ? size : Math.min(size, last + 1);
    if (firstText !== '' && start > last) return { kind: 'none' };
    if (start < end) ranges.push({ start, end });
  }
  const [first, ...others] = ranges;
  return first === undefined
    ? { kind: 'unsatisfiable' }
    : { kind: 'satisfiable', ranges: [first, ...others] };
}

/** The `Content-Range` header for one range, or for none that can be satisfied. */
export function contentRange(range: ByteRange | undefined, size: number): string {
  return range === undefined ? `bytes */${size}` : `bytes ${range.start}-${range.end - 1}/${size}`;
}
