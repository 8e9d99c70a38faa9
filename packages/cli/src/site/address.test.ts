import { describe, expect, it } from 'vitest';
import { addressOf, names, parseAddress, siteTracker } from './address.ts';

const HASH = '0123456789abcdef0123456789abcdef01234567';
const MAGNET = `magnet:?xt=urn:btih:${HASH}&dn=A%20film&tr=ws%3A%2F%2Flocalhost%2Fannounce`;

describe('parseAddress', () => {
  it('finds nothing in an address without a fragment', () => {
    expect(parseAddress('')).toBeUndefined();
    expect(parseAddress('#')).toBeUndefined();
  });

  it('reads an info-hash in either notation', () => {
    expect(parseAddress(`#${HASH.toUpperCase()}`)).toEqual({ id: HASH, hashes: [HASH] });
    const base32 = 'abcdefghijklmnopqrstuvwxyz234567';
    expect(parseAddress(`#${base32}`)).toEqual({ id: base32, hashes: [] });
  });

  it('reads a magnet link and leaves its escapes alone', () => {
    expect(parseAddress(`#${MAGNET}`)).toEqual({ id: MAGNET, hashes: [HASH] });
  });

  it('reads a magnet link that was escaped as a whole', () => {
    expect(parseAddress(`#${encodeURIComponent(MAGNET)}`)).toEqual({ id: MAGNET, hashes: [HASH] });
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

describe('hashes of version 2', () => {
  const V2 = 'ab'.repeat(32);

  it('are read by themselves and from magnet links, beside those of version 1', () => {
    expect(parseAddress(`#${V2.toUpperCase()}`)).toEqual({ id: V2, hashes: [V2] });
    const link = `magnet:?xt=urn:btmh:1220${V2}&dn=film`;
    expect(parseAddress(`#${link}`)).toEqual({ id: link, hashes: [V2] });
    const both = `magnet:?xt=urn:btih:${HASH}&xt=urn:btmh:1220${V2}`;
    expect(parseAddress(`#${both}`)?.hashes).toEqual([HASH, V2]);
    expect(() => parseAddress(`#magnet:?xt=urn:btmh:${V2}`)).toThrow('no info-hash');
  });

  it('name a torrent, as do the first characters that its swarm goes by', () => {
    const hybrid = { infoHash: HASH, infoHashV2: V2 };
    const cases = [[HASH], [V2], [V2.slice(0, 40)], ['00'.repeat(20), V2]];
    expect(cases.map((hashes) => names(hashes, hybrid))).toEqual([true, true, true, true]);
    expect(names([V2], { infoHash: HASH })).toBe(false);
    expect(names([], hybrid)).toBe(false);
  });
});

describe('addressOf', () => {
  it('can be read back', () => {
    const address = addressOf('http://localhost:8000/films/?x=1#old', MAGNET);
    expect(address.startsWith('http://localhost:8000/films/?x=1#magnet:?xt=')).toBe(true);
    expect(parseAddress(new URL(address).hash)).toEqual({ id: MAGNET, hashes: [HASH] });
  });
});

describe('siteTracker', () => {
  it('is beside the page, with the security of the page', () => {
    expect(siteTracker('http://localhost:8000/#x')).toBe('ws://localhost:8000/announce');
    expect(siteTracker('https://films.example/')).toBe('wss://films.example/announce');
  });
});
