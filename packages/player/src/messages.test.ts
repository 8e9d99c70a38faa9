import { describe, expect, it } from 'vitest';
import { mediaErrorSentence, sentence } from './messages.ts';

describe('sentence', () => {
  it('leaves a sentence as it is', () => {
    expect(sentence(new Error('The disk is full.'))).toBe('The disk is full.');
    expect(sentence(new Error('Looking\u2026'))).toBe('Looking\u2026');
  });

  it('makes one of a phrase', () => {
    expect(sentence(new Error('no such file '))).toBe('No such file.');
  });

  it('says something even where the error does not', () => {
    expect(sentence(new Error(' '))).toMatch(/^Something went wrong/);
  });
});

describe('mediaErrorSentence', () => {
  const film = { name: 'film.avi', type: 'video/x-msvideo' };

  it.each([
    [1, 'was stopped'],
    [2, 'broke off'],
    [3, 'cannot decode'],
    [4, 'cannot play \u201cfilm.avi\u201d (video/x-msvideo)'],
  ])('tells code %i apart', (code, words) => {
    const text = mediaErrorSentence({ code, message: '' }, film);
    expect(text).toContain(words);
    expect(text).toContain('film.avi');
    expect(text.endsWith('.')).toBe(true);
  });
});
