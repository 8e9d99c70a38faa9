import { describe, expect, it } from 'vitest';
import { siteAddress } from './catalogue.ts';
import { ownTrackers } from './seeds.ts';

describe('siteAddress', () => {
  it.each([
    ['films.local:8080', 'http://films.local:8080'],
    ['[fd00::1]:8080', 'http://[fd00::1]:8080'],
    ['192.0.2.7', 'http://192.0.2.7'],
    [undefined, 'http://localhost:80'],
    ['a"><script>', 'http://localhost:80'],
    ['host/path', 'http://localhost:80'],
    ['user@host', 'http://localhost:80'],
  ])('of Host %j is %s', (host, origin) => {
    expect(siteAddress(host, 'localhost:80', false).origin).toBe(origin);
  });

  it('keeps to encrypted connections behind a proxy that has them', () => {
    expect(siteAddress('films.example', 'localhost', true)).toEqual({
      origin: 'https://films.example',
      trackers: ['wss://films.example/announce', 'https://films.example/announce'],
    });
  });
});

it('announces to its own tracker by an address that others can use', () => {
  expect(ownTrackers('127.0.0.1', 80)).toEqual([
    'ws://127.0.0.1:80/announce',
    'http://127.0.0.1:80/announce',
  ]);
  expect(ownTrackers('::1', 80)[0]).toBe('ws://[::1]:80/announce');
  for (const url of ownTrackers('0.0.0.0', 80)) expect(url).not.toContain('0.0.0.0');
});
