/** The second floor's right wing: ports and helpers for a page. */

export * from './blob-files.ts';
export * from './file-server.ts';
export * from './platform.ts';
export { localPipe, type Port, portOf } from './port.ts';
export * from './register.ts';
export { DEFAULT_ICE_SERVERS, RtcPeers, type RtcPeersOptions } from './rtc-peers.ts';
export * from './storage.ts';
export { createBrowserRtc } from './webrtc.ts';
