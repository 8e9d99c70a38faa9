import { describe, expect, it } from 'vitest';
import { pieceCells } from './piece-cells.ts';

/** `.` missing, `p` partial, `v` verified, `k` kept. */
function facts(pieces: string) {
  return {
    verified: (index: number) => 'vk'.includes(pieces[index]!),
    kept: (index: number) => pieces[index] === 'k',
    partial: (index: number) => pieces[index] === 'p',
  };
}

function cells(pieces: string, room: number, first = 0, last = pieces.length - 1): string {
  return pieceCells(first, last, room, facts(pieces))
    .map((cell) => (cell === 'missing' ? '.' : cell[0]))
    .join('');
}

describe('pieceCells', () => {
  it('has a cell for each piece where there is room', () => {
    expect(cells('.pvk', 100)).toBe('.pvk');
  });

  it('shows only the pieces asked for', () => {
    expect(cells('vv.pkvv', 100, 2, 4)).toBe('.pk');
  });

  it('puts several pieces into a cell, done only when all are', () => {
    expect(cells('vvv...vkkkpp', 4)).toBe('v.vp');
    expect(cells('kkkvvvvv..pv', 6)).toBe('kvvv.p');
    expect(cells('v.', 1)).toBe('p');
  });

  it('covers every piece exactly once at any width', () => {
    const pieces = `${'.'.repeat(500)}p${'.'.repeat(499)}`;
    for (const room of [1, 7, 333, 999, 1000]) {
      const map = cells(pieces, room);
      expect(map).toHaveLength(room);
      expect(map.split('p')).toHaveLength(2);
    }
  });

  it('has nothing to show without room', () => {
    expect(cells('vv', 0)).toBe('');
    expect(cells('vv', -5)).toBe('');
  });
});
