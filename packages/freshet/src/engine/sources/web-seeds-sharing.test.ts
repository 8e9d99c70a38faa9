import { describe, expect, it } from 'vitest';
import { rangeResponse } from '../../memory/index.ts';
import {
  HandPeer,
  Harness,
  type HarnessOptions,
  makeTorrent,
  type TestTorrent,
} from './web-seed-harness.contract.ts';

const KIB = 1024;
const PIECE = 256 * KIB;
const COUNT = 128;
const URL = 'http://seed.example/film.mp4';

/** Made once: none of these tests changes it. */
const torrent: TestTorrent = makeTorrent(COUNT * PIECE, PIECE);

/** Somebody watches, and so many others do; nobody has anything. All of it is due in time, a piece each second. */
function viewer(others: number, firstDue: number, options: HarnessOptions = {}): Harness {
  const h = new Harness(torrent, { latencyMs: 20, ...options });
  h.serveAll(URL);
  h.seeds.add(URL);
  h.peers = others;
  h.streaming = true;
  h.urgent = Array.from({ length: COUNT }, (_, piece) => ({ piece, deadline: firstDue + piece * 1000 }));
  h.seeds.start();
  return h;
}

/** The first piece of each request, in their order. */
const asked = (h: Harness): number[] => h.http.requests.map(({ range }) => range!.first / PIECE);

const isAscending = (numbers: readonly number[]): boolean =>
  numbers.every((number, i) => i === 0 || number > numbers[i - 1]!);

describe('sharing', () => {
  it.each([
    [1, 2, 75, 101],
    [9, 2, 10, 32],
    [9, 5, 35, 65],
    [49, 2, 1, 10],
    [9, 0, 0, 0],
  ])(
    'with %i others and %i copies, fetches ahead from %i to %i runs in 100 seconds',
    async (others, copies, least, most) => {
      const h = viewer(others, 1e6, { policy: { sharedCopies: copies } });
      await h.run(100_000);
      h.urgent = [];
      await h.run(1000);
      expect(h.http.requests.length).toBeGreaterThanOrEqual(least);
      expect(h.http.requests.length).toBeLessThanOrEqual(most);
      // One run is one piece, and none is fetched twice.
      expect(new Set(asked(h)).size).toBe(h.http.requests.length);
      expect(h.received).toBe(h.http.requests.length * PIECE);
    },
  );

  it('draws at random from all that is ahead', async () => {
    const h = viewer(9, 1e6);
    await h.run(100_000);
    const drawn = asked(h);
    expect(isAscending(drawn)).toBe(false);
    expect(Math.min(...drawn)).toBeLessThan(COUNT / 3);
    expect(Math.max(...drawn)).toBeGreaterThan((2 * COUNT) / 3);
  });

  it('leaves what a peer has', async () => {
    const h = viewer(1, 1e6);
    for (let piece = 0; piece < COUNT; piece += 2) h.store.picker.addAvailability(piece);
    await h.run(60_000);
    expect(asked(h).length).toBeGreaterThan(30);
    expect(asked(h).filter((piece) => piece % 2 === 0)).toEqual([]);
  });

  it('ends when the reader needs nothing more', async () => {
    const h = viewer(1, 1e6);
    await h.run(5000);
    const before = asked(h).length;
    expect(before).toBeGreaterThan(0);
    h.urgent = [];
    await h.run(20_000);
    expect(asked(h)).toHaveLength(before);
  });

  it('fetches by itself, in order, what is due within five seconds beside an origin that is fast enough', async () => {
    const h = viewer(9, 5000, { bytesPerSecond: 1024 * KIB, policy: { sharedCopies: 0 } });
    await h.run(20_000);
    expect(asked(h).length).toBeGreaterThanOrEqual(20);
    expect(isAscending(asked(h))).toBe(true);
  });

  it('does not ask a crowded origin for what everybody needs next, but for one of the next pieces', async () => {
    const h = viewer(19, 0, { bytesPerSecond: 64 * KIB });
    await h.run(2000);
    // Before anything is known of the origin each asks for the first.
    expect(asked(h)[0]).toBe(0);
    await h.run(60_000);
    const drawn = asked(h).slice(1);
    expect(drawn.length).toBeGreaterThan(6);
    expect(drawn.filter((piece) => piece >= 5).length).toBeGreaterThan(drawn.length / 3);
    // Each a single piece: nothing else is asked for because it is due.
    const lengths = h.http.requests.slice(1).map(({ range }) => range!.last - range!.first + 1);
    expect(new Set(lengths)).toEqual(new Set([PIECE]));
    // Not far beyond: what is needed now is what the swarm lacks.
    expect(Math.max(...drawn)).toBeLessThan(40);
  });

  /** Requests in ten minutes after the first one, a quarter of a minute each, for pieces that are overdue. */
  async function lateRequests(others: number, options: HarnessOptions, have: boolean): Promise<number> {
    const h = viewer(others, 0, { bytesPerSecond: 16 * KIB, ...options });
    if (have) for (let piece = 0; piece < COUNT; piece++) h.store.picker.addAvailability(piece);
    await h.run(60_000);
    const before = asked(h).length;
    await h.run(600_000);
    return asked(h).length - before;
  }

  it('leaves what peers have to them when the origin is busy, but for one try now and then', async () => {
    const seldom = await lateRequests(9, {}, true);
    expect(seldom).toBeGreaterThan(0);
    expect(seldom).toBeLessThan(12);
    // That is what the origin could send.
    const never = { policy: { busyInterval: Number.POSITIVE_INFINITY } };
    expect(await lateRequests(9, never, true)).toBeGreaterThan(20);
  });

  it('asks a busy origin more often beside a single peer', async () => {
    expect(await lateRequests(1, {}, true)).toBeGreaterThan(6);
  });

  it('goes on asking a busy origin for what nobody has', async () => {
    expect(await lateRequests(9, {}, false)).toBeGreaterThan(6);
  });

  it('asks an origin that is no longer busy as before', async () => {
    const h = viewer(9, 0, { bytesPerSecond: 16 * KIB });
    await h.run(60_000);
    for (let piece = 0; piece < COUNT; piece++) h.store.picker.addAvailability(piece);
    h.http.route(URL, (request) => ({
      ...rangeResponse(torrent.content, request),
      bytesPerSecond: 4096 * KIB,
    }));
    // Until the interval is over, and a try shows it.
    await h.run(300_000);
    expect(h.store.verified.isFull).toBe(true);
  });
});

