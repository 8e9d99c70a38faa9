/** A part of a file as an async iterator: the ground under every kind of stream. */

import { ArgumentError, type FreshetError, toFreshetError } from '../session/errors.ts';
import type { ByteReader } from '../session/protocol.ts';
import { abortedBy, onAbort } from './abort.ts';
import type { StreamOptions } from './options.ts';
import type { ByteIterator } from './platform.ts';

// Large enough that a promise per chunk costs nothing beside the bytes, small enough for a player to start.
const CHUNK_LENGTH = 256 * 1024;

export interface ByteRange {
  readonly start: number;
  /** One past the last byte. */
  readonly end: number;
}

/**
 * The bytes that `options` (inclusive `end`) mean in a file of `length` bytes; beyond its end there are none.
 * @throws {ArgumentError} on a position that is negative or no whole number, or an end before the start.
 */
export function resolveRange(options: StreamOptions | undefined, length: number): ByteRange {
  const start = options?.start ?? 0;
  const last = options?.end ?? Math.max(start, length) - 1;
  if (!Number.isSafeInteger(start) || start < 0) {
    throw new ArgumentError(`A stream cannot start at byte ${start}.`);
  }
  if (!Number.isSafeInteger(last) || last < start - 1) {
    throw new ArgumentError(`A stream that starts at byte ${start} cannot end at byte ${last}.`);
  }
  const end = Math.min(last + 1, length);
  return { start: Math.min(start, end), end };
}

export interface ByteSource {
  /** Called on the first pull, so a stream that nobody reads costs nothing; `undefined` where there are no bytes. */
  open(): ByteReader | undefined;
  /** The program's own, for this stream. */
  readonly signal: AbortSignal | undefined;
  /** Fires at the end of the torrent, with an error as its reason. */
  torrent(): AbortSignal;
}

/** Iterates over what `open` reads. It ends with an error when one of the signals fires. */
export function iterateBytes({ open, signal, torrent }: ByteSource): ByteIterator {
  let reader: ByteReader | undefined;
  let forget: (() => void)[] = [];
  let ended = false;

  const finish = (): void => {
    ended = true;
    for (const unlisten of forget) unlisten();
    forget = [];
    reader?.cancel();
    reader = undefined;
  };
  const abortion = (): Error | undefined => {
    if (signal?.aborted === true) return abortedBy(signal);
    const whole = torrent();
    return whole.aborted ? (whole.reason as FreshetError) : undefined;
  };

  const pull = async (): Promise<IteratorResult<Uint8Array<ArrayBuffer>, undefined>> => {
    if (ended) return { done: true, value: undefined };
    try {
      const aborted = abortion();
      if (aborted !== undefined) throw aborted;
      if (reader === undefined) {
        reader = open();
        const cancel = (): void => reader?.cancel();
        for (const each of [signal, torrent()]) if (each !== undefined) forget.push(onAbort(each, cancel));
      }
      const bytes = await reader?.read(CHUNK_LENGTH);
      if (bytes !== undefined) return { done: false, value: bytes as Uint8Array<ArrayBuffer> };
      finish();
      return { done: true, value: undefined };
    } catch (error) {
      // The consumer has gone: what its last read came to is nobody's concern.
      if (ended) return { done: true, value: undefined };
      finish();
      throw abortion() ?? toFreshetError(error);
    }
  };

  // Pulls come one after another even when the consumer asks ahead: a session reads for one at a time.
  let last: Promise<unknown> = Promise.resolve();
  return {
    next: () => {
      const result = last.then(pull);
      last = result.catch(() => undefined);
      return result;
    },
    return: () => {
      finish();
      return Promise.resolve({ done: true, value: undefined });
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

/** The same as a web stream, pulled on demand. */
export function toWebStream<T extends Uint8Array>(iterator: AsyncIterator<T>): ReadableStream<T> {
  return new ReadableStream<T>(
    {
      async pull(controller) {
        const { value, done } = await iterator.next();
        if (done === true) controller.close();
        else controller.enqueue(value);
      },
      async cancel() {
        await iterator.return?.();
      },
    },
    // No reading ahead: what a stream asks for jumps the queue of everything else.
    { highWaterMark: 0 },
  );
}
