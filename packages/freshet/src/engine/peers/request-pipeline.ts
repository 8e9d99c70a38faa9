import { type Bitfield, BLOCK_LENGTH, type BlockRequest } from '../../protocol/index.ts';
import { type PartialPiece, RECEIVED } from '../pieces/partial-piece.ts';
import type { PieceStore } from '../pieces/piece-store.ts';
import type { GivesWay, RequestTarget, Scheduler } from '../pieces/scheduler.ts';
import { RequestWindow } from './request-window.ts';
import { SpareWindow } from './spare-window.ts';

interface PendingRequest {
  readonly partial: PartialPiece;
  readonly block: number;
  readonly sentAt: number;
  /** Given to others because it took too long; what still comes is welcome. */
  abandoned: boolean;
  /** Answers that are still to come to earlier requests for the same block, given up before this one was made. */
  owed: number;
}

/** A block whose payload is arriving. */
interface Arrival {
  readonly request: PendingRequest;
  /** Where it goes while another peer's payload has the place in the piece; `undefined` when it goes there itself. */
  readonly aside: Uint8Array | undefined;
  /** Bytes of it so far. */
  arrived: number;
}

/** What the pipeline asks of its connection. */
export interface PipelineWire {
  readonly id: number;
  /** The pieces that the peer has; `undefined` when it has all. */
  readonly have: Bitfield | undefined;
  readonly isOrigin: boolean;
  /** The latest piece that the peer suggests (BEP 6) of those that are as good as another; -1 when there is none. */
  suggestion(isAsGood: (piece: number) => boolean): number;
  /** Runs `action`; what it sends leaves as one write. */
  together(action: () => void): void;
  sendRequests(requests: readonly BlockRequest[]): void;
  sendCancel(piece: number, begin: number, length: number): void;
  /** Skips the rest of the payload that is arriving. */
  discardPayload(): void;
  /** A wanted block came in. */
  onPayload(bytes: number): void;
  /** Payload came that nobody wants. */
  onWaste(bytes: number): void;
  ban(reason: string): void;
}

/** A request is answered within mean + 4 deviations of the peer's own times, in these bounds (milliseconds). */
const MIN_TIMEOUT = 2000;
const MAX_TIMEOUT = 60_000;
const FIRST_TIMEOUT = 10_000;
/** Bytes per second that a block must arrive at to count as progress: a byte now and then would hold what we wait for. */
const MIN_RATE = 1024;
/** A queue that empties within this many milliseconds is not worth cancelling. */
const WORTH_CANCELLING = 100;
/** A peer that rejects this many requests in a row is left alone for so many milliseconds. */
const MAX_REJECTS = 16;
const REJECT_REST = 10_000;

/** The requests in flight to one peer, from the scheduler's choice to the block in its place. */
export class RequestPipeline implements RequestTarget {
  readonly window: RequestWindow = new RequestWindow();
  readonly #spare = new SpareWindow();
  currentPiece = -1;
  barrenSince = -1;
  helpedAt: number = Number.NEGATIVE_INFINITY;
  rescuedAt: number = Number.NEGATIVE_INFINITY;
  readonly #wire: PipelineWire;
  readonly #store: PieceStore;
  readonly #scheduler: Scheduler;
  readonly #blocksPerPiece: number;
  readonly #pending = new Map<number, PendingRequest>();
  #abandoned = 0;
  /** The request by which a snubbed peer may show that it sends again. Others may be asked for the block all the same. */
  #probe: PendingRequest | undefined;
  readonly #batch: BlockRequest[] = [];
  #arrival: Arrival | undefined;
  #aside: Uint8Array | undefined;
  #meanTime = 0;
  #deviation = 0;
  /** Until when what has come is progress enough. */
  #lastProgress = 0;
  #rejects = 0;
  /** No requests before this time, in clock milliseconds. */
  #restUntil = Number.NEGATIVE_INFINITY;
  /** Time of the current turn, so that the clock is not asked for each block. */
  #now = 0;
  rate = 0;

  constructor(wire: PipelineWire, store: PieceStore, scheduler: Scheduler) {
    this.#wire = wire;
    this.#store = store;
    this.#scheduler = scheduler;
    this.#blocksPerPiece = Math.ceil(store.info.pieceLength / BLOCK_LENGTH);
    store.addSource(this);
  }

  get id(): number {
    return this.#wire.id;
  }

  get costly(): boolean {
    return this.#wire.isOrigin;
  }

  /** Requests that the peer is expected to answer. */
  get outstanding(): number {
    return this.#pending.size - this.#abandoned + (this.#probe === undefined ? 0 : 1);
  }

  get queueTime(): number {
    if (this.rate <= 0) return this.outstanding === 0 ? 0 : this.#meanTime || 1000;
    return ((this.outstanding + 1) * BLOCK_LENGTH * 1000) / this.rate;
  }

