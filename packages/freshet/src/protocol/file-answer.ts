/** How a request for a file is answered over HTTP (RFC 9110): the status, the headers, and which bytes follow. */

import { type ByteRange, contentRange, parseRange } from './http-range.ts';

/** What matters of a request's head; header values as they came. */
export interface FileQuestion {
  readonly method: string;
  readonly range: string | undefined;
  readonly ifRange: string | undefined;
  readonly ifNoneMatch: string | undefined;
}

export interface FileFacts {
  /** Bytes. */
  readonly length: number;
  /** Value for `Content-Type`. */
  readonly type: string;
  /** Strong entity tag with its quotes. */
  readonly etag?: string | undefined;
}

/** Bytes of the file, or what stands between them where there are several ranges, in ASCII. */
export type BodyPart = ByteRange | string;

export interface FileAnswer {
  readonly status: 200 | 206 | 304 | 416;
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** What to send in this order; nothing where the answer has no body. No part is empty. */
  readonly body: readonly BodyPart[];
}

/**
 * Several ranges are answered as `multipart/byteranges` (section 14.6). Ranges that together are longer than the file are
 * answered with all of it instead, as is everything that is malformed.
 * @param boundary between the parts of a multipart body, if it comes to one: letters, digits and `-` that are not to be
 *   guessed, so that no file can have it.
 */
export function answerFile(question: FileQuestion, file: FileFacts, boundary: string): FileAnswer {
  const { length, type, etag } = file;
  const headers: (readonly [string, string])[] = [['Accept-Ranges', 'bytes']];
  if (etag !== undefined) headers.push(['ETag', etag]);
  if (matches(question.ifNoneMatch, etag)) return { status: 304, headers, body: [] };
  const ranges = wantedRanges(question, file);
  if (ranges?.length === 0) {
    headers.push(['Content-Range', contentRange(undefined, length)]);
    return { status: 416, headers, body: [] };
  }
  const [first = { start: 0, end: length }] = ranges ?? [];
  const multipart = ranges !== undefined && ranges.length > 1;
  const parts = multipart ? multipartBody(ranges, file, boundary) : [first];
  if (ranges?.length === 1) headers.push(['Content-Range', contentRange(first, length)]);
  headers.push(
    ['Content-Type', multipart ? `multipart/byteranges; boundary=${boundary}` : type],
    ['Content-Length', String(parts.reduce((sum, part) => sum + lengthOf(part), 0))],
  );
  const body = question.method === 'HEAD' ? [] : parts.filter((part) => lengthOf(part) > 0);
  return { status: ranges ? 206 : 200, headers, body };
}

/** Bytes of a part. */
function lengthOf(part: BodyPart): number {
  return typeof part === 'string' ? part.length : part.end - part.start;
}

/** `undefined` for everything, none where none can be satisfied. */
function wantedRanges(question: FileQuestion, { length, etag }: FileFacts): readonly ByteRange[] | undefined {
  // Ranges are defined for GET only (section 14.2).
  if (question.method !== 'GET') return undefined;
  if (question.ifRange !== undefined && question.ifRange !== etag) return undefined;
  const result = parseRange(question.range, length);
  if (result.kind === 'none') return undefined;
  if (result.kind === 'unsatisfiable') return [];
  // Ranges that repeat each other must not make more of a file than it is.
  const total = result.ranges.reduce((sum, { start, end }) => sum + end - start, 0);
  return result.ranges.length > 1 && total > length ? undefined : result.ranges;
}

function multipartBody(
  ranges: readonly ByteRange[],
  { length, type }: FileFacts,
  boundary: string,
): BodyPart[] {
  const parts = ranges.flatMap((range, index): BodyPart[] => [
    `${index === 0 ? '' : '\r\n'}--${boundary}\r\nContent-Type: ${type}\r\nContent-Range: ${contentRange(range, length)}\r\n\r\n`,
    range,
  ]);
  return [...parts, `\r\n--${boundary}--\r\n`];
}

function matches(header: string | undefined, etag: string | undefined): boolean {
  if (header === undefined || etag === undefined) return false;
  return header.split(',').some((one) => one.trim() === '*' || one.trim().replace(/^W\//, '') === etag);
}

/** `Content-Disposition` with the name that a file is saved under (RFC 6266, RFC 8187). */
export function contentDisposition(kind: 'inline' | 'attachment', name: string): string {
  // Old readers take the plain form; what it cannot say is replaced.
  const plain = name.replace(/[^\x20-\x7e]|["\\%]/g, '_');
  // Half a surrogate pair, which a hostile torrent may have, cannot be encoded.
  const extended = encodeURIComponent(name.replace(/[\ud800-\udfff]/gu, '\ufffd')).replace(
    /['()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `${kind}; filename="${plain}"; filename*=UTF-8''${extended}`;
}
