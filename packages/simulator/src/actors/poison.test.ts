/** Wrong metadata for those who come with a magnet link, and storms of made-up blocks by ever new peers. */

import { sampleTorrent } from 'freshet/memory';
import { beforeAll, describe, expect, it } from 'vitest';
import { PATIENT, replayed, Trial } from '../../testing/trial.ts';
import { type Content, realContent } from '../content.ts';
import { HashStorm } from './hash-storm.ts';
import { MetadataPoisoner } from './metadata-poisoner.ts';

const KiB = 1024;
const PIECE = 64 * KiB;
const SEED = 13;
const LEECHES = 14;
const LIES = ['bytes', 'silent', 'size', 'huge'] as const;

let content: Content;
/** Metadata of several pieces of 16 KiB: many small pieces of content. */
let wordy: Content;
beforeAll(async () => {
  content = realContent(await sampleTorrent(24 * PIECE, PIECE));
  wordy = realContent(await sampleTorrent(3000 * 256, 256));
});

const line = { up: 500_000, down: 500_000, latencyMs: 20 };

describe(`30 % poison the metadata, seed ${SEED}`, PATIENT, () => {
  it.each(['bytes', 'size', 'huge', 'silent', 'mixed'] as const)('%s', (lie) =>
    replayed(async () => {
      const trial = new Trial({
        seed: SEED,
        content: wordy,
        seeds: 3,
        leeches: 11,
        leech: { magnet: true },
      });
      const poisoners: MetadataPoisoner[] = [];
      for (let i = 0; i < 6; i++) {
        const one = new MetadataPoisoner(trial.world, {
          content: wordy,
          lie: lie === 'mixed' ? LIES[i % LIES.length]! : lie,
          line,
        });
        one.listen();
        // They are there before anybody else.
        for (const leech of trial.leeches) one.attack(leech, 1000);
        poisoners.push(one);
      }
      const known = (): boolean => trial.leeches.every(({ log }) => log.metadataAt !== undefined);
      expect(await trial.world.run({ until: known, limit: 120_000 })).toBe(true);
      const times = trial.leeches.map(({ log }) => log.metadataAt! / 1000);
      expect(poisoners.reduce((sum, one) => sum + one.asked, 0)).toBeGreaterThan(LEECHES);
      if (lie !== 'silent') expect(poisoners.reduce((sum, one) => sum + one.poisoned, 0)).toBeGreaterThan(0);
      // Without them: 2 s.
      expect(Math.max(...times)).toBeLessThan(45);
      if (lie === 'bytes') expect(trial.banned().size).toBe(poisoners.length);
      if (lie === 'silent' || lie === 'huge') expect(trial.banned().size).toBe(0);
      for (const one of poisoners) one.stop();
      await trial.end();
    }),
  );
});

describe(`a storm of wrong blocks, seed ${SEED}`, PATIENT, () => {
  it('from one address by ever new names: the address is closed, and its honest household stays', () =>
    replayed(async () => {
      const slow = { up: 40_000, down: 200_000, latencyMs: 20 };
      const trial = new Trial({ seed: SEED, content, seeds: 2, leeches: LEECHES, line: slow });
      // One of the leeches shares its address with the storm, and has given before that began.
      const household = trial.leeches[0]!;
      const address = household.host.address;
      const storm = new HashStorm(trial.world, { content, line, address });
      trial.world.clock.setTimer(4000, () => {
        for (const victim of trial.honest) if (victim !== household) storm.attack(victim, 100);
      });
      expect(household.log.doneAt).toBeUndefined();
      await trial.world.run({ limit: 14_000 });
      expect(household.torrent.peers().length).toBeGreaterThan(2);
      const times = await trial.finish(600);
      const others = trial.honest.filter((peer) => peer !== household);
      const bans = others.map(({ log }) => log.bans.filter((ban) => ban.host === address).length);
      expect(storm.identities).toBeGreaterThan(3 * LEECHES);
      expect(storm.lies).toBeGreaterThan(LEECHES);
      // Three names at each victim, and those that were on their way in when the third was found out.
      expect(Math.max(...bans)).toBeLessThanOrEqual(6);
      expect(Math.max(...bans)).toBeGreaterThan(1);
      expect(Math.max(...times)).toBeLessThan(90);
      storm.stop();
      await trial.world.close();
    }));

  it('from ever new addresses', () =>
    replayed(async () => {
      const trial = new Trial({ seed: SEED, content, seeds: 2, leeches: LEECHES });
      const storms: HashStorm[] = [];
      const next = (): void => {
        const one = new HashStorm(trial.world, { content, line });
        storms.push(one);
        for (const victim of trial.some(5, `storm ${storms.length}`)) one.attack(victim);
        if (storms.length < 60) trial.world.clock.setTimer(250, next);
      };
      next();
      const times = await trial.finish(600);
      const lies = storms.reduce((sum, one) => sum + one.lies, 0);
      expect(lies).toBeGreaterThan(5 * storms.length);
      expect(storms.length).toBeGreaterThan(50);
      expect(trial.banned().size).toBeGreaterThan(storms.length / 2);
      expect(Math.max(...times)).toBeLessThan(60);
      // By each of them and each of the five who met it.
      expect(trial.wasted / storms.length / 5).toBeLessThan(4 * PIECE);
      for (const one of storms) one.stop();
      await trial.end();
    }));
});
