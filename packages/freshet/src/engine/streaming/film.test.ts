/** Films in whole swarms in virtual time: what they cost the site, and how long viewers wait. */

import { describe, expect, it } from 'vitest';
import { type FilmShape, moovStart, Player, writeFilm } from '../../../testing/film.ts';
import {
  type Member,
  type MemberOptions,
  MemorySwarm,
  type SampleTorrent,
  sampleTorrent,
} from '../../../testing/memory-swarm.ts';
import { MemoryHttp } from '../../memory/index.ts';
import type { Link } from '../ports.ts';

const KB = 1000;
const MB = 1000 * KB;
const SITE = 'http://site.example/film';

const made = new Map<string, Promise<SampleTorrent>>();

/** The sample of that name, made once: hashing is most of what these tests do. */
function once(name: string, make: () => Promise<SampleTorrent>): Promise<SampleTorrent> {
  const sample = made.get(name) ?? make();
  made.set(name, sample);
  return sample;
}

/** An MP4 film; without a shape, something that no player knows. */
function film(
  length: number,
  shape: FilmShape | undefined,
  pieceLength: number = 65_536,
): Promise<SampleTorrent> {
  return once(JSON.stringify([length, shape, pieceLength]), () =>
    sampleTorrent(length, pieceLength, shape && { write: (content) => writeFilm(content, shape) }),
  );
}

interface Cinema {
  readonly swarm: MemorySwarm;
  readonly viewer: Member;
  watch(rate: number, options?: { start?: number; end?: number; buffer?: number }): Player;
}

/** A viewer, connected to seeds that send so many bytes per second each. */
async function cinema(
  sample: SampleTorrent,
  seeds: readonly number[],
  options: MemberOptions = {},
): Promise<Cinema> {
  const swarm = new MemorySwarm(sample);
  for (const uploadLimit of seeds) await swarm.add({ seed: true, engine: { uploadLimit } });
  const viewer = await swarm.add(options);
  for (const seed of swarm.members.slice(0, -1)) swarm.introduce(viewer, seed);
  return {
    swarm,
    viewer,
    watch: (rate, where = {}) =>
      new Player(swarm.clock, viewer.torrent, { rate, end: sample.content.length, ...where }),
  };
}

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
    const { webSeed, stalled, over } = await play(1.5 * MB, MB, true, 24);
    expect({ stalled, over }).toEqual({ stalled: 0, over: true });
    expect(webSeed).toBeGreaterThan(8 * MB);
    expect(webSeed).toBeLessThan(20 * MB);
    // The same for one that does not say.
    expect(await play(1.5 * MB, MB, false, 24)).toMatchObject({ stalled: 0, over: true });
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
