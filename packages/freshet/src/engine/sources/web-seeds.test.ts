import { describe, expect, it } from 'vitest';
import { Harness, makeTorrent } from './web-seed-harness.contract.ts';

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

  it('opens more connections where one alone is slow', async () => {
    const h = new Harness(makeTorrent(24 * MIB, 256 * KIB), { latencyMs: 20, bytesPerSecond: 512 * KIB });
    h.serveAll(URL);
    h.seeds.add(URL);
    h.seeds.start();
    await h.run(60_000);
    expect(h.store.verified.isFull).toBe(true);
    // One connection would take 48 s.
    expect(h.clock.now()).toBeLessThan(32_000);
  });

  it('keeps to one connection when told so', async () => {
    const h = new Harness(makeTorrent(4 * MIB, 256 * KIB), { bytesPerSecond: 256 * KIB, maxConnections: 1 });
    h.serveAll(URL);
    h.seeds.add(URL);
    h.seeds.start();
    await h.run(15_500);
    expect(h.store.verified.isFull).toBe(false);
    await h.run(3000);
    expect(h.store.verified.isFull).toBe(true);
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
