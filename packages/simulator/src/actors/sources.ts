/** Where a player's bytes come from. */

import type { HttpClient, Reader, Torrent } from 'freshet/engine';
import type { FilmSource } from '../playback.ts';

/** Most bytes of one read. */
const CHUNK = 262_144;

/** An engine's reader, as `<freshet-video>` has one: its position makes deadlines. */
export function readerSource(
  torrent: Torrent,
  length: number,
  onError: (error: unknown) => void,
): FilmSource {
  return {
    open: (position, onBytes, onEnd) => {
      const reader = torrent.createReader({ start: position, end: length });
      let paused = false;
      let reading = false;
      let closed = false;
      const read = async (): Promise<void> => {
        reading = true;
        while (!paused && !closed) {
          const bytes = await readOf(reader);
          if (closed) break;
          if (bytes === undefined) {
            onEnd();
            break;
          }
          onBytes(bytes);
        }
        reading = false;
      };
      const begin = (): void => {
        read().catch((error: unknown) => {
          if (!closed) onError(error);
        });
      };
      begin();
      return {
        pause: () => {
          paused = true;
        },
        resume: () => {
          paused = false;
          if (!reading) begin();
        },
        close: () => {
          closed = true;
          reader.close();
        },
      };
    },
  };
}

async function readOf(reader: Reader): Promise<number | undefined> {
  return (await reader.read(CHUNK))?.length;
}

/** What is verified in a row, however it came: a player that opens the file while something else downloads it. */
export class VerifiedSource implements FilmSource {
  readonly #torrent: Torrent;
  readonly #length: number;
  readonly #pieceLength: number;
  /** Where the stream is that is open, and what it is told. */
  #position = 0;
  #onBytes: ((count: number) => void) | undefined;
  #onEnd: () => void = () => {};
  #paused = false;
  readonly #later: (action: () => void) => void;

  /** @param later calls back soon, not from within the call. */
  constructor(
    torrent: Torrent,
    options: { readonly length: number; readonly pieceLength: number },
    later: (action: () => void) => void,
  ) {
    this.#torrent = torrent;
    this.#length = options.length;
    this.#pieceLength = options.pieceLength;
    this.#later = later;
  }

  open(
    position: number,
    onBytes: (count: number) => void,
    onEnd: () => void,
  ): ReturnType<FilmSource['open']> {
    this.#position = position;
    this.#onBytes = onBytes;
    this.#onEnd = onEnd;
    this.#paused = false;
    const isOpen = (): boolean => this.#onBytes === onBytes;
    this.#later(() => {
      if (isOpen()) this.advance();
    });
    return {
      pause: () => {
        if (isOpen()) this.#paused = true;
      },
      resume: () => {
        if (!isOpen()) return;
        this.#paused = false;
        this.#later(() => {
          if (isOpen()) this.advance();
        });
      },
      close: () => {
        if (isOpen()) this.#onBytes = undefined;
      },
    };
  }

  /** A piece is verified. */
  advance(): void {
    const { verified } = this.#torrent;
    while (!this.#paused && this.#onBytes !== undefined && this.#position < this.#length) {
      const piece = Math.floor(this.#position / this.#pieceLength);
      if (verified?.get(piece) !== true) return;
      const count = Math.min(this.#length, (piece + 1) * this.#pieceLength) - this.#position;
      this.#position += count;
      this.#onBytes(count);
      if (this.#position === this.#length) this.#onEnd();
    }
  }
}

/** One request from a position to the end, as a plain `<video src>` makes; the connection waits while the buffer is full. */
export function httpSource(
  http: HttpClient,
  url: string,
  length: number,
  events: { onBytes(count: number): void; onError(error: Error): void },
): FilmSource {
  return {
    open: (position, onBytes, onEnd) => {
      const exchange = http.get(
        { url, range: { first: position, last: length - 1 } },
        {
          onHead: ({ status }) => {
            if (status !== 206) events.onError(new Error(`${url} answered with status ${status}, not 206.`));
          },
          onData: (chunk) => {
            events.onBytes(chunk.length);
            onBytes(chunk.length);
          },
          onEnd,
          onError: (error) => events.onError(error),
        },
      );
      return {
        pause: () => exchange.pause(),
        resume: () => exchange.resume(),
        close: () => exchange.abort(),
      };
    },
  };
}
