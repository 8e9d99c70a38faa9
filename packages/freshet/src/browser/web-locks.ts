/** Locks of the origin, over the Web Locks API. */

import type { Locks } from './leadership.ts';

/** `undefined` where there are none: in pages without https, and in old browsers. */
export function webLocks(): Locks | undefined {
  const manager: LockManager | undefined = globalThis.navigator?.locks;
  return manager && { request: (name, mode, onHeld) => request(manager, name, mode, onHeld) };
}

function request(
  manager: LockManager,
  name: string,
  mode: 'exclusive' | 'shared',
  onHeld: () => void,
): () => void {
  const waiting = new AbortController();
  let release: () => void = () => waiting.abort();
  const held = manager.request(name, { mode, signal: waiting.signal }, () => {
    if (waiting.signal.aborted) return undefined;
    return new Promise<void>((resolve) => {
      release = resolve;
      onHeld();
    });
  });
  // Aborted, or refused, as to a page that is already gone.
  held.catch(() => undefined);
  return () => release();
}
