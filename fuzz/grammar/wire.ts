/** Messages of the peer wire (BEP 3, 6, 10, 52), with lengths that lie now and then. */

import * as p from '../../packages/freshet/src/protocol/index.ts';
import type { Dice } from '../dice.ts';
import { anyTree, writeTree } from './bencode.ts';

/** What the session that is spoken in looks like, so that some of it is right. */
export interface WireWorld {
  readonly infoHash: Uint8Array;
  readonly pieceCount: number;
  readonly pieceLength: number;
  readonly roots: readonly Uint8Array[];
  readonly infoBytes: Uint8Array;
}

const BLOCK = 16_384;

export function anyPiece(dice: Dice, world: WireWorld): number {
  return dice.chance(7, 8) ? dice.below(world.pieceCount + 1) : dice.uint32();
}

export function anyHashRequest(dice: Dice, world: WireWorld): p.HashRequest {
  return {
    piecesRoot:
      world.roots.length > 0 && dice.chance(7, 8)
        ? dice.pick(world.roots)
        : new Uint8Array(32).fill(dice.byte()),
    baseLayer: dice.chance(3, 4) ? dice.below(4) : dice.uint32(),
    index: dice.chance(3, 4) ? 2 * dice.below(8) : dice.uint32(),
    length: dice.chance(3, 4) ? 2 ** dice.below(6) : dice.uint32(),
    proofLayers: dice.chance(3, 4) ? dice.below(5) : dice.uint32(),
  };
}

export function anyExtendedHandshake(dice: Dice, world: WireWorld): Uint8Array {
  if (dice.chance(1, 10)) return writeTree(anyTree(dice), dice, 30);
  const size = world.infoBytes.length;
  const bytes = p.encodeExtendedHandshake({
    m: Object.fromEntries(
      dice.several(6, () => [
        dice.pick(['ut_metadata', 'ut_pex', 'lt_donthave', 'upload_only', 'fr_origin', 'x', 'caf\u00e9']),
        dice.pick([0, 1, 2, 3, 200, 255]),
      ]),
    ),
    v: dice.maybe(() => dice.pick(['', 'x 1', 'n'.repeat(400), '\u0000\u202e'])),
    p: dice.maybe(() => dice.pick([0, 1, 65_535, 65_536])),
    reqq: dice.maybe(() => dice.edge()),
    metadataSize: dice.maybe(() =>
      dice.chance(3, 4) ? size + dice.pick([0, 0, 0, 1, -1, BLOCK]) : dice.edge(),
    ),
    yourip: dice.maybe(() => dice.pick(['1.2.3.4', '::1', '10.0.0.1'])),
    uploadOnly: dice.maybe(() => dice.chance(1, 2)),
  });
  if (dice.chance(1, 10)) bytes[dice.below(bytes.length)] = dice.byte();
  return bytes;
}

export function anyMetadataMessage(dice: Dice, world: WireWorld): Uint8Array {
  const { infoBytes } = world;
  const piece = dice.chance(3, 4) ? dice.below(3) : dice.edge();
  switch (dice.below(6)) {
    case 0:
      return p.encodeMetadataMessage({ type: 'request', piece });
    case 1:
      return p.encodeMetadataMessage({ type: 'reject', piece });
    case 2:
      return writeTree(anyTree(dice), dice, 30);
    default: {
      const data = infoBytes.slice(piece * BLOCK, (piece + 1) * BLOCK);
      if (dice.chance(1, 4) && data.length > 0) data[dice.below(data.length)]! ^= 1;
      const totalSize = infoBytes.length + (dice.chance(1, 8) ? dice.below(3) - 1 : 0);
      return p.encodeMetadataMessage({
        type: 'data',
        piece,
        totalSize,
        data: dice.chance(1, 8) ? data.subarray(1) : data,
      });
    }
  }
}

/** One message, whole. */
export function anyMessage(dice: Dice, world: WireWorld): Uint8Array {
  const piece = anyPiece(dice, world);
  const begin = dice.chance(3, 4) ? BLOCK * dice.below(Math.ceil(world.pieceLength / BLOCK)) : dice.uint32();
  const length = dice.chance(3, 4) ? BLOCK : dice.edge() % 2 ** 32;
  switch (dice.below(22)) {
    case 0:
      return p.encodeKeepAlive();
    case 1:
      return p.encodeChoke();
    case 2:
      return p.encodeUnchoke();
    case 3:
      return p.encodeInterested();
    case 4:
      return p.encodeNotInterested();
    case 5:
      return p.encodeHave(piece);
    case 6: {
      const bits = dice.bytes(
        Math.max(0, Math.ceil(world.pieceCount / 8) + (dice.chance(1, 8) ? dice.below(3) - 1 : 0)),
      );
      const spare = world.pieceCount % 8;
      if (spare > 0 && bits.length > 0 && dice.chance(7, 8))
        bits[bits.length - 1]! &= (0xff << (8 - spare)) & 0xff;
      return p.encodeBitfield(bits);
    }
    case 7:
      return p.encodeRequest(piece, begin, length);
    case 8:
      return p.encodeCancel(piece, begin, length);
    case 9:
      return p.encodeReject(piece, begin, length);
    case 10:
      return p.encodeHaveAll();
    case 11:
      return p.encodeHaveNone();
    case 12:
      return p.encodeSuggest(piece);
    case 13:
      return p.encodeAllowedFast(piece);
    case 14:
      return p.encodePort(dice.below(65_536));
    case 15:
      return p.encodeExtended(0, anyExtendedHandshake(dice, world));
    case 16:
      return p.encodeExtended(1, anyMetadataMessage(dice, world));
    case 17:
      return p.encodeExtended(
        dice.below(6),
        dice.pick([
          p.encodeDontHave(piece),
          p.encodeUploadOnly(dice.chance(1, 2)),
          dice.bytes(dice.below(40)),
        ]),
      );
    case 18:
      return p.encodeHashRequest(anyHashRequest(dice, world));
    case 19:
      return p.encodeHashes(
        anyHashRequest(dice, world),
        new Uint8Array(32 * (1 + dice.below(8))).fill(dice.byte()),
      );
    case 20:
      return p.encodeHashReject(anyHashRequest(dice, world));
    default: {
      const payload = dice.bytes(1 + dice.below(20));
      return Buffer.concat([p.encodePieceHeader(piece, begin, payload.length), payload]);
    }
  }
}

export function anyHandshake(dice: Dice, world: WireWorld): Uint8Array {
  const bytes = p.encodeHandshake({
    infoHash: dice.chance(15, 16) ? world.infoHash : new Uint8Array(20).fill(dice.byte()),
    peerId: new Uint8Array(20).fill(1 + dice.below(5)),
    reserved: {
      extension: dice.chance(3, 4),
      fast: dice.chance(3, 4),
      dht: dice.chance(1, 4),
      v2: dice.chance(1, 2),
    },
  });
  if (dice.chance(1, 20)) bytes[dice.below(bytes.length)] = dice.byte();
  return bytes;
}
