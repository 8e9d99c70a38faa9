/** A viewer and seeds in virtual time, for tests of films. */

import { type FilmShape, writeFilm } from '../src/memory/index.ts';
import { Player } from './film.ts';
import {
  type Member,
  type MemberOptions,
  MemorySwarm,
  type SampleTorrent,
  sampleTorrent,
} from './memory-swarm.ts';

const made = new Map<string, Promise<SampleTorrent>>();

/** The sample of that name, made once: hashing is most of what these tests do. */
export function once(name: string, make: () => Promise<SampleTorrent>): Promise<SampleTorrent> {
  const sample = made.get(name) ?? make();
  made.set(name, sample);
  return sample;
}

/** An MP4 film; without a shape, something that no player knows. */
export function film(
  length: number,
  shape: FilmShape | undefined,
  pieceLength: number = 65_536,
): Promise<SampleTorrent> {
  return once(JSON.stringify([length, shape, pieceLength]), () =>
    sampleTorrent(length, pieceLength, shape && { write: (content) => writeFilm(content, shape) }),
  );
}

export interface Cinema {
  readonly swarm: MemorySwarm;
  readonly viewer: Member;
  watch(rate: number, options?: { start?: number; end?: number; buffer?: number }): Player;
}

/** A viewer, connected to seeds that send so many bytes per second each. */
export async function cinema(
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
