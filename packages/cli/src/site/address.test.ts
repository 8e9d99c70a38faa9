import { describe, expect, it } from 'vitest';
import { addressOf, parseAddress, siteTracker } from './address.ts';

const HASH = '0123456789abcdef0123456789abcdef01234567';
const MAGNET = `magnet:?xt=urn:btih:${HASH}&dn=A%20film&tr=ws%3A%2F%2Flocalhost%2Fannounce`;

describe('parseAddress', () => {
  it('finds nothing in an address without a fragment', () => {
    expect(parseAddress('')).toBeUndefined();
    expect(parseAddress('#')).toBeUndefined();
  });

  it('reads an info-hash in either notation', () => {
    expect(parseAddress(`#${HASH.toUpperCase()}`)).toEqual({ id: HASH, infoHash: HASH });
    const base32 = 'abcdefghijklmnopqrstuvwxyz234567';
    expect(parseAddress(`#${base32}`)).toEqual({ id: base32, infoHash: undefined });
  });

  it('reads a magnet link and leaves its escapes alone', () => {
    expect(parseAddress(`#${MAGNET}`)).toEqual({ id: MAGNET, infoHash: HASH });
  });

  it('reads a magnet link that was escaped as a whole', () => {
    expect(parseAddress(`#${encodeURIComponent(MAGNET)}`)).toEqual({ id: MAGNET, infoHash: HASH });
  });

  it.each([
    ['#film', 'neither a magnet link nor an info-hash'],
    ['#magnet:?dn=film', 'no info-hash'],
    ['#magnet:?xt=urn:btih:123', 'no info-hash'],
    [`#${'x'.repeat(500)}`, 'neither'],
    ['#magnet%3A%E0%A4%A', 'neither'],
  ])('refuses %s with a sentence', (hash, words) => {
    expect(() => parseAddress(hash)).toThrow(words);
  });
});

describe('addressOf', () => {
  it('can be read back', () => {
    const address = addressOf('http://localhost:8000/films/?x=1#old', MAGNET);
    expect(address.startsWith('http://localhost:8000/films/?x=1#magnet:?xt=')).toBe(true);
    expect(parseAddress(new URL(address).hash)).toEqual({ id: MAGNET, infoHash: HASH });
  });
});

describe('siteTracker', () => {
  it('is beside the page, with the security of the page', () => {
    expect(siteTracker('http://localhost:8000/#x')).toBe('ws://localhost:8000/announce');
    expect(siteTracker('https://films.example/')).toBe('wss://films.example/announce');
  });
});
