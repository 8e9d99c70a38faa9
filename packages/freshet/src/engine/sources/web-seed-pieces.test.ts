import { describe, expect, it } from 'vitest';
import type { MemoryHttpResponse } from '../../memory/index.ts';
import { infoHashFromBytes } from '../../protocol/index.ts';
import type { HttpRequest } from '../ports.ts';
import { PieceLayout } from './seed-layout.ts';
import { HandPeer, Harness, type HarnessOptions, makeTorrent } from './web-seed-harness.contract.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
const PIECE = 256 * KIB;
const SCRIPT = 'http://seed.example/seed.php';
const HASH = '%A5'.repeat(20);

interface Wanted {
  readonly piece: number;
  readonly first: number;
  readonly last: number;
}

/** What a request asks for, after checking that it is all that BEP 17 knows. */
function read(request: HttpRequest, pieceLength: number): Wanted {
  const [, piece, first, last] =
    new RegExp(`^http://[^?]*\\?info_hash=${HASH}&piece=([0-9]+)(?:&ranges=([0-9]+)-([0-9]+))?$`).exec(
      request.url,
    ) ?? [];
  expect(piece, request.url).toBeDefined();
  return { piece: Number(piece), first: Number(first ?? 0), last: Number(last ?? pieceLength - 1) };
}

function setUp(
  answer: (bytes: Uint8Array, wanted: Wanted) => MemoryHttpResponse,
  options: HarnessOptions & { readonly length?: number } = {},
): Harness {
  const torrent = makeTorrent(options.length ?? MIB + 100_000, PIECE);
  const h = new Harness(torrent, options);
  h.http.route(`${SCRIPT}?*`, (request) => {
    const wanted = read(request, PIECE);
    const begin = wanted.piece * PIECE;
    return answer(torrent.content.subarray(begin + wanted.first, begin + wanted.last + 1), wanted);
  });
  h.seeds.add(SCRIPT, 'pieces');
  return h;
}

