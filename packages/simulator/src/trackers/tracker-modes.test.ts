import { describe, expect, it } from 'vitest';
import { withTestReplay } from '../replay.ts';
import { GARBAGE_KINDS, type GarbageKind } from '../servers/tracker-garbage.ts';
import type { TrackerMode, TrackerModeOptions } from '../servers/tracker-host.ts';
import { INTERVAL, SWARM_KINDS, type SwarmKind, TrackerSwarm, warningsOf } from './tracker-swarm.contract.ts';

/** What a fault looks like to a client. */
interface Fault {
  readonly mode: TrackerMode | 'restart';
  readonly options?: TrackerModeOptions;
  /** How the client says what is wrong; absent where nothing is, as far as it can know. */
  readonly says?: { readonly [kind in SwarmKind]: RegExp };
  /** What it says can be done. */
  readonly advises?: RegExp;
  /** Who comes while it lasts finds the swarm all the same. */
  readonly harmless?: boolean;
  /** Milliseconds within which the swarm must be whole again, where that is not what attempts that back off take. */
  readonly within?: { readonly [kind in SwarmKind]: number };
}

const WAIT = /It is asked again by itself; if this lasts, check the network and its address, or add another/;
const ADDRESS = /Check that this is the announce address of a tracker, or add another one/;

const both = (sentence: RegExp): { ws: RegExp; http: RegExp } => ({ ws: sentence, http: sentence });

function garbage(kind: GarbageKind): Fault {
  const fault = { mode: 'garbage', options: { garbage: kind } } as const;
  switch (kind) {
    case 'lies':
      // It is believed: over HTTP for as long as it says, an hour at most.
      return { ...fault, within: { ws: 110_000, http: 3_960_000 } };
    case 'error':
      return {
        ...fault,
        says: {
          ws: /cannot be understood: what it sends is no reply/,
          http: /answered with HTTP status 500/,
        },
        advises: /It is asked again by itself|announce address/,
      };
    default:
      return { ...fault, says: both(/cannot be understood: /), advises: ADDRESS };
  }
}

const FAULTS: readonly Fault[] = [
  { mode: 'slow', options: { delayMs: 8000 }, harmless: true, within: { ws: 1, http: 1 } },
  {
    mode: 'slow',
    options: { delayMs: 40_000 },
    says: { ws: /did not reply within 15 s/, http: /did not answer within 15 s/ },
    advises: WAIT,
  },
  {
    mode: 'silent',
    says: { ws: /did not reply within 15 s/, http: /did not answer within 15 s/ },
    advises: WAIT,
  },
  {
    mode: 'refusing',
    options: { reason: 'Moved to another place' },
    says: both(/refused: "Moved to another place"/),
    advises: /Ask those who run it, or add another tracker/,
  },
  { mode: 'down', says: { ws: /is not connected: /, http: /cannot be reached: / }, advises: WAIT },
  {
    mode: 'gone',
    says: {
      ws: /did not (accept a connection|reply) within 15 s|is not connected/,
      http: /did not answer within 15 s|cannot be reached/,
    },
    advises: WAIT,
  },
  {
    mode: 'restart',
    harmless: true,
    within: { ws: 10_000, http: INTERVAL * 1100 },
  },
  ...GARBAGE_KINDS.map(garbage),
];

/** Milliseconds for which a fault lasts. */
const LASTS = 300_000;
/** Milliseconds within which those who have backed off for that long ask again: as long again, and half of it. */
const RECOVERY = 520_000;

let cells = 0;

describe.each(SWARM_KINDS)('a swarm over %s', (kind) => {
  it.each(
    FAULTS.map((fault) => ({ ...fault, name: `${fault.mode} ${JSON.stringify(fault.options ?? {})}` })),
  )('says what is wrong and gets over it: $name', (fault) =>
    withTestReplay(expect.getState(), () => endure(kind, fault)),
  );
});

async function endure(kind: SwarmKind, fault: Fault): Promise<void> {
  const { mode, options, says, advises, harmless, within } = fault;
  const swarm = new TrackerSwarm(kind, 5);
  const { tracker } = swarm;
  const origin = tracker.urls[kind].replace('/announce', '');
  swarm.join({ seed: true });
  const early = swarm.join();
  await swarm.untilDone([early], 60_000);
  await swarm.pass(30_000);

  const dealt = mode === 'restart' ? 0 : tracker.counters.byMode[mode];
  if (mode === 'restart') tracker.restart();
  else tracker.setMode(mode, options);
  const late = swarm.join();
  await swarm.pass(LASTS);
  // The fault has come true: requests met it, or there was nobody to meet.
  if (mode === 'restart') expect(tracker.core.stats().uptime).toBe(LASTS / 1000);
  else if (mode === 'down') expect(tracker.openConnections).toBe(0);
  else if (mode !== 'gone') expect(tracker.counters.byMode[mode]).toBeGreaterThan(dealt);
  expect(late.log.doneAt !== undefined).toBe(harmless === true);
  const warnings = warningsOf(late);
  expect(warnings.length).toBeLessThanOrEqual(8);
  if (says === undefined) {
    expect(warnings).toEqual([]);
  } else {
    expect(warnings[0]).toMatch(says[kind]);
    expect(warnings[0]).toMatch(advises!);
    for (const warning of warnings) expect(warning).toContain(`The tracker ${origin} `);
    // Who works in between may be told of again.
    if (mode !== 'slow') expect(new Set(warnings).size).toBe(warnings.length);
  }

  tracker.setMode('ok');
  const bound = within?.[kind] ?? RECOVERY;
  const took = await swarm.untilDone([early, late], bound);
  await swarm.untilKnown(3, bound - took);
  await swarm.world.close();
  cells++;
}

it('has two transports, two degrees of slowness and seven kinds of garbage among its faults', () => {
  expect(cells).toBe(2 * (7 + 7));
});
