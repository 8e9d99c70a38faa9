/** Small documents over HTTP. */

import type { HttpClient } from '../engine/ports.ts';
import { concatBytes, MAX_TORRENT_LENGTH } from '../protocol/index.ts';
import { AbortedError, SourceError } from './errors.ts';

/** Longest torrent file that is read, in bytes. Only those of a million files come near; more is a mistake or an attack. */
export const MAX_TORRENT_FILE: number = MAX_TORRENT_LENGTH;

export interface Fetching {
  readonly body: Promise<Uint8Array>;
  /** Rejects the promise. Idempotent. */
  cancel(): void;
}

/** Fetches `url`. Rejects with `SourceError` unless the answer is a 200 of at most `maxLength` bytes. */
export function fetchBytes(http: HttpClient, url: string, maxLength: number): Fetching {
  let cancel = (): void => undefined;
  const body = new Promise<Uint8Array>((resolve, reject) => {
    const parts: Uint8Array[] = [];
    let length = 0;
    const refuse = (problem: string, cause?: unknown): void => {
      exchange.abort();
      reject(new SourceError(`The torrent file at ${url} could not be fetched: ${problem}.`, { cause }));
    };
    const tooLong = `it is longer than ${maxLength} bytes`;
    const exchange = http.get(
      { url },
      {
        onHead: (head) => {
          if (head.status !== 200) refuse(`the server answered with status ${head.status}`);
          else if (Number(head.header('content-length')) > maxLength) refuse(tooLong);
        },
        onData: (chunk) => {
          length += chunk.length;
          if (length > maxLength) refuse(tooLong);
          else parts.push(chunk.slice());
        },
        onEnd: () => resolve(concatBytes(parts)),
        onError: (error) => refuse(error.message.replace(/\.$/, ''), error),
      },
    );
    cancel = () => {
      exchange.abort();
      reject(new AbortedError(`Fetching ${url} was given up.`));
    };
  });
  return { body, cancel };
}
