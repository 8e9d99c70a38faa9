import { LazyMap } from '../../protocol/lazy-collections.ts';
import { type LayoutFile, locateFile } from '../storage/layout.ts';
import { probeMedia } from './media/media-probe.ts';
import type { ByteRange, MediaFacts, MediaProbe } from './media/probe-input.ts';

/** What the survey needs of its torrent. */
export interface SurveyHost {
  readonly pieceLength: number;
  /** In the order of their bytes. */
  readonly files: readonly LayoutFile[];
  now(): number;
  /** @see ReaderHost */
  readableFrom(piece: number, begin: number): number;
  readVerified(
    piece: number,
    begin: number,
    length: number,
    wake: () => void,
  ): Uint8Array[] | Error | undefined;
  /** A file's rate, or what is fetched early of it, is known better. @param essential nothing plays without it. */
  onLearned(essential: boolean): void;
}

/** Bytes of the torrent that a player will ask for, and when it should have them, in clock milliseconds. */
export interface EarlyBytes extends ByteRange {
  readonly deadline: number;
}

interface Surveyed {
  readonly file: LayoutFile;
  readonly probe: MediaProbe;
  /** What the probe waits for, in the file; `undefined` when it is over. */
  wanted: ByteRange | undefined;
  /** The first piece of it that is not there yet, or -1. */
  missing: number;
  facts: MediaFacts | undefined;
  /** A reader has begun at the file's start, as players do. */
  asked: boolean;
  early: readonly EarlyBytes[];
}

/** A reader that begins so near the start of a file is a player's first. */
const START = 64 * 1024;
/** Bytes given to a probe beyond what it asks for, where they are at hand: the next things it looks at are near. */
const EXTRA = 4096;
/** What is wanted for a seek only should be there after so many milliseconds. */
const SEEK_TABLE_TIME = 10_000;
/** Rates in bytes per second that are believed: from spoken words to films for cinemas. */
const MIN_RATE = 500;
const MAX_RATE = 100_000_000;
/** Files that are remembered; who reads a million of them needs none of the first. */
const MAX_FILES = 64;

/** Learns of the media files that are read how fast they play, and what players want of them early. */
export class MediaSurvey {
  readonly #host: SurveyHost;
  readonly #files = new LazyMap<number, Surveyed>();
  #closed = false;

  constructor(host: SurveyHost) {
    this.#host = host;
  }

  /** A reader begins at this byte of the torrent. */
  open(position: number): void {
    const index = locateFile(this.#host.files, position);
    const file = this.#host.files[index];
    if (file === undefined || file.padding || this.#closed) return;
    const atStart = position - file.offset < START;
    const known = this.#files.get(index);
    if (known !== undefined) {
      if (atStart && !known.asked) {
        known.asked = true;
        this.#learn(known, known.facts);
      }
      // Pieces may have come while nobody read.
      this.#advance(known);
      return;
    }
    const probe = probeMedia(file.length);
    const surveyed: Surveyed = {
      file,
      probe,
      wanted: undefined,
      missing: -1,
      facts: undefined,
      asked: atStart,
      early: [],
    };
    this.#files.set(index, surveyed);
    const [oldest] = this.#files.keys();
    if (this.#files.size > MAX_FILES && oldest !== undefined) this.#files.delete(oldest);
    this.#step(surveyed, probe.next());
    this.#advance(surveyed);
  }

  /** Bytes per second of the file at this byte of the torrent, over all of it; `undefined` while it is not known. */
  rate(position: number): number | undefined {
    const surveyed = this.#at(position);
    const duration = surveyed?.facts?.duration;
    if (surveyed === undefined || duration === undefined) return undefined;
    const rate = surveyed.file.length / duration;
    return rate >= MIN_RATE && rate <= MAX_RATE ? rate : undefined;
  }

  /** What should be fetched early of the file at this byte of the torrent. */
  early(position: number): readonly EarlyBytes[] {
    return this.#at(position)?.early ?? [];
  }

  /** More of the piece can be read. */
  onReadable(piece: number): void {
    for (const surveyed of [...this.#files.values()]) if (surveyed.missing === piece) this.#advance(surveyed);
  }

  close(): void {
    this.#closed = true;
    this.#files.clear();
  }

  #at(position: number): Surveyed | undefined {
    return this.#files.size === 0 ? undefined : this.#files.get(locateFile(this.#host.files, position));
  }

  /** Gives the probe what it wants, for as long as that is there. */
  #advance(surveyed: Surveyed): void {
    for (let { wanted } = surveyed; wanted !== undefined && !this.#closed; { wanted } = surveyed) {
      const bytes = this.#read(surveyed, wanted);
      if (bytes === undefined) return;
      if (bytes instanceof Error) {
        surveyed.wanted = undefined;
        return;
      }
      this.#step(surveyed, surveyed.probe.next(bytes));
    }
  }

  #step(surveyed: Surveyed, step: ReturnType<MediaProbe['next']>): void {
    surveyed.wanted = step.done === true ? undefined : step.value.read;
    const facts = step.done === true ? step.value : step.value.facts;
    if (facts !== surveyed.facts) this.#learn(surveyed, facts);
  }

  #learn(surveyed: Surveyed, facts: MediaFacts | undefined): void {
    surveyed.facts = facts;
    const { file, early: before, asked } = surveyed;
    const now = this.#host.now();
    surveyed.early = (asked ? (facts?.early ?? []) : []).map(({ start, end, essential }) => {
      const range = { start: file.offset + start, end: file.offset + end };
      // When only its length has become known, it is not wanted later than before.
      const known = before.find((earlier) => earlier.start === range.start);
      return { ...range, deadline: known?.deadline ?? (essential ? now : now + SEEK_TABLE_TIME) };
    });
    const essential = surveyed.early.some(
      ({ start, deadline }) => deadline <= now && !before.some((earlier) => earlier.start === start),
    );
    if (facts !== undefined) this.#host.onLearned(essential);
  }

  /** The bytes of a range of a file, or `undefined` when they are not there yet. */
  #read(surveyed: Surveyed, { start, end }: ByteRange): Uint8Array | Error | undefined {
    const { pieceLength } = this.#host;
    const { file } = surveyed;
    const from = file.offset + start;
    const to = file.offset + end;
    let readable = from;
    while (readable < to) {
      const piece = Math.floor(readable / pieceLength);
      const more = this.#host.readableFrom(piece, readable - piece * pieceLength);
      if (more <= 0) {
        surveyed.missing = piece;
        return undefined;
      }
      readable += more;
    }
    surveyed.missing = -1;
    const welcome = Math.min(readable, to + EXTRA, file.offset + file.length);
    const bytes = new Uint8Array(welcome - from);
    for (let at = from; at < welcome; ) {
      const piece = Math.floor(at / pieceLength);
      const begin = at - piece * pieceLength;
      const length = Math.min(pieceLength - begin, welcome - at);
      const views = this.#host.readVerified(piece, begin, length, () => this.#advance(surveyed));
      if (views === undefined || views instanceof Error) return views;
      for (const view of views) {
        bytes.set(view, at - from);
        at += view.length;
      }
    }
    return bytes;
  }
}
