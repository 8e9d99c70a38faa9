import { describe, expect, it } from 'vitest';
import { withTestReplay } from '../replay.ts';
import { INTERVAL, SWARM_KINDS, TrackerSwarm, warningsOf } from './tracker-swarm.contract.ts';

/** Runs what a test checks; its failure says how to run it again. */
const replayed = (body: () => Promise<void>): Promise<void> => withTestReplay(expect.getState(), body);

const MINUTE = 60_000;

describe.each(SWARM_KINDS)('trackers that die, over %s', (kind) => {
  it('is dead from the beginning: those who wait find each other when it comes, seed 1', () =>
    replayed(async () => {
      const swarm = new TrackerSwarm(kind, 1);
      swarm.tracker.stop();
      swarm.join({ seed: true });
      const leeches = [swarm.join(), swarm.join({ magnet: true }), swarm.join()];
      await swarm.pass(10 * MINUTE);
      for (const leech of leeches) {
        expect(leech.log.doneAt).toBeUndefined();
        expect(warningsOf(leech)).toHaveLength(1);
      }
      expect(swarm.tracker.counters.received).toBe(0);
      swarm.tracker.start();
      await swarm.untilDone(leeches, 12 * MINUTE);
      await swarm.untilKnown(4, 12 * MINUTE);
      await swarm.world.close();
    }));

  it('dies at any moment while a swarm forms, and comes back, seed 2', () =>
    replayed(async () => {
      const known = new Set<number>();
      let interrupted = 0;
      for (const moment of [20, 60, 90, 110, 130, 160, 200, 300, 500]) {
        const swarm = new TrackerSwarm(kind, 2);
        swarm.join({ seed: true });
        const leeches = [swarm.join({ rate: 400_000 }), swarm.join(), swarm.join({ magnet: true })];
        await swarm.pass(moment);
        known.add(swarm.tracker.core.stats().peers);
        if (leeches.some(({ log }) => log.doneAt === undefined)) interrupted++;
        swarm.tracker.stop();
        await swarm.pass(MINUTE);
        swarm.tracker.start();
        await swarm.untilDone(leeches, 3 * MINUTE);
        await swarm.untilKnown(4, 3 * MINUTE);
        await swarm.world.close();
      }
      // Some moments were before anybody was known, some after all were, and at most of them somebody was on the way.
      expect([...known]).toEqual(expect.arrayContaining([0, 4]));
      expect(interrupted).toBeGreaterThan(5);
    }));

  it('vanishes for good while the swarm lives on: all finish, newcomers are told why they do not, seed 3', () =>
    replayed(async () => {
      const swarm = new TrackerSwarm(kind, 3);
      const seed = swarm.join({ seed: true });
      const leeches = Array.from({ length: 6 }, () => swarm.join({ rate: 15_000 }));
      await swarm.pass(10_000);
      swarm.tracker.setMode('gone');
      expect(leeches.every(({ log }) => log.doneAt === undefined)).toBe(true);
      await swarm.pass(5000);
      const newcomer = swarm.join();
      await swarm.untilDone(leeches, 2 * MINUTE);
      await swarm.pass(60 * MINUTE);
      expect(newcomer.log.doneAt).toBeUndefined();
      const warnings = warningsOf(newcomer);
      expect(warnings[0]).toContain(`The tracker ${swarm.tracker.urls[kind].replace('/announce', '')} `);
      expect(warnings[0]).toContain('add another tracker');
      expect(warnings.length).toBeLessThanOrEqual(2);
      for (const peer of [seed, ...leeches]) expect(warningsOf(peer).length).toBeLessThanOrEqual(3);
      // It does what it was told.
      const other = new URL(swarm.backup.urls[kind]);
      for (const peer of [newcomer, seed]) peer.torrent.addTracker(other.href);
      await swarm.untilDone([newcomer], MINUTE);
      await swarm.world.close();
    }));

  it('is started again: the whole swarm is in its memory within the announce interval, seed 4', () =>
    replayed(async () => {
      const swarm = new TrackerSwarm(kind, 4);
      swarm.join({ seed: true });
      const leeches = Array.from({ length: 11 }, () => swarm.join({ rate: 4000 }));
      await swarm.pass(30_000);
      expect(swarm.tracker.core.stats().peers).toBe(12);
      const connected = leeches.map(({ torrent }) => torrent.peers().length);
      swarm.tracker.restart();
      expect(swarm.tracker.core.stats().peers).toBe(0);
      await swarm.pass(100);
      // Peers do not lose each other with their tracker.
      expect(leeches.map(({ torrent }) => torrent.peers().length)).toEqual(connected);
      const took = await swarm.untilKnown(12, INTERVAL * 1100);
      // Two seconds, up to two more by chance, and what the way there and its queues take.
      if (kind === 'ws') expect(took).toBeLessThan(8000);
      expect(swarm.tracker.core.stats().seeds).toBe(1);
      await swarm.untilDone(leeches, 20 * MINUTE);
      for (const peer of swarm.world.peers) expect(warningsOf(peer)).toEqual([]);
      await swarm.world.close();
    }));

  it('gives way to the next tier, and gets its swarm back (BEP 12), seed 5', () =>
    replayed(async () => {
      const swarm = new TrackerSwarm(kind, 5, [1, 1]);
      const [first, second] = swarm.trackers as [typeof swarm.tracker, typeof swarm.tracker];
      swarm.join({ seed: true });
      const early = swarm.join();
      await swarm.untilDone([early], MINUTE);
      expect(second.counters.received).toBe(0);
      first.stop();
      const late = swarm.join();
      // Who comes later is with the second tracker at once; the others are when they announce again.
      await swarm.untilDone([late], INTERVAL * 1200);
      await swarm.untilKnown(3, INTERVAL * 1200, second);
      first.start();
      await swarm.untilKnown(3, INTERVAL * 2500, first);
      // A WebSocket tracker is told goodbye, an HTTP tracker forgets who does not come any more.
      await swarm.untilKnown(0, kind === 'ws' ? 1000 : INTERVAL * 2500, second);
      await swarm.world.close();
    }));

  it('is one of two in a tier: all come together at the other one, seed 6', () =>
    replayed(async () => {
      const swarm = new TrackerSwarm(kind, 6, [2]);
      const [one, other] = swarm.trackers as [typeof swarm.tracker, typeof swarm.tracker];
      swarm.join({ seed: true });
      const leeches = Array.from({ length: 7 }, () => swarm.join());
      await swarm.pass(10_000);
      // In random order, so that the load spreads.
      const split = [one, other].map(({ core }) => core.stats().peers);
      expect(Math.min(...split)).toBeGreaterThan(0);
      expect(split[0]! + split[1]!).toBe(8);
      one.stop();
      await swarm.untilKnown(8, INTERVAL * 1200, other);
      await swarm.untilDone(leeches, MINUTE);
      await swarm.world.close();
    }));
});

