/** A player for tests in virtual time. */

import type { Clock, Timer } from '../src/engine/ports.ts';
import type { Torrent } from '../src/engine/torrent.ts';
import type { Reader } from '../src/engine/torrent-types.ts';

export interface PlayerOptions {
  /** Bytes per second that it plays. */
  readonly rate: number;
  /** Bytes that it reads ahead of what it plays: it stops there, and goes on a megabyte later. Default 3 MB. */
  readonly buffer?: number;
  readonly start?: number;
  readonly end: number;
}

const STEP = 20;
const CHUNK = 65_536;
/** Milliseconds of film that must be there to begin, and to go on after a stall. */
const TO_BEGIN = 300;

/** What `<video>` does with a stream: it fills a buffer as fast as it can, and plays from it at the film's rate. */
export class Player {
  /** Milliseconds from the begin, or the last seek, to the first picture; `undefined` until it is there. */
  startup: number | undefined;
  /** Milliseconds without a picture after the first one. */
  stalled = 0;
  /** Bytes played since the begin or the last seek. */
  played = 0;
  readonly #clock: Clock;
  readonly #torrent: Torrent;
  readonly #options: PlayerOptions;
  #reader: Reader;
  #read = 0;
  #begunAt: number;
  #playing = false;
  #over = false;
  #full = false;
  #timer: Timer | undefined;

  constructor(clock: Clock, torrent: Torrent, options: PlayerOptions) {
    this.#clock = clock;
    this.#torrent = torrent;
    this.#options = options;
    this.#begunAt = clock.now();
    this.#reader = this.#open(options.start ?? 0);
    this.#arm();
  }

  /** The film is played to its end. */
  get over(): boolean {
    return this.#over && this.played >= this.#read;
  }

  /** Opens a reader at the new place, and closes the old one a moment later, as browsers do. */
  seek(position: number): void {
    const old = this.#reader;
    this.#begunAt = this.#clock.now();
    this.startup = undefined;
    this.#playing = false;
    this.#read = 0;
    this.played = 0;
    this.#reader = this.#open(position);
    this.#clock.setTimer(30, () => old.close());
  }

  close(): void {
    this.#timer?.cancel();
    this.#reader.close();
  }

  #open(start: number): Reader {
    const reader = this.#torrent.createReader({ start, end: this.#options.end });
    this.#full = false;
    this.#over = false;
    void this.#fill(reader);
    return reader;
  }

  async #fill(reader: Reader): Promise<void> {
    try {
      for (;;) {
        const bytes = await reader.read(CHUNK);
        if (reader !== this.#reader) return;
        if (bytes === undefined) {
          this.#over = true;
          return;
        }
        this.#read += bytes.length;
        if (this.#read - this.played < (this.#options.buffer ?? 3_000_000)) continue;
        this.#full = true;
        return;
      }
    } catch {
      // Closed, by a seek or by the test.
    }
  }

  #arm(): void {
    this.#timer = this.#clock.setTimer(STEP, () => {
      this.#step();
      this.#arm();
    });
  }

  #step(): void {
    const { rate, buffer = 3_000_000 } = this.#options;
    const due = (rate * STEP) / 1000;
    const there = this.#read - this.played;
    if (!this.#playing && (this.#over || there >= (rate * TO_BEGIN) / 1000)) {
      this.#playing = true;
      this.startup ??= this.#clock.now() - this.#begunAt;
    }
    if (this.#playing && there >= due) this.played += due;
    else if (this.#playing && this.#over) this.played = this.#read;
    else {
      this.#playing = false;
      if (this.startup !== undefined) this.stalled += STEP;
    }
    if (this.#full && this.#read - this.played < buffer - Math.min(1_000_000, buffer / 2)) {
      this.#full = false;
      void this.#fill(this.#reader);
    }
  }
}
