import {
  type Bitfield,
  type BlockRequest,
  encodeCancel,
  encodeInterested,
  encodeNotInterested,
  encodeRequests,
} from '../../protocol/index.ts';
import type { Clock, Link } from '../ports.ts';
import type { RateShare } from '../rate-limiter.ts';
import type { Inbox } from './inbox.ts';
import type { Outbox } from './outbox.ts';
import type { Exchange, PeerOwner } from './peer-owner.ts';
import type { PeerTraffic } from './peer-traffic.ts';
import { ReadThrottle } from './read-throttle.ts';
import { type PipelineWire, RequestPipeline } from './request-pipeline.ts';

/** A peer that has taken so many bytes and given nothing for so many milliseconds snubs us (BEP 3: a minute). */
const SNUB_BYTES = 64 * 1024;
const SNUB_TIME = 60_000;

/** The connection, as its download sees it. */
export interface DownloadHost {
  readonly id: number;
  readonly link: Link;
  readonly clock: Clock;
  readonly inbox: Inbox;
  readonly outbox: Outbox;
  readonly traffic: PeerTraffic;
  /** Whose pieces they are; `undefined` until an incoming handshake has named them. */
  owner(): PeerOwner | undefined;
  /** Blocks were just asked for. */
  onRequested(requests: readonly BlockRequest[]): void;
  /** A wanted block came in. */
  onPayload(bytes: number): void;
  ban(reason: string): void;
  close(reason: string): void;
}

/**
 * What we take from one peer: whether we are interested, the requests in flight, its part in the download limit, and
 * when its link is read. The counterpart of the upload queue.
 */
export class PeerDownload implements PipelineWire {
  readonly id: number;
  readonly #host: DownloadHost;
  readonly #throttle: ReadThrottle;
  #pipeline: RequestPipeline | undefined;
  /** Its part in the download limit. */
  #limit: RateShare | undefined;
  #interested = false;
  /** Bytes of the peer are being read. */
  #inTurn = false;
  #closed = false;

  constructor(host: DownloadHost) {
    this.id = host.id;
    this.#host = host;
    // Nothing need be on its way that would lead to more requests.
    this.#throttle = new ReadThrottle(host.link, () => this.fill());
  }

  /** `undefined` while metadata or the check of stored data is missing. */
  get pipeline(): RequestPipeline | undefined {
    return this.#pipeline;
  }

  /** We are interested in what the peer has. */
  get interested(): boolean {
    return this.#interested;
  }

  /** The link is not read at the moment. */
  get paused(): boolean {
    return this.#throttle.paused;
  }

  /** Blocks are on their way. */
  get #expecting(): boolean {
    return this.#pipeline !== undefined && this.#pipeline.outstanding > 0;
  }

  /** Takes part in the torrent's download limit. */
  join(owner: PeerOwner): void {
    this.#limit ??= owner.downloadLimiter.share();
  }

  /** Metadata and stored pieces are known: blocks can be asked for. */
  adopt(exchange: Exchange): void {
    this.#pipeline = new RequestPipeline(this, exchange.store, exchange.scheduler);
    const { reqq } = this.#host.inbox.extensions;
    if (reqq !== undefined) this.#pipeline.window.setLimit(reqq);
  }

  /**
   * Reads bytes of the wire. What they lead to leaves together, and more is asked for when all of them are read. Returns
   * whether anything can have come of them.
   */
  read(chunk: Uint8Array): boolean {
    const { inbox, outbox, clock } = this.#host;
    outbox.cork();
    try {
      this.#inTurn = true;
      let news: boolean;
      try {
        news = inbox.push(chunk, clock.now());
      } finally {
        this.#inTurn = false;
      }
      if (news) this.fill();
      return news;
    } finally {
      outbox.uncork();
    }
  }

  /** Pauses the link while the limit is used up, or memory. */
  throttle(): void {
    if (this.#limit !== undefined) this.#throttle.apply(this.#limit, this.#expecting);
    const store = this.#host.owner()?.exchange?.store;
    if (store !== undefined) this.#throttle.hold(store);
  }

  /** Tells whether we want anything of the peer, and asks for it. */
  updateInterest(): void {
    const interested = this.#host.inbox.pieces.interesting;
    if (interested !== this.#interested) {
      this.#interested = interested;
      this.#host.outbox.send(interested ? encodeInterested() : encodeNotInterested());
    }
    this.fill();
  }

  /** Asks for as much as the peer should be asked for now. */
  fill(): void {
    if (this.#closed || this.#inTurn || !this.#interested) return;
    const { inbox, clock } = this.#host;
    const allowed = inbox.choking ? inbox.allowed : undefined;
    if (allowed?.size === 0) return;
    const pipeline = this.#pipeline;
    if (pipeline === undefined || this.#limit === undefined) return;
    this.#throttle.apply(this.#limit, this.#expecting);
    if (this.#throttle.waiting) return;
    pipeline.window.allow(this.#limit.limiter.fairRate);
    pipeline.fill(clock.now(), allowed);
  }

  /**
   * It takes from us and has given nothing for a minute, though it has what we want, and not for want of being asked:
   * it chokes us or leaves requests without an answer.
   * @param connectedAt since when it could have given anything, in clock milliseconds.
   */
  snubs(now: number, connectedAt: number): boolean {
    const { traffic, inbox } = this.#host;
    if (!this.#interested || traffic.unthanked < SNUB_BYTES) return false;
    if (now - (traffic.receivedAt ?? connectedAt) < SNUB_TIME) return false;
    return inbox.choking || this.#pipeline?.window.snubbed === true;
  }

  /** Once a second. */
  tick(now: number): void {
    // What a peer is not let say is no silence of its own.
    if (this.#throttle.paused) this.#pipeline?.excuse(now);
    const rate = this.#host.traffic.downloaded.rate(now);
    this.#pipeline?.tick(now, rate, this.#host.owner()?.streaming === true);
    this.fill();
  }

  close(): void {
    this.#closed = true;
    this.#pipeline?.close();
    this.#throttle.close();
  }

  /** Bytes came that count in the download limit. */
  count(bytes: number): void {
    this.#limit?.take(bytes);
  }

  // What the pipeline asks for

  get have(): Bitfield | undefined {
    return this.#host.inbox.pieces.have;
  }

  get isOrigin(): boolean {
    return this.#host.inbox.extensions.isOrigin;
  }

  suggestion(isAsGood: (piece: number) => boolean): number {
    return this.#host.inbox.suggested.take(isAsGood);
  }

  together(action: () => void): void {
    this.#host.outbox.together(action);
  }

  sendRequests(requests: readonly BlockRequest[]): void {
    this.#host.outbox.send(encodeRequests(requests));
    this.#host.onRequested(requests);
  }

  sendCancel(piece: number, begin: number, length: number): void {
    this.#host.outbox.send(encodeCancel(piece, begin, length));
  }

  discardPayload(): void {
    this.#host.inbox.discardPayload();
  }

  onPayload(bytes: number): void {
    const { traffic, inbox } = this.#host;
    traffic.onReceived(bytes, inbox.lastReceived);
    this.count(bytes);
    this.#host.onPayload(bytes);
  }

  onWaste(bytes: number): void {
    const { traffic } = this.#host;
    traffic.onWasted(bytes);
    this.count(bytes);
    this.#host.owner()?.onWasted(bytes);
    if (traffic.isFlood) this.#host.close('the peer sends data that nobody asked for');
  }

  ban(reason: string): void {
    this.#host.ban(reason);
  }
}
