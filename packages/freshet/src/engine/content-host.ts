import type { Info, InfoHash } from '../protocol/index.ts';
import type { ContentEvents, ContentOptions, TorrentContent } from './content.ts';
import type { PieceStore } from './pieces/piece-store.ts';
import type { PieceStoreEvents } from './pieces/piece-store-options.ts';
import type { GivesWay, Scheduler, UrgentPiece } from './pieces/scheduler.ts';
import type { Clock, HttpClient, Random } from './ports.ts';
import type { RateLimiter } from './rate-limiter.ts';
import type { OriginLimits } from './sources/origin-limits.ts';
import type { WebSeedHost } from './sources/web-seed-host.ts';
import type { WebSeedPolicy } from './sources/web-seed-policy.ts';
import type { LayoutFile } from './storage/layout.ts';
import type { StreamingHost } from './streaming/streaming.ts';

/**
 * What the parts of a content ask of each other and tell the torrent. One object with methods for all of them: a client
 * may have ten thousand torrents, and a hundred functions for each would be most of what an idle one takes.
 */
export class ContentHost implements PieceStoreEvents, StreamingHost, WebSeedHost {
  readonly #content: TorrentContent;
  readonly #options: ContentOptions;
  readonly #events: ContentEvents;

  constructor(content: TorrentContent, options: ContentOptions, events: ContentEvents) {
    this.#content = content;
    this.#options = options;
    this.#events = events;
  }

  get info(): Info {
    return this.#options.info;
  }

  get infoHash(): InfoHash {
    return this.#options.infoHash;
  }

  get store(): PieceStore {
    return this.#content.store;
  }

  get scheduler(): Scheduler {
    return this.#content.scheduler;
  }

  get clock(): Clock {
    return this.#options.ports.clock;
  }

  get random(): Random {
    return this.#options.ports.random;
  }

  get http(): HttpClient {
    return this.#options.ports.http;
  }

  now(): number {
    return this.#options.ports.clock.now();
  }

  // What the piece store tells

  onVerified(piece: number, leaves?: Uint8Array): void {
    const { merkle, twins } = this.#content;
    merkle?.onVerified(piece, leaves);
    this.#events.onVerified(piece);
    twins?.onVerified(piece);
  }

  onStored(piece: number): void {
    this.#events.onStored(piece);
  }

  onHashFailed(piece: number, received: number): void {
    this.#events.onHashFailed(piece, received);
  }

  onWriteError(error: Error): void {
    this.#events.onWriteError(error);
  }

  onRoom(): void {
    this.#events.onRoom();
    this.#content.twins?.run();
  }

  onBegun(): void {
    this.#events.onBegun?.();
  }

  onRightBlocks(piece: number): void {
    this.#content.streaming.onRightBlocks(piece);
  }

  onBlockRefused(piece: number, received: number): void {
    this.#events.onBlockRefused?.(piece, received);
  }

  onInconsistent(piece: number): void {
    this.#events.onInconsistent?.(piece);
  }

  seekLeaves(piece: number): boolean {
    return this.#content.merkle?.exchange.seekLeaves(piece) === true;
  }

  // What readers need

  get pieceLength(): number {
    return this.info.pieceLength;
  }

  get files(): readonly LayoutFile[] {
    return this.info.files;
  }

  get blockwise(): boolean {
    return this.info.hasV2;
  }

  isVerified(piece: number): boolean {
    return this.store.verified.get(piece);
  }

  readableFrom(piece: number, begin: number): number {
    return this.store.readableFrom(piece, begin);
  }

  isWanted(piece: number): boolean {
    return this.store.picker.priority(piece) > 0;
  }

  get sharesMemory(): boolean {
    return this.#content.disk.lend !== undefined;
  }

  readVerified(
    piece: number,
    begin: number,
    length: number,
    wake: () => void,
  ): Uint8Array[] | Error | undefined {
    const bytes = this.store.read(piece, begin, length, wake);
    if (bytes instanceof Error) this.#events.onReadError(piece, bytes);
    return bytes;
  }

  onUrgent(givesWay: GivesWay | undefined): void {
    this.#events.onUrgent(givesWay);
  }

  // What web seeds need

  get origins(): OriginLimits {
    return this.#options.webOrigins;
  }

  get downloadLimiter(): RateLimiter {
    return this.#options.downloadLimiter;
  }

  get maxConnections(): number {
    return this.#options.maxWebSeedConnections;
  }

  get policy(): WebSeedPolicy | undefined {
    return this.#options.webSeedPolicy;
  }

  urgent(): readonly UrgentPiece[] {
    return this.#content.streaming.urgent();
  }

  streaming(): boolean {
    return this.#content.streaming.active;
  }

  demand(): number {
    return this.#content.streaming.demand;
  }

  usefulPeers(): number {
    return this.#options.usefulPeers();
  }

  viewers(): number {
    return this.#options.viewers();
  }

  rivals(): number {
    return this.#options.rivals();
  }

  expectsPeers(): boolean {
    return this.#options.expectsPeers();
  }

  nextSourceId(): number {
    return this.#options.nextSourceId();
  }

  onReceived(bytes: number): void {
    this.#events.onReceived(bytes);
  }

  onWasted(bytes: number): void {
    this.#options.totals.wasted(bytes);
  }

  onWarning(error: Error): void {
    this.#events.onWarning(error);
  }
}
