/** The client's end of a reader: bytes that were asked for ahead, and how to go on with another host. */

import { StreamError } from './errors.ts';
import type { ClientMessage } from './messages.ts';
import type { ByteReader, ReaderRange } from './protocol.ts';

export interface RemoteReaderHost {
  /** Says it to the host, if there is one. */
  send(message: ClientMessage): void;
  /** A number that no reader of this port has had; `undefined` while there is no host. */
  nextReader(reader: RemoteReader): number | undefined;
  /** Nothing more is expected of it. */
  forget(id: number | undefined, reader: RemoteReader): void;
}

interface Waiting {
  readonly max: number;
  resolve(bytes: Uint8Array | undefined): void;
  reject(error: Error): void;
}

/** Most bytes that are asked for and not taken yet, beyond the read that waits. */
const MAX_AHEAD = 1024 * 1024;

/**
 * The first read asks for what it needs only, as players open readers to look at a few bytes. Whoever reads on has
 * more and more asked for ahead, up to 1 MiB, so that a round trip lies between no two reads.
 */
export class RemoteReader implements ByteReader {
  readonly #host: RemoteReaderHost;
  readonly #range: ReaderRange;
  /** `undefined` while the host knows nothing of it. */
  #id: number | undefined;
  /** Behind the last byte that has come. */
  #position: number;
  /** What has come and not been taken, in order. */
  #chunks: Uint8Array[] = [];
  #buffered = 0;
  /** How much each read on its way may bring, in order. */
  #asked: number[] = [];
  #ahead = 0;
  #begun = false;
  #waiting: Waiting | undefined;
  #ended = false;
  #error: Error | undefined;

  constructor(host: RemoteReaderHost, range: ReaderRange) {
    this.#host = host;
    this.#range = range;
    this.#position = range.start;
  }

  get torrent(): number {
    return this.#range.torrent;
  }

  read(maxBytes: number): Promise<Uint8Array | undefined> {
    if (this.#waiting !== undefined) {
      return Promise.reject(new StreamError('The reader is still answering the read before this one.'));
    }
    if (!(maxBytes >= 1)) {
      return Promise.reject(new StreamError(`A read of ${maxBytes} bytes is not possible.`));
    }
    const max = Math.min(Math.floor(maxBytes), MAX_AHEAD);
    if (this.#begun) this.#ahead = Math.min(MAX_AHEAD, Math.max(max, 2 * this.#ahead));
    this.#begun = true;
    const chunk = this.#take(max);
    if (chunk !== undefined) {
      this.#ask(max);
      return Promise.resolve(chunk);
    }
    if (this.#error !== undefined) return Promise.reject(this.#error);
    if (this.#ended) return Promise.resolve(undefined);
    return new Promise((resolve, reject) => {
      this.#waiting = { max, resolve, reject };
      this.#ask(max);
    });
  }

  cancel(): void {
    this.#chunks = [];
    this.#buffered = 0;
    this.fail(new StreamError('The stream was cancelled.'));
  }

  /** Reads that wait are rejected, and later ones when nothing is left. */
  fail(error: Error): void {
    this.#error ??= error;
    this.#leave();
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.reject(error);
  }

  /** What the host sends; without bytes, the end. */
  onBytes(bytes: Uint8Array | undefined): void {
    if (this.#asked.shift() === undefined || this.#ended || this.#error !== undefined) return;
    if (bytes !== undefined && bytes.length > 0) {
      this.#position += bytes.length;
      this.#chunks.push(bytes);
      this.#buffered += bytes.length;
    }
    if (bytes === undefined || this.#position >= this.#range.end) {
      this.#ended = true;
      this.#leave();
    }
    const waiting = this.#waiting;
    if (waiting === undefined) return;
    const chunk = this.#take(waiting.max);
    if (chunk === undefined && !this.#ended) {
      this.#ask(waiting.max);
      return;
    }
    this.#waiting = undefined;
    this.#ask(waiting.max);
    waiting.resolve(chunk);
  }

  /** The host is gone. What has come stays. */
  lost(): void {
    this.#id = undefined;
    this.#asked = [];
  }

  /** There is a host again: goes on behind the last byte that has come. */
  reopen(): void {
    if (this.#waiting !== undefined && !this.#ended && this.#error === undefined)
      this.#ask(this.#waiting.max);
  }

  #take(max: number): Uint8Array | undefined {
    const chunk = this.#chunks[0];
    if (chunk === undefined) return undefined;
    const taken = chunk.length <= max ? chunk : chunk.subarray(0, max);
    if (taken === chunk) this.#chunks.shift();
    else this.#chunks[0] = chunk.subarray(max);
    this.#buffered -= taken.length;
    return taken;
  }

  /** Asks for what the read that waits needs, and for more where the window has room. */
  #ask(max: number): void {
    if (this.#ended || this.#error !== undefined) return;
    let open = this.#buffered;
    for (const asked of this.#asked) open += asked;
    while (
      (this.#waiting !== undefined && this.#asked.length === 0) ||
      (open + max <= this.#ahead && this.#position - this.#buffered + open < this.#range.end)
    ) {
      this.#open();
      if (this.#id === undefined) return;
      this.#asked.push(max);
      open += max;
      this.#host.send({ type: 'read', reader: this.#id, max });
    }
  }

  #open(): void {
    if (this.#id !== undefined) return;
    const { torrent, end } = this.#range;
    this.#id = this.#host.nextReader(this);
    if (this.#id === undefined) return;
    this.#host.send({ type: 'open', reader: this.#id, torrent, start: this.#position, end });
  }

  #leave(): void {
    this.#asked = [];
    if (this.#id !== undefined) this.#host.send({ type: 'cancel', reader: this.#id });
    this.#host.forget(this.#id, this);
    this.#id = undefined;
  }
}
