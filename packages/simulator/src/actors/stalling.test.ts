/** Peers that promise, claim, drip and never deliver: the honest finish all the same, in time. */

import { sampleTorrent } from 'freshet/memory';
import { beforeAll, describe, expect, it } from 'vitest';
import { mean, PATIENT, replayed, Trial } from '../../testing/trial.ts';
import { type Content, realContent } from '../content.ts';
import { HaveLiar } from './have-liar.ts';
import { Promiser } from './promiser.ts';
import { SlowLoris } from './slow-loris.ts';
import type { WireActor } from './wire.ts';

const KiB = 1024;
const PIECE = 64 * KiB;
const SEEDS = 2;
const LEECHES = 14;
/** 30 % of all. */
const STALLERS = 7;
const SEED = 11;

let content: Content;
/** Seconds until all were done, on average and the last, in the swarm without anybody else. */
let alone: { readonly mean: number; readonly last: number };

function newTrial(): Trial {
  return new Trial({
    seed: SEED,
    content,
    seeds: SEEDS,
    leeches: LEECHES,
    line: { up: 50_000, down: 400_000, latencyMs: 20 },
    seedLine: { up: 200_000, latencyMs: 20 },
  });
}

beforeAll(async () => {
  content = realContent(await sampleTorrent(32 * PIECE, PIECE));
  const trial = newTrial();
  const times = await trial.finish(600);
  alone = { mean: mean(times), last: Math.max(...times) };
  await trial.end();
}, PATIENT.timeout);

interface Outcome {
  readonly slower: number;
  readonly last: number;
  readonly trial: Trial;
}

/** Seven who connect to everybody, and again a second after they were thrown out. */
async function stalled(actors: (trial: Trial) => readonly WireActor[]): Promise<Outcome> {
  const trial = newTrial();
  const stallers = actors(trial);
  for (const one of stallers) {
    one.listen();
    for (const victim of trial.honest) one.attack(victim, 1000);
  }
  const times = await trial.finish(600);
  for (const one of stallers) one.stop();
  const result = { slower: mean(times) / alone.mean, last: Math.max(...times) / alone.last, trial };
  return result;
}

const options = { line: { up: 500_000, down: 500_000, latencyMs: 20 } };

describe(`30 % who stall, seed ${SEED}`, PATIENT, () => {
  it('promise everything and send nothing', () =>
    replayed(async () => {
      let promisers: Promiser[] = [];
      const { slower, last, trial } = await stalled((t) => {
        promisers = Array.from({ length: STALLERS }, () => new Promiser(t.world, { content, ...options }));
        return promisers;
      });
      for (const one of promisers) expect(one.unanswered).toBeGreaterThan(LEECHES);
      expect(slower).toBeLessThan(1.5);
      expect(last).toBeLessThan(2);
      expect(trial.banned().size).toBe(0);
      await trial.end();
    }));

  it('claim pieces that they lack, other ones each time, and take them back', () =>
    replayed(async () => {
      let liars: HaveLiar[] = [];
      const { slower, last, trial } = await stalled((t) => {
        liars = Array.from({ length: STALLERS }, () => new HaveLiar(t.world, { content, ...options }));
        return liars;
      });
      for (const one of liars) {
        expect(one.claims).toBeGreaterThan(500);
        expect(one.takenBack).toBeGreaterThan(100);
        expect(one.rejected).toBeGreaterThan(LEECHES);
        expect(one.opened).toBeGreaterThan(LEECHES + SEEDS);
      }
      expect(slower).toBeLessThan(1.5);
      expect(last).toBeLessThan(2);
      await trial.end();
    }));

  it.each(['handshake', 'blocks', 'reading'] as const)('drip a byte a second: %s', (at) =>
    replayed(async () => {
      let lorises: SlowLoris[] = [];
      const { slower, last, trial } = await stalled((t) => {
        lorises = Array.from({ length: STALLERS }, () => new SlowLoris(t.world, { content, at, ...options }));
        return lorises;
      });
      for (const one of lorises) expect(one.dripped).toBeGreaterThan(0);
      if (at !== 'handshake') for (const one of lorises) expect(one.heldRequests).toBeGreaterThan(LEECHES);
      // Who reads slowly has taken what the network holds for it; that much of the line is lost.
      expect(slower).toBeLessThan(at === 'reading' ? 2.5 : 1.5);
      expect(last).toBeLessThan(at === 'reading' ? 2.5 : 2);
      await trial.end();
    }),
  );
});
