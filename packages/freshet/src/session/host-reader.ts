/** The host's end of a reader: answers what the client asks for, one read after another. */

import { toErrorValue } from './errors.ts';
import type { HostMessage } from './messages.ts';
import type { ByteReader } from './protocol.ts';

/** Most bytes of one answer, whatever is asked for. */
const MAX_READ = 1024 * 1024;
/** Most reads on their way; nobody needs more. */
const MAX_ASKED = 64;

export class HostReader {
  readonly #id: number;
  readonly #send: (message: HostMessage, transfer?: readonly unknown[]) => void;
  readonly #open: () => Promise<ByteReader>;
  #reader: ByteReader | undefined;
  /** Bytes that are asked for, in order. */
  readonly #asked: number[] = [];
  #reading = false;
  #closed = false;

  /** @param open called for the first read; may reject. */
  constructor(
    id: number,
    open: () => Promise<ByteReader>,
    send: (message: HostMessage, transfer?: readonly unknown[]) => void,
  ) {
    this.#id = id;
    this.#open = open;
    this.#send = send;
  }

  ask(max: number): void {
    if (this.#closed || this.#asked.length >= MAX_ASKED) return;
    this.#asked.push(Math.min(max, MAX_READ));
    void this.#pump();
  }

  cancel(): void {
    this.#closed = true;
    this.#asked.length = 0;
    this.#reader?.cancel();
  }

  /** Ends it, and tells the client why. */
  fail(error: Error): void {
    if (this.#closed) return;
    this.cancel();
    this.#send({ type: 'readFailed', reader: this.#id, error: toErrorValue(error) });
  }

  async #pump(): Promise<void> {
    if (this.#reading) return;
    this.#reading = true;
    try {
      this.#reader ??= await this.#open();
      if (this.#closed) this.#reader.cancel();
      for (let max = this.#asked.shift(); max !== undefined; max = this.#asked.shift()) {
        const bytes = await this.#reader.read(max);
        if (this.#closed) return;
        this.#answer(bytes);
      }
    } catch (error) {
      this.fail(error instanceof Error ? error : new Error(String(error)));
    } finally {
      this.#reading = false;
    }
  }

  #answer(bytes: Uint8Array | undefined): void {
    if (bytes === undefined) {
      this.#send({ type: 'bytes', reader: this.#id });
      return;
    }
    // A view of memory that others look at too: a copy can be given away, and carries no more than was asked for.
    const copy = bytes.slice();
    this.#send({ type: 'bytes', reader: this.#id, bytes: copy }, [copy.buffer]);
  }
}
