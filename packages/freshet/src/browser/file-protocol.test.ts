import { describe, expect, it } from 'vitest';
import { decodePath, encodePathName, isClaim, isFileRequest, routedPath } from './file-protocol.ts';

const HASH = '0123456789abcdef0123456789ABCDEF01234567';

describe('routedPath', () => {
  it.each([
    [`https://a.example/webtorrent/${HASH}/film.mp4`, 'https://a.example/', `${HASH}/film.mp4`],
    [
      `https://a.example/base/webtorrent/${HASH}/a%20b/c.mp4?x=1`,
      'https://a.example/base/',
      `${HASH}/a%20b/c.mp4`,
    ],
    [
      `https://a.example/webtorrent/${'ab'.repeat(32)}/v2.mp4`,
      'https://a.example/',
      `${'ab'.repeat(32)}/v2.mp4`,
    ],
  ])('finds the file in %s', (url, scope, path) => {
    expect(routedPath(url, scope)).toBe(path);
  });

  it.each([
    [`https://b.example/webtorrent/${HASH}/film.mp4`, 'https://a.example/'],
    [`https://a.example/webtorrent/${HASH}/film.mp4`, 'https://a.example/base/'],
    [`https://a.example/webtorrent/${HASH}/`, 'https://a.example/'],
    [`https://a.example/webtorrent/${HASH}`, 'https://a.example/'],
    [`https://a.example/webtorrent/${HASH}00/film.mp4`, 'https://a.example/'],
    ['https://a.example/webtorrent/keepalive/', 'https://a.example/'],
    ['data:text/plain,webtorrent', 'https://a.example/'],
  ])('leaves %s alone', (url, scope) => {
    expect(routedPath(url, scope)).toBeUndefined();
  });
});

describe('messages', () => {
  it('are told from those of others', () => {
    expect(isFileRequest({ freshet: 'file', url: '' })).toBe(true);
    expect(isClaim({ freshet: 'claim' })).toBe(true);
    for (const other of [undefined, null, 'file', 3, {}, { type: 'file' }, { freshet: 'other' }]) {
      expect(isFileRequest(other)).toBe(false);
      expect(isClaim(other)).toBe(false);
    }
  });
});

describe('decodePath', () => {
  it('gives up on what nobody has encoded', () => {
    expect(decodePath('a%20%23/%C3%BC')).toBe('a #/ü');
    expect(decodePath('100%')).toBeUndefined();
    expect(decodePath('%ff')).toBeUndefined();
  });
});

describe('encodePathName', () => {
  it('encodes what an address gives a meaning, and survives half a character', () => {
    expect(encodePathName('a #1?/%ü')).toBe('a%20%231%3F%2F%25%C3%BC');
    expect(encodePathName('\ud800')).toBe('%EF%BF%BD');
  });
});
