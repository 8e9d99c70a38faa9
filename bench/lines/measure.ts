/** What single transfers take, over ports: the same code runs on real lines and on simulated ones. */

import type { HttpClient, Link, RtcConnector } from 'freshet/engine';

/** Milliseconds. */
export interface Times {
  /** Until the first byte of the answer's body. */
  readonly first: number;
  /** Until its last. */
  readonly last: number;
}

const BLOCK = new Uint8Array(16_384);

/** `now` is called when it begins, with the first bytes and at the end; `done` gets the milliseconds between them. */
export function timeHttp(
  http: HttpClient,
  request: { readonly url: string; readonly bytes: number },
  now: () => number,
  done: (times: Times | Error) => void,
): void {
  const begun = now();
  let first: number | undefined;
  let count = 0;
  http.get(
    { url: request.url, range: { first: 0, last: request.bytes - 1 } },
    {
      onHead: () => {},
      onData: (chunk) => {
        first ??= now() - begun;
        count += chunk.length;
      },
      onEnd: () => {
        if (count !== request.bytes) done(new Error(`${count} bytes came, not ${request.bytes}.`));
        else done({ first: first ?? 0, last: now() - begun });
      },
      onError: (error) => done(error),
    },
  );
}

/** Sends as many bytes as it is asked for with four bytes, as fast as the link takes them. */
export function serveLink(link: Link): void {
  let left = 0;
  const send = (): void => {
    while (left > 0 && link.queuedBytes <= link.highWater) {
      const length = Math.min(left, BLOCK.length);
      left -= length;
      link.send([BLOCK.subarray(0, length)]);
    }
  };
  link.attach({
    onData: (chunk) => {
      left += new DataView(chunk.buffer, chunk.byteOffset).getUint32(0);
      send();
    },
    onDrain: send,
    onClose: () => {},
  });
}

/** Asks the other end, who serves the link, for so many bytes. */
export function timeLink(link: Link, bytes: number, now: () => number, done: (times: Times) => void): void {
  const begun = now();
  let first: number | undefined;
  let count = 0;
  link.attach({
    onData: (chunk) => {
      first ??= now() - begun;
      count += chunk.length;
      if (count >= bytes) done({ first, last: now() - begun });
    },
    onDrain: () => {},
    onClose: () => {},
  });
  const question = new Uint8Array(4);
  new DataView(question.buffer).setUint32(0, bytes);
  link.send([question]);
}

/** One side of a WebRTC connection. `describe` and `open` are called once each. */
export function offerLink(
  rtc: RtcConnector,
  offer: string | undefined,
  events: { describe(sdp: string): void; open(link: Link): void; fail(error: Error): void },
): (answer: string) => void {
  const handler = {
    onDescription: (sdp: string): void => events.describe(sdp),
    onLink: (link: Link): void => events.open(link),
    onError: (error: Error): void => events.fail(error),
  };
  const attempt = offer === undefined ? rtc.offer(handler) : rtc.answer(offer, handler);
  return (answer) => attempt.accept(answer);
}
