/** Several readers of one torrent, in virtual time: each gets its due. */

import { describe, expect, it } from 'vitest';
import { type Cinema, cinema, once } from '../../../testing/cinema.ts';
import { type SampleTorrent, sampleTorrent } from '../../../testing/memory-swarm.ts';
import { type FilmShape, writeFilm } from '../../memory/index.ts';

const KB = 1000;
const MB = 1000 * KB;

/** Reads as fast as it can, as a download to somewhere else does. */
function drain({ viewer }: Cinema, start: number, end: number): { readonly bytes: number; close(): void } {
  const reader = viewer.torrent.createReader({ start, end });
  const drained = { bytes: 0, close: () => reader.close() };
  void (async (): Promise<void> => {
    for (;;) {
      const read = await reader.read(65_536);
      if (read === undefined) return;
      drained.bytes += read.length;
    }
  })().catch(() => undefined);
  return drained;
}

describe('several readers', () => {
  const LENGTH = 40 * MB;
  const RATE = 400 * KB;
  const SHAPE: FilmShape = { seconds: LENGTH / RATE, moov: 'first' };

  /** Two films in one torrent. */
  function films(known: boolean): Promise<SampleTorrent> {
    return once(`films ${known}`, () =>
      sampleTorrent(2 * LENGTH, 262_144, {
        files: [
          { path: ['a.mp4'], length: LENGTH },
          { path: ['b.mp4'], length: LENGTH },
        ],
        write: (content) => {
          if (!known) return;
          writeFilm(content.subarray(0, LENGTH), SHAPE);
          writeFilm(content.subarray(LENGTH), SHAPE);
        },
      }),
    );
  }

  it.each([true, false])(
    'are not starved by one that takes all it can get (rate known: %s)',
    async (known) => {
      const c = await cinema(await films(known), [MB]);
      const greedy = drain(c, 0, LENGTH);
      await c.swarm.clock.advanceAsync(10_000);
      expect(greedy.bytes).toBeGreaterThan(9 * MB);
      const player = c.watch(RATE, { start: LENGTH });
      const before = greedy.bytes;
      await c.swarm.clock.advanceAsync(40_000);
      expect(player.startup).toBeLessThan(800);
      expect(player.stalled).toBe(0);
      // What the film does not need is for the other.
      expect(greedy.bytes - before).toBeGreaterThan(0.8 * 40 * (MB - RATE));
      greedy.close();
      player.close();
      await c.swarm.close();
    },
  );

  it('that both take all they can get share it, whichever came first', async () => {
    const c = await cinema(await films(false), [MB]);
    const first = drain(c, 0, LENGTH);
    await c.swarm.clock.advanceAsync(15_000);
    const second = drain(c, LENGTH, 2 * LENGTH);
    const before = first.bytes;
    await c.swarm.clock.advanceAsync(20_000);
    for (const bytes of [first.bytes - before, second.bytes]) expect(bytes).toBeGreaterThan(0.35 * 20 * MB);
    first.close();
    second.close();
    await c.swarm.close();
  });

  it('at two places, as in two tabs, both play, and one that seeks leaves the other its film', async () => {
    const c = await cinema(await films(true), [1.2 * MB]);
    const [one, other] = [c.watch(RATE, { end: LENGTH }), c.watch(RATE, { start: LENGTH + 9 * MB })];
    await c.swarm.clock.advanceAsync(15_000);
    for (const player of [one, other]) {
      expect(player.startup).toBeLessThan(1000);
      expect(player.stalled).toBeLessThan(500);
    }
    const before = other.stalled;
    one.seek(30 * MB);
    await c.swarm.clock.advanceAsync(10_000);
    expect(one.startup).toBeLessThan(700);
    expect(one.stalled).toBeLessThan(500);
    expect(other.stalled).toBe(before);
    one.close();
    other.close();
    await c.swarm.close();
  });

  it('have their film although all else is downloaded beside it, on a line that is hardly enough', async () => {
    const c = await cinema(await films(true), [450 * KB]);
    await c.swarm.clock.advanceAsync(10_000);
    const player = c.watch(RATE, { start: LENGTH });
    await c.swarm.clock.advanceAsync(25_000);
    expect(player.startup).toBeLessThan(1500);
    expect(player.stalled).toBe(0);
    // The line is never idle.
    expect(c.viewer.torrent.stats().verifiedBytes).toBeGreaterThan(0.9 * 35 * 450 * KB);
    player.close();
    await c.swarm.close();
  });
});
