/** Status and headers of the answer to a request for a file. */

import { contentRange, parseRange } from '../protocol/http-range.ts';
import { encodePathName, type FileRequestMessage } from './file-protocol.ts';

export interface FileFacts {
  /** File name without folders. */
  readonly name: string;
  /** Bytes. */
  readonly length: number;
  /** Value for `Content-Type`. */
  readonly type: string;
  /** Strong entity tag with its quotes. */
  readonly etag?: string | undefined;
}

export interface FileHead {
  readonly status: 200 | 206 | 416;
  readonly headers: readonly (readonly [string, string])[];
  /** Bytes of the body, both ends included; absent where the body is empty. */
  readonly body: { readonly start: number; readonly end: number } | undefined;
}

/** What a browser may show in a frame of this site without running any of it. */
const INERT = /^(?:video|audio|font|text\/plain|text\/vtt|image\/(?!svg)|application\/pdf)/i;

export function fileHead(request: FileRequestMessage, file: FileFacts): FileHead {
  const { length, etag } = file;
  const headers: (readonly [string, string])[] = [
    ['Accept-Ranges', 'bytes'],
    // The bytes are stored once already.
    ['Cache-Control', 'no-store'],
    ['X-Content-Type-Options', 'nosniff'],
  ];
  if (etag !== undefined) headers.push(['ETag', etag]);
  const sameVersion = request.ifRange === undefined || request.ifRange === etag;
  const range = parseRange(sameVersion ? request.range : undefined, length);
  if (range.kind === 'unsatisfiable') {
    headers.push(['Content-Range', contentRange(undefined, length)]);
    return { status: 416, headers, body: undefined };
  }
  // Several ranges at once would need a multipart body: everything is a valid answer too.
  const only = range.kind === 'satisfiable' && range.ranges.length === 1 ? range.ranges[0] : undefined;
  if (only) headers.push(['Content-Range', contentRange(only, length)]);
  const { start, end } = only ?? { start: 0, end: length };
  headers.push(['Content-Length', String(end - start)], ...typeHeaders(request, file));
  const empty = request.method === 'HEAD' || start === end;
  return { status: only ? 206 : 200, headers, body: empty ? undefined : { start, end: end - 1 } };
}

/** A stranger's file must not become a page that acts in the name of this site. */
function typeHeaders({ destination }: FileRequestMessage, { name, type }: FileFacts): [string, string][] {
  if (destination === 'document') {
    const disposition = `attachment; filename*=UTF-8''${encodeRfc5987(name)}`;
    return [
      ['Content-Type', 'application/octet-stream'],
      ['Content-Disposition', disposition],
    ];
  }
  const headers: [string, string][] = [['Content-Type', type]];
  if (!INERT.test(type)) headers.push(['Content-Security-Policy', 'sandbox']);
  return headers;
}

function encodeRfc5987(text: string): string {
  return encodePathName(text).replace(/['()*]/g, (char) => `%${char.charCodeAt(0).toString(16)}`);
}
