/** Ordered pipes between threads, and within one. */

/** One end of an ordered pipe that clones what it carries, or transfers it. */
export interface Port {
  post(message: unknown, transfer?: readonly unknown[]): void;
  /** Set once by the owner; messages that came before are delivered then. */
  onMessage: ((message: unknown) => void) | undefined;
  close(): void;
}

class EventPort implements Port {
  readonly #port: MessagePort;
  #onMessage: ((message: unknown) => void) | undefined;

  constructor(port: MessagePort) {
    this.#port = port;
  }

  get onMessage(): ((message: unknown) => void) | undefined {
    return this.#onMessage;
  }

  set onMessage(listener: ((message: unknown) => void) | undefined) {
    this.#onMessage = listener;
    // Starts the port, which keeps what has come until then.
    this.#port.onmessage = ({ data }: MessageEvent<unknown>) => this.#onMessage?.(data);
  }

  post(message: unknown, transfer: readonly unknown[] = []): void {
    this.#port.postMessage(message, transfer as Transferable[]);
  }

  close(): void {
    this.#onMessage = undefined;
    this.#port.close();
  }
}

/** A `MessagePort` as a pipe. */
export function portOf(port: MessagePort): Port {
  return new EventPort(port);
}

/** Nothing is cloned: both ends are in one thread. Never delivers from within `post`. */
class LocalPort implements Port {
  other: LocalPort | undefined;
  readonly #kept: unknown[] = [];
  #onMessage: ((message: unknown) => void) | undefined;

  get onMessage(): ((message: unknown) => void) | undefined {
    return this.#onMessage;
  }

  set onMessage(listener: ((message: unknown) => void) | undefined) {
    this.#onMessage = listener;
    if (this.#kept.length > 0) queueMicrotask(() => this.#deliver());
  }

  post(message: unknown): void {
    const { other } = this;
    if (other === undefined) return;
    other.#kept.push(message);
    if (other.#onMessage !== undefined) queueMicrotask(() => other.#deliver());
  }

  close(): void {
    this.#onMessage = undefined;
    this.#kept.length = 0;
    if (this.other !== undefined) this.other.other = undefined;
    this.other = undefined;
  }

  #deliver(): void {
    while (this.#kept.length > 0 && this.#onMessage !== undefined) this.#onMessage(this.#kept.shift());
  }
}

/** A pipe within one thread. */
export function localPipe(): readonly [Port, Port] {
  const [one, two] = [new LocalPort(), new LocalPort()];
  one.other = two;
  two.other = one;
  return [one, two];
}
