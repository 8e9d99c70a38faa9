import { describe, expect, it } from 'vitest';
import { filmStart } from './film-start.ts';

const PIECE = 65_536;

/** Files one behind the other, by name and length. */
function files(list: readonly (readonly [name: string, length: number])[]): Parameters<typeof filmStart>[0] {
  let offset = 0;
  return {
    pieceLength: PIECE,
    files: list.map(([name, length]) => {
      const file = { path: ['folder', name], length, offset, padding: false };
      offset += length;
      return file as unknown as Parameters<typeof filmStart>[0]['files'][number];
    }),
  };
}

describe('where a film begins', () => {
  it('is the first quarter of a megabyte of the largest film', () => {
    const torrent = files([
      ['sample.MP4', 3 * PIECE],
      ['huge.iso', 100 * PIECE],
      ['Film.mkv', 50 * PIECE],
      ['Film.srt', 10],
    ]);
    expect(filmStart(torrent, [4, 4, 4, 4])).toEqual({ first: 103, last: 106 });
  });

  it('is not looked for in films that are not wanted', () => {
    const torrent = files([
      ['sample.mp4', 3 * PIECE],
      ['film.mp4', 50 * PIECE],
    ]);
    expect(filmStart(torrent, [4, 0])).toEqual({ first: 0, last: 2 });
    expect(filmStart(torrent, [0, 0])).toBeUndefined();
  });

  it('is no more than a short file has, and nothing of an empty one', () => {
    expect(filmStart(files([['one.mp3', 10]]), [4])).toEqual({ first: 0, last: 0 });
    expect(filmStart(files([['none.mp3', 0]]), [4])).toBeUndefined();
    expect(filmStart(files([['list.txt', PIECE]]), [4])).toBeUndefined();
  });

  it('is not looked for among thousands of files', () => {
    const many = Array.from({ length: 1001 }, (_, i) => [`${i}.mp3`, 1] as const);
    expect(filmStart(files(many), [])).toBeUndefined();
    expect(filmStart(files(many.slice(1)), [])).toEqual({ first: 0, last: 0 });
  });
});
