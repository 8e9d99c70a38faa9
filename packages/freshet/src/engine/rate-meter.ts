/** Width of one slot of the window, in milliseconds. */
const SLOT = 500;
/** Slots in the window: 4 s is short enough to follow a change and long enough not to flicker. */
const SLOTS = 8;

/** Bytes per second over the last four seconds, or over the time since the first byte when that is shorter. */
export class RateMeter {
  /** Absent until something was counted. */
  #slots: Float64Array | undefined;
  /** Number of the newest slot since time 0. */
  #head = 0;
  #sum = 0;
  #startedAt = -1;
  total = 0;

  add(bytes: number, now: number): void {
    this.#advance(now);
    if (this.#startedAt < 0) this.#startedAt = now;
    const slot = this.#head % SLOTS;
    this.#slots ??= new Float64Array(SLOTS);
    this.#slots[slot] = this.#slots[slot]! + bytes;
    this.#sum += bytes;
    this.total += bytes;
  }

  rate(now: number): number {
    this.#advance(now);
    if (this.#startedAt < 0 || this.#sum === 0) return 0;
    const windowStart = (this.#head - SLOTS + 1) * SLOT;
    // At least a quarter of a second, so that the first block does not look like gigabytes per second.
    const span = Math.max(250, now - Math.max(windowStart, this.#startedAt));
    return (this.#sum * 1000) / span;
  }

  #advance(now: number): void {
    const head = Math.floor(now / SLOT);
    if (head <= this.#head) return;
    const slots = this.#slots;
    if (slots === undefined || head - this.#head >= SLOTS) {
      if (this.#sum !== 0) slots?.fill(0);
      this.#sum = 0;
      // After a silent window the next byte starts a new measurement.
      this.#startedAt = -1;
    } else {
      for (let slot = this.#head + 1; slot <= head; slot++) {
        const index = slot % SLOTS;
        this.#sum -= slots[index]!;
        slots[index] = 0;
      }
    }
    this.#head = head;
  }
}
