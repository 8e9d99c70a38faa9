/** A small readable stream for platforms that have no `node:stream`. */

import { toFreshetError } from '../session/errors.ts';
import { Emitter } from './emitter.ts';
import type { ByteIterator } from './platform.ts';

/** Something to pipe into. */
export interface PipeTarget {
  write(chunk: Uint8Array): unknown;
  end(): unknown;
  once?(event: 'drain', listener: () => void): unknown;
}

/** What `file.createReadStream()` gives: in Node a real `stream.Readable`, elsewhere `WebReadStream`. */
export interface FileReadStream extends AsyncIterable<Uint8Array> {
  on(event: 'data', listener: (chunk: Uint8Array) => void): this;
  on(event: 'end' | 'close', listener: () => void): this;
  on(event: 'error', listener: (error: Error) => void): this;
  once(event: 'data', listener: (chunk: Uint8Array) => void): this;
  once(event: 'end' | 'close', listener: () => void): this;
  once(event: 'error', listener: (error: Error) => void): this;
  pipe<T extends PipeTarget>(target: T): T;
  pause(): this;
  resume(): this;
  /** Ends the stream; with an error, emits it. */
  destroy(error?: Error): this;
  readonly destroyed: boolean;
}

export interface ReadStreamEvents {
  data: [chunk: Uint8Array];
  end: [];
  error: [error: Error];
  close: [];
}

type Name = keyof ReadStreamEvents;
type Listener<E extends Name> = (...args: ReadStreamEvents[E]) => void;

/**
 * Flows as soon as somebody listens to `data` or it is piped; `pause` and `resume` as in Node. Iterating it and
 * listening to it exclude each other.
 */
export class WebReadStream extends Emitter<ReadStreamEvents> implements FileReadStream {
  readonly #source: ByteIterator;
  #flowing = false;
  #pulling = false;
  #destroyed = false;

  constructor(source: ByteIterator) {
    super();
    this.#source = source;
  }

  get destroyed(): boolean {
    return this.#destroyed;
  }

  override on<E extends Name>(event: E, listener: Listener<E>): this {
    super.on(event, listener);
    if (event === 'data') this.resume();
    return this;
  }

  override once<E extends Name>(event: E, listener: Listener<E>): this {
    super.once(event, listener);
    if (event === 'data') this.resume();
    return this;
  }

  override addListener<E extends Name>(event: E, listener: Listener<E>): this {
    return this.on(event, listener);
  }

  pause(): this {
    this.#flowing = false;
    return this;
  }

  resume(): this {
    if (!this.#flowing && !this.#destroyed) {
      this.#flowing = true;
      queueMicrotask(() => void this.#pump());
    }
    return this;
  }

  pipe<T extends PipeTarget>(target: T): T {
    this.on('data', (chunk: Uint8Array) => {
      if (target.write(chunk) === false && target.once !== undefined) {
        this.pause();
        target.once('drain', () => this.resume());
      }
    });
    this.once('end', () => void target.end());
    return target;
  }

  destroy(error?: Error): this {
    if (this.#destroyed) return this;
    this.#destroyed = true;
    this.#flowing = false;
    void this.#source.return?.();
    queueMicrotask(() => {
      if (error !== undefined) this.emit('error', error);
      this.emit('close');
    });
    return this;
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return this.#source;
  }

  async #pump(): Promise<void> {
    if (this.#pulling) return;
    this.#pulling = true;
    try {
      while (this.#flowing && !this.#destroyed) {
        const { value, done } = await this.#source.next();
        if (this.#destroyed) return;
        if (done === true) {
          this.emit('end');
          this.destroy();
        } else {
          // A chunk that arrives just after `pause()` is delivered still, as there is no buffer to keep it in.
          this.emit('data', value);
        }
      }
    } catch (error) {
      this.destroy(toFreshetError(error));
    } finally {
      this.#pulling = false;
    }
  }
}
