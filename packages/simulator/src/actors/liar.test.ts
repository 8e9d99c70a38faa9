/** A third of a swarm lies about the blocks: all others get the right bytes, in time, and ban nobody but liars. */

import { sampleTorrent } from 'freshet/memory';
import { beforeAll, describe, expect, it } from 'vitest';
import { mean, PATIENT, replayed, Trial } from '../../testing/trial.ts';
import { type Content, realContent } from '../content.ts';
import { type Liar, type LiarOptions, liar } from './liar.ts';

const KiB = 1024;
const PIECE = 64 * KiB;
const LENGTH = 32 * PIECE;
const SEEDS = 2;
const LEECHES = 19;
/** 30 % of all. */
const LIARS = 9;
/** Leeches that each liar meets. */
const VICTIMS = 10;
const SEED = 7;

const contents = new Map<string, Content>();
/** Seconds until all were done, on average, in the swarm without liars, and what it wasted by asking twice. */
const alone = new Map<string, { readonly time: number; readonly wasted: number }>();
beforeAll(async () => {
  for (const version of [1, 2] as const) {
    const content = realContent(await sampleTorrent(LENGTH, PIECE, { version }));
    contents.set(`v${version}`, content);
    const trial = new Trial({ seed: SEED, content, seeds: SEEDS, leeches: LEECHES });
    alone.set(`v${version}`, { time: mean(await trial.finish(600)), wasted: trial.wasted });
    await trial.end();
  }
}, PATIENT.timeout);

interface Lying {
  readonly trial: Trial;
  readonly liars: readonly Liar[];
  readonly hosts: readonly string[];
  /** How much longer it took than without liars. */
  readonly slower: number;
  /** Bytes wasted more than without them, by liar and victim. */
  readonly waste: number;
}

/** As many who are honest, and nine liars that have everything, each known to ten leeches. */
async function lied(
  version: string,
  how: (trial: Trial, index: number, victim: string) => LiarOptions,
): Promise<Lying> {
  const content = contents.get(version)!;
  const trial = new Trial({ seed: SEED, content, seeds: SEEDS, leeches: LEECHES });
  const liars: Liar[] = [];
  const hosts: string[] = [];
  for (let i = 0; i < LIARS; i++) {
    const known = trial.some(VICTIMS, `liar ${i}`);
    const made = liar(how(trial, i, known[0]!.host.address));
    const line = { up: 200_000, down: 200_000, latencyMs: 20 };
    const peer = trial.world.peer({ content, seed: true, line, wrapLink: made.wrapLink });
    for (const leech of known) trial.world.introduce(leech, peer);
    liars.push(made);
    hosts.push(peer.host.address);
  }
  const before = alone.get(version)!;
  const slower = mean(await trial.finish(600)) / before.time;
  const waste = (trial.wasted - before.wasted) / LIARS / VICTIMS;
  return { trial, liars, hosts, slower, waste };
}

/** Who is banned is guilty; who lied to all is banned. */
function judge({ trial, liars, hosts }: Lying): { readonly caught: number; readonly lying: number } {
  const caught = [...trial.banned().keys()];
  const lying = hosts.filter((_, i) => liars[i]!.lies + liars[i]!.hashLies > 0);
  expect(caught.filter((host) => !lying.includes(host))).toEqual([]);
  return { caught: caught.length, lying: lying.length };
}

describe(`30 % liars, seed ${SEED}`, PATIENT, () => {
  it('who lie about every block, v1', () =>
    replayed(async () => {
      const run = await lied('v1', () => ({ blocks: 'all' }));
      for (const one of run.liars) expect(one.lies).toBeGreaterThan(20);
      expect(judge(run)).toEqual({ caught: LIARS, lying: LIARS });
      expect(run.slower).toBeLessThan(1.5);
      expect(run.waste).toBeLessThan(4 * PIECE);
      await run.trial.end();
    }));

  it.each(['v1', 'v2'])('who lie about one block in ten, %s', (version) =>
    replayed(async () => {
      const run = await lied(version, (t, i) => ({
        blocks: { share: 0.1, random: t.world.random(`lies ${i}`) },
      }));
      for (const one of run.liars) expect(one.lies).toBeGreaterThan(3);
      expect(judge(run)).toEqual({ caught: LIARS, lying: LIARS });
      expect(run.slower).toBeLessThan(1.3);
      expect(run.waste).toBeLessThan(4 * PIECE);
      const reasons = run.trial.honest.flatMap(({ log }) => log.bans.map(({ reason }) => reason));
      const byBlock = reasons.filter((reason) => reason.startsWith('sent a wrong block')).length;
      // With version 2 a block has a hash of its own, where the hashes have come in time.
      expect(byBlock / reasons.length).toBeGreaterThan(version === 'v2' ? 0.15 : 0.03);
      await run.trial.end();
    }),
  );

  it('who lie about one piece only, or to one peer only, v1', () =>
    replayed(async () => {
      const run = await lied('v1', (_trial, i, victim) =>
        i % 2 === 0 ? { blocks: { piece: i } } : { blocks: 'all', victim },
      );
      const { caught, lying } = judge(run);
      expect(lying).toBeGreaterThan(LIARS / 2);
      expect(caught).toBeGreaterThan(lying / 2);
      expect(run.slower).toBeLessThan(1.2);
      await run.trial.end();
    }));

  it('who lie about hashes, or keep them back, v2', () =>
    replayed(async () => {
      const run = await lied('v2', (_trial, i) => ({ hashes: i % 3 === 0 ? 'silent' : 'wrong' }));
      expect(run.liars.reduce((sum, one) => sum + one.hashLies, 0)).toBeGreaterThan(LIARS);
      expect(judge(run).caught).toBeGreaterThan(LIARS / 2);
      const banned = new Set(run.trial.banned().keys());
      // To say nothing is no lie.
      for (const [i, host] of run.hosts.entries()) if (i % 3 === 0) expect(banned.has(host)).toBe(false);
      expect(run.slower).toBeLessThan(1.2);
      await run.trial.end();
    }));
});
