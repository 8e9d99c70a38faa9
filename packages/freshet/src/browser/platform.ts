/** All ports of an engine in the browser, put together. */

import type { Ports } from '../engine/ports.ts';
import { browserClock } from './clock.ts';
import { createBrowserHasher } from './hasher.ts';
import { browserHttp } from './http.ts';
import type { Port } from './port.ts';
import { browserRandom } from './random.ts';
import { browserSockets } from './sockets.ts';
import { createBrowserRtc } from './webrtc.ts';

/** @param rtc leads to the `RtcPeers` of a page; absent for no WebRTC. */
export function createBrowserPorts(rtc: Port | undefined): Ports {
  return {
    clock: browserClock,
    random: browserRandom,
    hasher: createBrowserHasher(),
    http: browserHttp,
    sockets: browserSockets,
    rtc: rtc && createBrowserRtc(rtc),
  };
}
