import { describe, expect, it } from 'vitest';
import { chooseFile, mediaKind } from './choose-file.ts';

const file = (path: string, length: number, type: string) => ({
  name: path.slice(path.lastIndexOf('/') + 1),
  path,
  length,
  type,
});

const sample = file('Films/sample.mp4', 10, 'video/mp4');
const film = file('Films/film.mkv', 900, 'video/x-matroska');
const short = file('Films/short.mp4', 500, 'video/mp4');
const sound = file('Films/sound.flac', 2000, 'audio/flac');
const notes = file('Films/notes.txt', 5000, 'text/plain');
const files = [notes, sample, film, short, sound];

describe('chooseFile', () => {
  it('takes the largest film, however large other files are', () => {
    expect(chooseFile(files, undefined)).toBe(film);
  });

  it('prefers what the browser can play', () => {
    expect(chooseFile(files, undefined, (type) => type === 'video/mp4')).toBe(short);
  });

  it('falls back to a film that the browser says it cannot play', () => {
    expect(chooseFile([notes, film], undefined, () => false)).toBe(film);
  });

  it('takes sound where there is no film', () => {
    expect(chooseFile([notes, sound], undefined)).toBe(sound);
  });

  it('finds nothing among files that are no media', () => {
    expect(chooseFile([notes], undefined)).toBeUndefined();
    expect(chooseFile([], undefined)).toBeUndefined();
  });

  it('obeys a path, a name or a place', () => {
    expect(chooseFile(files, 'Films/notes.txt')).toBe(notes);
    expect(chooseFile(files, 'sound.flac')).toBe(sound);
    expect(chooseFile(files, '1')).toBe(sample);
    expect(chooseFile(files, '')).toBe(film);
  });

  it('does not take another file when the wanted one is not there', () => {
    expect(chooseFile(files, 'missing.mp4')).toBeUndefined();
    expect(chooseFile(files, '5')).toBeUndefined();
    expect(chooseFile(files, '-1')).toBeUndefined();
  });

  it('takes a number for a name first', () => {
    const numbered = file('7', 1, 'video/mp4');
    expect(chooseFile([numbered], '7')).toBe(numbered);
  });
});

describe('mediaKind', () => {
  it('tells films, sound and the rest apart', () => {
    expect([sample, sound, notes].map(mediaKind)).toEqual(['video', 'audio', undefined]);
  });
});
