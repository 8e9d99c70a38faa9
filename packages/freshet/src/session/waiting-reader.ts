/** A reader for a torrent whose storage may not be open yet. */

import { StreamError } from './errors.ts';
import type { ByteReader } from './protocol.ts';

/** Opens the real reader once `ready` resolves; rejects with what `ready` or `open` fails with. */
export function waitingReader(ready: Promise<void>, open: () => ByteReader): ByteReader {
  let reader: ByteReader | undefined;
  let cancelled = false;
  let giveUp: (error: Error) => void = () => undefined;
  const given = new Promise<never>((_, reject) => {
    giveUp = reject;
  });
  given.catch(() => undefined);
  return {
    read: async (maxBytes) => {
      if (reader === undefined) await Promise.race([ready, given]);
      if (cancelled) throw new StreamError('The stream was cancelled.');
      reader ??= open();
      return reader.read(maxBytes);
    },
    cancel: () => {
      cancelled = true;
      giveUp(new StreamError('The stream was cancelled.'));
      reader?.cancel();
    },
  };
}
