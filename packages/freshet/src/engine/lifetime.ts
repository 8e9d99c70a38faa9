/**
 * How long something lives. Whatever it starts registers its end here, so that one call ends all of it. The
 * engine's stand-in for `AbortSignal`, which the language itself does not have.
 */
export class Lifetime {
  #ended = false;
  #ends = new Set<() => void>();

  get ended(): boolean {
    return this.#ended;
  }

  /** Runs `end` when this lifetime ends, or at once when it has; returns a function that takes it back. */
  onEnd(end: () => void): () => void {
    if (this.#ended) {
      end();
      return (): void => {};
    }
    this.#ends.add(end);
    return (): void => {
      this.#ends.delete(end);
    };
  }

  /** Ends everything that was registered, latest first. Idempotent. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    const ends = [...this.#ends].reverse();
    this.#ends.clear();
    for (const end of ends) end();
  }
}
