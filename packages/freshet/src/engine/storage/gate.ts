/** Lets operations run side by side, and a change of the layout alone. First come, first served. */

interface Waiter {
  readonly exclusive: boolean;
  run(): void;
}

export class Gate {
  #running = 0;
  #alone = false;
  readonly #waiting: Waiter[] = [];

  /** Runs `action` beside other shared ones; at once, before the call returns, when nothing is in the way. */
  shared<T>(action: () => Promise<T>): Promise<T> {
    return this.#enter(false, action);
  }

  /** Runs `action` when all before it have ended; what comes later waits for it. */
  exclusive<T>(action: () => Promise<T>): Promise<T> {
    return this.#enter(true, action);
  }

  #enter<T>(exclusive: boolean, action: () => Promise<T>): Promise<T> {
    if (this.#waiting.length === 0 && this.#admits(exclusive)) return this.#run(exclusive, action);
    return new Promise<T>((resolve, reject) => {
      this.#waiting.push({ exclusive, run: () => this.#run(exclusive, action).then(resolve, reject) });
    });
  }

  #admits(exclusive: boolean): boolean {
    return !this.#alone && (!exclusive || this.#running === 0);
  }

  async #run<T>(exclusive: boolean, action: () => Promise<T>): Promise<T> {
    this.#running++;
    this.#alone = exclusive;
    try {
      return await action();
    } finally {
      this.#running--;
      this.#alone = false;
      while (this.#waiting.length > 0 && this.#admits(this.#waiting[0]!.exclusive))
        this.#waiting.shift()!.run();
    }
  }
}
