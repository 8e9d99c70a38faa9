import type { Info } from '../../protocol/index.ts';
import type { PieceStore } from '../pieces/piece-store.ts';
import type { Scheduler, UrgentPiece } from '../pieces/scheduler.ts';
import type { Clock, HttpClient, Random } from '../ports.ts';
import type { RateLimiter } from '../rate-limiter.ts';

/** What the web seeds of a torrent need of it. */
export interface WebSeedHost {
  readonly info: Info;
  readonly store: PieceStore;
  readonly scheduler: Scheduler;
  readonly clock: Clock;
  readonly random: Random;
  readonly http: HttpClient;
  readonly downloadLimiter: RateLimiter;
  /** Connections per web seed address at a time. */
  readonly maxConnections: number;
  /** The missing pieces with a deadline, earliest first. */
  urgent(): readonly UrgentPiece[];
  /** Somebody watches. */
  streaming(): boolean;
  /** Connected peers that would send something now. */
  usefulPeers(): number;
  /** The trackers have only just been asked: peers that would send something may be about to come. */
  expectsPeers(): boolean;
  nextSourceId(): number;
  onReceived(bytes: number): void;
  onWasted(bytes: number): void;
  onWarning(error: Error): void;
}
