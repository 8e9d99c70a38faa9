/** Who gives gets, nobody starves, and nothing is gained by tricks. */

import { sampleTorrent } from 'freshet/memory';
import { beforeAll, describe, expect, it } from 'vitest';
import { mean, PATIENT, replayed, Trial } from '../../testing/trial.ts';
import { type Content, realContent } from '../content.ts';
import type { Peer } from '../world.ts';
import { freeRider, strategicFreeRider } from './free-rider.ts';

const KiB = 1024;
const PIECE = 64 * KiB;
const PIECES = 64;
const SEED = 19;

let content: Content;
beforeAll(async () => {
  content = realContent(await sampleTorrent(PIECES * PIECE, PIECE));
});

/**
 * An upload limit and not a slow line: what a link has taken cannot be taken back, and on lines this slow it takes as much
 * as ten seconds carry.
 */
const gives = (up: number, down = 1_000_000) => ({
  line: { down, latencyMs: 20 },
  engine: { uploadLimit: up },
});
const received = (peer: Peer): number =>
  Object.values(peer.torrent.stats().received).reduce((sum, bytes) => sum + bytes, 0);

/** All in networks of their own, or one's pieces that are allowed while choked would be shared by all. */
function join(
  trial: Trial,
  options: Partial<Parameters<Trial['world']['peer']>[0]>,
  known: readonly Peer[],
): Peer {
  const peer = trial.world.peer({ content, address: `172.16.${trial.world.peers.length}.1`, ...options });
  for (const other of known) trial.world.introduce(peer, other);
  return peer;
}

/** A seed of 40 KB/s, and ten who share 20 KB/s each, all of whom know each other. */
function scarce(): Trial {
  const trial = new Trial({ seed: SEED, content, seeds: 0, leeches: 0 });
  trial.seeds.push(join(trial, { seed: true, ...gives(40_000) }, []));
  for (let i = 0; i < 10; i++) {
    trial.leeches.push(join(trial, { ...gives(20_000) }, trial.honest));
  }
  return trial;
}

describe(`fairness, seed ${SEED}`, PATIENT, () => {
  it('sharers are done before free-riders, who gain nothing by new names', () =>
    replayed(async () => {
      const trial = scarce();
      const everybody = trial.honest;
      const riders = [1, 2].map(() => freeRider());
      const riding = riders.map(({ wrapLink }) => join(trial, { ...gives(20_000), wrapLink }, everybody));
      const sly = strategicFreeRider(trial.world.random('sly'));
      const slyPeer = join(trial, { ...gives(20_000), wrapLink: sly.wrapLink }, everybody);
      sly.start(trial.world, slyPeer, 20_000);
      // When they are seeds they give to everybody.
      const first = (): boolean => trial.leeches.some(({ log }) => log.doneAt !== undefined);
      expect(await trial.world.run({ until: first, limit: 3_600_000 })).toBe(true);
      const shared = mean(trial.leeches.map(received));
      const taken = mean(riding.map(received));
      for (const one of riders) expect(one.unchokesWithheld).toBeGreaterThan(5);
      expect(sly.identities).toBeGreaterThan(3);
      expect(taken).toBeLessThan(0.85 * shared);
      expect(received(slyPeer)).toBeLessThan(1.1 * taken);
      // They are not starved either.
      await trial.finish(3600, [...trial.leeches, ...riding, slyPeer]);
      await trial.end();
    }));

  it('a newcomer with nothing has its first piece soon, and the seed serves everybody in turn', () =>
    replayed(async () => {
      const trial = scarce();
      await trial.world.run({ limit: 40_000 });
      const waits: number[] = [];
      for (const known of [trial.seeds, trial.leeches.slice(0, 4), trial.honest]) {
        const newcomer = join(trial, { ...gives(20_000) }, known);
        const start = trial.world.clock.now();
        const until = (): boolean => newcomer.torrent.stats().verifiedBytes > 0;
        expect(await trial.world.run({ until, limit: 120_000 })).toBe(true);
        waits.push(trial.world.clock.now() - start);
        trial.leeches.push(newcomer);
      }
      expect(Math.max(...waits)).toBeLessThan(30_000);
      await trial.finish(3600);
      await trial.end();
    }));

  it('nobody waits long for a slow seed', () =>
    replayed(async () => {
      const trial = new Trial({ seed: SEED, content, seeds: 0, leeches: 0 });
      const [seed] = [join(trial, { seed: true, ...gives(50_000) }, [])];
      trial.seeds.push(seed);
      let longest = 0;
      const last = new Map<Peer, number>();
      for (let i = 0; i < 12; i++) {
        const peer = join(trial, { ...gives(20_000) }, trial.seeds);
        trial.leeches.push(peer);
        last.set(peer, 0);
        peer.log.onVerified = (): void => {
          const now = trial.world.clock.now();
          longest = Math.max(longest, now - last.get(peer)!);
          last.set(peer, now);
        };
      }
      const times = await trial.finish(3600);
      // Twelve peers at four slots of a minute each, and a piece.
      expect(longest).toBeLessThan(240_000);
      expect(Math.max(...times)).toBeLessThan(1.25 * Math.min(...times));
      await trial.end();
    }));

  it('asymmetric links: who gives more is done sooner, and nobody starves', () =>
    replayed(async () => {
      const trial = new Trial({ seed: SEED, content, seeds: 0, leeches: 0 });
      trial.seeds.push(join(trial, { seed: true, ...gives(60_000) }, []));
      // 20/1, 20/5 and 100/100 Mbit/s, all eighty times slower.
      const kinds = [gives(1_600, 31_000), gives(7_800, 31_000), gives(156_000, 156_000)];
      const of = new Map<Peer, number>();
      for (let i = 0; i < 15; i++) {
        // Each has another half from the start, so that everybody has something for everybody.
        const disk = content.createDisk(false);
        const random = trial.world.random(`half ${i}`);
        for (let piece = 0; piece < PIECES; piece++) {
          if (random.below(2) === 0) void disk.write(piece * PIECE, [content.bytes(piece * PIECE, PIECE)]);
        }
        const kind = i % 3;
        const peer = join(trial, { ...kinds[kind]!, disk }, trial.honest);
        of.set(peer, kind);
        trial.leeches.push(peer);
      }
      const times = await trial.finish(3600);
      const byKind = [0, 1, 2].map((kind) => mean(times.filter((_, i) => i % 3 === kind)));
      const [meagre, usual, generous] = byKind as [number, number, number];
      expect(generous).toBeLessThan(0.8 * usual);
      expect(usual).toBeLessThan(1.25 * meagre);
      expect(Math.max(...times)).toBeLessThan(3 * mean(times));
      await trial.end();
    }));
});
