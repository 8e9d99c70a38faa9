/** Whoever holds buffers of the pool for a while. */
export interface PoolMember {
  /** Gives back the buffer that it can best do without. Returns whether there was one. */
  yieldBuffer(): boolean;
  /** There is room again, after a buffer was refused. */
  onRoom(): void;
}

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
  readonly #members = new Set<PoolMember>();
  /** Those who were refused a buffer and wait for room. */
  readonly #refused = new Set<PoolMember>();

  /** @param budget most bytes handed out at a time, apart from overdrafts. */
  constructor(budget: number) {
    this.budget = budget;
  }

  /** Bytes handed out and not released. */
  get used(): number {
    return this.#used;
  }

  /** Bytes of released buffers that are kept for reuse. */
  get idleBytes(): number {
    return this.#idleBytes;
  }

  join(member: PoolMember): void {
    this.#members.add(member);
  }

  leave(member: PoolMember): void {
    this.#members.delete(member);
    this.#refused.delete(member);
  }

  /** Whether a buffer of this length fits into the budget. The first one always does. */
  fits(length: number): boolean {
    return this.#used === 0 || this.#used + length <= this.budget;
  }

  /**
   * A buffer with undefined content. When it does not fit, members are asked to give some back, the one who wants
   * it first.
   * @param overdraft bytes beyond the budget that may be used if that does not help.
   * @returns `undefined` when there is no room; `onRoom` follows when there is.
   */
  acquire(length: number, member: PoolMember, overdraft: number): Uint8Array | undefined {
    if (!this.fits(length)) {
      while (!this.fits(length) && member.yieldBuffer());
      for (const other of this.#members) {
        while (!this.fits(length) && other !== member && other.yieldBuffer());
      }
      if (!this.fits(length) && this.#used + length > this.budget + overdraft) {
        this.#refused.add(member);
        return undefined;
      }
    }
    this.#used += length;
    const list = this.#idle.get(length);
    const reused = list?.pop();
    if (list?.length === 0) this.#idle.delete(length);
    if (reused === undefined) return new Uint8Array(length);
    this.#idleBytes -= length;
    return reused;
  }

  /** Gives a buffer back. Nobody may use it afterwards. */
  release(buffer: Uint8Array): void {
    this.#used -= buffer.length;
    if (this.#used === 0) {
      // Nothing is downloaded at the moment: an idle client keeps no memory.
      this.trim();
      return;
    }
    // What lies idle counts too: together they stay within a quarter over the budget.
    const limit = this.budget / 4;
    for (const [length, list] of this.#idle) {
      if (this.#idleBytes + buffer.length <= limit) break;
      // Lengths that nobody asks for any more would keep out those that are in use.
      if (length === buffer.length) continue;
      this.#idleBytes -= length * list.length;
      this.#idle.delete(length);
    }
    if (this.#idleBytes + buffer.length > limit) return;
    const list = this.#idle.get(buffer.length);
    if (list === undefined) this.#idle.set(buffer.length, [buffer]);
    else list.push(buffer);
    this.#idleBytes += buffer.length;
  }

  /**
   * Wakes those who were refused, once a quarter of the budget is free. Not part of `release`, which is called in
   * the middle of other work: members call it when they may be asked for something.
   */
  settle(): void {
    if (this.#refused.size === 0 || (this.#used > 0 && this.#used > (this.budget * 3) / 4)) return;
    const refused = [...this.#refused];
    this.#refused.clear();
    for (const member of refused) member.onRoom();
  }

  /** Drops what lies idle. */
  trim(): void {
    this.#idle.clear();
    this.#idleBytes = 0;
  }
}
