/** The capacity of a simulated line. Links that share one compete for it. */

export class Bandwidth {
  /** Bytes per second; `Infinity` for a line that takes no time. May change at any moment. */
  bytesPerSecond: number;
  #busyUntil = 0;

  constructor(bytesPerSecond: number) {
    this.bytesPerSecond = bytesPerSecond;
  }

  /** Books the next free stretch of the line for `length` bytes; returns when it ends, in clock time. */
  book(now: number, length: number): number {
    this.#busyUntil = Math.max(now, this.#busyUntil) + (length * 1000) / this.bytesPerSecond;
    return this.#busyUntil;
  }
}
