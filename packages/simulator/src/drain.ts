/** Promises of the engine settle between two events, as they do between two macrotasks of a real process. */

import { setFlagsFromString } from 'node:v8';

/**
 * Runs all microtasks that wait, promises they settle included; must be called from a macrotask. V8's own checkpoint, as
 * nothing else settles promises synchronously: a turn of Node's event loop for each of a hundred million events would
 * take longer than the events. Absent where this V8 does not offer it.
 */
export const drainMicrotasks: (() => void) | undefined = findCheckpoint();

function findCheckpoint(): (() => void) | undefined {
  try {
    setFlagsFromString('--allow-natives-syntax');
    return new Function('%PerformMicrotaskCheckpoint()') as () => void;
  } catch {
    return undefined;
  } finally {
    setFlagsFromString('--no-allow-natives-syntax');
  }
}
