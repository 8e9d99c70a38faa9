/** The second floor's right wing: ports and helpers for a page. */

export * from './blob-files.ts';
export * from './file-server.ts';
export * from './platform.ts';
export * from './register.ts';
export * from './storage.ts';
export { createBrowserRtc, DEFAULT_ICE_SERVERS } from './webrtc.ts';