describe.each(SWARM_KINDS)('clocks that go wrong, over %s', (kind) => {
  /** An hour of a small swarm whose machines have these clocks, with wall clocks that jump this far each minute. */
  async function hour(rates: readonly number[], jump: number) {
    const swarm = new TrackerSwarm(kind, 7);
    const peers = rates.map((rate, i) =>
      swarm.join({ seed: i === 0, rate: 20_000, clock: { rate, offsetMs: jump * i } }),
    );
    for (let minute = 0; minute < 60; minute++) {
      for (const [i, { host }] of peers.entries())
        host.clock.jumpWall(minute % 2 === i % 2 ? jump : -2 * jump);
      await swarm.pass(MINUTE);
    }
    await swarm.untilDone(peers.slice(1), 1);
    const { counters, core } = swarm.tracker;
    const result = {
      done: peers.map(({ log }) => log.doneAt),
      seconds: [...counters.perSecond],
      received: counters.received,
      known: core.stats().peers,
      wall: peers.map(({ host }) => host.clock.wallTime()),
      warnings: peers.flatMap(warningsOf),
    };
    await swarm.world.close();
    return result;
  }

  it('jumps of the wall clock change nothing, seed 7', () =>
    replayed(async () => {
      const rates = [1, 1, 1, 1];
      const { wall: _calm, ...calm } = await hour(rates, 0);
      const { wall, ...jumped } = await hour(rates, 86_400_000);
      expect(new Set(wall.map((time) => Math.floor(time / 86_400_000))).size).toBeGreaterThan(1);
      expect(jumped).toEqual(calm);
      expect(jumped).toMatchObject({ known: 4, warnings: [] });
    }));

  it('clocks that are fast or slow announce by their own time, seed 8', () =>
    replayed(async () => {
      const rates = [1, 0.8, 0.95, 1.05, 1.25];
      const { received, known, warnings } = await hour(rates, 0);
      expect(known).toBe(5);
      expect(warnings).toEqual([]);
      // At most every 99 s over a WebSocket, every 120 s over HTTP, by its own clock.
      const period = kind === 'ws' ? 99 : INTERVAL;
      const most = rates.reduce((sum, rate) => sum + (3600 * rate) / period, 0);
      // And what a swarm says as it forms.
      expect(received).toBeLessThan(most + 30);
      expect(received).toBeGreaterThan(0.8 * most);
    }));
});
