/** First floor: what to do next. State machines over ports. */

export * from './discovery/index.ts';
export * from './engine.ts';
export { hashesOfInfo } from './metadata-hashes.ts';
export type { UrgentPiece } from './pieces/scheduler.ts';
export * from './ports.ts';
export type { Goal, Goals, QueueLimits } from './queue/queue-policy.ts';
export type { TorrentQueueOptions } from './queue/torrent-queue.ts';
export { type SharedState, sharedDraw } from './sources/shared-fetching.ts';
export type { WebSeedPolicy } from './sources/web-seed-policy.ts';
export * from './storage/index.ts';
export { ReaderError, type ReaderErrorCode } from './streaming/reader.ts';
export { Torrent } from './torrent.ts';
export * from './torrent-types.ts';
