import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../../memory/index.ts';
import {
  Bitfield,
  encodeBitfield,
  encodeExtended,
  encodeExtendedHandshake,
  encodeHandshake,
  encodeHave,
  encodeHaveAll,
  encodeHaveNone,
  type HandshakeFlags,
  infoHashFromBytes,
  infoHashV2FromBytes,
  peerIdFromBytes,
} from '../../protocol/index.ts';
import type { Link } from '../ports.ts';
import { SwarmHashes } from '../swarm-hashes.ts';
import { Greeting } from './greeting.ts';
import { Outbox } from './outbox.ts';

const PLAIN: HandshakeFlags = { extension: false, fast: false, dht: false, v2: false };
const FAST: HandshakeFlags = { ...PLAIN, fast: true };
const OURS = { m: { ut_metadata: 3 }, v: 'us' };

function bits(length: number, ...pieces: number[]): Bitfield {
  const field = new Bitfield(length);
  for (const piece of pieces) field.set(piece);
  return field;
}

function setup() {
  const writes: Uint8Array[][] = [];
  const link: Partial<Link> = { queuedBytes: 0, send: (parts) => void writes.push([...parts]) };
  const greeting = new Greeting(new Outbox(link as Link, new VirtualClock()));
  return { greeting, writes, said: () => writes.flat() };
}

describe('Greeting', () => {
  it('introduces us once', () => {
    const { greeting, said } = setup();
    const infoHash = infoHashFromBytes(new Uint8Array(20).fill(1))!;
    const peerId = peerIdFromBytes(new Uint8Array(20).fill(2))!;
    greeting.introduce(new SwarmHashes({ v1: infoHash }), 'v1', peerId);
    greeting.introduce(new SwarmHashes({ v1: infoHash }), 'v1', peerId);
    expect(said()).toEqual([encodeHandshake({ infoHash, peerId })]);
    expect(greeting.said).toBe('v1');
    expect(greeting.done).toBe(false);
  });

  it('says by either hash of a hybrid torrent that it knows the v2 one', () => {
    const v1 = infoHashFromBytes(new Uint8Array(20).fill(1))!;
    const v2 = infoHashV2FromBytes(new Uint8Array(32).fill(2))!;
    const peerId = peerIdFromBytes(new Uint8Array(20).fill(3))!;
    const named = { v1, v2: v2.subarray(0, 20) };
    for (const swarm of ['v1', 'v2'] as const) {
      const { greeting, said } = setup();
      greeting.introduce(new SwarmHashes({ v1, v2 }), swarm, peerId);
      expect(said()).toEqual([encodeHandshake({ infoHash: named[swarm], peerId, reserved: { v2: true } })]);
      expect(greeting.said).toBe(swarm);
    }
  });

  it('tells pieces in the shortest way that the peer understands', () => {
    const cases: [HandshakeFlags, Bitfield | undefined, Uint8Array[]][] = [
      [PLAIN, undefined, []],
      [PLAIN, bits(3), []],
      [PLAIN, bits(3, 1), [encodeBitfield(bits(3, 1).toBytes())]],
      [PLAIN, bits(3, 0, 1, 2), [encodeBitfield(bits(3, 0, 1, 2).toBytes())]],
      [FAST, undefined, [encodeHaveNone()]],
      [FAST, bits(3), [encodeHaveNone()]],
      [FAST, bits(3, 1), [encodeBitfield(bits(3, 1).toBytes())]],
      [FAST, bits(3, 0, 1, 2), [encodeHaveAll()]],
      // Nothing is both all and none.
      [FAST, bits(0), [encodeHaveNone()]],
    ];
    for (const [peer, verified, expected] of cases) {
      const { greeting, said } = setup();
      greeting.greet(peer, () => OURS, verified);
      expect(said()).toEqual(expected);
      expect(greeting.done).toBe(true);
    }
  });

  it('says the extended handshake before the pieces, to a peer that understands it', () => {
    const { greeting, said } = setup();
    greeting.greet({ ...FAST, extension: true }, () => OURS, bits(1, 0));
    expect(said()).toEqual([encodeExtended(0, encodeExtendedHandshake(OURS)), encodeHaveAll()]);
  });

  it('says again what it speaks when the metadata has come, once, to a peer that was told that it had not', () => {
    const peer = { ...FAST, extension: true };
    const { greeting, said } = setup();
    const known = { ...OURS, metadataSize: 5 };
    greeting.greet(peer, () => OURS, undefined);
    greeting.tellMetadata(() => known);
    greeting.tellMetadata(() => known);
    expect(said().slice(2)).toEqual([encodeExtended(0, encodeExtendedHandshake(known))]);
    for (const [flags, first] of [
      [peer, known],
      [FAST, OURS],
    ] as const) {
      const other = setup();
      other.greeting.greet(flags, () => first, undefined);
      const before = other.said().length;
      other.greeting.tellMetadata(() => known);
      expect(other.said()).toHaveLength(before);
    }
  });

  it('tells pieces that are known late one by one, in one write, and only once', () => {
    const { greeting, writes } = setup();
    greeting.tellPieces(bits(4, 1));
    greeting.greet(PLAIN, () => OURS, undefined);
    expect(writes).toEqual([]);
    greeting.tellPieces(bits(4, 1, 3));
    greeting.tellPieces(bits(4, 1, 3));
    expect(writes).toEqual([[encodeHave(1), encodeHave(3)]]);
    const early = setup();
    early.greeting.greet(FAST, () => OURS, bits(4, 1));
    early.greeting.tellPieces(bits(4, 1));
    expect(early.said()).toHaveLength(1);
  });
});