describe('first requests', () => {
  /** A piece each 400 milliseconds: four are due within the second and a half in which peers are awaited. */
  function arrival(expectsPeers: boolean, before: (h: Harness) => void = () => {}): Harness {
    const h = new Harness(torrent, { latencyMs: 20, bytesPerSecond: 1024 * KIB });
    h.serveAll(URL);
    h.seeds.add(URL);
    before(h);
    h.streaming = true;
    h.expectsPeers = expectsPeers;
    h.urgent = Array.from({ length: 20 }, (_, piece) => ({ piece, deadline: piece * 400 }));
    h.seeds.start();
    return h;
  }

  it('are two side by side while the first peers are awaited', async () => {
    const h = arrival(true);
    expect(asked(h)).toEqual([0, 1]);
    // No third one while nothing has come.
    await h.clock.advanceAsync(15);
    h.seeds.update();
    expect(asked(h)).toEqual([0, 1]);
    await h.run(1500);
    expect(h.verified.slice(0, 2)).toEqual(expect.arrayContaining([0, 1]));
  });

  it('are followed by one at a time once the server sends', async () => {
    // Half of the first piece is there: its request is through before the other one is.
    const h = arrival(true, (early) => {
      const peer = new HandPeer(early.nextId());
      early.store.addSource(peer);
      for (let block = 8; block < 16; block++) early.give(peer, 0, block);
    });
    expect(asked(h)).toEqual([0, 1]);
    for (let at = 0; h.http.requests.length < 3 && at < 3000; at += 20) {
      await h.clock.advanceAsync(20);
      h.seeds.update();
    }
    expect(asked(h)).toEqual([0, 1, 2]);
    // It waits for both but for what a round trip brings.
    expect(h.received).toBeGreaterThan(300 * KIB);
  });

  it('is a single one when no peers are awaited', () => expect(asked(arrival(false))).toEqual([0]));
});
