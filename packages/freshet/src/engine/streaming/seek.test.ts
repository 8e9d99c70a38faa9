/** How long viewers wait after a seek and at the start, in virtual time. */

import { describe, expect, it } from 'vitest';
import { type Cinema, cinema, film, once } from '../../../testing/cinema.ts';
import { MemorySwarm, type SampleTorrent, sampleTorrent } from '../../../testing/memory-swarm.ts';
import type { Link } from '../ports.ts';

const KB = 1000;
const MB = 1000 * KB;

/** Milliseconds until a new reader at `position` has its first bytes. */
async function firstBytes({ swarm, viewer }: Cinema, position: number): Promise<number> {
  const reader = viewer.torrent.createReader({ start: position, end: swarm.sample.content.length });
  let there = false;
  void reader.read(1000).then(() => {
    there = true;
  });
  const took = await swarm.until(() => there, 20_000);
  reader.close();
  return took;
}

const REQUEST = 6;
const CANCEL = 8;

interface Sent {
  readonly type: number;
  readonly piece: number;
}

/** A link that notes the requests and cancels that it sends. */
function recording(link: Link, sent: Sent[]): Link {
  const send = (parts: readonly Uint8Array[]): void => {
    for (const part of parts) {
      const view = new DataView(part.buffer, part.byteOffset, part.length);
      for (let at = 0; at + 17 <= part.length; at += 4 + view.getUint32(at)) {
        const type = view.getUint8(at + 4);
        if (view.getUint32(at) === 13 && (type === REQUEST || type === CANCEL)) {
          sent.push({ type, piece: view.getUint32(at + 5) });
        }
      }
    }
    link.send(parts);
  };
  return new Proxy(link, {
    get(target, property): unknown {
      if (property === 'send') return send;
      const value: unknown = Reflect.get(target, property, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

describe('a seek, and a start', () => {
  const RATE = 300 * KB;
  const ROUND_TRIP = 40;

  /** Starts a film of three hundred kilobytes a second and seeks in it four times, as long as all is there for it. */
  async function seeks(seeds: readonly number[], pieceLength: number) {
    const c = await cinema(await film(48 * MB, undefined, pieceLength), seeds);
    const player = c.watch(RATE);
    await c.swarm.clock.advanceAsync(6000);
    const taken: number[] = [];
    for (let i = 0; i < 4; i++) {
      const position = (20 + 6 * i) * MB;
      // What has come already, in the background, is no seek.
      const missing = c.viewer.torrent.verified?.get(Math.floor(position / pieceLength)) === false;
      const partial = c.viewer.torrent.pieceProgress(Math.floor(position / pieceLength)) > 0;
      player.seek(position);
      const took = await firstBytes(c, position);
      if (missing && !partial) taken.push(took);
      await c.swarm.clock.advanceAsync(2500);
    }
    const { startup } = player;
    player.close();
    const wasted = c.viewer.torrent.stats().wasted;
    await c.swarm.close();
    return { taken, startup, wasted };
  }

  /** With pieces of 4 MiB. */
  const version2 = (): Promise<SampleTorrent> =>
    once('version 2', () => sampleTorrent(48 * MB, 4 * 1_048_576, { version: 2 }));

  it.each([
    [65_536, [MB]],
    [262_144, [MB]],
    [262_144, [500 * KB, 500 * KB]],
    [262_144, [170 * KB, 170 * KB, 170 * KB, 170 * KB, 170 * KB, 170 * KB]],
    [1_048_576, [MB]],
  ])(
    'of pieces of %i bytes takes a round trip and the rest of the piece, with peers at %j',
    async (pieceLength, seeds) => {
      const { taken, wasted } = await seeks(seeds, pieceLength);
      const sum = seeds.reduce((all, one) => all + one, 0);
      const ideal = ROUND_TRIP + (1000 * pieceLength) / sum;
      expect(taken.length).toBeGreaterThan(1);
      // A tenth of a second of what was asked for before may be on its way.
      expect(Math.max(...taken)).toBeLessThan(ideal + 110);
      expect(wasted).toBe(0);
    },
  );

  it('cancels what nobody needs any more, and asks for what is needed now, in the same turn', async () => {
    const PIECE = 262_144;
    const sample = await film(48 * MB, undefined, PIECE);
    const swarm = new MemorySwarm(sample);
    const sent: Sent[] = [];
    const viewer = await swarm.add({ wrapLink: (link) => recording(link, sent) });
    const seed = await swarm.add({ seed: true, engine: { uploadLimit: MB } });
    swarm.introduce(seed, viewer);
    const end = sample.content.length;
    const film1 = viewer.torrent.createReader({ start: 0, end });
    const film2 = viewer.torrent.createReader({ start: 10 * MB, end });
    await swarm.clock.advanceAsync(3000);
    sent.length = 0;
    const { outstandingRequests } = viewer.torrent.peers()[0]!;
    expect(outstandingRequests).toBeGreaterThan(8);
    film1.seek(32 * MB);
    // No time has passed, and no promise has had its turn.
    const target = Math.floor((32 * MB) / PIECE);
    const cancels = sent.filter(({ type }) => type === CANCEL);
    const requests = sent.filter(({ type }) => type === REQUEST);
    expect(cancels.length).toBeGreaterThan(outstandingRequests - 4);
    expect(requests.slice(0, 16).map(({ piece }) => piece)).toEqual(Array(16).fill(target));
    expect(sent.indexOf(cancels.at(-1)!)).toBeLessThan(sent.indexOf(requests[0]!));
    // A reader that is closed takes with it what only it needed.
    await swarm.clock.advanceAsync(100);
    sent.length = 0;
    film2.seek(45 * MB);
    sent.length = 0;
    film1.close();
    const closed = sent.filter(({ type }) => type === CANCEL).map(({ piece }) => piece);
    expect(closed.length).toBeGreaterThan(0);
    for (const piece of closed) expect(piece).toBeGreaterThanOrEqual(target);
    film2.close();
    await swarm.close();
  });

  it('of a torrent of version 2 takes a round trip and a block, however long the pieces are', async () => {
    const c = await cinema(await version2(), [MB]);
    const player = c.watch(RATE);
    await c.swarm.clock.advanceAsync(6000);
    expect(player.startup).toBeLessThan(400);
    // Each in the middle of a piece.
    for (const position of [20 * MB, 32 * MB, 44 * MB]) {
      player.seek(position);
      // The hashes of the piece's blocks come first; what was being sent before is not stopped.
      expect(await firstBytes(c, position)).toBeLessThan(ROUND_TRIP + 100);
      await c.swarm.clock.advanceAsync(2500);
      expect(player.startup).toBeLessThan(400);
      expect(player.stalled).toBe(0);
    }
    player.close();
    await c.swarm.close();
  });

  it('of a torrent of version 2 begins and goes on in order with several peers, of which some are slow', async () => {
    const c = await cinema(await version2(), [30 * KB, 30 * KB, 200 * KB, 200 * KB, MB]);
    const player = c.watch(RATE);
    await c.swarm.clock.advanceAsync(8000);
    expect(player.startup).toBeLessThan(2000);
    player.seek(30 * MB);
    await c.swarm.clock.advanceAsync(8000);
    expect(player.startup).toBeLessThan(800);
    expect(player.stalled).toBeLessThan(200);
    player.close();
    await c.swarm.close();
  });

  it('does not wait for slow peers, whichever was there first', async () => {
    for (const seeds of [
      [30 * KB, 30 * KB, 30 * KB, MB],
      [MB, 30 * KB, 30 * KB, 30 * KB],
    ]) {
      const { taken, wasted } = await seeks(seeds, 262_144);
      const ideal = ROUND_TRIP + 262;
      expect(taken.length).toBeGreaterThan(1);
      expect(Math.max(...taken)).toBeLessThan(ideal + 300);
      // Late blocks are asked for twice; who loses is told in time, nearly always.
      expect(wasted).toBeLessThan(150 * KB);
    }
  });

  it('begins though the first peers to be there are slow', async () => {
    const c = await cinema(await film(48 * MB, undefined, 262_144), [30 * KB, 30 * KB, 30 * KB, MB]);
    const player = c.watch(RATE);
    await c.swarm.until(() => player.startup !== undefined, 10_000);
    expect(player.startup).toBeLessThan(1500);
    player.close();
    await c.swarm.close();
  });
});
