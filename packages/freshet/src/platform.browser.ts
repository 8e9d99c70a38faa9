/** What sessions and clients need of a page. */

import { ArgumentError, type ClientPlatform, type TrackerOptions, WebReadStream } from './api/index.ts';
import { deliverFile } from './file-delivery.browser.ts';
import { PageFileServer } from './file-server.browser.ts';
import { PageSession } from './page-session.browser.ts';

const hasWebRtc = typeof RTCPeerConnection !== 'undefined';

export const browserPlatform: ClientPlatform = {
  webrtc: hasWebRtc,
  openSession: ({ webrtc, worker, shared, ...settings }, tracker) =>
    new PageSession({
      settings,
      worker,
      shared: shared !== false,
      rtc: hasWebRtc && webrtc !== false ? { iceServers: iceServersOf(tracker) } : undefined,
    }),
  // Absent on pages of http:.
  storageAccount: globalThis.navigator?.storage,
  createReadStream: (iterator) => new WebReadStream(iterator),
  createServer: (client, options, force) => {
    if (force === 'node') throw new ArgumentError('A server of the kind "node" needs Node.');
    return new PageFileServer(client, options);
  },
  streamTo: deliverFile,
};

function iceServersOf({ rtcConfig }: TrackerOptions): readonly RTCIceServer[] | undefined {
  return (rtcConfig as RTCConfiguration | undefined)?.iceServers;
}
