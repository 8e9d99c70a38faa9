/** Payloads of extension messages: handshake, metadata exchange, and the short ones (BEP 9, 10, 21, 54). */

import { Bitfield } from '../../packages/freshet/src/protocol/bitfield.ts';
import * as p from '../../packages/freshet/src/protocol/index.ts';
import { BENCODE_TOKENS, changeEncoded } from '../grammar/bencode.ts';
import { anyExtendedHandshake, anyMetadataMessage, type WireWorld } from '../grammar/wire.ts';
import { must, mustEqual, same, type Target, weight } from '../target.ts';

const WORLD: WireWorld = {
  infoHash: new Uint8Array(20),
  pieceCount: 20,
  pieceLength: 65_536,
  roots: [],
  infoBytes: Uint8Array.from({ length: 20_000 }, (_, i) => i),
};

export const extension: Target = {
  name: 'extension',
  about:
    'extended handshakes, ut_metadata, lt_donthave and upload_only: what was read is written and read again the same',
  shortRuns: 2000,
  maxLength: 20_000,
  tokens: [
    ...BENCODE_TOKENS,
    '1:md',
    '11:ut_metadatai1e',
    '13:metadata_sizei1e',
    '8:msg_typei1e',
    '5:piecei0e',
    '10:total_sizei9e',
    '6:yourip4:',
  ],
  generate: (dice) =>
    dice.chance(1, 2) ? anyExtendedHandshake(dice, WORLD) : anyMetadataMessage(dice, WORLD),
  mutate: (input, dice) => changeEncoded(input, dice) ?? anyExtendedHandshake(dice, WORLD),
  run: (input) => {
    const shake = p.decodeExtendedHandshake(input);
    if (shake !== undefined) {
      for (const [name, id] of Object.entries(shake.m))
        must(id >= 0 && id <= 255, () => `${name} has the id ${id}`);
      must((shake.v?.length ?? 0) <= 128, 'a client name beyond the limit');
      must(weight(shake, input) < 10_000 + 100 * input.length, 'the handshake takes too much memory');
      const again = p.decodeExtendedHandshake(p.encodeExtendedHandshake(shake));
      mustEqual({ ...again, v: undefined }, { ...shake, v: undefined }, 'the handshake written anew');
    }
    const message = p.decodeMetadataMessage(input);
    if (message !== undefined) {
      must(message.piece >= 0, () => `piece ${message.piece}`);
      if (message.type === 'data') {
        must(
          message.data.length >= 1 && message.data.length <= p.METADATA_PIECE_LENGTH,
          'a piece of the wrong length',
        );
        must(message.piece < p.metadataPieceCount(message.totalSize), 'a piece beyond the end');
      }
      mustEqual(
        p.decodeMetadataMessage(p.encodeMetadataMessage(message)),
        message,
        'the message written anew',
      );
    }
    const piece = p.decodeDontHave(input);
    if (piece !== undefined) mustEqual(p.encodeDontHave(piece), input, 'lt_donthave written anew');
    must(p.decodeUploadOnly(input) === undefined || input.length === 1, 'upload_only of another length');
    checkBitfield(input);
  },
};

/** Bits of a message, against a list of booleans. */
function checkBitfield(input: Uint8Array): void {
  const length = Math.max(0, 8 * input.length - ((input[0] ?? 0) % 9));
  const field = Bitfield.fromBytes(input, length);
  const bits = Array.from({ length: 8 * input.length }, (_, i) => (input[i >> 3]! & (0x80 >> (i & 7))) !== 0);
  const fits = input.length === Math.ceil(length / 8) && !bits.slice(length).includes(true);
  mustEqual(field !== undefined, fits, 'a bitfield is taken');
  if (field === undefined || length > 4000) return;
  bits.length = length;
  mustEqual(field.toBytes(), input, 'a bitfield written anew');
  mustEqual(
    [...field.indexes()],
    bits.flatMap((bit, i) => (bit ? [i] : [])),
    'bits that are set',
  );
  mustEqual(field.count, bits.filter(Boolean).length, 'number of bits');
  mustEqual(field.firstUnset(), bits.indexOf(false), 'first bit that is clear');
  const copy = field.clone();
  for (let i = 0; i < length; i += 7) {
    if (bits[i]) copy.unset(i);
    else copy.set(i);
    bits[i] = !bits[i];
  }
  must(
    same(
      [...copy.indexes()],
      bits.flatMap((bit, i) => (bit ? [i] : [])),
    ),
    'bits that were changed',
  );
}
