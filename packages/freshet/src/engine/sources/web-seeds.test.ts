import { describe, expect, it } from 'vitest';
import { rangeResponse } from '../../memory/index.ts';
import { HandPeer, Harness, makeTorrent } from './web-seed-harness.contract.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
const URL = 'http://seed.example/film.mp4';

describe('downloading', () => {
  it('fetches a single file in a few large ranges, each byte once', async () => {
    const h = new Harness(makeTorrent(10 * MIB + 5000, 256 * KIB), {
      latencyMs: 20,
      bytesPerSecond: 4 * MIB,
    });
    h.serveAll(URL);
    h.seeds.add(URL);
    h.seeds.start();
    expect(h.http.requests).toHaveLength(1);
    await h.run(30_000);
    expect(h.store.verified.isFull).toBe(true);
    expect(await h.isStored()).toBe(true);
    expect(h.received).toBe(10 * MIB + 5000);
    expect(h.wasted).toBe(0);
    expect(h.http.requests.length).toBeLessThan(12);
    expect(h.clock.now()).toBeLessThan(5000);
    expect(h.seeds.status()).toMatchObject([{ url: URL, state: 'idle', downloaded: 10 * MIB + 5000 }]);
    h.seeds.stop();
    expect(h.clock.pending).toBe(0);
  });

  it('fetches several files, fills pad files itself and asks for no empty one', async () => {
    const torrent = makeTorrent(
      [
        { path: ['a b', '100%.txt'], length: 100_000 },
        { path: ['.pad', '31072'], length: 31_072, attr: 'p' },
        { path: ['empty'], length: 0 },
        { path: ['ü.bin'], length: 200_001 },
        { path: ['tiny'], length: 3 },
      ],
      64 * KIB,
      'my folder',
    );
    const h = new Harness(torrent, { latencyMs: 5 });
    h.serveAll('http://seed.example/files');
    h.seeds.add('http://seed.example/files');
    h.seeds.start();
    await h.run(20_000);
    expect(h.warnings).toEqual([]);
    expect(await h.isStored()).toBe(true);
    expect(h.received).toBe(300_004);
    const urls = new Set(h.http.requests.map((request) => request.url));
    expect([...urls].sort()).toEqual([
      'http://seed.example/files/my%20folder/%C3%BC.bin',
      'http://seed.example/files/my%20folder/a%20b/100%25.txt',
      'http://seed.example/files/my%20folder/tiny',
    ]);
  });

  it('shares the work among several web seeds', async () => {
    const h = new Harness(makeTorrent(16 * MIB, 256 * KIB), { latencyMs: 5, bytesPerSecond: MIB });
    for (const host of ['a', 'b']) {
      h.serveAll(`http://${host}.example/f`);
      h.seeds.add(`http://${host}.example/f`);
    }
    h.seeds.start();
    await h.run(60_000);
    expect(h.store.verified.isFull).toBe(true);
    expect(h.clock.now()).toBeLessThan(12_000);
    for (const status of h.seeds.status()) expect(status.downloaded).toBeGreaterThan(4 * MIB);
  });

  it('leaves what is not wanted', async () => {
    const h = new Harness(makeTorrent(4 * MIB, 256 * KIB));
    h.serveAll(URL);
    for (let piece = 0; piece < 16; piece++)
      if (piece !== 5 && piece !== 6) h.store.picker.setPriority(piece, 0);
    h.seeds.add(URL);
    h.seeds.start();
    await h.run(5000);
    expect([...h.store.verified.indexes()]).toEqual([5, 6]);
    expect(h.received).toBe(512 * KIB);
  });

  it('keeps to the rate limit by pausing the exchange', async () => {
    const h = new Harness(makeTorrent(2 * MIB, 256 * KIB), { rateLimit: 200 * KIB });
    h.serveAll(URL);
    h.seeds.add(URL);
    h.seeds.start();
    await h.run(5000);
    expect(h.received).toBeGreaterThan(800 * KIB);
    expect(h.received).toBeLessThan(1300 * KIB);
    h.seeds.stop();
    expect(h.clock.pending).toBe(0);
  });

  it('works with memory for one piece at a time', async () => {
    const h = new Harness(makeTorrent(4 * MIB, 256 * KIB), { poolBytes: 256 * KIB });
    h.serveAll(URL);
    h.seeds.add(URL);
    h.seeds.start();
    await h.run(60_000);
    expect(h.store.verified.isFull).toBe(true);
  });

  it('waits for addresses added later and forgets removed ones', async () => {
    const h = new Harness(makeTorrent(8 * MIB, 256 * KIB), { bytesPerSecond: MIB });
    h.serveAll(URL);
    h.seeds.start();
    await h.run(2000);
    h.seeds.add(URL);
    h.seeds.add(URL);
    await h.run(2000);
    expect(h.received).toBeGreaterThan(MIB);
    h.seeds.remove(URL);
    const { received } = h;
    await h.run(5000);
    expect(h.received).toBe(received);
    expect(h.seeds.status()).toEqual([]);
    expect(
      [...h.store.partials.values()].every((partial) => partial.freeBlocks + partial.receivedBlocks === 16),
    ).toBe(true);
  });

  it('goes on after stop and start, leaving nothing open between', async () => {
    const h = new Harness(makeTorrent(8 * MIB, 256 * KIB), { bytesPerSecond: MIB, latencyMs: 10 });
    h.serveAll(URL);
    h.seeds.add(URL);
    h.seeds.start();
    await h.run(2000);
    h.seeds.stop();
    expect(h.clock.pending).toBe(0);
    const { received } = h;
    await h.run(3000);
    expect(h.received).toBe(received);
    h.seeds.start();
    await h.run(20_000);
    expect(await h.isStored()).toBe(true);
  });
});

