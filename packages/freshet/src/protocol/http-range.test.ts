import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { contentRange, parseRange } from './http-range.ts';
import { contentType } from './mime.ts';

const ranges = (...list: [number, number][]): object => ({
  kind: 'satisfiable',
  ranges: list.map(([start, end]) => ({ start, end })),
});

describe('parseRange', () => {
  it.each<[string | undefined, object]>([
    [undefined, { kind: 'none' }],
    ['bytes=0-0', ranges([0, 1])],
    ['bytes=0-', ranges([0, 100])],
    ['Bytes = 10-19', ranges([10, 20])],
    ['bytes=90-1000', ranges([90, 100])],
    ['bytes=-10', ranges([90, 100])],
    ['bytes=-1000', ranges([0, 100])],
    ['bytes=99-99999999999999999999', ranges([99, 100])],
    ['bytes=0-1, ,50-, -1', ranges([0, 2], [50, 100], [99, 100])],
    ['bytes=200-,0-1', ranges([0, 2])],
    ['bytes=100-', { kind: 'unsatisfiable' }],
    ['bytes=-0', { kind: 'unsatisfiable' }],
    ['bytes=5-4', { kind: 'none' }],
    ['bytes=-', { kind: 'none' }],
    ['bytes=', { kind: 'none' }],
    ['bytes=a-b', { kind: 'none' }],
    ['bytes=1-2x', { kind: 'none' }],
    ['items=0-1', { kind: 'none' }],
    [`bytes=${'0-0,'.repeat(17)}`, { kind: 'none' }],
  ])('reads %s of 100 bytes', (header, result) => {
    expect(parseRange(header, 100)).toEqual(result);
  });

  it('gives only ranges within the content, whatever comes', () => {
    const near = fc
      .array(fc.constantFrom('0', '7', '-', ',', ' ', '99'))
      .map((parts) => `bytes=${parts.join('')}`);
    fc.assert(
      fc.property(fc.oneof(fc.string(), near), fc.nat(100), (header, size) => {
        const result = parseRange(header, size);
        if (result.kind !== 'satisfiable') return;
        for (const { start, end } of result.ranges) {
          expect(start >= 0 && start < end && end <= size).toBe(true);
        }
      }),
      { numRuns: 1000 },
    );
    expect(parseRange('bytes=0-', 0)).toEqual({ kind: 'unsatisfiable' });
  });

  it('has its header back', () => {
    expect(contentRange({ start: 0, end: 1 }, 100)).toBe('bytes 0-0/100');
    expect(contentRange(undefined, 100)).toBe('bytes */100');
  });
});

describe('contentType', () => {
  it.each([
    ['film.MP4', 'video/mp4'],
    ['a/b.c/film.mkv', 'video/x-matroska'],
    ['x.vtt', 'text/vtt; charset=utf-8'],
    ['README.txt', 'text/plain; charset=utf-8'],
    ['dir.mp4/none', 'application/octet-stream'],
    ['constructor', 'application/octet-stream'],
    ['x.constructor', 'application/octet-stream'],
  ])('of %s is %s', (name, type) => {
    expect(contentType(name)).toBe(type);
  });
});
