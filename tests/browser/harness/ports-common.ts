/** What the page and the worker of `ports.test.ts` share. */

import type { Link, RtcConnector } from '../../../packages/freshet/src/engine/ports.ts';

/** The byte at `offset` of every stream here. */
export function byteAt(offset: number): number {
  return (offset * 31 + (offset >>> 8)) & 0xff;
}

export function pattern(start: number, length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = byteAt(start + i);
  return bytes;
}

/** How it ended, as a sentence. */
export async function code(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'no error',
    (error: unknown) =>
      error instanceof Error ? `${(error as { code?: string }).code}: ${error.message}` : '',
  );
}

/** Both ends of a connection with oneself. */
export function linkPair(rtc: RtcConnector): Promise<{ a: Link; b: Link; dispose(): void }> {
  return new Promise((resolve, reject) => {
    let a: Link | undefined;
    let b: Link | undefined;
    const ready = (): void => {
      if (!a || !b) return;
      const links = { a, b };
      resolve({
        ...links,
        dispose() {
          links.a.close();
          links.b.close();
        },
      });
    };
    const offering = rtc.offer({
      onDescription: (offer) => {
        rtc.answer(offer, {
          onDescription: (answer) => offering.accept(answer),
          onLink: (link) => {
            b = link;
            ready();
          },
          onError: reject,
        });
      },
      onLink: (link) => {
        a = link;
        ready();
      },
      onError: reject,
    });
  });
}
