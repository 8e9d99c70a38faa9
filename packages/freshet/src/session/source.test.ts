import { describe, expect, it } from 'vitest';
import { hashesOfInfo } from '../engine/metadata-hashes.ts';
import { MemoryHasher, MemoryHttp, rangeResponse, VirtualClock } from '../memory/index.ts';
import {
  buildInfo,
  encodeTorrent,
  infoHashFromHex,
  infoHashV2FromHex,
  parseInfo,
  toHex,
} from '../protocol/index.ts';
import { InvalidTorrentError, SourceError } from './errors.ts';
import { type Fetching, fetchBytes } from './fetch.ts';
import { goesBy, hashTexts, identifySource, resolveSource, type SourceContext } from './source.ts';

const infoBytes = buildInfo({ name: 'a.bin', pieceLength: 16_384, files: 5, pieces: new Uint8Array(20) });
const torrentFile = encodeTorrent({
  infoBytes,
  announceTiers: [['http://one/announce'], ['wss://two']],
  urlList: ['http://seed/'],
  httpSeeds: ['http://seed/script'],
  comment: 'a comment',
  creationDate: 1000,
});
const hasher = new MemoryHasher();
const hashes = await hashesOfInfo(parseInfo(infoBytes), hasher);

function world(): { clock: VirtualClock; http: MemoryHttp; context: SourceContext; fetches: Fetching[] } {
  const clock = new VirtualClock();
  const http = new MemoryHttp(clock);
  const fetches: Fetching[] = [];
  const context: SourceContext = {
    http,
    hasher,
    onFetch: (fetching) => void fetches.push(fetching),
    within: (milliseconds, outcome) =>
      new Promise((resolve, reject) => {
        clock.setTimer(milliseconds, () => resolve(undefined));
        outcome.then(resolve, reject);
      }),
  };
  return { clock, http, context, fetches };
}

/** Virtual time passes until the promise is settled. */
async function settle<T>(clock: VirtualClock, promise: Promise<T>): Promise<T> {
  let settled = false;
  const done = (): void => {
    settled = true;
  };
  promise.then(done, done);
  for (let i = 0; i < 1000 && !settled; i++) {
    await new Promise((resolve) => setImmediate(resolve));
    if (!settled) clock.advance(50);
  }
  return promise;
}

describe('resolveSource', () => {
  it('reads torrent files, however they come', async () => {
    const { http, context, clock } = world();
    http.route('http://files/a.torrent', (request) => rangeResponse(torrentFile, request));
    const sources = [
      { kind: 'metainfo', bytes: torrentFile },
      { kind: 'blob', blob: new Blob([torrentFile]) },
      { kind: 'url', url: 'http://files/a.torrent' },
      { kind: 'path', path: 'a.torrent' },
    ] as const;
    for (const source of sources) {
      const readFile = (): Promise<Uint8Array> => Promise.resolve(torrentFile);
      const resolved = await settle(clock, resolveSource(source, { ...context, readFile }));
      expect(resolved).toMatchObject({
        hashes,
        name: 'a.bin',
        trackers: [['http://one/announce'], ['wss://two']],
        webSeeds: ['http://seed/'],
        httpSeeds: ['http://seed/script'],
        comment: 'a comment',
        created: 1_000_000,
      });
      expect(resolved.torrentFile).toEqual(torrentFile);
    }
  });

  it('takes the metadata from a magnet link’s exact source, if it is the right one', async () => {
    const { infoHash } = hashTexts(hashes);
    const { http, context, clock } = world();
    http.route('http://files/a.torrent', (request) => rangeResponse(torrentFile, request));
    const uri = `magnet:?xt=urn:btih:${infoHash}&tr=wss%3A%2F%2Fthree&xs=http%3A%2F%2Ffiles%2Fa.torrent&so=0`;
    const found = await settle(clock, resolveSource({ kind: 'magnet', uri }, context));
    expect(found.infoBytes).toEqual(infoBytes);
    expect(found.httpSeeds).toEqual(['http://seed/script']);
    expect(found.trackers).toEqual([['wss://three'], ['http://one/announce'], ['wss://two']]);
    expect(found.selectOnly).toEqual([0]);
    const other = uri.replace(infoHash, 'ab'.repeat(20));
    const wrong = await settle(clock, resolveSource({ kind: 'magnet', uri: other }, context));
    expect(wrong.infoBytes).toBeUndefined();
    expect(hashTexts(wrong.hashes).infoHash).toBe('ab'.repeat(20));
  });

  it('does not wait long for an exact source', async () => {
    const { http, context, clock } = world();
    http.route('http://files/slow', () => ({ body: torrentFile, silentAfter: 0 }));
    const uri = `magnet:?xt=urn:btih:${'ab'.repeat(20)}&xs=http%3A%2F%2Ffiles%2Fslow`;
    const start = clock.now();
    const found = await settle(clock, resolveSource({ kind: 'magnet', uri }, context));
    expect(found.infoBytes).toBeUndefined();
    expect(clock.now() - start).toBeLessThan(4_000);
  });

  it('says what is wrong', async () => {
    const { http, context, clock } = world();
    http.route('http://files/gone', () => ({ status: 404 }));
    const refused = settle(clock, resolveSource({ kind: 'url', url: 'http://files/gone' }, context));
    await expect(refused).rejects.toThrow(
      new SourceError(
        'The torrent file at http://files/gone could not be fetched: the server answered with status 404.',
      ),
    );
    http.route('http://files/page', () => ({ body: new TextEncoder().encode('<html>') }));
    const page = settle(clock, resolveSource({ kind: 'url', url: 'http://files/page' }, context));
    await expect(page).rejects.toBeInstanceOf(InvalidTorrentError);
    await expect(resolveSource({ kind: 'infoHash', text: 'xyz' }, context)).rejects.toBeInstanceOf(
      InvalidTorrentError,
    );
    await expect(resolveSource({ kind: 'path', path: 'x' }, context)).rejects.toThrow(
      /there are no files here/,
    );
    await expect(
      resolveSource({ kind: 'info', bytes: new Uint8Array([100, 101]) }, context),
    ).rejects.toBeInstanceOf(InvalidTorrentError);
  });
});