  spare(now: number): number {
    return this.#spare.room(now, this.outstanding, Number.isFinite(this.window.minRoundTrip));
  }

  get have(): Bitfield | undefined {
    return this.#wire.have;
  }

  suggestion(isAsGood: (piece: number) => boolean): number {
    return this.#wire.suggestion(isAsGood);
  }

  isRequesting(piece: number, block: number): boolean {
    return this.#pending.has(this.#key(piece, block));
  }

  request(partial: PartialPiece, block: number): void {
    const key = this.#key(partial.index, block);
    const earlier = this.#pending.get(key);
    if (earlier?.abandoned) this.#abandoned--;
    const owed = earlier === undefined ? 0 : earlier.owed + 1;
    const request = { partial, block, sentAt: this.#now, abandoned: false, owed };
    this.#pending.set(key, request);
    if (this.window.snubbed) {
      this.#abandon(request);
      this.#probe = request;
    }
    this.#batch.push({
      piece: partial.index,
      begin: block * BLOCK_LENGTH,
      length: partial.blockLength(block),
    });
  }

  /** Fills the window. @param only pieces to keep to, as with a peer that chokes us (BEP 6). */
  fill(now: number, only?: Iterable<number>): void {
    if (now < this.#restUntil) return;
    this.#now = now;
    if (this.#scheduler.streaming) this.window.beCareful();
    const before = this.outstanding;
    const room = this.window.size - before;
    // Refill in runs of an eighth of the window: one message each, and never near empty.
    if (room <= 0 || (room < this.window.size >> 3 && before > 0)) return;
    if (only === undefined) this.#scheduler.assign(this, room, now);
    else this.#scheduler.assignFrom(this, only, room, now);
    if (this.#batch.length === 0) return;
    if (before === 0) this.#lastProgress = now;
    this.#wire.sendRequests(this.#batch);
    this.#batch.length = 0;
  }

  onBlockStart(piece: number, begin: number, length: number, now: number): Uint8Array | undefined {
    this.#now = now;
    this.#arrival = undefined;
    const request = this.#find(piece, begin);
    if (request === undefined) return undefined;
    const { partial, block } = request;
    if (partial.blockLength(block) !== length) return undefined;
    this.#lastProgress = now;
    if (partial.state(block) === RECEIVED) return undefined;
    const place = partial.claim(block, this.id);
    if (place === undefined) this.#aside ??= new Uint8Array(BLOCK_LENGTH);
    const aside = place === undefined ? this.#aside : undefined;
    this.#arrival = { request, aside, arrived: 0 };
    return place ?? aside;
  }

  /** @param arrived bytes of the block so far. */
  onBlockData(arrived: number, now: number): void {
    const arrival = this.#arrival;
    if (arrival === undefined) return;
    const worth = ((arrived - arrival.arrived) * 1000) / MIN_RATE;
    this.#lastProgress = Math.min(now, this.#lastProgress + worth);
    arrival.arrived = arrived;
  }

  onBlockEnd(piece: number, begin: number, length: number): void {
    const arrival = this.#arrival;
    this.#arrival = undefined;
    const request = this.#find(piece, begin);
    if (request !== undefined) {
      // This is the answer to the earlier request; the later one would only bring the same again.
      if (request.owed > 0 && !request.abandoned) this.#wire.sendCancel(piece, begin, length);
      this.#forget(request);
    }
    if (arrival === undefined) {
      this.#wire.onWaste(length);
      return;
    }
    const { partial, block } = arrival.request;
    if (arrival.aside !== undefined) {
      if (partial.state(block) === RECEIVED) {
        this.#wire.onWaste(length);
        return;
      }
      partial.buffer.set(arrival.aside.subarray(0, length), block * BLOCK_LENGTH);
    }
    this.#rejects = 0;
    this.#lastProgress = this.#now;
    this.#observe(this.#now - arrival.request.sentAt);
    this.#wire.onPayload(length);
    this.#store.receive(partial, block, this);
  }

  /** @param choking the peer chokes us, so that rejects are what it owes us (BEP 6). */
  onReject(piece: number, begin: number, choking: boolean, now: number): void {
    const request = this.#find(piece, begin);
    if (request === undefined) return;
    if (request.owed > 0) {
      // Meant for an earlier request, which was cancelled.
      request.owed--;
      return;
    }
    const wanted = !request.abandoned || request === this.#probe;
    this.#forget(request);
    if (this.currentPiece === piece) this.currentPiece = -1;
    if (!wanted || choking) return;
    // A peer that gives nothing of what it announces would be asked again at once, and again.
    if (++this.#rejects >= MAX_REJECTS) this.#restUntil = now + REJECT_REST;
  }

  /** The peer will answer nothing that is in flight. */
  onChoke(): void {
    for (const request of [...this.#pending.values()]) {
      if (request !== this.#arrival?.request) this.#forget(request);
    }
  }

  cancelBlock(piece: number, block: number): void {
    const request = this.#pending.get(this.#key(piece, block));
    const arrival = this.#arrival;
    if (arrival !== undefined && arrival.request.partial.index === piece && arrival.request.block === block) {
      this.#wire.discardPayload();
      this.#arrival = undefined;
    } else if (request !== undefined && !request.abandoned) {
      this.#wire.sendCancel(piece, block * BLOCK_LENGTH, request.partial.blockLength(block));
    }
    if (request !== undefined) this.#forget(request);
  }

  dropPiece(piece: number): void {
    for (const request of [...this.#pending.values()]) {
      if (request.partial.index === piece) this.cancelBlock(piece, request.block);
    }
    if (this.currentPiece === piece) this.currentPiece = -1;
  }

  ban(reason: string): void {
    this.#wire.ban(reason);
  }

  /**
   * Cancels requests that give way, so that the peer turns to what is needed now. A block that was on its
   * way already is still taken.
   */
  cancelWhere(givesWay: GivesWay): void {
    if (this.queueTime < WORTH_CANCELLING) return;
    this.#wire.together(() => {
      for (const request of this.#pending.values()) {
        if (request.abandoned || request === this.#arrival?.request) continue;
        const { partial, block } = request;
        if (!givesWay(partial.index, block)) continue;
        this.#wire.sendCancel(partial.index, block * BLOCK_LENGTH, partial.blockLength(block));
        this.#abandon(request);
      }
    });
    this.currentPiece = -1;
  }

  /** Once a second. Gives up on requests that take too long. Returns whether that happened. */
  tick(now: number, rate: number, streaming: boolean): boolean {
    this.rate = rate;
    if (this.#abandoned > 0) this.#expire(now);
    if (this.outstanding === 0) return false;
    if (now - this.#lastProgress <= this.#timeout()) {
      if (!this.window.snubbed) this.window.tick(rate, streaming);
      return false;
    }
    this.window.snub();
    this.#lastProgress = now;
    for (const request of this.#pending.values()) this.#abandon(request);
    this.#probe = undefined;
    // Nobody else may be asked for what a sole source is at, as long as it is at it.
    const arriving = this.#arrival?.request;
    if (arriving?.partial.sole === true) this.cancelBlock(arriving.partial.index, arriving.block);
    this.currentPiece = -1;
    return true;
  }

  /** The link was not read: that nothing has come is not the peer's fault. */
  excuse(now: number): void {
    this.#lastProgress = now;
  }

  close(): void {
    const arrival = this.#arrival;
    this.#arrival = undefined;
    if (arrival !== undefined) arrival.request.partial.unclaim(arrival.request.block, this.id);
    for (const request of [...this.#pending.values()]) this.#forget(request);
    this.#store.removeSource(this);
  }

  #timeout(): number {
    if (this.#meanTime === 0) return FIRST_TIMEOUT;
    return Math.min(MAX_TIMEOUT, Math.max(MIN_TIMEOUT, this.#meanTime + 4 * this.#deviation));
  }

  #observe(elapsed: number): void {
    if (this.#meanTime === 0) {
      this.#meanTime = Math.max(1, elapsed);
      this.#deviation = elapsed / 2;
    } else {
      this.#deviation += 0.1 * (Math.abs(elapsed - this.#meanTime) - this.#deviation);
      this.#meanTime += 0.1 * (elapsed - this.#meanTime);
    }
    this.window.onBlock(elapsed);
    this.#spare.onBlock(elapsed, this.window.minRoundTrip);
    this.#scheduler.observe(elapsed);
  }

  #abandon(request: PendingRequest): void {
    if (request.abandoned) return;
    request.abandoned = true;
    this.#abandoned++;
    request.partial.unrequest(request.block);
  }

  /** Forgets what was given up so long ago that it will not come. */
  #expire(now: number): void {
    for (const request of this.#pending.values()) {
      if (request.abandoned && now - request.sentAt > MAX_TIMEOUT && request !== this.#arrival?.request) {
        this.#forget(request);
      }
    }
  }

  #forget(request: PendingRequest): void {
    const key = this.#key(request.partial.index, request.block);
    if (this.#pending.get(key) !== request) return;
    this.#pending.delete(key);
    if (this.#probe === request) this.#probe = undefined;
    if (request.abandoned) this.#abandoned--;
    else request.partial.unrequest(request.block);
  }

  /** The request that a message of the peer is about. It may name any numbers. */
  #find(piece: number, begin: number): PendingRequest | undefined {
    const block = begin / BLOCK_LENGTH;
    if (!Number.isInteger(block) || block >= this.#blocksPerPiece) return undefined;
    return this.#pending.get(this.#key(piece, block));
  }

  #key(piece: number, block: number): number {
    return piece * this.#blocksPerPiece + block;
  }
}
