/** Time in a page or a worker. */

import type { Clock, Timer } from '../engine/ports.ts';

/** Longest delay that browsers keep; a longer one would fire at once. */
const MAX_DELAY = 0x7fffffff;

/**
 * `performance.now()` and `setTimeout`, never `requestAnimationFrame` or `requestIdleCallback`: those stop in a
 * hidden tab. Timers of a hidden tab are late by up to a second.
 */
export const browserClock: Clock = {
  now: () => performance.now(),
  wallTime: () => Date.now(),
  setTimer(delay: number, callback: () => void): Timer {
    const id = setTimeout(callback, Math.min(Math.max(0, delay), MAX_DELAY));
    return { cancel: () => clearTimeout(id) };
  },
};
