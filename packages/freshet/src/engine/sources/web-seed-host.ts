import type { Info, InfoHash } from '../../protocol/index.ts';
import type { BlockSource } from '../pieces/block-source.ts';
import type { PieceStore } from '../pieces/piece-store.ts';
import type { Scheduler, UrgentPiece } from '../pieces/scheduler.ts';
import type { Clock, HttpClient, HttpExchange, Random } from '../ports.ts';
import type { RateLimiter } from '../rate-limiter.ts';
import type { OriginLimits } from './origin-limits.ts';
import type { Resource, SeedLayout } from './seed-layout.ts';
import type { WebSeedPolicy } from './web-seed-policy.ts';
import type { Asked, RunFailure } from './web-seed-response.ts';
import type { WebSeedRun } from './web-seed-run.ts';

/** What the web seeds of a torrent need of it. */
export interface WebSeedHost {
  readonly info: Info;
  /** The 20 bytes that the torrent goes by. */
  readonly infoHash: InfoHash;
  readonly store: PieceStore;
  readonly scheduler: Scheduler;
  readonly clock: Clock;
  readonly random: Random;
  readonly http: HttpClient;
  readonly downloadLimiter: RateLimiter;
  /** Connections to each server, over all torrents. */
  readonly origins: OriginLimits;
  /** Connections per web seed address at a time. */
  readonly maxConnections: number;
  /** What is absent is the default. */
  readonly policy?: WebSeedPolicy | undefined;
  /** The missing pieces with a deadline, earliest first. */
  urgent(): readonly UrgentPiece[];
  /** Somebody watches. */
  streaming(): boolean;
  /** Bytes per second that readers still need; 0 when they have all. */
  demand(): number;
  /** Connected peers that would send something now. */
  usefulPeers(): number;
  /** Connected peers that want what we want. */
  rivals(): number;
  /** About how many want what we want, in the whole swarm, this one included. */
  viewers(): number;
  /** The trackers have only just been asked: peers that would send something may be about to come. */
  expectsPeers(): boolean;
  nextSourceId(): number;
  onReceived(bytes: number): void;
  onWasted(bytes: number): void;
  onWarning(error: Error): void;
}

/** What a run needs of its web seed. */
export interface RunOwner {
  readonly source: BlockSource;
  readonly layout: SeedLayout;
  /** What to ask for these bytes of a resource now. */
  ask(resource: Resource, first: number, last: number): Asked;
  /** Most bytes of an answer that may be thrown away now. */
  allowance(): number;
  /** The address that answered. @param skip bytes that are thrown away of what it sends. */
  onAnswer(asked: Asked, answered: string, latency: number, skip: number): void;
  /** The server sends whole files whatever is asked for. */
  onNoRanges(): void;
  onBytes(bytes: number, thrownAway: number): void;
  /** The run has ended: all is there, nothing of it is needed any more, or it failed. */
  onEnded(run: WebSeedRun, failure: RunFailure | undefined): void;
  /** Time to look what comes next; not called from within the store. */
  changed(): void;
  changedLater(): void;
  /** A body whose last byte is there: its connection is reusable once the end has been seen. */
  linger(exchange: HttpExchange): void;
  lingered(exchange: HttpExchange): void;
  /** Whether all files of the piece can be had here. */
  canTake(piece: number): boolean;
  /** Bytes before its end at which a run should tell that it is nearly through. */
  readonly lead: number;
  /** Bytes per second lately. */
  readonly rate: number;
}
