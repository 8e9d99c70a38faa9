/** Cuts what is sent over a data channel into messages. */

/**
 * Largest message: a 16 KiB block with its header in one piece. Every WebRTC stack takes it (RFC 8841 promises
 * 64 KiB), and larger ones bring no throughput.
 */
export const MAX_MESSAGE: number = 16_384 + 64;

/**
 * Views waiting to be sent, in order. Small ones leave together and large ones are split, so that the number of
 * messages is the least possible: the pipe carries bytes, message borders mean nothing.
 */
export class MessageQueue {
  readonly #parts: Uint8Array[] = [];
  readonly #scratch = new Uint8Array(MAX_MESSAGE);
  /** Index of the first part that is not sent, and how much of it is. */
  #head = 0;
  #sent = 0;
  #length = 0;

  /** Bytes that wait. */
  get length(): number {
    return this.#length;
  }

  push(parts: readonly Uint8Array[]): void {
    for (const part of parts) {
      if (part.length === 0) continue;
      this.#parts.push(part);
      this.#length += part.length;
    }
  }

  /**
   * Takes the next message, at most `MAX_MESSAGE` bytes. It is valid until the next call: a single view is handed
   * out as it is, several are put together in memory that is used again.
   */
  shift(): Uint8Array | undefined {
    const first = this.#parts[this.#head];
    if (first === undefined) return undefined;
    const rest = first.length - this.#sent;
    if (rest === this.#length || rest >= MAX_MESSAGE) return this.#take(first, Math.min(rest, MAX_MESSAGE));
    let filled = 0;
    while (filled < MAX_MESSAGE && this.#length > 0) {
      const part = this.#parts[this.#head]!;
      const piece = this.#take(part, Math.min(part.length - this.#sent, MAX_MESSAGE - filled));
      this.#scratch.set(piece, filled);
      filled += piece.length;
    }
    return this.#scratch.subarray(0, filled);
  }

  clear(): void {
    this.#parts.length = 0;
    this.#head = 0;
    this.#sent = 0;
    this.#length = 0;
  }

  #take(part: Uint8Array, count: number): Uint8Array {
    const piece = part.subarray(this.#sent, this.#sent + count);
    this.#sent += count;
    this.#length -= count;
    if (this.#sent === part.length) {
      this.#head++;
      this.#sent = 0;
    }
    if (this.#length === 0) this.clear();
    return piece;
  }
}
