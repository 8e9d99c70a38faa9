import { describe, expect, it } from 'vitest';
import { rangeResponse } from '../../memory/index.ts';
import { Harness, makeTorrent } from './web-seed-harness.contract.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
const URL = 'http://seed.example/film.mp4';

describe('servers that misbehave', () => {
  it('uses a server without ranges as one stream from the start', async () => {
    const h = new Harness(makeTorrent(12 * MIB, 256 * KIB), { bytesPerSecond: 8 * MIB });
    h.http.route(URL, () => ({ body: h.torrent.content }));
    h.seeds.add(URL);
    h.urgent = [{ piece: 40, deadline: 0 }];
    h.streaming = true;
    h.seeds.start();
    await h.run(10_000);
    expect(await h.isStored()).toBe(true);
    expect(h.http.requests).toHaveLength(2);
    expect(h.warnings).toEqual([]);
  });

  it('skips a little of a whole file that came instead of the range', async () => {
    const h = new Harness(makeTorrent(4 * MIB, 256 * KIB), { bytesPerSecond: 8 * MIB });
    h.http.route(URL, () => ({ body: h.torrent.content }));
    h.seeds.add(URL);
    h.urgent = [{ piece: 4, deadline: 0 }];
    h.streaming = true;
    h.seeds.start();
    await h.run(300);
    expect(h.http.requests).toHaveLength(1);
    expect(h.verified[0]).toBe(4);
    expect(h.wasted).toBe(MIB);
    // The reader needs nothing more: the rest is fetched.
    h.urgent = [];
    await h.run(5000);
    expect(await h.isStored()).toBe(true);
    expect(h.http.requests).toHaveLength(2);
  });

  it('streams several files from a server without ranges, straddling pieces included', async () => {
    const torrent = makeTorrent(
      [
        { path: ['a'], length: 300_000 },
        { path: ['b'], length: 77_777 },
        { path: ['c'], length: 500_001 },
      ],
      64 * KIB,
      'x',
    );
    const h = new Harness(torrent);
    for (const [i, name] of ['a', 'b', 'c'].entries()) {
      h.http.route(`http://seed.example/x/${name}`, () => ({ body: torrent.file(i) }));
    }
    h.seeds.add('http://seed.example/');
    h.seeds.start();
    await h.run(60_000);
    expect(await h.isStored()).toBe(true);
  });

  it.each([404, 410, 403])(
    'gives up an address that answers %i, with one warning, for ten minutes',
    async (status) => {
      const h = new Harness(makeTorrent(MIB, 256 * KIB));
      h.http.route(URL, () => ({ status }));
      h.seeds.add(URL);
      h.seeds.start();
      await h.run(500_000);
      expect(h.http.requests).toHaveLength(1);
      expect(h.warnings).toHaveLength(1);
      expect(h.warnings[0]).toContain(URL);
      expect(h.seeds.status()).toMatchObject([{ state: 'failed', lastError: h.warnings[0] }]);
      await h.run(200_000);
      expect(h.http.requests).toHaveLength(2);
      expect(h.warnings).toHaveLength(1);
    },
  );

  it('does without one file that is missing', async () => {
    const torrent = makeTorrent(
      [
        { path: ['a'], length: 128 * KIB },
        { path: ['gone'], length: 128 * KIB },
        { path: ['c'], length: 128 * KIB },
      ],
      64 * KIB,
      'x',
    );
    const h = new Harness(torrent);
    h.http.serve('http://seed.example/x/a', torrent.file(0));
    h.http.serve('http://seed.example/x/c', torrent.file(2));
    h.seeds.add('http://seed.example');
    h.seeds.start();
    await h.run(20_000);
    expect([...h.store.verified.indexes()]).toEqual([0, 1, 4, 5]);
    expect(h.warnings).toHaveLength(1);
    expect(h.seeds.status()[0]?.state).toBe('idle');
  });

  it('waits as long as a busy server asks', async () => {
    const h = new Harness(makeTorrent(MIB, 256 * KIB));
    let busy = true;
    h.http.route(URL, (request) => {
      if (busy) return { status: 503, headers: { 'retry-after': '45' } };
      return rangeResponse(h.torrent.content, request);
    });
    h.seeds.add(URL);
    h.seeds.start();
    await h.run(44_000);
    expect(h.http.requests).toHaveLength(1);
    expect(h.seeds.status()[0]?.state).toBe('waiting');
    busy = false;
    await h.run(3000);
    expect(h.store.verified.isFull).toBe(true);
  });

  it('tries again after network faults, ever more slowly, with one warning', async () => {
    const h = new Harness(makeTorrent(MIB, 256 * KIB));
    h.seeds.add(URL);
    h.seeds.start();
    await h.run(60_000);
    expect(h.http.requests.length).toBeGreaterThan(3);
    expect(h.http.requests.length).toBeLessThan(8);
    expect(h.warnings).toHaveLength(1);
    h.serveAll(URL);
    await h.run(120_000);
    expect(h.store.verified.isFull).toBe(true);
    h.seeds.stop();
    expect(h.clock.pending).toBe(0);
  });

  it('loses nothing whole when the connection breaks', async () => {
    const h = new Harness(makeTorrent(MIB, 256 * KIB), { chunkBytes: 1000 });
    let first = true;
    h.http.route(URL, (request) => {
      const answer = rangeResponse(h.torrent.content, request);
      const breakAfter = first ? 300_000 : undefined;
      first = false;
      return { ...answer, breakAfter };
    });
    h.seeds.add(URL);
    h.seeds.start();
    await h.run(20_000);
    expect(await h.isStored()).toBe(true);
    expect(h.wasted).toBe(300_000 % 16384);
  });

  it('follows a redirect for a while, and asks the first address again when that ends', async () => {
    const h = new Harness(makeTorrent(4 * MIB, 256 * KIB), { bytesPerSecond: MIB });
    const target = 'http://mirror.example/1';
    let expired = false;
    h.http.route(URL, () => ({ redirect: expired ? 'http://mirror.example/2' : target }));
    h.http.route(target, (request) =>
      expired ? { status: 403 } : rangeResponse(h.torrent.content, request),
    );
    h.http.serve('http://mirror.example/2', h.torrent.content);
    h.seeds.add(URL);
    h.seeds.start();
    await h.run(1500);
    expect(h.http.requests.at(-1)?.url).toBe(target);
    expired = true;
    await h.run(10_000);
    expect(h.store.verified.isFull).toBe(true);
    expect(h.warnings).toEqual([]);
  });

  it('backs off from a redirect whose target breaks each time', async () => {
    const h = new Harness(makeTorrent(MIB, 256 * KIB));
    h.http.route(URL, () => ({ redirect: 'http://mirror.example/1' }));
    h.http.route('http://mirror.example/1', (request) => ({
      ...rangeResponse(h.torrent.content, request),
      breakAfter: 0,
    }));
    h.seeds.add(URL);
    h.seeds.start();
    await h.run(60_000);
    expect(h.http.requests.length).toBeLessThan(20);
  });

  it.each([
    ['a wrong place', { 'content-range': 'bytes 5-9/1048576' }],
    ['another length', { 'content-range': 'bytes 0-1048575/9999999' }],
    ['several parts', { 'content-type': 'multipart/byteranges; boundary=x' }],
    ['an unreadable range', { 'content-range': 'chapters 1-2' }],
    ['another content length', { 'content-length': '17' }],
  ])('refuses %s for good', async (_name, headers) => {
    const h = new Harness(makeTorrent(MIB, MIB));
    h.http.route(URL, () => ({ status: 206, headers, body: h.torrent.content }));
    h.seeds.add(URL);
    h.seeds.start();
    await h.run(2_000_000);
    expect(h.http.requests).toHaveLength(1);
    expect(h.warnings).toHaveLength(1);
    expect(h.received).toBe(0);
    expect(h.seeds.status()[0]?.state).toBe('failed');
  });

  it('takes a range without a Content-Range header, which other origins may not see', async () => {
    const h = new Harness(makeTorrent(MIB, 256 * KIB));
    h.http.route(URL, (request) => ({ ...rangeResponse(h.torrent.content, request), headers: {} }));
    h.seeds.add(URL);
    h.seeds.start();
    await h.run(5000);
    expect(h.store.verified.isFull).toBe(true);
  });

  it('bans a liar by name and goes on with the others', async () => {
    const h = new Harness(makeTorrent(2 * MIB, 256 * KIB), { bytesPerSecond: MIB, latencyMs: 10 });
    const liar = 'http://liar.example/f';
    h.http.route(liar, (request) => {
      const wrong = h.torrent.content.slice();
      for (let at = 0; at < wrong.length; at += 50_000) wrong[at]! ^= 1;
      return rangeResponse(wrong, request);
    });
    h.seeds.add(liar);
    h.seeds.start();
    await h.run(3000);
    expect(h.warnings).toHaveLength(1);
    expect(h.warnings[0]).toContain(liar);
    expect(h.seeds.status()[0]?.state).toBe('failed');
    expect(h.verified).toEqual([]);
    h.serveAll(URL);
    h.seeds.add(URL);
    await h.run(20_000);
    expect(await h.isStored()).toBe(true);
    expect(h.hashFailures).toBe(1);
  });

  it('refuses what is no HTTP address', () => {
    const h = new Harness(makeTorrent(MIB, 256 * KIB));
    h.seeds.add('ftp://old.example/film');
    h.seeds.start();
    expect(h.http.requests).toEqual([]);
    expect(h.warnings).toEqual(['The web seed ftp://old.example/film is no HTTP address.']);
  });
});
