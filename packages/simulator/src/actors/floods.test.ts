/** Floods of requests, connections and offers: budgets hold, and the honest are served. */

import { sampleTorrent } from 'freshet/memory';
import { beforeAll, describe, expect, it } from 'vitest';
import { mean, PATIENT, replayed, Trial } from '../../testing/trial.ts';
import { type Content, realContent } from '../content.ts';
import { trackerHost } from '../servers/tracker-host.ts';
import { ConnectionFlooder } from './connection-flooder.ts';
import { OfferFlooder } from './offer-flooder.ts';
import { RequestFlooder } from './request-flooder.ts';

const KiB = 1024;
const PIECE = 64 * KiB;
const SEED = 17;
const LEECHES = 18;

let content: Content;
beforeAll(async () => {
  content = realContent(await sampleTorrent(24 * PIECE, PIECE));
});

const slow = { up: 50_000, down: 400_000, latencyMs: 20 };
const seedLine = { up: 200_000, down: 400_000, latencyMs: 20 };
const line = { up: 500_000, down: 500_000, latencyMs: 20 };

describe(`floods, seed ${SEED}`, PATIENT, () => {
  it('of requests: queues are bounded, and the honest have seven tenths of their rate', () =>
    replayed(async () => {
      const run = async (flooders: number) => {
        const trial = new Trial({ seed: SEED, content, seeds: 2, leeches: LEECHES, line: slow, seedLine });
        const floods: RequestFlooder[] = [];
        for (let i = 0; i < flooders; i++) {
          const one = new RequestFlooder(trial.world, { content, line });
          // Both seeds, from whom all comes, and some of the others.
          for (const victim of trial.honest.slice(0, 8)) one.attack(victim, 1000);
          floods.push(one);
        }
        const time = mean(await trial.finish(600));
        for (const one of floods) one.stop();
        return { trial, floods, time };
      };
      const alone = await run(0);
      await alone.trial.end();
      const { trial, floods, time } = await run(2);
      for (const one of floods) {
        expect(one.duplicates).toBeGreaterThan(1000);
        expect(one.cancelled).toBeGreaterThan(1000);
        expect(one.outOfRange).toBeGreaterThan(1000);
      }
      expect(trial.longestQueue).toBeLessThanOrEqual(1024);
      expect(trial.largestBacklog).toBeLessThan(8 * 1024 * KiB);
      expect(alone.time / time).toBeGreaterThan(0.7);
      await trial.end();
    }));

  it.each(['silent', 'greeting'] as const)('of connections (%s): a newcomer gets in', (manner) =>
    replayed(async () => {
      const engine = { maxConnections: 60, maxPeersPerTorrent: 30 };
      const trial = new Trial({
        seed: SEED,
        content,
        seeds: 2,
        leeches: LEECHES,
        line: slow,
        seedLine,
        engine,
      });
      const flooder = new ConnectionFlooder(trial.world, { content, line, manner });
      const victims = [...trial.seeds, trial.leeches[0]!];
      for (const victim of victims) flooder.flood(victim, 100);
      await trial.world.run({ limit: 10_000 });
      // It knows those only that are flooded.
      const newcomer = trial.world.peer({ content, engine, line: slow });
      trial.leeches.push(newcomer);
      for (const victim of victims) trial.world.introduce(newcomer, victim);
      const start = trial.world.clock.now();
      await trial.world.run({ until: () => newcomer.torrent.stats().connectedPeers > 0, limit: 120_000 });
      const inside = trial.world.clock.now() - start;
      expect(Math.max(...(await trial.finish(600)))).toBeLessThan(180);
      // It was in every second of the way at each of them.
      expect(flooder.opened).toBeGreaterThan(1000);
      expect(inside).toBeLessThan(5000);
      flooder.stop();
      await trial.end();
    }),
  );

  it('of WebRTC offers: budgets hold, and a newcomer gets in', () =>
    replayed(async () => {
      const engine = { maxConnections: 60, maxPeersPerTorrent: 30 };
      const trial = new Trial({ seed: SEED, content, seeds: 0, leeches: 0 });
      const { world } = trial;
      const tracker = trackerHost(world, { transports: ['ws'] });
      const spec = { trackers: [[tracker.url]] };
      const browser = { kind: 'browser', content, engine, spec } as const;
      trial.seeds.push(world.peer({ ...browser, seed: true, line: seedLine }));
      for (let i = 0; i < 10; i++) trial.leeches.push(world.peer({ ...browser, line: slow }));
      const flooders = [1, 2, 3].map(() => new OfferFlooder(world, { content, line, tracker: tracker.url }));
      for (const one of flooders) one.start();
      await world.run({ limit: 10_000 });
      const newcomer = world.peer({ ...browser, line: slow });
      trial.leeches.push(newcomer);
      const start = world.clock.now();
      await world.run({ until: () => newcomer.torrent.stats().verifiedBytes > 0, limit: 120_000 });
      expect(world.clock.now() - start).toBeLessThan(30_000);
      const times = await trial.finish(900);
      for (const one of flooders) {
        expect(one.offers).toBeGreaterThan(500);
        expect(one.answered).toBeGreaterThan(20);
        expect(one.mostOpen).toBeGreaterThan(20);
      }
      expect(Math.max(...times)).toBeLessThan(150);
      for (const one of flooders) one.stop();
      await trial.end();
    }));
});
