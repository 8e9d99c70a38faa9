/** Messages of the peer wire whose length is fixed: how long each is, and whom it calls. */

import { readUint16, readUint32 } from './bytes.ts';
import { HASH_REQUEST_BODY_LENGTH, type HashRequest, WIRE_MESSAGE } from './wire-encode.ts';
import type { WireHandler } from './wire-handler.ts';

export const SHA256_LENGTH = 32;

/** Length of the body, its id not counted. */
const FIXED_LENGTHS: ReadonlyMap<number, number> = new Map([
  [WIRE_MESSAGE.choke, 0],
  [WIRE_MESSAGE.unchoke, 0],
  [WIRE_MESSAGE.interested, 0],
  [WIRE_MESSAGE.notInterested, 0],
  [WIRE_MESSAGE.have, 4],
  [WIRE_MESSAGE.request, 12],
  [WIRE_MESSAGE.cancel, 12],
  [WIRE_MESSAGE.port, 2],
  [WIRE_MESSAGE.suggest, 4],
  [WIRE_MESSAGE.haveAll, 0],
  [WIRE_MESSAGE.haveNone, 0],
  [WIRE_MESSAGE.reject, 12],
  [WIRE_MESSAGE.allowedFast, 4],
  [WIRE_MESSAGE.hashRequest, HASH_REQUEST_BODY_LENGTH],
  [WIRE_MESSAGE.hashReject, HASH_REQUEST_BODY_LENGTH],
]);
/** The same as an array for the hot path; -1 where the length is not fixed. */
export const FIXED_LENGTH: Int8Array = Int8Array.from(
  { length: 256 },
  (_, id) => FIXED_LENGTHS.get(id) ?? -1,
);

/** Hands over a message whose body, of the length that its kind has, is at `at`. */
export function dispatchFixed(handler: WireHandler, id: number, bytes: Uint8Array, at: number): void {
  switch (id) {
    case WIRE_MESSAGE.have:
      handler.onHave(readUint32(bytes, at));
      break;
    case WIRE_MESSAGE.request:
      handler.onRequest(readUint32(bytes, at), readUint32(bytes, at + 4), readUint32(bytes, at + 8));
      break;
    case WIRE_MESSAGE.cancel:
      handler.onCancel(readUint32(bytes, at), readUint32(bytes, at + 4), readUint32(bytes, at + 8));
      break;
    case WIRE_MESSAGE.reject:
      handler.onReject(readUint32(bytes, at), readUint32(bytes, at + 4), readUint32(bytes, at + 8));
      break;
    case WIRE_MESSAGE.choke:
      handler.onChoke();
      break;
    case WIRE_MESSAGE.unchoke:
      handler.onUnchoke();
      break;
    case WIRE_MESSAGE.interested:
      handler.onInterested();
      break;
    case WIRE_MESSAGE.notInterested:
      handler.onNotInterested();
      break;
    case WIRE_MESSAGE.haveAll:
      handler.onHaveAll();
      break;
    case WIRE_MESSAGE.haveNone:
      handler.onHaveNone();
      break;
    case WIRE_MESSAGE.suggest:
      handler.onSuggest(readUint32(bytes, at));
      break;
    case WIRE_MESSAGE.allowedFast:
      handler.onAllowedFast(readUint32(bytes, at));
      break;
    case WIRE_MESSAGE.port:
      handler.onPort(readUint16(bytes, at));
      break;
    case WIRE_MESSAGE.hashRequest:
      handler.onHashRequest?.(readHashRequest(bytes, at));
      break;
    case WIRE_MESSAGE.hashReject:
      handler.onHashReject?.(readHashRequest(bytes, at));
      break;
  }
}

/** What hash messages begin with (BEP 52). The root is a copy. */
export function readHashRequest(bytes: Uint8Array, at: number): HashRequest {
  return {
    piecesRoot: bytes.slice(at, at + SHA256_LENGTH),
    baseLayer: readUint32(bytes, at + 32),
    index: readUint32(bytes, at + 36),
    length: readUint32(bytes, at + 40),
    proofLayers: readUint32(bytes, at + 44),
  };
}
