import { describe, expect, it } from 'vitest';
import type { LayoutFile } from '../storage/layout.ts';
import { paddingBehind, paddingWithin } from './padding.ts';
import { TorrentReader } from './reader.ts';

/** Files one after another; a negative length is padding. */
function layout(...lengths: number[]): LayoutFile[] {
  let offset = 0;
  return lengths.map((length, i) => {
    const file = { path: [`${i}`], offset, length: Math.abs(length), padding: length < 0 };
    offset += file.length;
    return file;
  });
}

const FILES = layout(70, -30, 0, 100, 45, -55, -100, 10, 0);

describe('padding', () => {
  it('is found between two bytes, whether they lie in it or not', () => {
    const all = [
      { start: 70, end: 100 },
      { start: 245, end: 300 },
      { start: 300, end: 400 },
    ];
    expect(paddingWithin(FILES, 0, 410)).toEqual(all);
    expect(paddingWithin(FILES, 80, 246)).toEqual(all.slice(0, 2));
    expect(paddingWithin(FILES, 0, 70)).toEqual([]);
    expect(paddingWithin(FILES, 100, 245)).toEqual([]);
    expect(paddingWithin([], 0, 0)).toEqual([]);
    expect([0, 69, 99, 100, 299, 300, 400].map((at) => paddingBehind(all, at))).toEqual([
      0, 0, 0, 1, 1, 2, 3,
    ]);
  });

  it.each([
    [0, 410],
    [60, 260],
    [70, 100],
    [240, 400],
    [300, 310],
  ])('is not delivered by a reader from %i to %i', async (start, end) => {
    const reader = new TorrentReader(
      {
        pieceLength: 64,
        now: () => 0,
        isVerified: () => true,
        readableFrom: (_, begin) => 64 - begin,
        mediaRate: () => undefined,
        readVerified: (piece, begin, length) => [
          Uint8Array.from({ length }, (_, i) => (piece * 64 + begin + i) % 251),
        ],
        onMoved: () => {},
        onClosed: () => {},
      },
      { start, end },
      paddingWithin(FILES, start, end),
    );
    const got: number[] = [];
    for (let bytes = await reader.read(50); bytes !== undefined; bytes = await reader.read(50)) {
      expect(bytes.length).toBeGreaterThan(0);
      got.push(...bytes);
    }
    const wanted: number[] = [];
    for (let at = start; at < end; at++) {
      const file = FILES.find(({ offset, length }) => at >= offset && at < offset + length);
      if (file?.padding === false) wanted.push(at % 251);
    }
    expect(got).toEqual(wanted);
  });
});
