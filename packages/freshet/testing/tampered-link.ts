/** Links whose owner does not play by the rules: what goes out on them is changed, message by message. */

import type { Link, LinkHandler } from '../src/engine/ports.ts';

export interface Tampering {
  /** Whether this block is sent wrong. Default: none is. */
  lies?(piece: number, begin: number): boolean;
  /** Wrong blocks are wrong in another way each time. */
  readonly fresh?: boolean;
  /** What becomes of hashes that were asked for (BEP 52). Default: they are sent. */
  readonly hashes?: 'silent' | 'reject' | 'wrong';
  /** Knows nothing of v2: the bit for it is never seen. */
  readonly v1Only?: boolean;
  /** Called for each message that goes out, by its kind. */
  onSend?(kind: number): void;
}

const HANDSHAKE_LENGTH = 68;
const V2_BYTE = 27;
const V2_BIT = 0x10;
const PIECE = 7;
const HASHES = 22;
const HASH_REJECT = 23;

export function tamperedLink(link: Link, tampering: Tampering): Link {
  let greeted = false;
  let heard = false;
  let lies = 0;

  const changed = (message: Uint8Array): Uint8Array | undefined => {
    const kind = message[4]!;
    tampering.onSend?.(kind);
    const view = new DataView(message.buffer);
    if (kind === PIECE && tampering.lies?.(view.getUint32(5), view.getUint32(9)) === true) {
      const at = tampering.fresh ? 13 + (++lies % (message.length - 13)) : 13;
      message[at] = message[at]! ^ (tampering.fresh ? 1 + (lies % 255) : 1);
    } else if (kind === HASHES && tampering.hashes !== undefined) {
      if (tampering.hashes === 'silent') return undefined;
      if (tampering.hashes === 'wrong') {
        message[message.length - 1] = message[message.length - 1]! ^ 1;
        return message;
      }
      const reject = message.slice(0, 53);
      new DataView(reject.buffer).setUint32(0, 49);
      reject[4] = HASH_REJECT;
      return reject;
    }
    return message;
  };

  const send = (parts: readonly Uint8Array[]): void => {
    let bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
    let filled = 0;
    for (const part of parts) {
      bytes.set(part, filled);
      filled += part.length;
    }
    const out: Uint8Array[] = [];
    if (!greeted) {
      greeted = true;
      const handshake = bytes.slice(0, HANDSHAKE_LENGTH);
      if (tampering.v1Only) handshake[V2_BYTE] = handshake[V2_BYTE]! & ~V2_BIT;
      out.push(handshake);
      bytes = bytes.slice(HANDSHAKE_LENGTH);
    }
    for (let at = 0; at < bytes.length; ) {
      const length = 4 + new DataView(bytes.buffer).getUint32(at);
      const message = bytes.slice(at, at + length);
      const result = length === 4 ? message : changed(message);
      if (result !== undefined) out.push(result);
      at += length;
    }
    if (out.length > 0) link.send(out);
  };

  const attach = (handler: LinkHandler): void => {
    link.attach({
      onData: (chunk) => {
        if (!heard && tampering.v1Only && chunk.length > V2_BYTE) {
          chunk = chunk.slice();
          chunk[V2_BYTE] = chunk[V2_BYTE]! & ~V2_BIT;
        }
        heard = true;
        handler.onData(chunk);
      },
      onDrain: () => handler.onDrain(),
      onClose: (error) => handler.onClose(error),
    });
  };

  return new Proxy(link, {
    get(target, property): unknown {
      if (property === 'send') return send;
      if (property === 'attach') return attach;
      const value: unknown = Reflect.get(target, property, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
