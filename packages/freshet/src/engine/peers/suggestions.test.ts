import { describe, expect, it } from 'vitest';
import { RecentPieces, SuggestedByPeer } from './suggestions.ts';

const MiB = 1024 * 1024;

describe('RecentPieces', () => {
  it('suggests the two that were sent last, of those that the peer lacks', () => {
    const recent = new RecentPieces(MiB, 16 * MiB);
    for (const piece of [1, 2, 3, 4, 2]) recent.note(piece);
    expect(recent.suggest(() => true)).toEqual([2, 4]);
    expect(recent.suggest((piece) => piece % 2 === 1)).toEqual([3, 1]);
    expect(recent.suggest(() => false)).toEqual([]);
  });

  it('remembers what half of the read cache can hold, eight at most', () => {
    for (const [pieceLength, kept] of [
      [MiB, 8],
      [4 * MiB, 2],
      [16 * MiB, 0],
    ] as const) {
      const recent = new RecentPieces(pieceLength, 16 * MiB);
      for (let piece = 0; piece < 20; piece++) recent.note(piece);
      const known: number[] = [];
      for (let piece = 0; piece < 20; piece++) known.push(...recent.suggest((other) => other === piece));
      expect(known).toHaveLength(kept);
    }
  });
});

describe('SuggestedByPeer', () => {
  it('gives each once, the latest first, when it is as good', () => {
    const suggested = new SuggestedByPeer();
    for (const piece of [1, 2, 3]) suggested.add(piece);
    expect(suggested.take((piece) => piece < 3)).toBe(2);
    expect(suggested.take(() => true)).toBe(3);
    expect(suggested.take((piece) => piece > 1)).toBe(-1);
    expect(suggested.size).toBe(1);
  });

  it('keeps the latest 16 of any number', () => {
    const suggested = new SuggestedByPeer();
    for (let piece = 0; piece < 100_000; piece++) suggested.add(piece);
    expect(suggested.size).toBe(16);
    expect(suggested.take((piece) => piece < 99_984)).toBe(-1);
  });
});
