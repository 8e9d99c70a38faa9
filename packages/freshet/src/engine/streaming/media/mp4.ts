/** MP4, MOV and M4A (ISO/IEC 14496-12): boxes, each with its length and a name of four characters. */

import {
  type EarlyRange,
  fourCharacters,
  type MediaProbe,
  type ProbeInput,
  type Probing,
  readUint64,
} from './probe-input.ts';

/** Names of boxes that files begin with. */
const FIRST_BOXES: ReadonlySet<string> = new Set([
  'ftyp',
  'styp',
  'moov',
  'mdat',
  'wide',
  'free',
  'skip',
  'pnot',
]);
/** Most boxes looked at in one place: fragmented files have thousands, of which the first say enough. */
const MAX_BOXES = 64;
/** Bytes of one reference in `sidx`. */
const REFERENCE_LENGTH = 12;

interface Box {
  readonly type: string;
  /** Where its contents begin. */
  readonly begin: number;
  readonly end: number;
}

/** What `moov` says of time. */
interface Movie {
  readonly timescale: number;
  /** In units of the timescale; absent when it is not told. */
  readonly duration: number | undefined;
  readonly fragmented: boolean;
}

/** Whether a file that begins with these 12 bytes may be one. */
export function isMp4Start(magic: DataView): boolean {
  const size = magic.getUint32(0);
  return FIRST_BOXES.has(fourCharacters(magic, 4)) && (size >= 8 || size <= 1);
}

export function* probeMp4(input: ProbeInput): MediaProbe {
  input.tell('mp4', {});
  let movie: Movie | undefined;
  let media = false;
  let at = 0;
  for (let i = 0; i < MAX_BOXES && at < input.length; i++) {
    const box: Box | undefined = yield* readBox(input, at, input.length);
    if (box === undefined) break;
    if (box.type === 'mdat') {
      media = true;
      // The movie's description is behind the media: nothing plays before it is here.
      if (movie === undefined) input.tell('mp4', { early: [behind(box, input.length)] });
    } else if (box.type === 'moov') {
      const early: EarlyRange[] = media ? [{ start: at, end: box.end, essential: true }] : [];
      input.tell('mp4', { early });
      movie = yield* readMovie(input, box);
      if (movie === undefined) break;
      input.tell('mp4', { duration: seconds(movie), early });
      if (movie.duration !== undefined || !movie.fragmented) break;
    } else if (box.type === 'sidx' && movie !== undefined) {
      const duration = yield* readSegmentIndex(input, box);
      if (duration !== undefined) input.tell('mp4', { duration });
      break;
    } else if (box.type === 'moof' && movie !== undefined) {
      break;
    }
    at = box.end;
  }
  if (movie?.fragmented === true) yield* findFragmentIndex(input);
  return input.facts;
}

function behind(box: Box, length: number): EarlyRange {
  return { start: box.end, end: length, essential: true };
}

function seconds(movie: Movie): number | undefined {
  return movie.duration === undefined ? undefined : movie.duration / movie.timescale;
}

function* readBox(input: ProbeInput, at: number, limit: number): Probing<Box | undefined> {
  const head = yield* input.take(at, 8);
  if (head === undefined) return undefined;
  const type = fourCharacters(head, 4);
  const size = head.getUint32(0);
  if (size === 0) return { type, begin: at + 8, end: limit };
  if (size !== 1) return size < 8 ? undefined : { type, begin: at + 8, end: Math.min(at + size, limit) };
  const long = yield* input.take(at + 8, 8);
  const longSize = long === undefined ? 0 : readUint64(long, 0);
  return longSize < 16 ? undefined : { type, begin: at + 16, end: Math.min(at + longSize, limit) };
}

/** `mvhd`, and whether there is `mvex`, behind all tracks: then the movie goes on in fragments. */
function* readMovie(input: ProbeInput, moov: Box): Probing<Movie | undefined> {
  let movie: Movie | undefined;
  let at = moov.begin;
  for (let i = 0; i < MAX_BOXES && at < moov.end; i++) {
    const box: Box | undefined = yield* readBox(input, at, moov.end);
    if (box === undefined) break;
    if (box.type === 'mvhd') {
      movie = yield* readMovieHeader(input, box);
      if (movie === undefined) return undefined;
      input.tell('mp4', { duration: seconds(movie) });
    } else if (box.type === 'mvex' && movie !== undefined) {
      // What the header says is the length of the first fragment only.
      const duration = yield* readFragmentsDuration(input, box);
      return { timescale: movie.timescale, duration, fragmented: true };
    }
    at = box.end;
  }
  return movie;
}

function* readMovieHeader(input: ProbeInput, mvhd: Box): Probing<Movie | undefined> {
  const version = yield* input.take(mvhd.begin, 1);
  if (version === undefined) return undefined;
  const long = version.getUint8(0) === 1;
  const times = yield* input.take(mvhd.begin, long ? 32 : 20);
  if (times === undefined) return undefined;
  const timescale = times.getUint32(long ? 20 : 12);
  if (timescale === 0) return undefined;
  return { timescale, duration: readDuration(times, long ? 24 : 16, long), fragmented: false };
}

/** `mehd`: how long all fragments are together. */
function* readFragmentsDuration(input: ProbeInput, mvex: Box): Probing<number | undefined> {
  let at = mvex.begin;
  for (let i = 0; i < MAX_BOXES && at < mvex.end; i++) {
    const box: Box | undefined = yield* readBox(input, at, mvex.end);
    if (box === undefined) return undefined;
    if (box.type === 'mehd') {
      const version = yield* input.take(box.begin, 1);
      const long = version?.getUint8(0) === 1;
      const body = yield* input.take(box.begin, long ? 12 : 8);
      return body === undefined ? undefined : readDuration(body, 4, long);
    }
    at = box.end;
  }
  return undefined;
}

/** All ones, or nothing at all, mean that it is not known. */
function readDuration(view: DataView, at: number, long: boolean): number | undefined {
  const duration = long ? readUint64(view, at) : view.getUint32(at);
  return duration === 0 || duration === 0xffffffff || !Number.isFinite(duration) ? undefined : duration;
}

/** Seconds of all segments in `sidx`, if it speaks of most of the file and not of its first segment only. */
function* readSegmentIndex(input: ProbeInput, sidx: Box): Probing<number | undefined> {
  const head = yield* input.take(sidx.begin, 12);
  if (head === undefined) return undefined;
  const timescale = head.getUint32(8);
  const counts = sidx.begin + (head.getUint8(0) === 0 ? 20 : 28);
  const count = (yield* input.take(counts, 4))?.getUint16(2) ?? 0;
  let duration = 0;
  let bytes = 0;
  for (let i = 0; i < count; i++) {
    const reference = yield* input.take(counts + 4 + i * REFERENCE_LENGTH, REFERENCE_LENGTH);
    if (reference === undefined) return undefined;
    bytes += reference.getUint32(0) & 0x7fffffff;
    duration += reference.getUint32(4);
  }
  return timescale === 0 || bytes < input.length / 2 ? undefined : duration / timescale;
}

/** `mfra` at the very end says where the fragments are, which players want for a seek. */
function* findFragmentIndex(input: ProbeInput): Probing<void> {
  const { facts } = input;
  if (facts === undefined || facts.early.length > 0) return;
  const size = yield* input.take(input.length - 16, 16);
  if (size === undefined || fourCharacters(size, 4) !== 'mfro') return;
  const start = input.length - size.getUint32(12);
  input.tell('mp4', { duration: facts.duration, early: [{ start, end: input.length, essential: false }] });
}
