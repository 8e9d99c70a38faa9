/** Matroska and WebM (RFC 9559): elements of EBML (RFC 8794), each with a number and its length. */

import type { EarlyRange, MediaProbe, ProbeInput, Probing } from './probe-input.ts';

/** The element that every file begins with. */
export const EBML: number = 0x1a45dfa3;
const SEGMENT = 0x18538067;
const SEEK_HEAD = 0x114d9b74;
const SEEK = 0x4dbb;
const SEEK_ID = 0x53ab;
const SEEK_POSITION = 0x53ac;
const INFO = 0x1549a966;
const TIMESTAMP_SCALE = 0x2ad7b1;
const DURATION = 0x4489;
const CLUSTER = 0x1f43b675;
const CUES = 0x1c53bb6b;
/** Nanoseconds of one unit of time where the file does not say. */
const DEFAULT_SCALE = 1_000_000;
/** Most elements looked at in one place. */
const MAX_ELEMENTS = 64;
/** A number of at most 4 bytes and a length of at most 8. */
const MAX_HEAD = 12;
/** What a player is taken to want of the cues before their length is known. */
const USUAL_CUES = 64 * 1024;

interface Element {
  readonly id: number;
  /** Where its contents begin. */
  readonly begin: number;
  readonly end: number;
}

export function* probeMatroska(input: ProbeInput): MediaProbe {
  const header = yield* readElement(input, 0, input.length);
  if (header?.id !== EBML) return undefined;
  const segment = yield* readElement(input, header.end, input.length);
  if (segment?.id !== SEGMENT) return undefined;
  input.tell('matroska', {});
  /** Where elements are, by the file's own directory. */
  const places = new Map<number, number>();
  let duration: number | undefined;
  let at = segment.begin;
  for (let i = 0; i < MAX_ELEMENTS && at < segment.end; i++) {
    const element: Element | undefined = yield* readElement(input, at, segment.end);
    if (element === undefined || element.id === CLUSTER) break;
    if (element.id === SEEK_HEAD) yield* readSeekHead(input, element, segment.begin, places);
    if (element.id === INFO) duration = yield* readDuration(input, element);
    if (element.id === INFO || element.id === SEEK_HEAD) {
      input.tell('matroska', { duration, early: cuesAt(places.get(CUES)) });
    }
    at = element.end;
  }
  const info = places.get(INFO);
  if (duration === undefined && info !== undefined) {
    const element = yield* readElement(input, info, segment.end);
    if (element?.id === INFO) duration = yield* readDuration(input, element);
  }
  input.tell('matroska', { duration, early: cuesAt(places.get(CUES)) });
  yield* measureCues(input, places.get(CUES), duration);
  return input.facts;
}

/** What is fetched of the cues, which a player needs for its first seek. */
function cuesAt(start: number | undefined, end?: number): EarlyRange[] {
  return start === undefined ? [] : [{ start, end: end ?? start + USUAL_CUES, essential: false }];
}

function* measureCues(
  input: ProbeInput,
  start: number | undefined,
  duration: number | undefined,
): Probing<void> {
  if (start === undefined) return;
  const cues = yield* readElement(input, start, input.length);
  const early = cues?.id === CUES ? cuesAt(start, cues.end) : [];
  input.tell('matroska', { duration, early });
}

function* readElement(input: ProbeInput, at: number, limit: number): Probing<Element | undefined> {
  const head = yield* input.take(at, Math.min(MAX_HEAD, limit - at));
  if (head === undefined || head.byteLength < 2) return undefined;
  const idLength = Math.clz32(head.getUint8(0)) - 23;
  if (idLength > 4 || idLength >= head.byteLength) return undefined;
  const id = readNumber(head, 0, idLength);
  const first = head.getUint8(idLength);
  const sizeLength = Math.clz32(first) - 23;
  if (sizeLength > 8 || idLength + sizeLength > head.byteLength) return undefined;
  // The marker before the length is not part of it; all ones mean that it is not known.
  const mark = 2 ** (7 * sizeLength);
  const size = readNumber(head, idLength, sizeLength) - mark;
  const begin = at + idLength + sizeLength;
  const known = size < mark - 1 && size <= Number.MAX_SAFE_INTEGER;
  return { id, begin, end: known ? Math.min(begin + size, limit) : limit };
}

function readNumber(view: DataView, at: number, length: number): number {
  let value = 0;
  for (let i = 0; i < length; i++) value = value * 256 + view.getUint8(at + i);
  return value;
}

/** The directory, with positions counted from the begin of the segment's contents. */
function* readSeekHead(
  input: ProbeInput,
  seekHead: Element,
  origin: number,
  places: Map<number, number>,
): Probing<void> {
  let at = seekHead.begin;
  for (let i = 0; i < MAX_ELEMENTS && at < seekHead.end; i++) {
    const seek: Element | undefined = yield* readElement(input, at, seekHead.end);
    if (seek === undefined) return;
    if (seek.id === SEEK) yield* readSeek(input, seek, origin, places);
    at = seek.end;
  }
}

function* readSeek(
  input: ProbeInput,
  seek: Element,
  origin: number,
  places: Map<number, number>,
): Probing<void> {
  let id: number | undefined;
  let position: number | undefined;
  let at = seek.begin;
  for (let i = 0; i < MAX_ELEMENTS && at < seek.end; i++) {
    const element: Element | undefined = yield* readElement(input, at, seek.end);
    if (element === undefined) return;
    if (element.id === SEEK_ID) id = yield* readUint(input, element);
    if (element.id === SEEK_POSITION) position = yield* readUint(input, element);
    at = element.end;
  }
  if (id !== undefined && position !== undefined && !places.has(id)) places.set(id, origin + position);
}

function* readUint(input: ProbeInput, element: Element): Probing<number | undefined> {
  const length = element.end - element.begin;
  if (length < 1 || length > 8) return undefined;
  const view = yield* input.take(element.begin, length);
  return view === undefined ? undefined : readNumber(view, 0, length);
}

/** Seconds, from the segment's information. */
function* readDuration(input: ProbeInput, info: Element): Probing<number | undefined> {
  let scale = DEFAULT_SCALE;
  let duration: number | undefined;
  let at = info.begin;
  for (let i = 0; i < MAX_ELEMENTS && at < info.end; i++) {
    const element: Element | undefined = yield* readElement(input, at, info.end);
    if (element === undefined) break;
    if (element.id === TIMESTAMP_SCALE) scale = (yield* readUint(input, element)) ?? scale;
    if (element.id === DURATION) duration = yield* readFloat(input, element);
    at = element.end;
  }
  return duration === undefined ? undefined : (duration * scale) / 1e9;
}

function* readFloat(input: ProbeInput, element: Element): Probing<number | undefined> {
  const length = element.end - element.begin;
  if (length !== 4 && length !== 8) return undefined;
  const view = yield* input.take(element.begin, length);
  return length === 4 ? view?.getFloat32(0) : view?.getFloat64(0);
}
