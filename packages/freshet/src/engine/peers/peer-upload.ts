import { type BlockRequest, encodeChoke, encodeReject, encodeUnchoke } from '../../protocol/index.ts';
import type { Clock, Link } from '../ports.ts';
import type { Outbox } from './outbox.ts';
import type { Exchange, PeerOwner } from './peer-owner.ts';
import type { PeerTraffic } from './peer-traffic.ts';
import { UploadQueue, type UploadWire } from './upload-queue.ts';

/** The connection, as its upload sees it. */
export interface UploadHost {
  readonly link: Link;
  readonly clock: Clock;
  readonly outbox: Outbox;
  readonly traffic: PeerTraffic;
  readonly connectedAt: number;
  /** Both sides speak the fast extension (BEP 6): each request is answered. */
  readonly fast: boolean;
  /** The peer was unchoked just now; what is said to it leaves together with that. */
  onUnchoked(): void;
  onUploaded(bytes: number, piece: number): void;
  onReadError(piece: number, error: Error): void;
}

/** What one peer takes from us: whether we choke it, and what it has asked for. The counterpart of the download. */
export class PeerUpload implements UploadWire {
  readonly link: Link;
  readonly #host: UploadHost;
  #choking = true;
  #chokeChangedAt: number;
  #queue: UploadQueue | undefined;

  constructor(host: UploadHost) {
    this.link = host.link;
    this.#host = host;
    this.#chokeChangedAt = host.connectedAt;
  }

  /** We choke the peer. */
  get choking(): boolean {
    return this.#choking;
  }

  /** When it was last unchoked or choked, in clock milliseconds. */
  get chokeChangedAt(): number {
    return this.#chokeChangedAt;
  }

  /** `undefined` while metadata or the check of stored data is missing. */
  get queue(): UploadQueue | undefined {
    return this.#queue;
  }

  /** Metadata and stored pieces are known: requests can be answered. */
  adopt(exchange: Exchange, owner: PeerOwner): void {
    this.#queue = new UploadQueue(this, exchange.store, owner.uploadLimiter);
  }

  choke(now: number): void {
    if (this.#choking) return;
    this.#choking = true;
    this.#chokeChangedAt = now;
    const { outbox } = this.#host;
    outbox.together(() => {
      outbox.send(encodeChoke());
      this.#queue?.clear();
    });
  }

  unchoke(now: number): void {
    if (!this.#choking) return;
    this.#choking = false;
    this.#chokeChangedAt = now;
    const { outbox, traffic } = this.#host;
    traffic.onUnchoked();
    outbox.together(() => {
      outbox.send(encodeUnchoke());
      this.#host.onUnchoked();
    });
  }

  /** Sends what the link and the limit allow. */
  pump(): void {
    this.#queue?.pump();
  }

  close(): void {
    this.#queue?.close();
  }

  // What the queue asks for

  sendReject({ piece, begin, length }: BlockRequest): void {
    if (this.#host.fast) this.#host.outbox.send(encodeReject(piece, begin, length));
  }

  onUploaded(bytes: number, piece: number): void {
    const { outbox, traffic, clock } = this.#host;
    outbox.lastSent = clock.now();
    traffic.onSent(bytes, outbox.lastSent);
    this.#host.onUploaded(bytes, piece);
  }

  onReadError(piece: number, error: Error): void {
    this.#host.onReadError(piece, error);
  }
}
