/**
 * Buffers for pieces in progress, out of one byte budget for the whole client. Released buffers are kept for
 * reuse: a fresh one costs its size in zeroing and page faults, which at hundreds of megabytes per second is
 * more than the hash.
 */
export class BufferPool {
  readonly budget: number;
  #used = 0;
  #idleBytes = 0;
  readonly #idle = new Map<number, Uint8Array[]>();

  /** @param budget most bytes handed out at a time, apart from `force`. */
  constructor(budget: number) {
    this.budget = budget;
  }

  /** Bytes handed out and not released. */
  get used(): number {
    return this.#used;
  }

  /** Whether a buffer of this length fits into the budget. The first one always does. */
  fits(length: number): boolean {
    return this.#used === 0 || this.#used + length <= this.budget;
  }

  /** A buffer with undefined content; `undefined` when it does not fit, unless forced. */
  acquire(length: number, force: boolean): Uint8Array | undefined {
    if (!force && !this.fits(length)) return undefined;
    this.#used += length;
    const reused = this.#idle.get(length)?.pop();
    if (reused !== undefined) {
      this.#idleBytes -= length;
      return reused;
    }
    return new Uint8Array(length);
  }

  /** Gives a buffer back. Nobody may use it afterwards. */
  release(buffer: Uint8Array): void {
    this.#used -= buffer.length;
    // What lies idle counts too: together they stay within a quarter over the budget.
    if (this.#idleBytes + buffer.length > this.budget / 4) return;
    const list = this.#idle.get(buffer.length);
    if (list === undefined) this.#idle.set(buffer.length, [buffer]);
    else list.push(buffer);
    this.#idleBytes += buffer.length;
  }

  /** Drops what lies idle. */
  trim(): void {
    this.#idle.clear();
    this.#idleBytes = 0;
  }
}
