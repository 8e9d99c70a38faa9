/** Films with a web seed, and what players ask for early, in virtual time. */

import { describe, expect, it } from 'vitest';
import { cinema, film } from '../../../testing/cinema.ts';
import { Player } from '../../../testing/film.ts';
import { MemorySwarm } from '../../../testing/memory-swarm.ts';
import { type FilmShape, MemoryHttp, moovStart } from '../../memory/index.ts';

const KB = 1000;
const MB = 1000 * KB;
const SITE = 'http://site.example/film';

describe('a film with a web seed beside peers', () => {
  /** Plays a film with one peer and a fast web seed, and tells what that seed had to send. */
  async function play(rate: number, peerRate: number, known: boolean, seconds: number) {
    const sample = await film(rate * seconds, known ? { seconds, moov: 'first' } : undefined);
    const swarm = new MemorySwarm(sample);
    const server = new MemoryHttp(swarm.clock, { latencyMs: 20, bytesPerSecond: 5 * MB });
    server.serve(SITE, sample.content);
    const seed = await swarm.add({ seed: true, engine: { uploadLimit: peerRate } });
    const viewer = await swarm.add({
      ports: { http: server },
      spec: { webSeeds: [SITE], paused: true },
    });
    swarm.introduce(viewer, seed);
    viewer.torrent.resume();
    const end = sample.content.length;
    const player = new Player(swarm.clock, viewer.torrent, {
      rate,
      end,
      buffer: Math.max(2 * MB, 10 * rate),
    });
    await swarm.clock.advanceAsync(1000 * seconds + 5000);
    const { received } = viewer.torrent.stats();
    const played = { webSeed: received.webseed, stalled: player.stalled, over: player.over };
    player.close();
    await swarm.close();
    return played;
  }

  it('takes less from it when the film says how slow it is, and does not stall', async () => {
    const known = await play(100 * KB, 150 * KB, true, 90);
    const unknown = await play(100 * KB, 150 * KB, false, 90);
    expect(known).toMatchObject({ stalled: 0, over: true });
    expect(unknown).toMatchObject({ stalled: 0, over: true });
    // Two runs of a megabyte were begun before the peer was there.
    expect(known.webSeed).toBeLessThan(2.2 * MB);
    expect(unknown.webSeed).toBeGreaterThan(2 * known.webSeed);
  });

  it('takes from it what the peers lack of a film that is faster than they are', async () => {
    const { webSeed, stalled, over } = await play(1.5 * MB, MB, true, 12);
    expect({ stalled, over }).toEqual({ stalled: 0, over: true });
    expect(webSeed).toBeGreaterThan(4 * MB);
    expect(webSeed).toBeLessThan(12 * MB);
  });

  it('does not stall a fast film either that says nothing of its rate', async () => {
    expect(await play(1.5 * MB, MB, false, 12)).toMatchObject({ stalled: 0, over: true });
  });
});

describe('what players ask for early', () => {
  it('is on its way before they ask: the description at the end of an MP4 file', async () => {
    const shape: FilmShape = { seconds: 60, moov: 'last', moovLength: 300 * KB };
    const length = 24 * MB;
    const sample = await film(length, shape, 262_144);
    const c = await cinema(sample, [MB]);
    const { torrent } = c.viewer;
    const first = Math.floor(moovStart(length, shape) / 262_144);
    const there = (): boolean => [first, first + 1].every((piece) => torrent.verified?.get(piece) === true);
    const reader = torrent.createReader({ start: 0, end: length });
    let head = 0;
    void reader.read(65_536).then((bytes) => {
      head = bytes?.length ?? 0;
    });
    await c.swarm.until(() => head > 0, 5000);
    // The player thinks, and reads on meanwhile.
    expect(there()).toBe(false);
    // Two pieces and a half at a megabyte a second, though half a megabyte of the film was asked for before.
    expect(await c.swarm.until(there, 5000)).toBeLessThan(900);
    expect(torrent.verified!.count).toBeLessThan(8);
    reader.close();
    await c.swarm.close();
  });

  it('is left alone when a reader begins in the middle, and when nobody reads', async () => {
    const shape: FilmShape = { seconds: 60, moov: 'last', moovLength: 300 * KB };
    const length = 24 * MB;
    const c = await cinema(await film(length, shape, 262_144), [MB]);
    const { torrent } = c.viewer;
    const last = Math.floor((length - 1) / 262_144);
    torrent.deselectPieces(0, last);
    const reader = torrent.createReader({ start: 4 * MB, end: length });
    void reader.read(1).catch(() => undefined);
    await c.swarm.clock.advanceAsync(2000);
    expect(torrent.verified!.count).toBeGreaterThan(1);
    expect(torrent.verified!.get(last)).toBe(false);
    reader.close();
    await c.swarm.close();
  });
});
