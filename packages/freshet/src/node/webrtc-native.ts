/** The one place that touches node-datachannel: loading it late, and letting the process exit when nobody needs it. */

import { createRequire } from 'node:module';
import type * as DataChannelLibrary from 'node-datachannel';

export type NativePeer = DataChannelLibrary.PeerConnection;
export type NativeChannel = DataChannelLibrary.DataChannel;
export type NativeConfig = DataChannelLibrary.RtcConfig;

/** Longest wait for connections to report that they are closed, in ms; a dead peer would need 30 s. */
const CLOSING_LIMIT = 3_000;

let library: typeof DataChannelLibrary | undefined;
let used = false;
let connectors = 0;
/**
 * Connections that have not reported their end. They are held here because the library closes what is
 * collected as garbage.
 */
const open = new Set<NativePeer>();
const waiting = new Set<() => void>();

/**
 * The library, loaded at first use: TCP alone must not pay for it, nor fail where no binary fits the machine.
 * @throws whatever loading it throws.
 */
function load(): typeof DataChannelLibrary {
  library ??= createRequire(import.meta.url)('node-datachannel') as typeof DataChannelLibrary;
  return library;
}

/** Counts a connector, so that the library is shut down with the last one. */
export function retain(): void {
  connectors++;
}

/**
 * @throws when the library cannot be loaded or refuses the configuration.
 */
export function createPeer(config: NativeConfig): NativePeer {
  const { PeerConnection } = load();
  const peer = new PeerConnection('freshet', config);
  used = true;
  open.add(peer);
  return peer;
}

/** To be called when `peer` has reported the state `closed`. */
export function peerClosed(peer: NativePeer): void {
  if (open.delete(peer) && open.size === 0) {
    for (const resolve of waiting) resolve();
    waiting.clear();
  }
}

/**
 * Gives a connector back. With the last one the library's threads are ended, without which the process would
 * never exit by itself. All connections of the connector must have been told to close.
 */
export async function release(): Promise<void> {
  connectors--;
  if (connectors > 0 || !used) return;
  if (open.size > 0) {
    await new Promise<void>((resolve) => {
      waiting.add(resolve);
      setTimeout(resolve, CLOSING_LIMIT).unref();
    });
  }
  // The callbacks that reported the end are still on the stack.
  await new Promise<void>((resolve) => setImmediate(resolve));
  if (connectors > 0 || !used) return;
  used = false;
  open.clear();
  try {
    library?.cleanup();
  } catch {
    // A connection that does not end in time. The process has to be ended by its owner then.
  }
}
