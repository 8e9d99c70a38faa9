import { BLOCK_LENGTH } from '../../protocol/index.ts';

/** Failed copies kept for comparison; beyond that the oldest is given up. */
const MAX_EVIDENCE = 4;

interface Evidence {
  readonly piece: number;
  readonly buffer: Uint8Array;
  /** Who sent which block. */
  readonly senders: Int32Array;
}

/**
 * Finds out who sent wrong data in v1, where only a whole piece can be verified. A piece that failed with a
 * single sender convicts them at once. Otherwise the failed copy is kept, with who sent which block, and is
 * compared block by block with the good copy when that has come: whose block differs is guilty, nobody else.
 */
export class Blame {
  readonly #evidence: Evidence[] = [];
  readonly #failures = new Map<number, number>();
  readonly #release: (buffer: Uint8Array) => void;

  /** @param release gets each buffer back when it is no longer needed. */
  constructor(release: (buffer: Uint8Array) => void) {
    this.#release = release;
  }

  /** How often the piece has failed. */
  failures(piece: number): number {
    return this.#failures.get(piece) ?? 0;
  }

  /** A piece failed its hash. Takes over the buffer. Returns the sender if that is proof enough. */
  failed(piece: number, buffer: Uint8Array, senders: Int32Array): number | undefined {
    this.#failures.set(piece, this.failures(piece) + 1);
    const first = senders[0]!;
    if (senders.every((sender) => sender === first)) {
      this.#release(buffer);
      return first;
    }
    this.#evidence.push({ piece, buffer, senders });
    if (this.#evidence.length > MAX_EVIDENCE) this.#release(this.#evidence.shift()!.buffer);
    return undefined;
  }

  /** The good copy of a piece is there. Returns those whose blocks differed in failed copies of it. */
  verified(piece: number, good: Uint8Array): Set<number> {
    const guilty = new Set<number>();
    if (!this.#failures.delete(piece)) return guilty;
    for (let i = this.#evidence.length - 1; i >= 0; i--) {
      const evidence = this.#evidence[i]!;
      if (evidence.piece !== piece) continue;
      this.#evidence.splice(i, 1);
      for (let block = 0; block < evidence.senders.length; block++) {
        const begin = block * BLOCK_LENGTH;
        const end = Math.min(begin + BLOCK_LENGTH, good.length);
        if (differs(evidence.buffer, good, begin, end)) guilty.add(evidence.senders[block]!);
      }
      this.#release(evidence.buffer);
    }
    return guilty;
  }

  close(): void {
    for (const evidence of this.#evidence.splice(0)) this.#release(evidence.buffer);
    this.#failures.clear();
  }
}

function differs(a: Uint8Array, b: Uint8Array, begin: number, end: number): boolean {
  for (let i = begin; i < end; i++) if (a[i] !== b[i]) return true;
  return false;
}
