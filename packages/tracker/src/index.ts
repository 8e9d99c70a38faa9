/** A BitTorrent tracker for browsers (WebSocket) and classic clients (HTTP). */

export type { TrustProxy } from './address.ts';
export type {
  AddressAnnounce,
  AddressPeer,
  AddressPeers,
  AddressReply,
  ScrapeReply,
} from './address-announce.ts';
export { TrackerCore } from './core.ts';
export { TrackerError, type TrackerErrorCode } from './errors.ts';
export { answerAnnounce, answerScrape } from './http-answers.ts';
export {
  KeepAlive,
  type KeepAliveEntry,
  type KeepAliveLimits,
  type PingableSocket,
} from './keep-alive.ts';
export {
  DEFAULT_INTERVAL,
  DEFAULT_LIMITS,
  type FilterVerdict,
  type InfoHashFilter,
  type TrackerCoreOptions,
  type TrackerLimits,
} from './options.ts';
export { DEFAULT_SOCKET_LIMITS, type SocketLimits } from './sockets.ts';
export type { Counters, PopulationStats, TrackerStats } from './stats.ts';
export {
  type AddResult,
  type SwarmCounts,
  type SwarmMember,
  SwarmStore,
  type SwarmStoreOptions,
} from './swarm-store.ts';
export {
  type AttachOptions,
  createTracker,
  type Tracker,
  type TrackerAddress,
  type TrackerOptions,
} from './tracker.ts';
export type { RelayedOffer, TrackerConnection, WebRtcPeer, WebSocketSession } from './websocket-session.ts';
