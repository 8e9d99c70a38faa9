/** Status, headers and body of what a page answers to a request for a file. */

import { answerFile, type BodyPart, contentDisposition, type FileFacts } from '../protocol/file-answer.ts';
import type { FileRequestMessage } from './file-protocol.ts';

export interface ServedFacts extends FileFacts {
  /** File name without folders. */
  readonly name: string;
}

export interface FileHead {
  readonly status: number;
  readonly headers: readonly (readonly [string, string])[];
  /** What to send in this order; nothing where the answer has no body. */
  readonly body: readonly BodyPart[];
}

/** What a browser may show in a frame of this site without running any of it. */
const INERT = /^(?:video|audio|font|text\/plain|text\/vtt|image\/(?!svg)|application\/pdf)/i;

export function fileHead(request: FileRequestMessage, file: ServedFacts): FileHead {
  // A stranger's file must not become a page that acts in the name of this site.
  const saved = request.destination === 'document';
  const type = saved ? 'application/octet-stream' : file.type;
  const { status, headers, body } = answerFile(request, { ...file, type }, request.boundary);
  const all = [
    ...headers,
    // The bytes are stored once already.
    ['Cache-Control', 'no-store'],
    ['X-Content-Type-Options', 'nosniff'],
  ] as [string, string][];
  if (status < 300) {
    all.push(['Content-Disposition', contentDisposition(saved ? 'attachment' : 'inline', file.name)]);
    if (!saved && !INERT.test(type)) all.push(['Content-Security-Policy', 'sandbox']);
  }
  return { status, headers: all, body };
}

/** The bytes of `body` but the first `skip`. Ends with an error where the file does. */
export async function* bodyBytes(
  body: readonly BodyPart[],
  skip: number,
  read: (start: number, endInclusive: number) => AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  let left = skip;
  for (const part of body) {
    const length = typeof part === 'string' ? part.length : part.end - part.start;
    const skipped = Math.min(left, length);
    left -= skipped;
    if (skipped === length) continue;
    if (typeof part === 'string') {
      yield new TextEncoder().encode(part).subarray(skipped);
      continue;
    }
    let at = part.start + skipped;
    for await (const chunk of read(at, part.end - 1)) {
      const wanted = chunk.subarray(0, part.end - at);
      at += wanted.length;
      yield wanted;
      if (at === part.end) break;
    }
    if (at < part.end) throw new Error(`The file ended ${part.end - at} bytes early.`);
  }
}
