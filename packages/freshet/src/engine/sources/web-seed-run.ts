import { BLOCK_LENGTH } from '../../protocol/index.ts';
import { type PartialPiece, RECEIVED } from '../pieces/partial-piece.ts';
import type { Resource } from './seed-layout.ts';
import { BlockArrival } from './web-seed-arrival.ts';
import { RunClaims } from './web-seed-claims.ts';
import { RangeExchange } from './web-seed-exchange.ts';
import type { RunOwner, WebSeedHost } from './web-seed-host.ts';
import type { RunPlan } from './web-seed-plan.ts';
import type { RunFailure } from './web-seed-response.ts';

/**
 * When the next needed byte is farther than this and than what is on its way anyway, it is asked for anew, in bytes.
 */
const MIN_JUMP = 4 * BLOCK_LENGTH;
const MAX_JUMP = 1024 * 1024;
/** Milliseconds between two looks at which blocks are about to come. */
const TOUCH_INTERVAL = 100;
/** What the run is about to reach within so many milliseconds is not late; a peer could hardly have it here sooner. */
const SOON = 250;
/** Milliseconds without a byte after which others may take over. */
const STALL = 2000;
const ZEROS = new Uint8Array(65_536);

/**
 * Fills consecutive blocks from one web seed, with one HTTP request per file at a time. In `sequential` mode, for
 * servers that know no ranges, it streams whole files and claims pieces as it comes to them.
 */
export class WebSeedRun {
  readonly #host: WebSeedHost;
  readonly #owner: RunOwner;
  readonly #claims: RunClaims;
  readonly #arrival: BlockArrival;
  readonly #pieceLength: number;
  /** @see RunPlan.shared */
  readonly shared: boolean;
  #sequential: boolean;
  /** Offset of the next byte in the torrent. */
  #at: number;
  #end: number;
  #open: RangeExchange | undefined;
  /** What is being asked for. */
  #resource: Resource | undefined;
  #ended = false;
  #announcedEnd = false;
  /** When others were let go first; -1 when none are. */
  #heldAt = -1;
  #touchedAt = Number.NEGATIVE_INFINITY;
  /** Nothing before this offset is of use. */
  #knownNext = -1;

  constructor(host: WebSeedHost, owner: RunOwner, plan: RunPlan, sequential: boolean) {
    this.#host = host;
    this.#owner = owner;
    this.#claims = new RunClaims(host, owner.source.id);
    this.#arrival = new BlockArrival(host, owner.source);
    this.#pieceLength = host.info.pieceLength;
    this.#sequential = sequential;
    this.shared = plan.shared ?? false;
    this.#at = plan.begin;
    this.#end = plan.end;
  }

  get ended(): boolean {
    return this.#ended;
  }

  get sequential(): boolean {
    return this.#sequential;
  }

  /** Offset of the next byte that comes. */
  get position(): number {
    return this.#at;
  }