describe('streaming', () => {
  function viewer(h: Harness, first: number, last: number, msPerPiece = 1000): void {
    const now = h.clock.now();
    h.urgent = [];
    for (let piece = first; piece <= last; piece++) {
      h.urgent.push({ piece, deadline: now + (piece - first) * msPerPiece });
    }
    h.streaming = true;
    h.seeds.update();
  }

  it('begins exactly where the reader is, in its order', async () => {
    const h = new Harness(makeTorrent(16 * MIB, 256 * KIB), { latencyMs: 20, bytesPerSecond: 2 * MIB });
    h.serveAll(URL);
    h.seeds.add(URL);
    viewer(h, 20, 35);
    h.seeds.start();
    expect(h.http.requests.map((request) => request.range?.first)).toEqual([20 * 256 * KIB]);
    await h.run(3000);
    expect(h.verified.slice(0, 16)).toEqual(Array.from({ length: 16 }, (_, i) => 20 + i));
  });

  it('aborts at once on a seek and starts anew there', async () => {
    const h = new Harness(makeTorrent(32 * MIB, 256 * KIB), { latencyMs: 20, bytesPerSecond: MIB });
    h.serveAll(URL);
    h.seeds.add(URL);
    viewer(h, 0, 20);
    h.seeds.start();
    await h.run(500);
    viewer(h, 100, 120);
    expect(h.http.requests.at(-1)?.range?.first).toBe(100 * 256 * KIB);
    const before = h.verified.length;
    await h.run(700);
    // The whole line is for the new place: two pieces in half a second at 1 MiB/s.
    expect(h.verified.slice(before)).toEqual(expect.arrayContaining([100, 101]));
    expect(h.verified.slice(before).every((piece) => piece >= 100)).toBe(true);
    const open = [...h.store.partials.values()].filter(
      (partial) => partial.freeBlocks + partial.receivedBlocks < partial.blockCount,
    );
    expect(open.every((partial) => partial.index >= 100)).toBe(true);
  });

  it('does not read through a long run when the reader seeks within it', async () => {
    const h = new Harness(makeTorrent(32 * MIB, 256 * KIB), { latencyMs: 20, bytesPerSecond: MIB });
    h.serveAll(URL);
    h.seeds.add(URL);
    viewer(h, 0, 40);
    h.seeds.start();
    await h.run(100);
    viewer(h, 3, 40);
    await h.run(400);
    expect(h.verified[0]).toBe(3);
  });

  it('leaves to peers what they deliver in time', async () => {
    const h = new Harness(makeTorrent(16 * MIB, 256 * KIB));
    h.serveAll(URL);
    h.seeds.add(URL);
    h.peers = 3;
    h.scheduler.hasFreeSeed = true;
    h.streaming = true;
    h.urgent = Array.from({ length: 20 }, (_, i) => ({ piece: i, deadline: 6000 + i * 1000 }));
    h.seeds.start();
    await h.run(1500);
    expect(h.http.requests).toEqual([]);
    await h.run(3000);
    // Nobody gave piece 0: four seconds before its deadline it is fetched, and so on.
    expect(h.verified[0]).toBe(0);
    expect(h.verified.length).toBeLessThan(5);
  });

  it('rescues blocks that a peer is late with, and drops the peer', async () => {
    const h = new Harness(makeTorrent(MIB, 256 * KIB), { latencyMs: 20 });
    h.serveAll(URL);
    h.seeds.add(URL);
    h.peers = 1;
    const peer = new HandPeer(h.nextId());
    h.store.addSource(peer);
    const partial = h.store.begin(0, true)!;
    for (let block = 0; block < 16; block++) partial.request(block, 0);
    h.streaming = true;
    h.scheduler.hasFreeSeed = true;
    h.urgent = [{ piece: 0, deadline: 500 }];
    h.seeds.start();
    expect(h.http.requests).toEqual([]);
    await h.run(2000);
    expect(h.verified).toEqual([0]);
    expect(peer.cancelled).toHaveLength(16);
  });

  it('skips what a peer gives meanwhile, and stops when nothing is left to fetch', async () => {
    const h = new Harness(makeTorrent(MIB, 256 * KIB), { bytesPerSecond: 128 * KIB, chunkBytes: 8 * KIB });
    h.serveAll(URL);
    h.seeds.add(URL);
    const peer = new HandPeer(h.nextId());
    h.store.addSource(peer);
    h.seeds.start();
    await h.clock.advanceAsync(500);
    const [first] = [...h.store.partials.keys()];
    h.give(peer, first!, 8);
    for (let piece = 0; piece < 4; piece++) if (piece !== first) h.give(peer, piece);
    await h.run(5000);
    expect(h.store.verified.isFull).toBe(true);
    expect(h.received).toBeLessThan(256 * KIB);
    expect(h.wasted).toBeLessThanOrEqual(32 * KIB);
    h.seeds.stop();
    expect(h.clock.pending).toBe(0);
  });

  it('brings in now and then what no peer has, the less the more peers there are', async () => {
    const counts: number[] = [];
    for (const peers of [1, 9]) {
      const h = new Harness(makeTorrent(32 * MIB, 256 * KIB));
      h.serveAll(URL);
      h.seeds.add(URL);
      h.peers = peers;
      h.streaming = true;
      h.seeds.start();
      await h.run(30_000);
      counts.push(h.http.requests.length);
      expect(h.http.requests.every(({ range }) => range!.last - range!.first + 1 <= MIB)).toBe(true);
    }
    expect(counts[0]).toBeGreaterThan(8);
    expect(counts[0]).toBeLessThan(22);
    expect(counts[1]).toBeGreaterThan(0);
    expect(counts[1]).toBeLessThan(8);
  });
});

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
