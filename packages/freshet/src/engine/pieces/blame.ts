import { BLOCK_LENGTH, equalBytes, HASH_LENGTH } from '../../protocol/index.ts';
import { LazyMap } from '../../protocol/lazy-collections.ts';

/** Failed copies whose bytes are kept for comparison; beyond that the oldest is given up. */
const MAX_BUFFERS = 4;
/** Failed copies of which only the blocks' hashes are kept (v2). */
const MAX_DIGESTS = 64;

/** A copy of a piece that is wrong. */
export interface FailedCopy {
  readonly piece: number;
  readonly buffer: Uint8Array;
  /** Who sent which block. */
  readonly senders: Int32Array;
  /** SHA-256 of each block, where they are known: then the buffer need not be kept. */
  readonly digests?: Uint8Array | undefined;
}

interface Evidence {
  readonly piece: number;
  readonly senders: Int32Array;
  /** What is compared: bytes, or hashes of the blocks. */
  readonly buffer: Uint8Array | undefined;
  readonly digests: Uint8Array | undefined;
}

/**
 * Finds out who sent wrong data where only a whole piece could be verified: in v1, and in v2 while the hashes of the
 * blocks are not known. A piece that failed with a single sender convicts them at once. Otherwise the failed copy is
 * kept, with who sent which block, and is compared block by block with the good copy, or with the hashes, when they
 * have come: whose block differs is guilty, nobody else.
 */
export class Blame {
  #evidence: Evidence[] = [];
  readonly #failures = new LazyMap<number, number>();
  readonly #release: (buffer: Uint8Array) => void;

  /** @param release gets each buffer back when it is no longer needed. */
  constructor(release: (buffer: Uint8Array) => void) {
    this.#release = release;
  }

  /** How often the piece has failed. */
  failures(piece: number): number {
    return this.#failures.get(piece) ?? 0;
  }

  /** A failed copy is kept that the source sent blocks of. */
  mentions(source: number): boolean {
    return this.#evidence.some(({ senders }) => senders.includes(source));
  }

  /** The hashes of the piece's blocks would tell who sent a wrong one. */
  wantsLeaves(piece: number): boolean {
    return this.#evidence.some((evidence) => evidence.piece === piece && evidence.digests !== undefined);
  }

  /** A piece failed its hash. Takes over the buffer. Returns the sender if that is proof enough. */
  failed({ piece, buffer, senders, digests }: FailedCopy): number | undefined {
    this.#failures.set(piece, this.failures(piece) + 1);
    const first = senders[0]!;
    const sole = senders.every((sender) => sender === first);
    if (sole || digests !== undefined) this.#release(buffer);
    if (sole) return first;
    this.#evidence.push({ piece, senders, buffer: digests === undefined ? buffer : undefined, digests });
    const kept = this.#evidence.filter(
      (evidence) => (evidence.buffer === undefined) === (digests !== undefined),
    );
    if (kept.length > (digests === undefined ? MAX_BUFFERS : MAX_DIGESTS)) this.#drop(kept[0]!);
    return undefined;
  }

  /**
   * The good copy of a piece is there. Returns those whose blocks differed in failed copies of it.
   * @param digests SHA-256 of its blocks, where they are known.
   */
  verified(piece: number, good: Uint8Array, digests?: Uint8Array): Set<number> {
    if (!this.#failures.delete(piece)) return new Set();
    return this.#convict(piece, (evidence, block) => {
      if (evidence.buffer === undefined)
        return digests !== undefined && !sameHash(evidence.digests!, digests, block);
      const begin = block * BLOCK_LENGTH;
      return differs(evidence.buffer, good, begin, Math.min(begin + BLOCK_LENGTH, good.length));
    });
  }

  /** The hashes of all blocks of the piece are known. Returns those whose blocks had other ones. */
  named(piece: number, leaves: Uint8Array): Set<number> {
    return this.#convict(piece, ({ digests }, block) => {
      return digests !== undefined && !sameHash(digests, leaves, block);
    });
  }

  close(): void {
    for (const evidence of [...this.#evidence]) this.#drop(evidence);
    this.#failures.clear();
  }

  #convict(piece: number, wrong: (evidence: Evidence, block: number) => boolean): Set<number> {
    const guilty = new Set<number>();
    for (const evidence of this.#evidence.filter((kept) => kept.piece === piece)) {
      for (let block = 0; block < evidence.senders.length; block++) {
        if (wrong(evidence, block)) guilty.add(evidence.senders[block]!);
      }
      this.#drop(evidence);
    }
    return guilty;
  }

  #drop(evidence: Evidence): void {
    this.#evidence = this.#evidence.filter((kept) => kept !== evidence);
    if (evidence.buffer !== undefined) this.#release(evidence.buffer);
  }
}

function sameHash(a: Uint8Array, b: Uint8Array, block: number): boolean {
  const [begin, end] = [block * HASH_LENGTH, (block + 1) * HASH_LENGTH];
  return equalBytes(a.subarray(begin, end), b.subarray(begin, end));
}

function differs(a: Uint8Array, b: Uint8Array, begin: number, end: number): boolean {
  for (let i = begin; i < end; i++) if (a[i] !== b[i]) return true;
  return false;
}