describe('fetchBytes', () => {
  it('refuses what is too long, by its head or by its body, and can be given up', async () => {
    const { http, clock } = world();
    const body = new Uint8Array(1000);
    http.route('http://files/long', (request) => rangeResponse(body, request));
    http.route('http://files/unknown', () => ({ body }));
    for (const url of ['http://files/long', 'http://files/unknown']) {
      await expect(settle(clock, fetchBytes(http, url, 999).body)).rejects.toThrow(/longer than 999 bytes/);
    }
    expect(await settle(clock, fetchBytes(http, 'http://files/long', 1000).body)).toEqual(body);
    const fetching = fetchBytes(http, 'http://files/long', 1000);
    fetching.cancel();
    await expect(fetching.body).rejects.toMatchObject({ code: 'ABORTED' });
  });
});

describe('identifySource', () => {
  it('tells the info-hash where the source has it', async () => {
    const text = toHex(hashes.v1!);
    expect(hashes.v2).toBeUndefined();
    expect(await identifySource({ kind: 'metainfo', bytes: torrentFile }, hasher)).toEqual(hashes);
    expect(await identifySource({ kind: 'info', bytes: infoBytes }, hasher)).toEqual(hashes);
    expect(await identifySource({ kind: 'infoHash', text }, hasher)).toEqual({ v1: hashes.v1 });
    expect(await identifySource({ kind: 'infoHash', text: 'ab'.repeat(32) }, hasher)).toEqual({
      v2: new Uint8Array(32).fill(0xab),
    });
    expect(await identifySource({ kind: 'url', url: 'http://x/' }, hasher)).toBeUndefined();
  });
});

describe('goesBy', () => {
  it('knows a torrent by its v1 hash, its v2 hash and the beginning of that', () => {
    const v1 = infoHashFromHex('01'.repeat(20))!;
    const v2 = infoHashV2FromHex('02'.repeat(32))!;
    const beginning = infoHashFromHex('02'.repeat(20))!;
    const hybrid = { v1, v2 };
    expect([{ v1 }, { v2 }, hybrid, { v1: beginning }].map((named) => goesBy(hybrid, named))).toEqual(
      Array(4).fill(true),
    );
    expect(goesBy({ v1 }, { v2 })).toBe(false);
    expect(goesBy({ v2 }, { v1 })).toBe(false);
    expect(goesBy(hybrid, { v1: infoHashFromHex('03'.repeat(20))! })).toBe(false);
  });
});
