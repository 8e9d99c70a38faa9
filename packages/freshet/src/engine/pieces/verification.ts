import { type Bitfield, BLOCK_LENGTH, equalBytes, HASH_LENGTH, type Info } from '../../protocol/index.ts';
import type { Hasher, PrefixHash } from '../ports.ts';
import { Blame } from './blame.ts';
import { BlockDigests } from './block-digests.ts';
import { PartialPiece } from './partial-piece.ts';

/** What is known of the files' trees (BEP 52). */
export interface PieceHashes {
  pieceRoot(piece: number): Uint8Array | undefined;
  /** The hash of a block. */
  leaf(piece: number, block: number): Uint8Array | undefined;
  /** The hashes of all blocks of the piece are known. */
  hasLeaves(piece: number): boolean;
  /** The root over all blocks of the piece. */
  rootOf(piece: number, digests: Uint8Array): Uint8Array;
}

/** The piece store, as its verification sees it. */
export interface VerificationHost {
  /** The piece in progress. */
  partial(piece: number): PartialPiece | undefined;
  /** Nobody may write into the buffer any more: the piece is being judged. */
  beginJudging(partial: PartialPiece): void;
  /** The judging is over; `verdict` carries out what comes of it. */
  endJudging(partial: PartialPiece, verdict: () => void): void;
  /** The piece is right. `guilty` sent wrong blocks of it before. */
  accept(partial: PartialPiece, guilty: ReadonlySet<number>): void;
  /** The piece is wrong. The buffer is taken care of. `guilty` is whoever sent all of it. */
  refuse(partial: PartialPiece, guilty: number | undefined): void;
  /** A block of a piece in progress is wrong, and free again. */
  refuseBlock(partial: PartialPiece, block: number, sender: number): void;
  /** The piece is wrong, and is in progress again until the hashes of its blocks have told which of them are. */
  dispute(partial: PartialPiece): void;
  /** By one version of the torrent the piece is right and by the other it is wrong. The buffer is taken care of. */
  onInconsistent(partial: PartialPiece): void;
  /** Blocks of a piece in progress are right and can be read. */
  onRightBlocks(piece: number): void;
  /** Has the hashes of the piece's blocks asked for. Returns whether anybody may answer. */
  seekLeaves(piece: number): boolean;
  ban(source: number, reason: string): void;
  release(buffer: Uint8Array): void;
}

export interface VerificationOptions {
  readonly info: Info;
  readonly hasher: Hasher;
  /** With v2. */
  readonly hashes?: PieceHashes | undefined;
  readonly host: VerificationHost;
}

/**
 * Says which bytes are right, and who sent those that are not. v1: the SHA-1 of a piece, which grows with its received
 * prefix (BEP 3). v2: the SHA-256 of each block, at once where the block's hash is known, else as part of the piece's
 * root (BEP 52). Hybrid: both, which must agree.
 */
export class Verification {
  readonly #info: Info;
  readonly #hasher: Hasher;
  readonly #hashes: PieceHashes | undefined;
  readonly #host: VerificationHost;
  readonly #blame: Blame;
  #closed = false;

  constructor(options: VerificationOptions) {
    this.#info = options.info;
    this.#hasher = options.hasher;
    this.#hashes = options.hashes;
    this.#host = options.host;
    this.#blame = new Blame((buffer) => this.#host.release(buffer));
  }

  /** The hash of the piece is known: it could be told right from wrong. */
  canJudge(piece: number): boolean {
    return this.#info.hasV1 || this.#hashes?.pieceRoot(piece) !== undefined;
  }

  /** A failed copy is kept that the source sent blocks of. */
  mentions(source: number): boolean {
    return this.#blame.mentions(source);
  }

  /** The hashes of the piece's blocks would tell who sent a wrong one, also when the piece is not in progress. */
  wantsLeaves(piece: number): boolean {
    return this.#blame.wantsLeaves(piece);
  }

