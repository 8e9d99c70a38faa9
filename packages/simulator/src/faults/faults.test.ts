import { describe, expect, it } from 'vitest';
import { withTestReplay } from '../replay.ts';
import { FAULT_SETTINGS, runFaultPlan } from './fault-plan.ts';

const SEED = 1;
/** Of timers and messages, which are many and alike, one in so many; `npm run simulate -- faults` takes them all. */
const STRIDE = 6;

describe('a download in which the Nth call of a port fails', () => {
  for (const setting of FAULT_SETTINGS) {
    for (const permanent of [false, true]) {
      const { version, magnet, subject } = setting;
      const name = `version ${version}, ${magnet ? 'magnet over WebRTC' : 'torrent over TCP'}, of the ${subject}`;
      it(
        `${permanent ? 'ends as it should, for ever' : 'finishes, once'}: ${name}, seed ${SEED}`,
        () =>
          withTestReplay(expect.getState(), async () => {
            const tally = await runFaultPlan({ setting, permanent, seed: SEED, stride: STRIDE });
            expect(tally.violations).toEqual([]);
            expect(tally.fired).toBe(tally.runs);
            expect(tally.runs).toBeGreaterThan(25);
          }),
        120_000,
      );
    }
  }
});
