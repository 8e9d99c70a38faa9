import { describe, expect, it } from 'vitest';
import { MemoryHttp, VirtualClock } from '../../memory/index.ts';
import { encode, type InfoHash, toHex } from '../../protocol/index.ts';
import { scrape } from './http-tracker.ts';
import { A, INFO_HASH, REFUSAL, type Reply } from './http-world.contract.ts';

describe('scrape', () => {
  const run = (url: string, body: Reply | undefined): unknown => {
    const clock = new VirtualClock();
    const http = new MemoryHttp(clock);
    if (body !== undefined) http.route('http://a.example/scrape*', () => ({ body: encode(body) }));
    let result: unknown;
    scrape({ clock, http, url, infoHashes: [INFO_HASH] }, (given) => {
      result = given;
    });
    expect(result).toBeUndefined();
    clock.advance(20_000);
    expect(clock.pending).toBe(0);
    return result;
  };

  it('gives counts, or one sentence why not', () => {
    const files = new Map([
      [String.fromCharCode(...INFO_HASH), { complete: 1, incomplete: 2, downloaded: 3 }],
    ]);
    const counts = run(A, { files: Object.fromEntries(files) }) as { files: ReadonlyMap<string, unknown> };
    expect(counts.files.get(toHex(INFO_HASH as InfoHash))).toEqual({
      complete: 1,
      incomplete: 2,
      downloaded: 3,
    });
    expect(run(A, REFUSAL)).toBe('The tracker http://a.example refused: "not registered".');
    expect(run('http://a.example/x', undefined)).toBe(
      'The tracker http://a.example has no address for scrapes.',
    );
    expect(run(A, undefined)).toMatch(/^The tracker http:\/\/a\.example cannot be reached: /);
    expect(run(A, { files: 1 })).toMatch(/^The tracker http:\/\/a\.example cannot be understood: /);
  });
});
