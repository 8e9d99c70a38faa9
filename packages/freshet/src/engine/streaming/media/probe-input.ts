/** What probes of media files read from, and what they tell. */

/** Bytes start..end - 1 of a file. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** Bytes that players ask for early, though they do not lie at the start of the file. */
export interface EarlyRange extends ByteRange {
  /** Nothing plays without them, as without an MP4 file's `moov`; the others are for the first seek. */
  readonly essential: boolean;
}

export type Container = 'mp4' | 'matroska' | 'ogg' | 'mp3' | 'flac' | 'wave';

/** What is known of a media file. */
export interface MediaFacts {
  readonly container: Container;
  /** Playing time in seconds, above 0; absent when the file does not say. */
  readonly duration?: number | undefined;
  readonly early: readonly EarlyRange[];
}

/** A probe cannot go on without these bytes. */
export interface ProbeStep {
  readonly read: ByteRange;
  /** What is known so far. */
  readonly facts: MediaFacts | undefined;
}

/** Takes the bytes that its last step named, and returns what it found; `undefined` for no media file. */
export type MediaProbe = Generator<ProbeStep, MediaFacts | undefined, Uint8Array>;

/** A part of a probe. */
export type Probing<T> = Generator<ProbeStep, T, Uint8Array>;

/** Most bytes that are asked for at once. */
export const MAX_PROBE_READ: number = 64 * 1024;
/** Most steps of one probe. The longest honest ones read an index of a fragmented file. */
const MAX_STEPS = 128;
/** Most bytes at the end of a file that are fetched early on its word: the `moov` of a very long film. */
const MAX_EARLY = 16 * 1024 * 1024;

/** The file as a probe sees it: any bytes of it, one small window at a time. */
export class ProbeInput {
  /** Bytes of the file. */
  readonly length: number;
  #facts: MediaFacts | undefined;
  #at = 0;
  #bytes: Uint8Array = new Uint8Array(0);
  #steps = 0;

  constructor(length: number) {
    this.length = length;
  }

  get facts(): MediaFacts | undefined {
    return this.#facts;
  }

  /** Keeps what is known of the file from now on. */
  tell(container: Container, facts: { duration?: number | undefined; early?: readonly EarlyRange[] }): void {
    const { duration } = facts;
    const sane = duration !== undefined && Number.isFinite(duration) && duration > 0;
    const early = (facts.early ?? this.#facts?.early ?? []).flatMap((range) => {
      const end = Math.min(range.end, range.start + MAX_EARLY, this.length);
      return range.start >= 0 && range.start < end ? [{ ...range, end }] : [];
    });
    this.#facts = { container, duration: sane ? duration : undefined, early };
  }

  /** `count` bytes, at most `MAX_PROBE_READ`, or `undefined` when the file or the probe's allowance ends before. */
  *take(at: number, count: number): Probing<DataView | undefined> {
    const end = at + count;
    if (!(at >= 0 && end <= this.length && count >= 1 && count <= MAX_PROBE_READ)) return undefined;
    if (at < this.#at || end > this.#at + this.#bytes.length) {
      if (++this.#steps > MAX_STEPS) return undefined;
      const bytes = yield { read: { start: at, end }, facts: this.#facts };
      if (bytes.length < count) return undefined;
      this.#at = at;
      this.#bytes = bytes;
    }
    return new DataView(this.#bytes.buffer, this.#bytes.byteOffset + at - this.#at, count);
  }
}

/** Four characters, as names of boxes and chunks are. */
export function fourCharacters(view: DataView, at: number): string {
  return String.fromCharCode(
    view.getUint8(at),
    view.getUint8(at + 1),
    view.getUint8(at + 2),
    view.getUint8(at + 3),
  );
}

/** An unsigned number of 64 bits, big-endian; infinite when it cannot be told exactly. */
export function readUint64(view: DataView, at: number): number {
  const value = view.getUint32(at) * 2 ** 32 + view.getUint32(at + 4);
  return value <= Number.MAX_SAFE_INTEGER ? value : Number.POSITIVE_INFINITY;
}
