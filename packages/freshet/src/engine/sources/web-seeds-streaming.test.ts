import { describe, expect, it } from 'vitest';
import { HandPeer, Harness, makeTorrent } from './web-seed-harness.contract.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
const URL = 'http://seed.example/film.mp4';

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

  it('gives the line to the new place at once on a seek, and pauses what was under way', async () => {
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
    expect(h.wasted).toBe(0);
    h.seeds.stop();
    expect(h.clock.pending).toBe(0);
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

  it.each([
    // What peers have is left to them for longer or shorter; what none has is fetched earlier in both cases.
    [{ highDemand: 2000 }, true, 1],
    [{ highDemand: 15_000 }, true, 12],
    [{ aloneDemand: 8000 }, false, 5],
    [{ highDemand: 2000, aloneDemand: 2000 }, false, 1],
  ])('fetches as early as %j says', async (policy, freeSeed, expected) => {
    const h = new Harness(makeTorrent(16 * MIB, 256 * KIB), { policy: { ...policy, sharedCopies: 0 } });
    h.serveAll(URL);
    h.seeds.add(URL);
    h.peers = 3;
    h.scheduler.hasFreeSeed = freeSeed;
    h.streaming = true;
    h.urgent = Array.from({ length: 30 }, (_, i) => ({ piece: i, deadline: 3500 + i * 1000 }));
    h.seeds.start();
    await h.run(2900);
    expect(h.verified.length).toBeGreaterThanOrEqual(expected);
    expect(h.verified.length).toBeLessThanOrEqual(expected + 4);
  });

  it('fetches only what is due while the first peers may be about to come, and what is read soon when none has', async () => {
    const h = new Harness(makeTorrent(16 * MIB, 256 * KIB), { latencyMs: 20 });
    h.serveAll(URL);
    h.seeds.add(URL);
    h.expectsPeers = true;
    viewer(h, 0, 20);
    h.seeds.start();
    await h.run(2000);
    // What is due within a second and a half: the first picture waits for nobody, the rest for the peers.
    expect(h.verified.length).toBeGreaterThanOrEqual(2);
    expect(h.verified.length).toBeLessThanOrEqual(4);
    h.expectsPeers = false;
    await h.run(3000);
    expect(h.verified.length).toBeGreaterThanOrEqual(20);
  });

  it('fetches for a viewer without peers what is read within 20 s, and the rest when readers need nothing more', async () => {
    const h = new Harness(makeTorrent(16 * MIB, 256 * KIB), { latencyMs: 20 });
    h.serveAll(URL);
    h.seeds.add(URL);
    viewer(h, 0, 40);
    h.seeds.start();
    await h.run(2000);
    // Runs end at whole mebibytes.
    expect(h.verified.length).toBeGreaterThanOrEqual(21);
    expect(h.verified.length).toBeLessThanOrEqual(26);
    await h.run(5000);
    expect(h.verified.length).toBeGreaterThanOrEqual(26);
    expect(h.verified.length).toBeLessThanOrEqual(31);
    h.urgent = [];
    await h.run(5000);
    expect(h.store.verified.isFull).toBe(true);
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

  it('leaves pieces that are not wanted, though begun', async () => {
    const h = new Harness(makeTorrent(MIB, 256 * KIB));
    h.serveAll(URL);
    h.store.begin(0, true);
    h.store.picker.setPriority(0, 0);
    h.seeds.add(URL);
    h.seeds.start();
    await h.run(3000);
    expect([...h.store.verified.indexes()]).toEqual([1, 2, 3]);
  });

  it('turns a stream without ranges round when the reader seeks back', async () => {
    const h = new Harness(makeTorrent(16 * MIB, 256 * KIB), { bytesPerSecond: MIB });
    h.http.route(URL, () => ({ body: h.torrent.content }));
    h.seeds.add(URL);
    for (let piece = 0; piece < 8; piece++) h.store.picker.setPriority(piece, 0);
    viewer(h, 8, 60);
    h.seeds.start();
    await h.run(4000);
    for (let piece = 0; piece < 8; piece++) h.store.picker.setPriority(piece, 1);
    viewer(h, 0, 60);
    expect(h.http.requests.length).toBe(2);
    await h.run(1000);
    expect(h.verified.slice(-3)).toEqual(expect.arrayContaining([1, 2]));
  });
});
