/** All ports of a page, put together. */

import type { Ports } from '../engine/ports.ts';
import { browserClock } from './clock.ts';
import { createBrowserHasher } from './hasher.ts';
import { browserHttp } from './http.ts';
import { localPipe } from './port.ts';
import { browserRandom } from './random.ts';
import { RtcPeers, type RtcPeersOptions } from './rtc-peers.ts';
import { browserSockets } from './sockets.ts';
import { createBrowserRtc } from './webrtc.ts';

export interface BrowserPortsOptions extends RtcPeersOptions {
  /** Connect to peers by WebRTC. Default: where the browser has it, which is on pages and not in workers. */
  readonly webrtc?: boolean | undefined;
}

export function createBrowserPorts(options: BrowserPortsOptions = {}): Ports & { close(): void } {
  const hasRtc = typeof RTCPeerConnection !== 'undefined';
  const [toPage, toEngine] = localPipe();
  const peers = hasRtc && options.webrtc !== false ? new RtcPeers(toEngine, options) : undefined;
  return {
    clock: browserClock,
    random: browserRandom,
    hasher: createBrowserHasher(),
    http: browserHttp,
    sockets: browserSockets,
    rtc: peers && createBrowserRtc(toPage),
    close: () => peers?.close(),
  };
}
