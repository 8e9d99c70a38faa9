import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encode } from './bencode.ts';
import { concatBytes } from './bytes.ts';
import {
  decodeDontHave,
  decodeExtendedHandshake,
  decodeUploadOnly,
  encodeDontHave,
  encodeExtendedHandshake,
  encodeUploadOnly,
} from './extension.ts';
import {
  decodeMetadataMessage,
  encodeMetadataMessage,
  METADATA_PIECE_LENGTH,
  metadataPieceCount,
} from './metadata-message.ts';

describe('extended handshake', () => {
  it('goes there and back', () => {
    const handshake = {
      m: { ut_metadata: 1, ut_pex: 2 },
      v: 'Freshet 0.1 ä',
      p: 6881,
      reqq: 500,
      metadataSize: 31235,
      yourip: '1.2.3.4',
      ipv4: '5.6.7.8',
      ipv6: '2001:db8::1',
      uploadOnly: true,
    };
    expect(decodeExtendedHandshake(encodeExtendedHandshake(handshake))).toEqual(handshake);
    expect(decodeExtendedHandshake(encodeExtendedHandshake({ m: {} }))?.m).toEqual({});
  });

  it('leaves out what makes no sense', () => {
    const payload = encode({
      m: { a: 256, b: -1, c: 'x', __proto__x: 3, d: 0 },
      p: 70000,
      reqq: -5,
      yourip: 'abc',
      v: 3,
    });
    const handshake = decodeExtendedHandshake(payload);
    expect({ ...handshake?.m }).toEqual({ __proto__x: 3, d: 0 });
    expect(handshake).toMatchObject({ p: undefined, reqq: undefined, yourip: undefined, v: undefined });
    const evil = decodeExtendedHandshake(encode({ m: new Map([['__proto__', 7]]) }));
    expect(Object.entries(evil!.m)).toEqual([['__proto__', 7]]);
  });

  it('never throws on hostile input', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (payload) => {
        for (const bytes of [payload, concatBytes([encode({ m: {} }), payload])]) {
          decodeExtendedHandshake(bytes);
          decodeMetadataMessage(bytes);
          decodeDontHave(bytes);
          decodeUploadOnly(bytes);
        }
      }),
    );
    expect(decodeExtendedHandshake(encode([]))).toBeUndefined();
    expect(decodeExtendedHandshake(new Uint8Array(0))).toBeUndefined();
  });
});

describe('metadata messages', () => {
  it('go there and back', () => {
    for (const type of ['request', 'reject'] as const) {
      expect(decodeMetadataMessage(encodeMetadataMessage({ type, piece: 3 }))).toEqual({ type, piece: 3 });
    }
    const last = {
      type: 'data',
      piece: 1,
      totalSize: METADATA_PIECE_LENGTH + 5,
      data: Uint8Array.of(1, 2, 3, 4, 5),
    } as const;
    expect(decodeMetadataMessage(encodeMetadataMessage(last))).toEqual(last);
    expect(metadataPieceCount(last.totalSize)).toBe(2);
  });

  it('are refused when data and total size do not fit, or the type is unknown', () => {
    const data = new Uint8Array(5);
    const make = (piece: number, totalSize: number): Uint8Array =>
      encodeMetadataMessage({ type: 'data', piece, totalSize, data });
    expect(decodeMetadataMessage(make(0, 6))).toBeUndefined();
    expect(decodeMetadataMessage(make(1, 5))).toBeUndefined();
    expect(decodeMetadataMessage(make(-1, 5))).toBeUndefined();
    expect(decodeMetadataMessage(encode({ msg_type: 7, piece: 0 }))).toBeUndefined();
    expect(decodeMetadataMessage(encode({ msg_type: 0 }))).toBeUndefined();
  });
});

describe('small payloads', () => {
  it('go there and back and have one length', () => {
    expect(decodeDontHave(encodeDontHave(0xfffffffe))).toBe(0xfffffffe);
    expect(decodeDontHave(new Uint8Array(5))).toBeUndefined();
    expect(decodeUploadOnly(encodeUploadOnly(true))).toBe(true);
    expect(decodeUploadOnly(new Uint8Array(0))).toBeUndefined();
  });
});
