import { describe, expect, it } from 'vitest';
import { RunClaims } from './web-seed-claims.ts';
import { HandPeer, Harness, makeTorrent } from './web-seed-harness.contract.ts';

const BLOCK = 16 * 1024;
const PER_PIECE = 4;
const PIECE = PER_PIECE * BLOCK;
const URL = 'http://seed.example/film.mp4';

/** When each block of the first pieces was asked for, or was last seen to be about to come. */
const since = (h: Harness, pieces: number): (number | undefined)[] =>
  Array.from({ length: pieces * PER_PIECE }, (_, i) =>
    h.store.partials.get(Math.floor(i / PER_PIECE))?.requestedAt(i % PER_PIECE),
  );

describe('RunClaims', () => {
  async function claimed(needs: (piece: number, block: number) => boolean = () => true) {
    const h = new Harness(makeTorrent(4 * PIECE, PIECE));
    const claims = new RunClaims(h.host, 99);
    for (const piece of [0, 1, 2]) claims.claim(piece, { from: 0, end: 3 * PIECE }, true, needs);
    await h.clock.advanceAsync(5000);
    return { h, claims };
  }

  it.each([
    [0, 0],
    [1, 1],
    [BLOCK, 1],
    [2 * BLOCK + 1, 3],
    [PIECE, 4],
    [PIECE + BLOCK, 5],
    [100 * PIECE, 12],
  ])(
    'says of what lies before offset %i that it is about to come, and of nothing behind',
    async (before, count) => {
      const { h, claims } = await claimed();
      claims.touch(before, 5000);
      expect(since(h, 3)).toEqual([...Array(count).fill(5000), ...Array(12 - count).fill(0)]);
    },
  );

  it('says nothing of blocks that others are asked for, or that it has given back', async () => {
    const { h, claims } = await claimed((_, block) => block !== 1);
    h.store.partials.get(0)!.request(1, 2000);
    claims.release(0, 2);
    claims.touch(PIECE, 5000);
    expect(since(h, 1)).toEqual([5000, 2000, 0, 5000]);
  });
});

describe('a run', () => {
  it('lets be late what it reaches only later than a peer would have it here', async () => {
    const h = new Harness(makeTorrent(64 * PIECE, PIECE), {
      latencyMs: 20,
      bytesPerSecond: 4 * PIECE,
      chunkBytes: BLOCK,
    });
    h.serveAll(URL);
    h.store.addSource(new HandPeer(h.nextId()));
    h.seeds.add(URL);
    h.streaming = true;
    h.urgent = Array.from({ length: 16 }, (_, piece) => ({ piece, deadline: piece * 250 }));
    h.seeds.start();
    await h.run(2000);
    const now = h.clock.now();
    const ages = since(h, 12).map((at) => (at === undefined ? undefined : now - at));
    // A piece takes it a quarter of a second: that and no more is about to come.
    const next = ages.findIndex((age) => age !== undefined);
    expect(next).toBeGreaterThan(0);
    expect(next).toBeLessThan(10 * PER_PIECE);
    expect(ages.slice(next, next + 3).every((age) => age! < 300)).toBe(true);
    expect(ages.slice(next + 2 * PER_PIECE).every((age) => age! >= 1900)).toBe(true);
  });
});