  /** A piece in progress in a buffer as long as the piece. */
  begin(piece: number, buffer: Uint8Array, unasked: Bitfield | undefined): PartialPiece {
    const length = Math.min(this.#info.dataLength(piece), buffer.length);
    buffer.fill(0, length);
    const rehash = this.#info.hasV1 ? (): PrefixHash => this.#hasher.prefixSha1(buffer) : undefined;
    return new PartialPiece(piece, buffer, rehash?.(), unasked, {
      length,
      rehash,
      digests: this.#hashes === undefined ? undefined : new BlockDigests(Math.ceil(length / BLOCK_LENGTH)),
      sole: this.#blame.failures(piece) > 0,
    });
  }

  /** A block of a piece in progress was received. */
  received(partial: PartialPiece, block: number): void {
    if (partial.digests === undefined) {
      if (partial.complete) this.#judge(partial);
      return;
    }
    const begin = block * BLOCK_LENGTH;
    partial.digesting++;
    this.#hasher.sha256(partial.buffer.subarray(begin, begin + partial.blockLength(block)), (digest) => {
      partial.digesting--;
      this.#onDigest(partial, block, digest);
    });
  }

  /** The piece is not in progress any more: gives its buffer back when nothing reads it. */
  abandon(partial: PartialPiece): void {
    if (partial.digesting === 0) this.#host.release(partial.buffer);
  }

  /** Hashes of blocks have become known: of the piece in progress, and of copies that failed. */
  onLeaves(piece: number): void {
    const partial = this.#host.partial(piece);
    if (partial?.digests !== undefined) this.#compare(partial, partial.digests);
    const hashes = this.#hashes;
    if (hashes === undefined || !this.#blame.wantsLeaves(piece) || !hashes.hasLeaves(piece)) return;
    const count = Math.ceil(this.#info.dataLength(piece) / BLOCK_LENGTH);
    const leaves = new Uint8Array(count * HASH_LENGTH);
    for (let block = 0; block < count; block++) leaves.set(hashes.leaf(piece, block)!, block * HASH_LENGTH);
    this.#punish(piece, this.#blame.named(piece, leaves));
  }

  /** Nobody gives the hashes of the piece's blocks: a wrong piece that waits for them is downloaded anew. */
  onNoLeaves(piece: number): void {
    const partial = this.#host.partial(piece);
    if (partial?.complete !== true || partial.digests?.complete !== true) return;
    this.#host.beginJudging(partial);
    this.#host.endJudging(partial, () => this.#refuse(partial));
  }

  close(): void {
    this.#closed = true;
    this.#blame.close();
  }

  #isCurrent(partial: PartialPiece): boolean {
    return this.#host.partial(partial.index) === partial;
  }

  #onDigest(partial: PartialPiece, block: number, digest: Uint8Array): void {
    if (!this.#isCurrent(partial)) {
      if (partial.digesting === 0) this.#host.release(partial.buffer);
      return;
    }
    const digests = partial.digests!;
    digests.set(block, digest);
    const leaf = this.#hashes!.leaf(partial.index, block);
    if (leaf !== undefined) {
      if (!this.#isRight(partial, digests, block, leaf)) return;
      this.#host.onRightBlocks(partial.index);
    }
    this.#judgeIfWhole(partial, digests);
  }

  #compare(partial: PartialPiece, digests: BlockDigests): void {
    const before = digests.right;
    for (let block = 0; block < partial.blockCount && this.#isCurrent(partial); block++) {
      if (!digests.has(block)) continue;
      const leaf = this.#hashes!.leaf(partial.index, block);
      if (leaf !== undefined) this.#isRight(partial, digests, block, leaf);
    }
    if (digests.right > before && this.#isCurrent(partial)) this.#host.onRightBlocks(partial.index);
    // A piece whose hash was wrong waits for its blocks' hashes to say where: that is told above.
    if (digests.right === digests.count) this.#judgeIfWhole(partial, digests);
  }

  /** Whether the block is right; when it is not, it is free again and its sender is gone. */
  #isRight(partial: PartialPiece, digests: BlockDigests, block: number, leaf: Uint8Array): boolean {
    if (digests.matches(block, leaf)) return true;
    const sender = partial.senderOf(block);
    partial.refuse(block);
    this.#host.refuseBlock(partial, block, sender);
    return false;
  }

  #judgeIfWhole(partial: PartialPiece, digests: BlockDigests): void {
    if (partial.complete && digests.complete && this.#isCurrent(partial)) this.#judge(partial);
  }

  #judge(partial: PartialPiece): void {
    this.#host.beginJudging(partial);
    const v2 = this.#verdict(partial);
    if (partial.hash === undefined) {
      this.#decide(partial, undefined, v2);
      return;
    }
    partial.hash.finish((digest) => {
      this.#decide(partial, equalBytes(digest, this.#info.pieceHash(partial.index)!), v2);
    });
  }

  /** By v2; `undefined` where nothing is known to compare with. */
  #verdict({ index, digests }: PartialPiece): boolean | undefined {
    if (digests === undefined || this.#hashes === undefined) return undefined;
    if (digests.right === digests.count) return true;
    const root = this.#hashes.pieceRoot(index);
    return root && equalBytes(this.#hashes.rootOf(index, digests.bytes), root);
  }

  #decide(partial: PartialPiece, v1: boolean | undefined, v2: boolean | undefined): void {
    const { index, digests } = partial;
    this.#host.endJudging(partial, () => {
      if (this.#closed) {
        this.#host.release(partial.buffer);
      } else if (v1 !== undefined && v2 !== undefined && v1 !== v2) {
        this.#host.onInconsistent(partial);
        this.#host.release(partial.buffer);
      } else if (v1 ?? v2 ?? false) {
        this.#host.accept(partial, this.#blame.verified(index, partial.buffer, digests?.bytes));
      } else if (digests !== undefined && partial.senders().size > 1 && this.#host.seekLeaves(index)) {
        partial.restartHash();
        this.#host.dispute(partial);
      } else {
        this.#refuse(partial);
      }
    });
  }

  #refuse(partial: PartialPiece): void {
    const { index: piece, buffer, digests } = partial;
    const senders = partial.sendersByBlock();
    this.#host.refuse(partial, this.#blame.failed({ piece, buffer, senders, digests: digests?.bytes }));
  }

  #punish(piece: number, guilty: ReadonlySet<number>): void {
    for (const id of guilty) this.#host.ban(id, `sent a wrong block of piece ${piece}`);
  }
}
