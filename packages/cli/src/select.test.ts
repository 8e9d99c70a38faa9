import { describe, expect, it } from 'vitest';
import { selectFiles } from './select.ts';

const files = [
  'Show/Season 1/01 Pilot.mkv',
  'Show/Season 1/02 Second.mkv',
  'Show/Season 2/01 Return.mkv',
  'Show/Extras/making [of].mp4',
  'Show/2024',
].map((path) => ({ path }));

describe('selectFiles', () => {
  it.each([
    ['1', [0]],
    ['1,3-5', [0, 2, 3, 4]],
    ['4-', [3, 4]],
    [' 2 , 2 ', [1]],
    ['*.mkv', [0, 1, 2]],
    ['*.MP4', [3]],
    ['Season 1', [0, 1]],
    ['Season 1/', [0, 1]],
    ['Show/Season 2', [2]],
    ['Season ?/01*', [0, 2]],
    ['Show/**', [0, 1, 2, 3, 4]],
    ['Show/*', [0, 1, 2, 3, 4]],
    ['making [of].mp4', [3]],
    ['2024', [4]],
    ['*Pilot*,Extras', [0, 3]],
  ] as [string, number[]][])('%s', (term, places) => {
    expect(selectFiles(files, [term])).toEqual(places);
  });

  it('joins repeated options', () => {
    expect(selectFiles(files, ['1', '*.mp4'])).toEqual([0, 3]);
  });

  it.each([
    ['6', 'files 1 to 5'],
    ['0', 'files 1 to 5'],
    ['3-1', 'fits nothing'],
    ['*.avi', 'fits no file'],
    [',', 'names no file'],
  ])('refuses %s with a sentence and the exit code for usage', (term, sentence) => {
    expect(() => selectFiles(files, [term])).toThrow(
      expect.objectContaining({ exitCode: 2, message: expect.stringContaining(sentence) }),
    );
  });
});