  get bytesLeft(): number {
    return Math.max(0, this.#end - this.#at);
  }

  /** Bytes per second of its web seed. */
  get rate(): number {
    return this.#owner.rate;
  }

  /** The piece that is arriving or comes next. */
  get nextPiece(): number {
    return Math.floor(this.#at / this.#pieceLength);
  }

  /** Nothing has come for too long, our own pauses aside. */
  stalled(now: number): boolean {
    return this.#open !== undefined && this.#open.silence(now) > STALL;
  }

  /** Others go first: its answer is paused. */
  get held(): boolean {
    return this.#heldAt >= 0;
  }

  /** Since when it is held, in clock milliseconds. */
  get heldAt(): number {
    return this.#heldAt;
  }

  /** Lets others go first, by back-pressure: what the server has sent stays of use. */
  hold(): void {
    if (this.#ended || this.held) return;
    this.#heldAt = this.#host.clock.now();
    this.#open?.hold();
  }

  /** Goes on after `hold`. */
  release(): void {
    if (this.#ended || !this.held) return;
    this.#heldAt = -1;
    this.#open?.release();
  }

  /** Ends the run at this offset already, unless it is there: what lies behind is no longer asked of it. */
  truncate(end: number): void {
    if (this.#ended || this.#sequential || end >= this.#end) return;
    this.#end = Math.max(end, this.#at);
    this.#claims.releaseFrom(end, this.#arrival.current);
    if (this.#claims.isEmpty) this.#finish();
  }

  /** Whether anything that is still to come is wanted. */
  get wanted(): boolean {
    return this.#sequential || this.#claims.wanted;
  }

  asksFor(piece: number, block: number): boolean {
    return this.#claims.asksFor(piece, block);
  }

  /** Whether blocks of the piece are still to come. */
  covers(piece: number): boolean {
    return this.#claims.covers(piece);
  }

  coversAny(pieces: ReadonlyMap<number, unknown>): boolean {
    return this.#claims.coversAny(pieces);
  }

  /** Asks for the blocks of the plan that `needs` says yes to. Ends the plan early when memory runs out. */
  claim(urgent: boolean, needs: (piece: number, block: number) => boolean): void {
    for (let piece = this.nextPiece; piece * this.#pieceLength < this.#end; piece++) {
      if (!this.#claims.claim(piece, { from: this.#at, end: this.#end }, urgent, needs)) {
        this.#end = piece * this.#pieceLength;
        break;
      }
    }
  }

  get empty(): boolean {
    return this.#claims.isEmpty;
  }

  /** Sends the first request. */
  start(): void {
    this.#proceed();
  }

  /** Gives everything back. The owner is not told. */
  abort(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#closeExchange();
    this.#arrival.drop();
    this.#claims.releaseAll();
  }

  cancelBlock(piece: number, block: number): void {
    if (this.#ended || !this.#claims.asksFor(piece, block)) return;
    if (this.#arrival.is(piece, block)) this.#arrival.drop();
    this.#claims.release(piece, block);
    if (this.#claims.isEmpty && !this.#sequential) this.#finishLater();
  }

  dropPiece(piece: number): void {
    if (this.#ended || this.#claims.partialOf(piece) === undefined) return;
    if (this.#arrival.current?.partial.index === piece) this.#arrival.drop();
    this.#claims.releasePiece(piece);
    if (this.#claims.isEmpty && !this.#sequential) this.#finishLater();
  }

  #finish(failure?: RunFailure): void {
    if (this.#ended) return;
    this.abort();
    this.#owner.onEnded(this, failure);
  }

  /** From within the store, where no new run may begin. */
  #finishLater(): void {
    this.#finish();
    this.#owner.changedLater();
  }

  /** The offset of the next byte worth having, or -1. */
  #nextOffset(): number {
    if (this.#arrival.current !== undefined) return this.#at;
    if (this.#sequential) return this.#nextWanted();
    for (let at = this.#blockStart(this.#at); at < this.#end; ) {
      const piece = Math.floor(at / this.#pieceLength);
      const block = Math.floor((at - piece * this.#pieceLength) / BLOCK_LENGTH);
      if (at >= this.#at && this.asksFor(piece, block)) return at;
      at = Math.min(at + BLOCK_LENGTH, (piece + 1) * this.#pieceLength);
    }
    return -1;
  }

  /** As `#nextOffset`, for a stream of whole files: whatever is missing from here on. */
  #nextWanted(): number {
    const { store, info } = this.#host;
    for (let piece = this.nextPiece; piece < info.pieceCount; piece++) {
      if (!store.isMissing(piece) || store.picker.priority(piece) === 0 || !this.#owner.canTake(piece))
        continue;
      const partial = store.partials.get(piece);
      const start = piece * this.#pieceLength;
      const blocks = Math.ceil(info.dataLength(piece) / BLOCK_LENGTH);
      for (let block = 0; block < blocks; block++) {
        const at = start + block * BLOCK_LENGTH;
        if (at < this.#at) continue;
        if (partial === undefined || this.asksFor(piece, block) || isOpen(partial, block)) return at;
      }
    }
    return -1;
  }

  #blockStart(offset: number): number {
    const inPiece = offset % this.#pieceLength;
    return offset - (inPiece % BLOCK_LENGTH);
  }

  /** Goes on with the next file or hole, until a request is out or nothing is left. */
  #proceed(): void {
    while (!this.#ended) {
      const next = this.#nextOffset();
      if (next < 0) {
        this.#finish();
        return;
      }
      const resource = this.#owner.layout.at(next);
      const end = this.#sequential ? resource.end : Math.min(resource.end, this.#end);
      if (resource.padding) {
        this.#at = next;
        while (this.#at < end && !this.#ended) {
          this.#consume(ZEROS.subarray(0, Math.min(ZEROS.length, end - this.#at)), false);
        }
        continue;
      }
      this.#at = this.#sequential ? resource.begin : next;
      this.#request(resource, this.#at - resource.begin, end - 1 - resource.begin);
      return;
    }
  }

  #request(resource: Resource, first: number, last: number): void {
    const owner = this.#owner;
    const asked = owner.ask(resource, first, last);
    this.#resource = resource;
    this.#open = new RangeExchange(this.#host, asked, {
      allowance: () => owner.allowance(),
      onAnswer: (answered, latency, whole, skip) => {
        owner.onAnswer(asked, answered, latency, skip);
        if (!whole) return;
        owner.onNoRanges();
        this.#sequential = true;
      },
      onReceived: (bytes, thrownAway) => owner.onBytes(bytes, thrownAway),
      onBody: (bytes) => this.#onBody(bytes),
      onDone: () => {
        this.#open = undefined;
        this.#proceed();
        if (this.#ended) owner.changed();
      },
      onFailed: (failure) => {
        if (failure.kind === 'no-ranges') owner.onNoRanges();
        this.#finish(failure);
        owner.changed();
      },
      linger: (exchange) => owner.linger(exchange),
      lingered: (exchange) => owner.lingered(exchange),
    });
    if (this.held) this.#open?.hold();
  }

  #onBody(bytes: Uint8Array): void {
    const open = this.#open;
    this.#consume(bytes, true);
    this.#touchNext();
    if (!this.#ended && !this.#sequential && this.#claims.isEmpty) this.#finish();
    // The next needed byte is far: another request.
    if (!this.#ended && this.#open !== open) this.#proceed();
    if (this.#ended) this.#owner.changed();
    else if (!this.#announcedEnd) this.#nearEnd();
  }

  /** Blocks behind many others of the run are not late when their turn is about to come. */
  #touchNext(): void {
    const now = this.#host.clock.now();
    if (now - this.#touchedAt < TOUCH_INTERVAL) return;
    this.#touchedAt = now;
    const within = Math.min(SOON, this.#host.scheduler.lateAfter);
    const soon = this.#at + (this.#owner.rate * within) / 1000;
    this.#claims.touch(soon, now);
  }

  /** The owner may want to open the next run before this one is through, to save the round trip. */
  #nearEnd(): void {
    if (this.#sequential || this.bytesLeft > this.#owner.lead) return;
    this.#announcedEnd = true;
    this.#owner.changed();
  }

  #closeExchange(): void {
    const open = this.#open;
    this.#open = undefined;
    open?.close();
  }

  /** Puts the bytes at `#at` where they belong. May end the run or close its exchange. */
  #consume(bytes: Uint8Array, network: boolean): void {
    for (let i = 0; i < bytes.length && !this.#ended; ) {
      const piece = Math.floor(this.#at / this.#pieceLength);
      const inPiece = this.#at - piece * this.#pieceLength;
      const inBlock = inPiece % BLOCK_LENGTH;
      const dataLength = this.#host.info.dataLength(piece);
      if (inPiece >= dataLength) {
        // Padding, which nobody asks for.
        const skipped = Math.min(bytes.length - i, this.#pieceLength - inPiece);
        this.#at += skipped;
        i += skipped;
        continue;
      }
      const blockLength = Math.min(BLOCK_LENGTH, dataLength - (inPiece - inBlock));
      if (inBlock === 0) this.#beginBlock(piece, inPiece / BLOCK_LENGTH);
      if (inBlock === 0 && this.#arrival.current === undefined && this.#jump()) return;
      const count = Math.min(bytes.length - i, blockLength - inBlock);
      this.#arrival.write(bytes.subarray(i, i + count), inBlock, network);
      this.#at += count;
      i += count;
      if (inBlock + count === blockLength) this.#endBlock();
    }
  }

  /** Nothing near is needed: gives the exchange up for one that begins where something is, or ends the run. */
  #jump(): boolean {
    if (this.#open === undefined || this.#at < this.#knownNext) return false;
    const next = this.#nextOffset();
    this.#knownNext = next;
    if (next < 0) {
      // A whole-file stream goes to its end only while something in it is of use.
      this.#finish();
      return true;
    }
    // To break off costs what is on its way, and a round trip.
    const jump = Math.min(MAX_JUMP, Math.max(MIN_JUMP, this.#owner.lead));
    const far = this.#sequential ? next >= this.#resource!.end : next - this.#at > jump;
    if (far) this.#closeExchange();
    return far;
  }

  #beginBlock(piece: number, block: number): void {
    if (this.#sequential && this.#claims.partialOf(piece) === undefined) this.#claimOnTheWay(piece);
    if (this.#claims.asksFor(piece, block)) this.#arrival.begin(this.#claims.partialOf(piece)!, block);
  }

  #claimOnTheWay(piece: number): void {
    const { store } = this.#host;
    if (!store.isMissing(piece) || store.picker.priority(piece) === 0) return;
    this.#end = Math.max(this.#end, piece * this.#pieceLength + store.pieceLength(piece));
    const { partials } = store;
    this.#claims.claim(piece, { from: this.#at, end: this.#end }, true, (index, block) => {
      const partial = partials.get(index);
      return partial === undefined || isOpen(partial, block);
    });
  }

  #endBlock(): void {
    const arriving = this.#arrival.current;
    if (arriving === undefined) return;
    this.#claims.release(arriving.partial.index, arriving.block);
    // The store may tell the world, and that may end this run.
    this.#arrival.end();
  }
}

/** Whether a stream that passes the block anyway should take it. */
function isOpen(partial: PartialPiece, block: number): boolean {
  return partial.state(block) !== RECEIVED && partial.requesters(block) < 2;
}
