/** A film as a player sees it: some bytes of head, and media that is played at a constant rate. */

export interface Film {
  /** Bytes of the file. */
  readonly length: number;
  /** Bytes at its start without which nothing plays: the `ftyp` and `moov` boxes of an MP4 made for the web. */
  readonly head: number;
  readonly seconds: number;
  /** Bytes of media per second. */
  readonly rate: number;
}

/**
 * Bytes of sample tables for each second of film: some 25 pictures and 45 audio frames, at four bytes of size each, and
 * their times, order and places in the file.
 */
const HEAD_PER_SECOND = 400;

/** @param bytesPerSecond of the whole file, head included. */
export function filmOf(seconds: number, bytesPerSecond: number): Film {
  const length = Math.round(seconds * bytesPerSecond);
  const head = Math.min(Math.floor(length / 2), Math.max(1024, Math.round(seconds * HEAD_PER_SECOND)));
  return { length, head, seconds, rate: (length - head) / seconds };
}

/** Where in the file the picture of that moment is. */
export function positionOf(film: Film, milliseconds: number): number {
  const at = film.head + Math.floor((film.rate * milliseconds) / 1000);
  return Math.min(film.length, Math.max(film.head, at));
}
