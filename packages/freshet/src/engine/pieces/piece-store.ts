import { Bitfield, type Info } from '../../protocol/index.ts';
import { LazyMap } from '../../protocol/lazy-collections.ts';
import type { Hasher } from '../ports.ts';
import type { BlockSource } from './block-source.ts';
import { BlockSources } from './block-sources.ts';
import type { BufferPool, PoolMember } from './buffer-pool.ts';
import { DISK_SOURCE, KeptBlocks } from './kept-blocks.ts';
import type { PartialPiece } from './partial-piece.ts';
import type { PiecePicker } from './picker.ts';
import type { PieceStoreEvents, PieceStoreOptions } from './piece-store-options.ts';
import { CachedReader } from './read-cache.ts';
import { SealedPieces } from './sealed-pieces.ts';
import { type PieceHashes, Verification } from './verification.ts';
import { WriteBehind } from './write-behind.ts';

/** What is there as soon as a piece is missing. */
interface Fetching {
  readonly picker: PiecePicker;
  readonly unasked: Bitfield;
  readonly verification: Verification;
  readonly sealed: SealedPieces;
  readonly writing: WriteBehind;
}

/**
 * What is known of the pieces' content: verified ones, those in progress, those being hashed and written. A
 * piece is in exactly one of the states open (known to the picker), partial, hashing, writing and stored;
 * writing and stored ones are verified and readable.
 */
export class PieceStore implements PoolMember {
  readonly info: Info;
  readonly verified: Bitfield;
  readonly partials: Map<number, PartialPiece> = new LazyMap();
  /** What is stored of pieces that are not complete. */
  readonly kept: KeptBlocks;
  readonly #options: PieceStoreOptions;
  readonly #pool: BufferPool;
  readonly #events: PieceStoreEvents;
  readonly #reader: CachedReader;
  /** Absent as long as every piece was there. */
  #fetchingMade: Fetching | undefined;
  #sourcesMade: BlockSources | undefined;
  readonly #hashing = new LazyMap<number, PartialPiece>();
  #idleWaiters: (() => void)[] = [];
  #closed = false;

  constructor(options: PieceStoreOptions) {
    this.info = options.info;
    this.verified = options.verified;
    this.#options = options;
    this.#pool = options.pool;
    this.#events = options.events;
    this.kept = new KeptBlocks(options.disk, options.info.pieceLength, options.kept);
    this.#reader = new CachedReader(options.disk, options.cache, options.info.pieceLength);
    if (!this.verified.isFull) this.#fetchingMade = this.#beginFetching();
    this.#pool.join(this);
  }

