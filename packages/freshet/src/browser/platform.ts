/** All ports of a page, put together. */

import type { Ports } from '../engine/ports.ts';
import { browserClock } from './clock.ts';
import { createBrowserHasher } from './hasher.ts';
import { browserHttp } from './http.ts';
import { browserRandom } from './random.ts';
import { browserSockets } from './sockets.ts';
import { type BrowserRtcOptions, createBrowserRtc } from './webrtc.ts';

export interface BrowserPortsOptions extends BrowserRtcOptions {
  /** Connect to peers by WebRTC. Default: where the browser has it, which is on pages and not in workers. */
  readonly webrtc?: boolean | undefined;
}

export function createBrowserPorts(options: BrowserPortsOptions = {}): Ports & { close(): void } {
  const hasRtc = typeof RTCPeerConnection !== 'undefined';
  const rtc = hasRtc && options.webrtc !== false ? createBrowserRtc(options) : undefined;
  return {
    clock: browserClock,
    random: browserRandom,
    hasher: createBrowserHasher(),
    http: browserHttp,
    sockets: browserSockets,
    rtc,
    // Connections and sockets belong to those who opened them; only this listens beyond them.
    close: () => rtc?.close(),
  };
}
