/** The end of a pipe where bytes come out. */
export interface PipeSink {
  /** Valid during the call only. */
  onBytes(chunk: Uint8Array): void;
  /** All has been delivered and there is no more. */
  onEnd(): void;
}

const POISON = 0xdb;

/** What has been received of a pipe, and is kept for an end that does not read. */
export class Receiver {
  heldBytes = 0;
  readonly #poisons: boolean;
  #sink: PipeSink | undefined;
  #ignoring = false;
  #paused = false;
  #held: Uint8Array[] | undefined;
  #first = 0;
  #ended = false;

  /** @param poisons overwrites what was delivered. */
  constructor(poisons: boolean) {
    this.#poisons = poisons;
  }

  /** Takes what comes at once. */
  get reads(): boolean {
    return this.#ignoring || (this.#sink !== undefined && !this.#paused);
  }

  /** Something waits for `flush`. */
  get waits(): boolean {
    return this.heldBytes > 0 || this.#ended;
  }

  attach(sink: PipeSink): void {
    this.#sink = sink;
  }

  pause(): void {
    this.#paused = true;
  }

  /** Returns whether it was paused. */
  resume(): boolean {
    const was = this.#paused;
    this.#paused = false;
    return was;
  }

  /** Whatever is there and whatever comes is thrown away. */
  ignore(): void {
    this.#ignoring = true;
    this.#sink = undefined;
    this.#held = undefined;
    this.heldBytes = 0;
  }

  /** Delivers it, or keeps it. Returns whether it was delivered. */
  receive(part: Uint8Array): boolean {
    if (this.#ignoring) return false;
    if (this.#sink !== undefined && !this.#paused && this.heldBytes === 0) {
      this.#give(part);
      return true;
    }
    this.#held ??= [];
    this.#held.push(part);
    this.heldBytes += part.length;
    return false;
  }

  /** Nothing comes any more. */
  end(): boolean {
    this.#ended = true;
    return this.flush();
  }

  /** Delivers what is kept; returns whether there was something to deliver. */
  flush(): boolean {
    let called = false;
    while (this.heldBytes > 0 && this.#sink !== undefined && !this.#paused) {
      const held = this.#held!;
      const part = held[this.#first++]!;
      this.heldBytes -= part.length;
      if (this.#first === held.length) {
        this.#held = undefined;
        this.#first = 0;
      }
      called = true;
      this.#give(part);
    }
    if (!this.#ended || this.heldBytes > 0 || this.#paused || this.#sink === undefined) return called;
    const sink = this.#sink;
    this.ignore();
    sink.onEnd();
    return true;
  }

  #give(part: Uint8Array): void {
    this.#sink!.onBytes(part);
    if (this.#poisons) part.fill(POISON);
  }
}