  /** What fetching pieces takes. A torrent that is complete does without, however many there are of them. */
  get #fetching(): Fetching {
    this.#fetchingMade ??= this.#beginFetching();
    return this.#fetchingMade;
  }

  #beginFetching(): Fetching {
    const { info, verified, kept } = this;
    const { disk, pool, hasher, hashes } = this.#options;
    const picker = this.#options.picker();
    for (const piece of verified.indexes()) picker.finish(piece);
    const verification = this.#createVerification(hasher, hashes);
    const sealed = new SealedPieces(info.pieceCount, picker, (piece) => verification.canJudge(piece));
    for (let piece = 0; !info.hasV1 && piece < info.pieceCount; piece++) {
      if (!verified.get(piece)) sealed.seal(piece);
    }
    const writing = new WriteBehind({
      pieceLength: info.pieceLength,
      disk,
      pool,
      kept,
      onWritten: (piece, length) => this.#onWritten(piece, length),
      onFailed: (piece, error) => this.#onWriteFailed(piece, error),
    });
    return { picker, unasked: new Bitfield(info.pieceCount), verification, sealed, writing };
  }

  get picker(): PiecePicker {
    return this.#fetching.picker;
  }

  /** Pieces in progress with blocks that nobody is asked for. */
  get unasked(): Bitfield {
    return this.#fetching.unasked;
  }

  get #verification(): Verification | undefined {
    return this.#fetchingMade?.verification;
  }

  get #sealed(): SealedPieces | undefined {
    return this.#fetchingMade?.sealed;
  }

  get #writing(): WriteBehind | undefined {
    return this.#fetchingMade?.writing;
  }

  get #sources(): BlockSources {
    this.#sourcesMade ??= new BlockSources((id) => this.#owesAnAnswer(id));
    return this.#sourcesMade;
  }

  /** Nothing is in progress: all that was begun is verified. */
  get idle(): boolean {
    return this.partials.size === 0 && this.#hashing.size === 0;
  }

  /** The pieces that are verified and not yet on disk. */
  get writing(): Iterable<number> {
    return this.#writing?.pieces() ?? [];
  }

  /** How many those are. */
  get unwritten(): number {
    return this.#writing?.size ?? 0;
  }

  /** More is received than its disk takes, and memory is short: links should not be read until `whenRelieved`. */
  get congested(): boolean {
    return this.#pool.congested && this.unwritten > 0;
  }

  /** Calls `wake` once, when that is over. */
  whenRelieved(wake: () => void): void {
    this.#pool.whenRelieved(this, wake);
  }

  /** Nobody waits with this any more. */
  forgetRelief(wake: () => void): void {
    this.#pool.forget(wake);
  }

  addSource(source: BlockSource): void {
    this.#sources.add(source);
  }

  removeSource(source: BlockSource): void {
    this.#sources.remove(source);
  }

  /** It sent blocks that are not verified, or of a copy that was wrong. */
  #owesAnAnswer(source: number): boolean {
    if (this.#verification?.mentions(source) === true) return true;
    for (const partial of this.partials.values()) if (partial.senders().has(source)) return true;
    for (const partial of this.#hashing.values()) if (partial.senders().has(source)) return true;
    return false;
  }

  pieceLength(piece: number): number {
    return piece === this.info.pieceCount - 1 ? this.info.lastPieceLength : this.info.pieceLength;
  }

  /** Whether blocks of the piece can still be asked for: it is open or partial. */
  isMissing(piece: number): boolean {
    return !this.verified.get(piece) && !this.#hashing.has(piece) && !this.#isSealed(piece);
  }

  #isSealed(piece: number): boolean {
    return this.#sealed?.has(piece) === true;
  }

  /** v2: there are pieces that cannot be begun yet, as their hash is not known. */
  get awaitsHashes(): boolean {
    return this.#sealed?.isEmpty === false;
  }

  /** v2: the hashes of these pieces have become known: they can be begun. */
  onPieceHashes(pieces: Iterable<number>): void {
    if (this.#sealed?.open(pieces, this.verified) !== true) return;
    this.resumeKept();
    this.onRoom();
  }

  /** v2: each block of the piece is verified when it comes, and readable then. */
  judgesBlocks(piece: number): boolean {
    return this.#options.hashes?.hasLeaves(piece) === true;
  }

  /** v2: hashes of blocks of the piece have become known. */
  onLeaves(piece: number): void {
    if (!this.#closed) this.#verification?.onLeaves(piece);
  }

  /** v2: nobody gives the hashes of the piece's blocks. */
  onNoLeaves(piece: number): void {
    if (!this.#closed) this.#verification?.onNoLeaves(piece);
  }

  /** v2: the hashes of the piece's blocks are of use. */
  wantsLeaves(piece: number): boolean {
    return this.partials.has(piece) || this.#verification?.wantsLeaves(piece) === true;
  }

  /** Bytes of the piece from `begin` on that are right, and can be read. */
  readableFrom(piece: number, begin: number): number {
    if (this.verified.get(piece)) return this.pieceLength(piece) - begin;
    return this.partials.get(piece)?.rightFrom(begin) ?? 0;
  }

  /** Verified and on its way to the disk, which still lacks it. */
  isWriting(piece: number): boolean {
    return this.#writing?.has(piece) === true;
  }

  /** Bytes of the piece that have been received, verified or not. */
  receivedBytes(piece: number): number {
    if (this.verified.get(piece) || this.#hashing.has(piece)) return this.pieceLength(piece);
    return this.partials.get(piece)?.receivedBytes ?? 0;
  }

  /**
   * The piece in progress, begun now when it was not. `undefined` when there is no memory for it: `onRoom` follows.
   * `urgent` ones may use as much again as the budget, and one piece at a time is always possible.
   */
  begin(piece: number, urgent: boolean): PartialPiece | undefined {
    const known = this.partials.get(piece);
    if (known !== undefined) return known;
    if (this.#isSealed(piece)) return undefined;
    const length = this.pieceLength(piece);
    const bare = this.idle && this.unwritten === 0;
    const overdraft = bare ? Number.POSITIVE_INFINITY : urgent ? this.#pool.budget : 0;
    const { disk } = this.#options;
    const lend =
      disk.lend && ((): Uint8Array | undefined => disk.lend!(piece * this.info.pieceLength, length));
    const buffer = this.#pool.acquire(length, this, overdraft, lend);
    if (buffer === undefined) return undefined;
    const partial = this.#fetching.verification.begin(piece, buffer, this.unasked);
    this.partials.set(piece, partial);
    this.picker.take(piece);
    if (this.kept.has(piece)) void this.#restore(partial);
    this.#events.onBegun?.();
    return partial;
  }

  /** Takes up pieces of which something is stored, as far as there is memory for them. */
  resumeKept(): void {
    for (const piece of [...this.kept.pieces]) {
      if (this.#isSealed(piece)) continue;
      else if (!this.isMissing(piece)) this.kept.forget(piece);
      else if (this.partials.has(piece) || this.picker.priority(piece) === 0) continue;
      else if (this.#pool.fits(this.pieceLength(piece))) this.begin(piece, false);
    }
  }

  async #restore(partial: PartialPiece): Promise<void> {
    const disk: BlockSource = { id: DISK_SOURCE, cancelBlock() {}, dropPiece() {}, ban() {} };
    await this.kept.restore(
      partial,
      () => this.partials.get(partial.index) === partial,
      (block) => void this.receive(partial, block, disk),
    );
    // Whoever found nothing to ask for may find something now.
    this.onRoom();
  }

  /**
   * A block is whole in the partial's buffer. Tells the other sources that are asked for it, and hashes the
   * piece when it was the last one. Returns false when it had been received before.
   */
  receive(partial: PartialPiece, block: number, source: BlockSource): boolean {
    const arriving = partial.claimedBy(block);
    if (!partial.receive(block, source.id)) return false;
    if (partial.requesters(block) > 0) {
      for (const other of this.#sources.values()) {
        if (other !== source) other.cancelBlock(partial.index, block);
      }
    }
    // Whoever was slower and had given the request up must not go on writing into the buffer.
    if (arriving !== 0 && arriving !== source.id) {
      this.#sources.get(arriving)?.cancelBlock(partial.index, block);
    }
    this.#fetching.verification.received(partial, block);
    return true;
  }

  /** Gives up a piece in progress; its blocks are lost and it is open again. */
  abandon(partial: PartialPiece): void {
    if (this.partials.get(partial.index) !== partial) return;
    this.partials.delete(partial.index);
    for (const source of this.#sources.values()) source.dropPiece(partial.index);
    this.unasked.unset(partial.index);
    this.#fetching.verification.abandon(partial);
    this.picker.putBack(partial.index);
  }

  /**
   * Bytes of verified pieces, and of right blocks: views that must not be changed, or `undefined` when they are being read from
   * disk, after which `wake` is called; or why they cannot be read.
   */
  read(piece: number, begin: number, length: number, wake: () => void): Uint8Array[] | Error | undefined {
    const unwritten = this.#writing?.read(piece, begin, length);
    if (unwritten !== undefined) return [unwritten];
    const partial = this.partials.get(piece);
    if (partial !== undefined) return [partial.buffer.slice(begin, begin + length)];
    return this.#reader.read(piece * this.info.pieceLength + begin, length, wake);
  }

  /** Starts reading what will be asked for soon. */
  prefetch(piece: number, begin: number, length: number): void {
    if (!this.isWriting(piece)) this.#reader.prefetch(piece * this.info.pieceLength + begin, length);
  }

  /** What the disk holds of the piece is no longer trusted: it becomes open again. Returns whether it was trusted. */
  distrust(piece: number): boolean {
    if (this.isWriting(piece)) return false;
    // Made first: to a new picker what is verified is not open.
    const { picker, sealed } = this.#fetching;
    if (!this.verified.unset(piece)) return false;
    this.#reader.invalidate(piece * this.info.pieceLength, this.pieceLength(piece));
    picker.putBack(piece);
    sealed.seal(piece);
    return true;
  }

  /** Gives up pieces in progress that are not selected any more. */
  dropUnwanted(): void {
    for (const partial of [...this.partials.values()]) {
      if (this.picker.priority(partial.index) === 0) this.abandon(partial);
    }
    this.#pool.settle();
  }

  /** Gives up the piece in progress that has least to lose and that nobody is asked for. */
  yieldBuffer(): boolean {
    let victim: PartialPiece | undefined;
    for (const piece of this.#fetchingMade?.unasked.indexes() ?? []) {
      const partial = this.partials.get(piece)!;
      if (!partial.idle) continue;
      if (victim === undefined || partial.receivedBlocks < victim.receivedBlocks) victim = partial;
    }
    if (victim === undefined) return false;
    this.abandon(victim);
    return true;
  }

  onRoom(): void {
    if (!this.#closed) this.#events.onRoom();
  }

  /** Resolves when everything that was complete is hashed and written, or has failed. */
  whenWritten(): Promise<void> {
    if (this.unwritten === 0 && this.#hashing.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#idleWaiters.push(resolve);
    });
  }

  /** Gives up all pieces in progress. */
  close(): void {
    this.#closed = true;
    for (const partial of [...this.partials.values()]) this.abandon(partial);
    this.#verification?.close();
    this.#sourcesMade?.close();
    this.#reader.close();
    this.#pool.leave(this);
    this.#pool.settle();
  }

  #createVerification(hasher: Hasher, hashes: PieceHashes | undefined): Verification {
    const ban = (source: number, reason: string): void => this.#sources.ban(source, reason);
    return new Verification({
      info: this.info,
      hasher,
      hashes,
      host: {
        partial: (piece) => this.partials.get(piece),
        beginJudging: (partial) => {
          // Nobody writes into the buffer any more: `receive` has withdrawn every other request.
          this.partials.delete(partial.index);
          this.#hashing.set(partial.index, partial);
        },
        endJudging: (partial, verdict) => {
          this.#hashing.delete(partial.index);
          verdict();
          this.#settle();
        },
        accept: (partial, guilty) => this.#accept(partial, guilty),
        refuse: (partial, guilty) => {
          this.kept.forget(partial.index);
          this.picker.putBack(partial.index);
          if (guilty !== undefined) ban(guilty, `sent all of piece ${partial.index}, whose hash is wrong`);
          this.#events.onHashFailed(partial.index, receivedBytes(partial));
        },
        refuseBlock: (partial, block, sender) => {
          this.kept.forget(partial.index);
          ban(sender, `sent a wrong block of piece ${partial.index}`);
          this.#events.onBlockRefused?.(
            partial.index,
            sender === DISK_SOURCE ? 0 : partial.blockLength(block),
          );
        },
        dispute: (partial) => void this.partials.set(partial.index, partial),
        onInconsistent: ({ index }) => {
          this.kept.forget(index);
          this.picker.putBack(index);
          this.#events.onInconsistent?.(index);
        },
        onRightBlocks: (piece) => this.#events.onRightBlocks?.(piece),
        seekLeaves: (piece) => this.#events.seekLeaves?.(piece) === true,
        ban,
        release: (buffer) => this.#pool.release(buffer),
      },
    });
  }

  #settle(): void {
    if (this.unwritten === 0) this.#pool.relieve(this);
    if (this.unwritten > 0 || this.#hashing.size > 0) return;
    for (const resolve of this.#idleWaiters.splice(0)) resolve();
  }

  #accept(partial: PartialPiece, guilty: ReadonlySet<number>): void {
    const piece = partial.index;
    this.verified.set(piece);
    this.picker.finish(piece);
    this.#fetching.writing.write(partial);
    // First of all, so that nobody who is told of a ban finds the piece neither missing nor counted.
    this.#events.onVerified(piece, partial.digests?.bytes);
    for (const id of guilty) this.#sources.ban(id, `sent a wrong block of piece ${piece}`);
  }

  #onWritten(piece: number, length: number): void {
    if (!this.#closed) {
      this.#reader.invalidate(piece * this.info.pieceLength, length);
      this.#events.onStored(piece);
    }
    this.#writeEnded();
  }

  #onWriteFailed(piece: number, error: Error): void {
    if (!this.#closed) {
      this.verified.unset(piece);
      this.picker.putBack(piece);
      this.#events.onWriteError(error);
    }
    this.#writeEnded();
  }

  #writeEnded(): void {
    this.#settle();
    this.#pool.settle();
  }
}

/** What of the piece somebody has sent: the rest was stored. */
function receivedBytes(partial: PartialPiece): number {
  let bytes = 0;
  for (let block = 0; block < partial.blockCount; block++) {
    if (partial.senderOf(block) !== DISK_SOURCE) bytes += partial.blockLength(block);
  }
  return bytes;
}
