import type { HttpHead } from '../ports.ts';

export type FailureKind =
  /** A fault that passes. */
  | 'network'
  /** The server asks for time. */
  | 'busy'
  /** The file is not there, or not for us. */
  | 'missing'
  /** It is there and is not ours. */
  | 'wrong'
  /** The server sends only whole files, and the place wanted is too far inside. */
  | 'no-ranges'
  /** It sends whole pieces, most of which is there, once too often. */
  | 'wasteful';

/** Why a run ended before its end. */
export interface RunFailure {
  readonly kind: FailureKind;
  /** Index of the file concerned. */
  readonly file: number;
  /** The address that was asked. */
  readonly url: string;
  /** One sentence. */
  readonly message: string;
  /** Milliseconds the server asked for. */
  readonly wait?: number | undefined;
}

export type Verdict =
  /** The body follows: its bytes from `skip` on are those asked for; it has `length` bytes in all. */
  | { readonly kind: 'body'; readonly skip: number; readonly length: number; readonly whole: boolean }
  | {
      readonly kind: 'refused';
      readonly failure: RunFailure;
      /** The body says in how many seconds to come again (BEP 17). */
      readonly waitInBody?: boolean | undefined;
    };

/** What was asked for. */
export interface Asked {
  /** By a `Range` header (BEP 19), or by the address, of a piece (BEP 17). */
  readonly style: 'range' | 'piece';
  readonly url: string;
  readonly file: number;
  /** Inclusive, within the file. */
  readonly first: number;
  readonly last: number;
  /** Bytes of the file, or of the piece. */
  readonly fileLength: number;
}

/** Most bytes thrown away at the front of a whole file that came instead of the range; of whole pieces, at a time. */
export const MAX_SKIP: number = 4 * 1024 * 1024;
const MIN_WAIT = 1000;
const MAX_WAIT = 600_000;

/** What an answer's head means for the range that was asked for. @param maxSkip bytes that may be thrown away. */
export function judge(head: HttpHead, asked: Asked, maxSkip: number, wallTime: number): Verdict {
  const { status } = head;
  if (status === 200 && asked.style === 'piece') return judgePieceBytes(head, asked, maxSkip);
  if (status === 206) return judgePart(head, asked);
  if (status === 200) return judgeWhole(head, asked, maxSkip);
  if (status === 429 || status === 503) {
    const wait = retryAfter(head.header('retry-after'), wallTime);
    const verdict = refused('busy', asked, `The web seed ${asked.url} is busy (HTTP ${status}).`, wait);
    return { ...verdict, waitInBody: asked.style === 'piece' && wait === undefined };
  }
  if (status === 416) {
    return refused('wrong', asked, `${asked.url} is shorter than the torrent says (HTTP 416).`);
  }
  // 408 and 425 ask to try again.
  if (status >= 400 && status < 500 && status !== 408 && status !== 425) {
    return refused('missing', asked, `The web seed ${asked.url} does not give the file (HTTP ${status}).`);
  }
  return refused('network', asked, `The web seed ${asked.url} answered with HTTP ${status}.`);
}

function judgePart(head: HttpHead, asked: Asked): Verdict {
  const { first, last, fileLength, url } = asked;
  if (/^multipart\//i.test(head.header('content-type') ?? '')) {
    return refused('wrong', asked, `The web seed ${url} answers one range with several parts.`);
  }
  const text = head.header('content-range');
  let length = last - first + 1;
  // A page of another origin may not see the header unless the server exposes it: the range is then taken as asked.
  if (text !== undefined) {
    const [, from, to, total] = /^\s*bytes\s+([0-9]+)-([0-9]+)\/([0-9]+|\*)\s*$/i.exec(text) ?? [];
    if (from === undefined || Number(from) !== first || Number(to) > last || Number(to) < first) {
      return refused('wrong', asked, `The web seed ${url} answers bytes ${first}-${last} with "${text}".`);
    }
    if (total !== '*' && Number(total) !== fileLength) {
      return refused('wrong', asked, wrongLength(url, Number(total), fileLength));
    }
    length = Number(to) - first + 1;
  }
  const announced = contentLength(head);
  if (announced !== undefined && announced !== length) {
    return refused('wrong', asked, `The web seed ${url} sends ${announced} bytes for a range of ${length}.`);
  }
  return { kind: 'body', skip: 0, length, whole: false };
}

function judgeWhole(head: HttpHead, asked: Asked, maxSkip: number): Verdict {
  const announced = contentLength(head);
  if (announced !== undefined && announced !== asked.fileLength) {
    return refused('wrong', asked, wrongLength(asked.url, announced, asked.fileLength));
  }
  if (asked.first > maxSkip) {
    return refused('no-ranges', asked, `The web seed ${asked.url} sends whole files only.`);
  }
  return { kind: 'body', skip: asked.first, length: asked.fileLength, whole: true };
}

/** BEP 17: the ranges that were asked for, one after another; some servers send the whole piece whatever is asked for. */
function judgePieceBytes(head: HttpHead, asked: Asked, maxSkip: number): Verdict {
  const { first, last, fileLength, url } = asked;
  const length = last - first + 1;
  const announced = contentLength(head);
  if (announced === undefined || announced === length) return { kind: 'body', skip: 0, length, whole: false };
  if (announced === fileLength && first > maxSkip) {
    const message = `The web seed ${url} sends whole pieces where little of them was asked for`;
    return refused('wasteful', asked, `${message}, and is left alone for a while.`);
  }
  if (announced === fileLength) return { kind: 'body', skip: first, length: fileLength, whole: false };
  return refused(
    'wrong',
    asked,
    `The web seed ${url} sends ${announced} bytes where ${length} were asked for.`,
  );
}

/** Milliseconds that the body of a 503 asks for, a number of seconds (BEP 17), bounded as `retryAfter`. */
export function waitInBody(body: string): number | undefined {
  return /^\s*[0-9]+\s*$/.test(body) ? bounded(Number(body) * 1000) : undefined;
}

/** Milliseconds a `Retry-After` header asks for, bounded to 1 s..10 min. */
export function retryAfter(header: string | undefined, wallTime: number): number | undefined {
  if (header === undefined) return undefined;
  const text = header.trim();
  const wait = /^[0-9]+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - wallTime;
  return Number.isNaN(wait) ? undefined : bounded(wait);
}

function bounded(wait: number): number {
  return Math.max(MIN_WAIT, Math.min(MAX_WAIT, wait));
}

/** A range is asked for without compression, so this is the body's length. */
function contentLength(head: HttpHead): number | undefined {
  const text = head.header('content-length')?.trim() ?? '';
  const encoding = head.header('content-encoding') ?? 'identity';
  return /^[0-9]+$/.test(text) && encoding === 'identity' ? Number(text) : undefined;
}

function wrongLength(url: string, actual: number, expected: number): string {
  return `${url} has ${actual} bytes where the torrent says ${expected}.`;
}

function refused(
  kind: FailureKind,
  asked: Asked,
  message: string,
  wait?: number,
): Verdict & { kind: 'refused' } {
  return { kind: 'refused', failure: { kind, file: asked.file, url: asked.url, message, wait } };
}
