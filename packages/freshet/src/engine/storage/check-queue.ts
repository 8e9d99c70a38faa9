/** Checks under way at a time. One alone would wait for a medium that does not answer. */
const MAX_CHECKS = 2;

/** A place in the queue of checks. */
export interface CheckPlace {
  /** Resolves with true when it is this check's turn, with false when it was given up before. */
  readonly turn: Promise<boolean>;
  /** The check has ended, or is not wanted any more. Idempotent. */
  leave(): void;
}

/** Torrents whose stored data is to be hashed: a few at a time, first come, first served. */
export class CheckQueue {
  readonly #waiting = new Set<() => void>();
  #running = 0;

  get running(): number {
    return this.#running;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  enter(): CheckPlace {
    let running = false;
    let left = false;
    let answer: (mine: boolean) => void = () => {};
    const turn = new Promise<boolean>((resolve) => {
      answer = resolve;
    });
    const begin = (): void => {
      running = true;
      this.#running++;
      answer(true);
    };
    if (this.#running < MAX_CHECKS) begin();
    else this.#waiting.add(begin);
    return {
      turn,
      leave: () => {
        if (left) return;
        left = true;
        this.#waiting.delete(begin);
        answer(false);
        if (!running) return;
        this.#running--;
        for (const next of this.#waiting) {
          this.#waiting.delete(next);
          next();
          break;
        }
      },
    };
  }
}
