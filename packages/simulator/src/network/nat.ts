/** Who reaches whom, as `LineOptions.nat` has it. */

import type { SimHost } from './sim-host.ts';

/** Whether a TCP connection, HTTP and WebSockets included, gets through. Who cannot be reached does not refuse, but is silent. */
export function canDial(from: SimHost, to: SimHost): boolean {
  return from.isOnline && to.isOnline && (from === to || (to.line.nat ?? 'open') === 'open');
}

/** Whether candidates of both find a way; relays are not modelled. */
export function canConnectRtc(from: SimHost, to: SimHost): boolean {
  if (!from.isOnline || !to.isOnline) return false;
  const { nat: a = 'open' } = from.line;
  const { nat: b = 'open' } = to.line;
  if (a === 'blocked' || b === 'blocked') return false;
  // Each of them uses another port for each destination, and nobody knows which.
  return a !== 'symmetric' || b !== 'symmetric';
}