describe('a web seed that gives pieces by number (BEP 17)', () => {
  it('is asked for one piece at a time by its address alone', async () => {
    const h = setUp((body) => ({ body, headers: { 'content-length': `${body.length}` } }));
    h.seeds.start();
    await h.run(20_000);
    expect(await h.isStored()).toBe(true);
    expect(h.http.requests).toHaveLength(5);
    // A range header would be for the script's answer, and a hindrance to caches.
    expect(h.http.requests.every(({ range }) => range === undefined)).toBe(true);
    expect(h.received).toBe(h.torrent.info.length);
    expect(h.wasted).toBe(0);
    expect(h.warnings).toEqual([]);
    h.seeds.stop();
    expect(h.clock.pending).toBe(0);
  });

  it.each([
    ['what is missing of it', false],
    ['all of it whatever was asked for', true],
  ])('gives of a piece that is begun %s', async (_name, whole) => {
    const h = setUp(
      (body, { piece }) => ({
        body: whole ? h.torrent.content.subarray(piece * PIECE, (piece + 1) * PIECE) : body,
        headers: { 'content-length': `${whole ? PIECE : body.length}` },
      }),
      { length: PIECE },
    );
    const peer = new HandPeer(h.nextId());
    h.store.addSource(peer);
    for (const block of [0, 1, 2, 15]) h.give(peer, 0, block);
    h.seeds.start();
    await h.run(5000);
    expect(await h.isStored()).toBe(true);
    expect(h.http.requests.map(({ url }) => url.replace(/.*&ranges=/, ''))).toEqual(['49152-245759']);
    expect(h.received).toBe(12 * 16384);
  });

  it('that sends whole pieces where their ends are missing is left alone before it has wasted much', async () => {
    const pieces = 12;
    const torrent = makeTorrent(pieces * MIB, MIB);
    const h = new Harness(torrent);
    h.http.route(`${SCRIPT}?*`, (request) => {
      const begin = read(request, MIB).piece * MIB;
      return {
        body: torrent.content.subarray(begin, begin + MIB),
        headers: { 'content-length': `${MIB}` },
      };
    });
    h.seeds.add(SCRIPT, 'pieces');
    const peer = new HandPeer(h.nextId());
    h.store.addSource(peer);
    for (let piece = 0; piece < pieces; piece++) {
      for (let block = 0; block < 63; block++) h.give(peer, piece, block);
    }
    h.seeds.start();
    await h.run(60_000);
    expect(h.wasted).toBeGreaterThan(3 * MIB);
    expect(h.wasted).toBeLessThan(5 * MIB);
    expect(h.warnings).toHaveLength(1);
    expect(h.warnings[0]).toContain('sends whole pieces where little of them was asked for');
    expect(h.seeds.status()[0]?.state).toBe('failed');
    // It may be the only one that has the rest.
    await h.run(3_000_000);
    expect(await h.isStored()).toBe(true);
    expect(h.warnings).toHaveLength(1);
    h.seeds.stop();
    expect(h.clock.pending).toBe(0);
  });

  it.each([
    ['its body', { body: new TextEncoder().encode('45\n') }],
    ['a header', { headers: { 'retry-after': '45' }, body: new TextEncoder().encode('busy') }],
  ])('is left alone as long as %s asks', async (_name, refusal) => {
    let busy = true;
    const h = setUp((body) => (busy ? { status: 503, ...refusal } : { body }));
    h.seeds.start();
    await h.run(44_000);
    expect(h.http.requests).toHaveLength(1);
    expect(h.seeds.status()[0]?.state).toBe('waiting');
    expect(h.received).toBe(0);
    busy = false;
    await h.run(5000);
    expect(await h.isStored()).toBe(true);
    expect(h.warnings).toHaveLength(1);
  });

  it('is tried again after a while when a page for people says that it is busy', async () => {
    let busy = true;
    const page = new TextEncoder().encode(`<html>${'We are busy. '.repeat(50_000)}`);
    const h = setUp((body) => (busy ? { status: 503, body: page } : { body }));
    h.seeds.start();
    await h.run(1000);
    expect(h.http.requests).toHaveLength(1);
    busy = false;
    await h.run(20_000);
    expect(await h.isStored()).toBe(true);
  });

  it('that sends something of another length is not used any more, with one warning', async () => {
    const h = setUp((body) => ({ body, headers: { 'content-length': '77' } }));
    h.seeds.start();
    await h.run(2_000_000);
    expect(h.http.requests).toHaveLength(1);
    expect(h.warnings).toHaveLength(1);
    expect(h.warnings[0]).toContain('77 bytes');
    expect(h.seeds.status()[0]?.state).toBe('failed');
  });

  it('that does not know the torrent is asked again after ten minutes', async () => {
    let known = false;
    const h = setUp((body) => (known ? { body } : { status: 404 }));
    h.seeds.start();
    await h.run(500_000);
    expect(h.http.requests).toHaveLength(1);
    expect(h.seeds.status()[0]?.state).toBe('failed');
    known = true;
    await h.run(200_000);
    expect(await h.isStored()).toBe(true);
  });

  it('that lies is banned', async () => {
    const h = setUp((body) => {
      const wrong = body.slice();
      wrong[1] = wrong[1]! ^ 1;
      return { body: wrong };
    });
    h.seeds.start();
    await h.run(5000);
    expect(h.verified).toEqual([]);
    expect(h.seeds.status()[0]).toMatchObject({ state: 'failed' });
    expect(h.warnings).toHaveLength(1);
    expect(h.warnings[0]).toContain(SCRIPT);
  });

  it('is asked anew for each piece when it redirects, as the target is that of one answer', async () => {
    const h = setUp((_body, { piece }) => ({ redirect: `http://node.example/${piece}` }));
    h.http.route('http://node.example/*', ({ url }) => {
      const piece = Number(url.split('/').at(-1));
      return { body: h.torrent.content.subarray(piece * PIECE, (piece + 1) * PIECE) };
    });
    h.seeds.start();
    await h.run(10_000);
    expect(await h.isStored()).toBe(true);
    expect(h.http.requests.every(({ url }) => url.startsWith(SCRIPT))).toBe(true);
  });

  it('keeps the query of its address, drops a fragment, and never asks for padding', () => {
    const infoHash = infoHashFromBytes(new Uint8Array(20).map((_, i) => i))!;
    // The file ends 1000 bytes into its second piece; another follows at the third.
    const info = {
      pieceLength: 32_768,
      length: 100_000,
      dataLength: (piece: number) => (piece === 1 ? 1000 : 32_768),
    };
    const layout = new PieceLayout('https://h/s?user=1#top', info, infoHash);
    const padded = layout.at(32_768 + 500);
    expect(padded).toEqual({ index: 0, begin: 32_768, end: 33_768, padding: false });
    expect(layout.at(33_768)).toEqual({ index: 0, begin: 33_768, end: 65_536, padding: true });
    const { url } = layout.ask(padded, 0, 999);
    expect(url).toBe(
      'https://h/s?user=1&info_hash=%00%01%02%03%04%05%06%07%08%09%0A%0B%0C%0D%0E%0F%10%11%12%13&piece=1&ranges=0-999',
    );
    expect(layout.ask(layout.at(0), 0, 32_767).url).toBe(url.replace('piece=1&ranges=0-999', 'piece=0'));
    expect([...layout.ofPiece()]).toEqual([0]);
  });
});
