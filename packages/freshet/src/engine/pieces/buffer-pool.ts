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
  /** Memory that is not the pool's. */
  #lent: WeakSet<Uint8Array> | undefined;
  readonly #members = new Set<PoolMember>();
  /** Those who were refused a buffer and wait for room. */
  readonly #refused = new Set<PoolMember>();
  /** Bytes of those handed out that only wait to be written. */
  #unwritten = 0;
  #congested = false;
  /** Who waits for the end of the congestion, and on whose account. */
  readonly #waiting = new Map<() => void, PoolMember>();

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

  /**
   * Seven eighths of the budget are used, and disks are what is waited for: links should not be read. It ends at three
   * quarters, or when nothing is left to be written; pieces in progress alone are never a reason, as only links can end
   * them.
   */
  get congested(): boolean {
    return this.#congested;
  }

  /** A buffer is on its way to a disk. */
  writeBegun(bytes: number): void {
    this.#unwritten += bytes;
    if (this.#used >= (this.budget * 7) / 8) this.#congested = true;
  }

  /** It is written, or cannot be; it is released by the same call of its owner. */
  writeEnded(bytes: number): void {
    this.#unwritten -= bytes;
  }

  /** Calls `wake` once, when there is no congestion, or none that the member has a part in. */
  whenRelieved(member: PoolMember, wake: () => void): void {
    this.#waiting.set(wake, member);
  }

  forget(wake: () => void): void {
    this.#waiting.delete(wake);
  }

  /** The member has nothing left to be written. */
  relieve(member: PoolMember): void {
    for (const [wake, owner] of [...this.#waiting]) {
      if (owner === member && this.#waiting.delete(wake)) wake();
    }
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
   * @param lend gives memory that is not the pool's, which counts in the budget and is not kept for reuse.
   * @returns `undefined` when there is no room; `onRoom` follows when there is.
   */
  acquire(
    length: number,
    member: PoolMember,
    overdraft: number,
    lend?: () => Uint8Array | undefined,
  ): Uint8Array | undefined {
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
    const lent = lend?.();
    if (lent !== undefined) {
      this.#lent ??= new WeakSet();
      this.#lent.add(lent);
      return lent;
    }
    const list = this.#idle.get(length);
    const reused = list?.pop();
    if (list?.length === 0) this.#idle.delete(length);
    if (reused === undefined) return new Uint8Array(length);
    this.#idleBytes -= length;
    return reused;
  }

  /** Whether the buffer is not the pool's, and so nobody else's after it is released. */
  isLent(buffer: Uint8Array): boolean {
    return this.#lent?.has(buffer) === true;
  }

  /** Gives a buffer back. Nobody may use it afterwards. */
  release(buffer: Uint8Array): void {
    this.#used -= buffer.length;
    if (this.#used === 0) {
      // Nothing is downloaded at the moment: an idle client keeps no memory.
      this.trim();
      return;
    }
    if (this.isLent(buffer)) return;
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
    this.#relieveAll();
    if (this.#refused.size === 0 || (this.#used > 0 && this.#used > (this.budget * 3) / 4)) return;
    const refused = [...this.#refused];
    this.#refused.clear();
    for (const member of refused) member.onRoom();
  }

  #relieveAll(): void {
    if (!this.#congested || (this.#unwritten > 0 && this.#used > (this.budget * 3) / 4)) return;
    this.#congested = false;
    for (const wake of [...this.#waiting.keys()]) if (this.#waiting.delete(wake)) wake();
  }

  /** Drops what lies idle. */
  trim(): void {
    this.#idle.clear();
    this.#idleBytes = 0;
  }
}
