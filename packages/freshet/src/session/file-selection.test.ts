import { describe, expect, it } from 'vitest';
import { buildInfo, parseInfo } from '../protocol/index.ts';
import { FileSelection, filesWithin, prioritiesBySettings, realFiles } from './file-selection.ts';

// Pieces of 16 KiB: the first file is in pieces 0 and 1, the second in 1, the third is empty, the fourth in 1 and 2.
const info = parseInfo(
  buildInfo({
    name: 'f',
    pieceLength: 16_384,
    files: [20_000, 1_000, 0, 20_000].map((length, index) => ({ path: [`${index}`], length })),
    pieces: new Uint8Array(60),
  }),
);

const all = realFiles(info);

describe('file selection', () => {
  it('starts from the settings', () => {
    expect(prioritiesBySettings({}, info, all)).toBeUndefined();
    expect(prioritiesBySettings({ deselect: true }, info, all)).toEqual([0, 0, 0, 0]);
    expect(prioritiesBySettings({ selectOnly: [1, 3, 99] }, info, all)).toEqual([0, 1, 0, 1]);
  });

  it('keeps what is asked for until it is applied', () => {
    const selection = new FileSelection();
    selection.set(1, 0);
    selection.set(3, 7);
    selection.set(99, 1);
    expect(selection.applyTo([1, 1, 1, 1], all)).toEqual([1, 0, 1, 7]);
    expect(selection.isEmpty).toBe(true);
    expect(selection.applyTo([1, 1, 1, 1], all)).toEqual([1, 1, 1, 1]);
  });

  it('finds files that lie within pieces', () => {
    expect(filesWithin(info, 0, 2, all)).toEqual([0, 1, 3]);
    expect(filesWithin(info, 0, 1, all)).toEqual([0, 1]);
    expect(filesWithin(info, 1, 1, all)).toEqual([1]);
    expect(filesWithin(info, 2, 2, all)).toEqual([]);
  });

  it('does not count padding, which nobody sees', () => {
    const padded = parseInfo(
      buildInfo({
        name: 'f',
        pieceLength: 16_384,
        files: [
          { path: ['a'], length: 10_000 },
          { path: ['.pad', '6384'], length: 6384, attr: 'p' },
          { path: ['b'], length: 10_000 },
          { path: ['.pad', '6384'], length: 6384, attr: 'p' },
          { path: ['c'], length: 10_000 },
        ],
        pieces: new Uint8Array(60),
      }),
    );
    const files = realFiles(padded);
    expect(files).toEqual([0, 2, 4]);
    expect(prioritiesBySettings({ selectOnly: [1, 3] }, padded, files)).toEqual([0, 0, 1, 0, 0]);
    expect(filesWithin(padded, 1, 2, files)).toEqual([1, 2]);
    const selection = new FileSelection();
    selection.set(2, 5);
    expect(selection.applyTo([1, 1, 1, 1, 1], files)).toEqual([1, 1, 1, 1, 5]);
  });
});
