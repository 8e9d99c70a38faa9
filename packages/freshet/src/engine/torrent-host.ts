import type { PeerId } from '../protocol/index.ts';
import type { OfferBudget, OpenHttpTracker, TrackerSockets } from './discovery/index.ts';
import type { FileWatcher } from './file-watcher.ts';
import type { ConnectionBudget } from './peers/connection-budget.ts';
import type { BufferPool } from './pieces/buffer-pool.ts';
import type { ReadCache } from './pieces/read-cache.ts';
import type { Clock, Ports } from './ports.ts';
import type { TorrentQueue } from './queue/torrent-queue.ts';
import type { RateLimiter } from './rate-limiter.ts';
import type { RateMeter } from './rate-meter.ts';
import type { OriginLimits } from './sources/origin-limits.ts';
import type { CheckQueue } from './storage/check-queue.ts';
import type { DiskPipeline } from './storage/disk-pipeline.ts';
import type { Torrent } from './torrent.ts';

/** What all torrents of an engine share. */
export interface TorrentHost {
  readonly ports: Ports;
  readonly peerId: PeerId;
  readonly clientName: string;
  readonly origin: boolean;
  readonly maxPeersPerTorrent: number;
  readonly budget: ConnectionBudget;
  readonly pool: BufferPool;
  readonly cache: ReadCache;
  readonly watcher: FileWatcher;
  readonly webOrigins: OriginLimits;
  readonly uploadLimiter: RateLimiter;
  readonly downloadLimiter: RateLimiter;
  readonly trackerSockets: TrackerSockets;
  readonly offers: OfferBudget | undefined;
  /** For timers of minutes, of which an idle torrent has one. */
  readonly slowClock: Clock;
  readonly openHttpTracker: OpenHttpTracker | undefined;
  readonly queue: TorrentQueue;
  readonly disks: DiskPipeline;
  readonly checks: CheckQueue;
  readonly downloadMeter: RateMeter;
  readonly uploadMeter: RateMeter;
  readonly port: number | undefined;
  nextSourceId(): number;
  /** The torrent's metadata has told of another hash that it goes by. */
  onHashes(torrent: Torrent): void;
  onClosed(torrent: Torrent): void;
}
