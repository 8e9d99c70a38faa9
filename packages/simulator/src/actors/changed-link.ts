/** A link whose owner does not play by the rules: what goes out on it is changed, message by message. */

import type { Link } from 'freshet/engine';
import { concatBytes, HANDSHAKE_LENGTH, readUint32 } from 'freshet/protocol';

export interface OutgoingChange {
  /** The 68 bytes that open the connection; a copy that may be changed in place. */
  readonly handshake?: ((bytes: Uint8Array) => void) | undefined;
  /** Returns what is sent in place of one message, its length prefix included; `undefined` for nothing. */
  readonly message?: ((message: Uint8Array) => Uint8Array | undefined) | undefined;
}

/** Stands between an engine, which always hands over whole messages, and its link. */
export function changedLink(link: Link, change: OutgoingChange): Link {
  let greeted = false;
  const send = (parts: readonly Uint8Array[]): void => {
    let bytes = concatBytes(parts);
    const out: Uint8Array[] = [];
    if (!greeted) {
      greeted = true;
      const handshake = bytes.slice(0, HANDSHAKE_LENGTH);
      change.handshake?.(handshake);
      out.push(handshake);
      bytes = bytes.subarray(HANDSHAKE_LENGTH);
    }
    for (let at = 0; at < bytes.length; ) {
      const end = at + 4 + readUint32(bytes, at);
      const message = bytes.subarray(at, end);
      const changed =
        change.message === undefined || message.length === 4 ? message : change.message(message);
      if (changed !== undefined) out.push(changed);
      at = end;
    }
    if (out.length > 0) link.send(out);
  };
  return {
    transport: link.transport,
    remote: link.remote,
    get queuedBytes(): number {
      return link.queuedBytes;
    },
    highWater: link.highWater,
    attach: (handler) => link.attach(handler),
    send,
    pauseReading: () => link.pauseReading(),
    resumeReading: () => link.resumeReading(),
    close: () => link.close(),
  };
}
