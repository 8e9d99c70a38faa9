/** Signals with many who listen, and with what they mean here. */

import { AbortedError } from '../session/errors.ts';

interface Listening {
  readonly listeners: Set<() => void>;
  readonly fire: () => void;
}

const listening = new WeakMap<AbortSignal, Listening>();

/**
 * Calls `listener` when the signal fires, until the function that is returned is called. However many listen, the signal
 * has one listener: Node warns of a leak from eleven on, and one signal may end hundreds of reads.
 */
export function onAbort(signal: AbortSignal, listener: () => void): () => void {
  const known = listening.get(signal) ?? listenTo(signal);
  // One of its own, so that who listens twice is called twice.
  const call = (): void => listener();
  known.listeners.add(call);
  return () => {
    known.listeners.delete(call);
    if (known.listeners.size === 0 && listening.get(signal) === known) {
      listening.delete(signal);
      signal.removeEventListener('abort', known.fire);
    }
  };
}

function listenTo(signal: AbortSignal): Listening {
  const listeners = new Set<() => void>();
  const fire = (): void => {
    listening.delete(signal);
    for (const listener of [...listeners]) listener();
  };
  signal.addEventListener('abort', fire, { once: true });
  const known = { listeners, fire };
  listening.set(signal, known);
  return known;
}

/** What a program's own signal makes of what it ends. */
export function abortedBy(signal: AbortSignal): AbortedError {
  return new AbortedError(undefined, { cause: signal.reason });
}
