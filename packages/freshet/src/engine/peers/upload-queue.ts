import { type BlockRequest, encodePieceHeader } from '../../protocol/index.ts';
import type { PieceStore } from '../pieces/piece-store.ts';
import type { Link } from '../ports.ts';
import type { RateLimiter, RateShare } from '../rate-limiter.ts';

/** Requests kept for a peer: what we announce as `reqq`. */
export const UPLOAD_QUEUE_LENGTH = 1024;
/** Longest block anyone may ask for (BEP 3 practice). */
const MAX_REQUEST = 128 * 1024;
/** Requests looked ahead when reading from disk: about a megabyte. */
const PREFETCH = 64;
/** The queue is scanned again when so many of them are left: what touches is read at once, so not one by one. */
const PREFETCH_AGAIN = 32;

const ZEROS = new Uint8Array(MAX_REQUEST);

/** What the queue asks of its connection. */
export interface UploadWire {
  readonly link: Link;
  sendReject(request: BlockRequest): void;
  /** @param piece the last one that bytes were handed to the link of. */
  onUploaded(bytes: number, piece: number): void;
  /** The disk could not give what it was trusted to hold. */
  onReadError(piece: number, error: Error): void;
}

/**
 * What one peer asked for and has not got. Blocks leave as fast as the link takes them and the limit allows; a
 * slow reader fills its own queue only.
 */
export class UploadQueue {
  readonly #wire: UploadWire;
  readonly #store: PieceStore;
  readonly #limit: RateShare;
  #queue: BlockRequest[] = [];
  #head = 0;
  /** A disk read is under way for the first request. */
  #reading = false;
  /** Requests from the head on whose bytes are read or being read. */
  #ahead = 0;
  #closed = false;
  readonly #onRead = (): void => {
    this.#reading = false;
    this.pump();
  };
  readonly #onLimit = (): void => this.pump();

  constructor(wire: UploadWire, store: PieceStore, limiter: RateLimiter) {
    this.#wire = wire;
    this.#store = store;
    this.#limit = limiter.share();
  }

  get length(): number {
    return this.#queue.length - this.#head;
  }

  /** A request came in while the peer is unchoked. It is rejected when we lack the piece or the queue is full. */
  add(request: BlockRequest): void {
    const { piece, begin, length } = request;
    const valid =
      length > 0 &&
      length <= MAX_REQUEST &&
      this.#store.verified.get(piece) &&
      begin + length <= this.#endOf(piece);
    if (!valid || this.length >= UPLOAD_QUEUE_LENGTH) {
      this.#wire.sendReject(request);
      return;
    }
    this.#queue.push(request);
  }

  cancel(request: BlockRequest): void {
    for (let i = this.#head; i < this.#queue.length; i++) {
      const queued = this.#queue[i]!;
      if (
        queued.piece === request.piece &&
        queued.begin === request.begin &&
        queued.length === request.length
      ) {
        this.#queue.splice(i, 1);
        if (i < this.#head + this.#ahead) this.#ahead--;
        this.#wire.sendReject(request);
        return;
      }
    }
  }

  /** Rejects all that is queued, as after a choke (BEP 6). */
  clear(): void {
    const queue = this.#queue.slice(this.#head);
    this.#queue = [];
    this.#head = 0;
    this.#ahead = 0;
    this.#limit.forget();
    for (const request of queue) this.#wire.sendReject(request);
  }

  close(): void {
    this.#closed = true;
    this.#queue = [];
    this.#head = 0;
    this.#ahead = 0;
    this.#limit.forget();
  }

  /** Sends what can be sent now. */
  pump(): void {
    // Until the link is above its high water: only then does it tell when it has drained.
    while (!this.#closed && !this.#reading && this.#head < this.#queue.length && this.#sendBatch());
  }

  /** Hands the link one batch. Returns whether it may take more. */
  #sendBatch(): boolean {
    const { link } = this.#wire;
    const parts: Uint8Array[] = [];
    let bytes = 0;
    let last = -1;
    while (this.#head < this.#queue.length) {
      if (link.queuedBytes + bytes > link.highWater) break;
      if (!this.#limit.open) {
        this.#limit.wait(this.#onLimit);
        break;
      }
      const request = this.#queue[this.#head]!;
      const { piece, begin, length } = request;
      if (!this.#store.verified.get(piece)) {
        this.#advance();
        this.#wire.sendReject(request);
        continue;
      }
      this.#prefetch();
      const stored = this.#storedLength(request);
      const views = stored === 0 ? [] : this.#store.read(piece, begin, stored, this.#onRead);
      if (views === undefined) {
        this.#reading = true;
        break;
      }
      this.#advance();
      if (views instanceof Error) {
        this.#wire.sendReject(request);
        this.#wire.onReadError(piece, views);
        continue;
      }
      parts.push(encodePieceHeader(piece, begin, length), ...views);
      if (stored < length) parts.push(ZEROS.subarray(0, length - stored));
      bytes += length;
      last = piece;
      this.#limit.take(length);
    }
    if (this.#head > 256 && this.#head * 2 > this.#queue.length) {
      this.#queue = this.#queue.slice(this.#head);
      this.#head = 0;
    }
    // A disk fault may have ended the connection meanwhile.
    if (parts.length === 0 || this.#closed) return false;
    link.send(parts);
    this.#wire.onUploaded(bytes, last);
    return true;
  }

  /** Where requests of the piece must end. With v2 libtorrent asks for all of the last one too, as if it were padded. */
  #endOf(piece: number): number {
    const { info } = this.#store;
    return info.hasV2 ? info.pieceLength : this.#store.pieceLength(piece);
  }

  /** Bytes of the request that lie in the torrent; behind them are zeros. */
  #storedLength({ piece, begin, length }: BlockRequest): number {
    return Math.max(0, Math.min(length, this.#store.pieceLength(piece) - begin));
  }

  #advance(): void {
    this.#head++;
    if (this.#ahead > 0) this.#ahead--;
  }

  #prefetch(): void {
    const queued = this.#queue.length - this.#head;
    if (this.#ahead >= PREFETCH_AGAIN || this.#ahead === queued) return;
    const until = Math.min(queued, PREFETCH);
    for (let i = this.#ahead; i < until; i++) {
      const request = this.#queue[this.#head + i]!;
      const { piece, begin } = request;
      const stored = this.#storedLength(request);
      if (stored > 0 && this.#store.verified.get(piece)) this.#store.prefetch(piece, begin, stored);
    }
    this.#ahead = until;
  }
}
