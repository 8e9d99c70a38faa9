import { BLOCK_LENGTH } from '../../protocol/index.ts';
import type { BlockSource } from '../pieces/block-source.ts';
import { type PartialPiece, RECEIVED } from '../pieces/partial-piece.ts';
import type { HttpExchange } from '../ports.ts';
import { locateFile } from '../storage/layout.ts';
import { RangeExchange } from './web-seed-exchange.ts';
import type { WebSeedHost } from './web-seed-host.ts';
import type { RunPlan } from './web-seed-plan.ts';
import type { RunFailure } from './web-seed-response.ts';

/** What a run needs of its web seed. */
export interface RunOwner {
  readonly source: BlockSource;
  /** Where the file is asked for now. */
  urlOf(file: number): string;
  /** The address that answered. */
  onAnswer(file: number, asked: string, answered: string, latency: number): void;
  /** The server sends whole files whatever is asked for. */
  onNoRanges(): void;
  onBytes(bytes: number): void;
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

interface ClaimedPiece {
  readonly partial: PartialPiece;
  /** 1 for blocks that are asked of this run. */
  readonly asked: Uint8Array;
}

/** The block whose bytes are arriving. */
interface Arrival {
  readonly partial: PartialPiece;
  readonly block: number;
  readonly target: Uint8Array;
  /** The target is not the piece itself, where another source's payload is arriving. */
  readonly aside: boolean;
  /** Bytes that came over the network so far. */
  received: number;
}

/**
 * When the next needed byte is farther than this and than what is on its way anyway, it is asked for anew, in bytes.
 */
const MIN_JUMP = 4 * BLOCK_LENGTH;
const MAX_JUMP = 1024 * 1024;
/** Milliseconds between two looks at which blocks are about to come. */
const TOUCH_INTERVAL = 100;
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
  readonly #pieces = new Map<number, ClaimedPiece>();
  readonly #pieceLength: number;
  #sequential: boolean;
  /** Offset of the next byte in the torrent. */
  #at: number;
  #end: number;
  /** Blocks asked for and not there. */
  #left = 0;
  #arrival: Arrival | undefined;
  #aside: Uint8Array | undefined;
  #open: RangeExchange | undefined;
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
    this.#pieceLength = host.info.pieceLength;
    this.#sequential = sequential;
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
    for (const claimed of [...this.#pieces.values()]) {
      const { partial, asked } = claimed;
      for (let block = 0; block < asked.length; block++) {
        if (asked[block] !== 1) continue;
        if (this.#arrival?.partial === partial && this.#arrival.block === block) continue;
        if (partial.index * this.#pieceLength + block * BLOCK_LENGTH >= end) this.#unask(claimed, block);
      }
      if (!asked.includes(1)) this.#pieces.delete(partial.index);
    }
    if (this.#left === 0) this.#finish();
  }

  /** Whether anything that is still to come is wanted. */
  get wanted(): boolean {
    const { picker } = this.#host.store;
    for (const [piece, { asked }] of this.#pieces)
      if (asked.includes(1) && picker.priority(piece) > 0) return true;
    return this.#sequential;
  }

  asksFor(piece: number, block: number): boolean {
    return this.#pieces.get(piece)?.asked[block] === 1;
  }

  /** Whether blocks of the piece are still to come. */
  covers(piece: number): boolean {
    return this.#pieces.get(piece)?.asked.includes(1) ?? false;
  }

  coversAny(pieces: ReadonlyMap<number, unknown>): boolean {
    for (const piece of this.#pieces.keys()) if (pieces.has(piece) && this.covers(piece)) return true;
    return false;
  }

  /** Asks for the blocks of the plan that `needs` says yes to. Ends the plan early when memory runs out. */
  claim(urgent: boolean, needs: (piece: number, block: number) => boolean): void {
    for (let piece = this.nextPiece; piece * this.#pieceLength < this.#end; piece++) {
      if (!this.#claimPiece(piece, urgent, needs)) {
        this.#end = piece * this.#pieceLength;
        break;
      }
    }
  }

  get empty(): boolean {
    return this.#left === 0;
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
    this.#dropArrival();
    for (const { partial, asked } of this.#pieces.values()) {
      for (let block = 0; block < asked.length; block++) {
        if (asked[block] === 1) partial.unrequest(block);
      }
    }
    this.#pieces.clear();
    this.#left = 0;
  }

  cancelBlock(piece: number, block: number): void {
    const claimed = this.#pieces.get(piece);
    if (this.#ended || claimed === undefined || claimed.asked[block] !== 1) return;
    if (this.#arrival?.partial === claimed.partial && this.#arrival.block === block) this.#dropArrival();
    this.#unask(claimed, block);
    if (this.#left === 0 && !this.#sequential) this.#finishLater();
  }

  dropPiece(piece: number): void {
    const claimed = this.#pieces.get(piece);
    if (this.#ended || claimed === undefined) return;
    if (this.#arrival?.partial === claimed.partial) this.#dropArrival();
    for (let block = 0; block < claimed.asked.length; block++) {
      if (claimed.asked[block] === 1) this.#unask(claimed, block);
    }
    this.#pieces.delete(piece);
    if (this.#left === 0 && !this.#sequential) this.#finishLater();
  }

  #claimPiece(piece: number, urgent: boolean, needs: (piece: number, block: number) => boolean): boolean {
    const { store, clock, info } = this.#host;
    if (!store.isMissing(piece)) return true;
    const wanted: number[] = [];
    const start = piece * this.#pieceLength;
    const blocks = Math.ceil(info.dataLength(piece) / BLOCK_LENGTH);
    for (let block = 0; block < blocks; block++) {
      const at = start + block * BLOCK_LENGTH;
      if (at >= this.#at && at < this.#end && needs(piece, block)) wanted.push(block);
    }
    if (wanted.length === 0) return true;
    const partial = store.begin(piece, urgent);
    if (partial === undefined) return false;
    if (!partial.admits(this.#owner.source.id)) return true;
    const claimed = { partial, asked: new Uint8Array(partial.blockCount) };
    const now = clock.now();
    for (const block of wanted) {
      partial.request(block, now);
      claimed.asked[block] = 1;
      this.#left++;
    }
    this.#pieces.set(piece, claimed);
    return true;
  }

  #unask(claimed: ClaimedPiece, block: number): void {
    claimed.asked[block] = 0;
    claimed.partial.unrequest(block);
    this.#left--;
  }

  #dropArrival(): void {
    const arrival = this.#arrival;
    if (arrival === undefined) return;
    this.#arrival = undefined;
    arrival.partial.unclaim(arrival.block, this.#owner.source.id);
    if (arrival.received > 0) this.#host.onWasted(arrival.received);
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
    if (this.#arrival !== undefined) return this.#at;
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
    const { files } = this.#host.info;
    while (!this.#ended) {
      const next = this.#nextOffset();
      if (next < 0) {
        this.#finish();
        return;
      }
      const index = locateFile(files, next);
      const file = files[index]!;
      const fileEnd = file.offset + file.length;
      if (file.padding) {
        this.#at = next;
        const stop = this.#sequential ? fileEnd : Math.min(fileEnd, this.#end);
        while (this.#at < stop && !this.#ended) {
          this.#consume(ZEROS.subarray(0, Math.min(ZEROS.length, stop - this.#at)), false);
        }
        continue;
      }
      this.#at = this.#sequential ? file.offset : next;
      const end = this.#sequential ? fileEnd : Math.min(fileEnd, this.#end);
      this.#request(index, this.#at - file.offset, end - 1 - file.offset);
      return;
    }
  }

  #request(file: number, first: number, last: number): void {
    const owner = this.#owner;
    const url = owner.urlOf(file);
    const asked = { url, file, first, last, fileLength: this.#host.info.files[file]!.length };
    this.#open = new RangeExchange(this.#host, asked, {
      onAnswer: (answered, latency, whole) => {
        owner.onAnswer(file, url, answered, latency);
        if (!whole) return;
        owner.onNoRanges();
        this.#sequential = true;
      },
      onReceived: (bytes) => owner.onBytes(bytes),
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
    if (!this.#ended && !this.#sequential && this.#left === 0) this.#finish();
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
    const soon = this.#at + (this.#owner.rate * this.#host.scheduler.lateAfter) / 1000;
    for (const [piece, { partial, asked }] of this.#pieces) {
      const start = piece * this.#pieceLength;
      const blocks = Math.min(asked.length, Math.ceil((soon - start) / BLOCK_LENGTH));
      for (let block = 0; block < blocks; block++) if (asked[block] === 1) partial.touch(block, now);
    }
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
      if (inBlock === 0 && this.#arrival === undefined && this.#jump()) return;
      const count = Math.min(bytes.length - i, blockLength - inBlock);
      const arrival = this.#arrival;
      if (arrival !== undefined) {
        arrival.target.set(bytes.subarray(i, i + count), inBlock);
        if (network) arrival.received += count;
      } else if (network) {
        this.#host.onWasted(count);
      }
      this.#at += count;
      i += count;
      if (arrival !== undefined && inBlock + count === blockLength) this.#endBlock(arrival);
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
    const file = this.#host.info.files[this.#open.file]!;
    // To break off costs what is on its way, and a round trip.
    const jump = Math.min(MAX_JUMP, Math.max(MIN_JUMP, this.#owner.lead));
    const far = this.#sequential ? next >= file.offset + file.length : next - this.#at > jump;
    if (far) this.#closeExchange();
    return far;
  }

  #beginBlock(piece: number, block: number): void {
    this.#arrival = undefined;
    if (this.#sequential && !this.#pieces.has(piece)) this.#claimOnTheWay(piece);
    const claimed = this.#pieces.get(piece);
    if (claimed === undefined || claimed.asked[block] !== 1) return;
    const { partial } = claimed;
    const { id } = this.#owner.source;
    const place = partial.claim(block, id);
    if (place === undefined) this.#aside ??= new Uint8Array(BLOCK_LENGTH);
    const target = place ?? this.#aside!;
    this.#arrival = { partial, block, target, aside: place === undefined, received: 0 };
  }

  #claimOnTheWay(piece: number): void {
    const { store } = this.#host;
    if (!store.isMissing(piece) || store.picker.priority(piece) === 0) return;
    this.#end = Math.max(this.#end, piece * this.#pieceLength + store.pieceLength(piece));
    const partials = store.partials;
    this.#claimPiece(piece, true, (index, block) => {
      const partial = partials.get(index);
      return partial === undefined || isOpen(partial, block);
    });
  }

  #endBlock(arrival: Arrival): void {
    const { store } = this.#host;
    const { partial, block } = arrival;
    this.#arrival = undefined;
    const claimed = this.#pieces.get(partial.index);
    if (claimed !== undefined && claimed.asked[block] === 1) this.#unask(claimed, block);
    if (claimed !== undefined && !claimed.asked.includes(1)) this.#pieces.delete(partial.index);
    if (partial.state(block) === RECEIVED) {
      if (arrival.received > 0) this.#host.onWasted(arrival.received);
      return;
    }
    if (arrival.aside) {
      partial.buffer.set(arrival.target.subarray(0, partial.blockLength(block)), block * BLOCK_LENGTH);
    }
    if (arrival.received > 0) this.#host.onReceived(arrival.received);
    // The store may tell the world, and that may end this run.
    store.receive(partial, block, this.#owner.source);
  }
}

/** Whether a stream that passes the block anyway should take it. */
function isOpen(partial: PartialPiece, block: number): boolean {
  return partial.state(block) !== RECEIVED && partial.requesters(block) < 2;
}
