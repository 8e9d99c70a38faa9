/** The peer wire (BEP 3, 6, 10, 52): however the input is split, the messages are the same. */

import { SeededRandom } from '../../packages/freshet/src/memory/random.ts';
import * as p from '../../packages/freshet/src/protocol/index.ts';
import { Dice } from '../dice.ts';
import { anyHandshake, anyMessage, type WireWorld } from '../grammar/wire.ts';
import { must, mustEqual, type Target } from '../target.ts';

const WORLD: WireWorld = {
  infoHash: new Uint8Array(20).fill(3),
  pieceCount: 20,
  pieceLength: 65_536,
  roots: [new Uint8Array(32).fill(1)],
  infoBytes: new Uint8Array(300).fill(0x61),
};

const LIMITS = {
  maxMessageLength: 4096,
  maxBlockLength: 2048,
  maxExtendedLength: 1024,
  maxBitfieldLength: 64,
  maxHashes: 16,
};

/** What a decoder said, and the bytes that say it again. */
interface Heard {
  readonly log: unknown[];
  readonly bytes: Uint8Array[];
  /** Most bytes that were held at a time beside the chunk. */
  error: string | undefined;
}

function listen(input: Uint8Array, cuts: (at: number) => number): Heard {
  const heard: Heard = { log: [], bytes: [], error: undefined };
  let block: { target: Uint8Array | undefined; length: number; seen: number } | undefined;
  const note = (name: string, encoded: Uint8Array | undefined, ...values: unknown[]): void => {
    must(heard.error === undefined, 'a message after an error');
    must(block === undefined, `${name} within a block`);
    heard.log.push([name, ...values]);
    if (encoded !== undefined) heard.bytes.push(encoded);
  };
  const decoder: p.WireDecoder = new p.WireDecoder(
    {
      onHandshake: (shake) => {
        note('handshake', undefined, shake);
        heard.bytes.push(input.slice(0, p.HANDSHAKE_LENGTH));
        mustEqual(heard.log.length, 1, 'place of the handshake');
      },
      onKeepAlive: () => note('keep-alive', p.encodeKeepAlive()),
      onChoke: () => note('choke', p.encodeChoke()),
      onUnchoke: () => note('unchoke', p.encodeUnchoke()),
      onInterested: () => note('interested', p.encodeInterested()),
      onNotInterested: () => note('not interested', p.encodeNotInterested()),
      onHave: (piece) => note('have', p.encodeHave(piece), piece),
      onBitfield: (bits) => {
        must(bits.length <= LIMITS.maxBitfieldLength, 'a bitfield beyond the limit');
        note('bitfield', p.encodeBitfield(bits), bits.slice());
      },
      onRequest: (...request) => note('request', p.encodeRequest(...request), ...request),
      onCancel: (...request) => note('cancel', p.encodeCancel(...request), ...request),
      onReject: (...request) => note('reject', p.encodeReject(...request), ...request),
      onHaveAll: () => note('have all', p.encodeHaveAll()),
      onHaveNone: () => note('have none', p.encodeHaveNone()),
      onSuggest: (piece) => note('suggest', p.encodeSuggest(piece), piece),
      onAllowedFast: (piece) => note('allowed fast', p.encodeAllowedFast(piece), piece),
      onPort: (port) => note('port', p.encodePort(port), port),
      onExtended: (id, payload) => {
        must(payload.length <= LIMITS.maxExtendedLength, 'an extended message beyond the limit');
        note('extended', p.encodeExtended(id, payload), id, payload.slice());
      },
      onHashRequest: (request) => note('hash request', p.encodeHashRequest(request), request),
      onHashes: (request, hashes) => {
        must(
          hashes.length % 32 === 0 && hashes.length <= 32 * LIMITS.maxHashes && hashes.length > 0,
          'a number of hashes beyond the limit',
        );
        note('hashes', p.encodeHashes(request, hashes), request, hashes.slice());
      },
      onHashReject: (request) => note('hash reject', p.encodeHashReject(request), request),
      onUnknown: (id, length) => {
        must(length <= LIMITS.maxMessageLength, 'an unknown message beyond the limit');
        note('unknown', undefined, id, length);
      },
      onBlockStart: (piece, begin, length) => {
        must(length >= 1 && length <= LIMITS.maxBlockLength, 'a block beyond the limit');
        note('block', undefined, piece, begin, length);
        // Every third block is skipped.
        block = { target: piece % 3 === 0 ? undefined : new Uint8Array(length), length, seen: 0 };
        return block.target;
      },
      onBlockData: (arrived) => {
        must(
          block !== undefined && arrived > block.seen && arrived < block.length,
          'parts of a block out of order',
        );
        block.seen = arrived;
      },
      onBlockEnd: (piece, begin, length) => {
        const target = block?.target;
        mustEqual(block?.length, length, 'length of a block at its end');
        block = undefined;
        note('block end', undefined, piece, begin, target);
        if (target !== undefined) heard.bytes.push(p.encodePieceHeader(piece, begin, length), target);
      },
      onProtocolError: (error) => {
        must(heard.error === undefined, 'a second error');
        heard.error = error.code;
      },
    },
    LIMITS,
  );
  for (let at = 0; at < input.length; ) {
    const length = Math.min(input.length - at, cuts(at));
    // What a link hands over may be used again at once.
    const chunk = input.slice(at, at + length);
    decoder.push(chunk);
    chunk.fill(0xdb);
    at += length;
  }
  mustEqual(decoder.ended, heard.error !== undefined, 'the decoder has ended');
  return heard;
}

export const wire: Target = {
  name: 'wire',
  about:
    'the peer wire: any split of the input gives the same messages, which encode to the same bytes; limits hold',
  shortRuns: 1500,
  tokens: [
    '\0\0\0\x01',
    '\0\0\0\x05\x04',
    '\0\0\0\x0d\x06',
    '\0\0\0\x31\x15',
    '\0\0\0\x51\x16',
    '\x13BitTorrent protocol',
    '\xff\xff\xff\xff',
    '\0\0\0\0',
  ],
  generate: (dice) =>
    Buffer.concat([anyHandshake(dice, WORLD), ...dice.several(12, () => anyMessage(dice, WORLD))]),
  run: (input) => {
    const whole = listen(input, () => input.length);
    const single = listen(input, () => 1);
    const random = new Dice(new SeededRandom(input.length));
    const some = listen(input, () => 1 + random.below(random.chance(1, 2) ? 6 : 90));
    for (const heard of [single, some]) {
      mustEqual(heard.log, whole.log, 'messages of an input that was split');
      mustEqual(heard.error, whole.error, 'error of an input that was split');
    }
    const said = Buffer.concat(whole.bytes);
    // What is passed over is not there to be compared.
    const passed = whole.log.some(
      (entry) =>
        Array.isArray(entry) && (entry[0] === 'unknown' || (entry[0] === 'block' && entry[1] % 3 === 0)),
    );
    if (!passed) mustEqual(said, input.slice(0, said.length), 'the messages encoded again');
  },
};
