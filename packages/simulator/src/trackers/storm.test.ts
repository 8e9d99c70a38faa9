import { describe, expect, it } from 'vitest';
import { withTestReplay } from '../replay.ts';
import type { TrackerMode } from '../servers/tracker-host.ts';
import { INTERVAL, SWARM_KINDS, type SwarmKind, TrackerSwarm } from './tracker-swarm.contract.ts';

const CLIENTS = 200;
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** What came to a tracker in each second from `begin` on. */
function arrivals(swarm: TrackerSwarm, begin: number): number[] {
  const counts: number[] = Array(Math.ceil((swarm.now - begin) / 1000) + 1).fill(0);
  for (const [second, count] of swarm.tracker.counters.perSecond) {
    const at = second - Math.floor(begin / 1000);
    if (at >= 0) counts[at] = count;
  }
  return counts;
}

/** 200 clients whose tracker is out for an hour; all they want of each other is to be announced. */
async function outage(kind: SwarmKind, mode: TrackerMode, seed: number) {
  const swarm = new TrackerSwarm(kind, seed);
  // Seeds have nothing to say to each other, so that what comes to the tracker is announces and nothing else.
  for (let i = 0; i < CLIENTS; i++) swarm.join({ seed: true });
  await swarm.untilKnown(CLIENTS, MINUTE);
  await swarm.pass(5 * MINUTE);
  const { counters } = swarm.tracker;
  swarm.tracker.setMode(mode);
  await swarm.pass(HOUR);
  const during = counters.byMode[mode];
  const begin = swarm.now;
  swarm.tracker.setMode('ok');
  // It has forgotten all of them.
  expect(swarm.tracker.core.stats().peers).toBe(0);
  const back = await swarm.untilKnown(CLIENTS, 20 * MINUTE);
  const counts = arrivals(swarm, begin);
  await swarm.world.close();
  return { during, back, most: Math.max(...counts), all: counts.reduce((a, b) => a + b) };
}

/** By transport: minutes until the last one is back, and what each client says in the hour of silence. */
const BOUNDS = {
  // An attempt every 5 to 10 minutes, or 15 to 19 where the connection is there and no answer comes.
  ws: { back: 20, said: 30 },
  http: { back: 20, said: 15 },
} as const;

describe.each(SWARM_KINDS)('200 clients over %s', (kind) => {
  it.each(['down', 'silent'] as const)(
    'come back spread out after an hour without their tracker: %s, seed 11',
    (mode) =>
      withTestReplay(expect.getState(), async () => {
        const { during, back, most, all } = await outage(kind, mode, 11);
        // Who is down hears nothing; who is silent hears all, but not often.
        if (mode === 'silent') expect(during).toBeGreaterThan(CLIENTS * 5);
        expect(during).toBeLessThan(CLIENTS * (mode === 'down' ? 1 : BOUNDS[kind].said));
        expect(back).toBeGreaterThan(5 * MINUTE);
        expect(back).toBeLessThan(BOUNDS[kind].back * MINUTE);
        // Measured: 10 and 8 over WebSockets, 6 and 6 over HTTP.
        expect(most).toBeLessThanOrEqual(15);
        expect(all).toBeLessThan(CLIENTS * 10);
      }),
  );

  it('come back within its interval when it is started again, seed 12', () =>
    withTestReplay(expect.getState(), async () => {
      const swarm = new TrackerSwarm(kind, 12);
      for (let i = 0; i < CLIENTS; i++) swarm.join({ seed: true });
      await swarm.untilKnown(CLIENTS, MINUTE);
      await swarm.pass(5 * MINUTE);
      const begin = swarm.now;
      swarm.tracker.restart();
      expect(swarm.tracker.core.stats().peers).toBe(0);
      const back = await swarm.untilKnown(CLIENTS, INTERVAL * 1100);
      const most = Math.max(...arrivals(swarm, begin));
      // Sockets that break are made again two to four seconds later; HTTP clients come when they would have come anyway.
      expect(back).toBeLessThan(kind === 'ws' ? 8000 : INTERVAL * 1100);
      expect(most).toBeLessThan(kind === 'ws' ? 1.5 * CLIENTS : 40);
      await swarm.world.close();
    }));
});
