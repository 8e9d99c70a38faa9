import { describe, expect, it } from 'vitest';
import { drawFar } from './far-pieces.ts';

const pieces = Array.from({ length: 40 }, (_, i) => ({ piece: 100 + i, deadline: 1000 * i }));
const any = (): boolean => true;

describe('drawFar', () => {
  it('takes the rarest of eight from where chance begins, and the first of those that are equal', () => {
    const copies = (piece: number): number => (piece === 115 || piece === 116 ? 1 : piece === 118 ? 0 : 3);
    expect(drawFar(pieces, 0, any, copies, () => 10)).toBe(115);
    expect(drawFar(pieces, 0, any, copies, () => 11)).toBe(118);
    expect(drawFar(pieces, 0, any, copies, () => 19)).toBe(119);
  });

  it('goes on at the beginning, and never before it', () => {
    const copies = (piece: number): number => (piece === 105 ? 1 : piece < 105 ? 0 : 2);
    expect(drawFar(pieces, 5, any, copies, () => 33)).toBe(105);
  });

  it('looks farther for what may be asked for', () => {
    const odd = new Set([103, 137]);
    const may = (piece: number): boolean => odd.has(piece);
    expect(
      drawFar(
        pieces,
        0,
        may,
        () => 1,
        () => 0,
      ),
    ).toBe(103);
    expect(
      drawFar(
        pieces,
        0,
        may,
        () => 1,
        () => 4,
      ),
    ).toBe(137);
  });

  it.each([
    ['nothing may be asked for', 0, () => false],
    ['there is nothing behind the place', 40, any],
  ])('finds none where %s', (_why, from, may) => {
    expect(
      drawFar(
        pieces,
        from,
        may,
        () => 1,
        () => 0,
      ),
    ).toBe(-1);
  });

  it('draws in the bounds of what there is', () => {
    const bounds: number[] = [];
    drawFar(
      pieces,
      30,
      any,
      () => 1,
      (bound) => bounds.push(bound) - 1,
    );
    expect(bounds).toEqual([10]);
  });
});
