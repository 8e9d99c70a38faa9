import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  compareBytes,
  concatBytes,
  fromBase32,
  fromBinaryString,
  fromHex,
  readUint16,
  readUint32,
  toBinaryString,
  toHex,
  utf8Decode,
  utf8DecodeStrict,
  utf8Encode,
  writeUint16,
  writeUint32,
} from './bytes.ts';
import { infoHashFromBase32, infoHashFromBytes, infoHashFromHex, infoHashHex, infoHashToHex } from './ids.ts';

describe('hexadecimal', () => {
  it('goes there and back', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(toHex(bytes)).toBe(Buffer.from(bytes).toString('hex'));
        expect(fromHex(toHex(bytes).toUpperCase())).toEqual(bytes);
      }),
    );
  });

  it.each(['0', 'g0', '0x', ' 0', '@@', '``'])('refuses %j', (text) => {
    expect(fromHex(text)).toBeUndefined();
  });
});

describe('binary strings', () => {
  it('go there and back, and refuse characters above U+00FF', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(fromBinaryString(toBinaryString(bytes))).toEqual(bytes);
      }),
    );
    expect(fromBinaryString('a\u0100')).toBeUndefined();
  });
});

describe('integers', () => {
  it('are big-endian and unsigned', () => {
    fc.assert(
      fc.property(fc.nat(0xffffffff), fc.nat(0xffff), (word, half) => {
        const bytes = new Uint8Array(7);
        writeUint32(bytes, 1, word);
        writeUint16(bytes, 5, half);
        expect(readUint32(bytes, 1)).toBe(word);
        expect(readUint16(bytes, 5)).toBe(half);
      }),
    );
    expect(readUint32(Uint8Array.of(0xff, 0xff, 0xff, 0xff), 0)).toBe(0xffffffff);
  });
});

describe('UTF-8', () => {
  it('replaces or refuses what is not UTF-8 and keeps a byte order mark', () => {
    expect(utf8Decode(Uint8Array.of(0x61, 0xff))).toBe('a\ufffd');
    expect(utf8DecodeStrict(Uint8Array.of(0x61, 0xff))).toBeUndefined();
    expect(utf8Decode(utf8Encode('\ufeffä😀'))).toBe('\ufeffä😀');
  });
});

describe('concatBytes and compareBytes', () => {
  it('join and order', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array()), fc.uint8Array(), fc.uint8Array(), (parts, a, b) => {
        expect(Buffer.from(concatBytes(parts))).toEqual(Buffer.concat(parts));
        expect(Math.sign(compareBytes(a, b))).toBe(Buffer.compare(a, b));
      }),
    );
  });
});

describe('info-hashes', () => {
  it('are read from hexadecimal, base32 and bytes of the right length only', () => {
    const hex = 'dd8255ecdc7ca55fb0bbf81323d87062db1f6d1c';
    const base32 = '3WBFL3G4PSSV7MF37AJSHWDQMLNR63I4';
    expect(infoHashToHex(infoHashFromHex(hex.toUpperCase())!)).toBe(hex);
    expect(infoHashToHex(infoHashFromBase32(base32.toLowerCase())!)).toBe(hex);
    expect(infoHashFromHex(hex.slice(2))).toBeUndefined();
    expect(infoHashFromBase32(`${base32.slice(1)}1`)).toBeUndefined();
    expect(infoHashFromBytes(new Uint8Array(32))).toBeUndefined();
    expect(infoHashHex(hex.toUpperCase())).toBe(hex);
    expect(infoHashHex(base32)).toBeUndefined();
    expect(fromBase32('A')).toBeUndefined();
    expect(fromBase32('MZXW6YTB')).toEqual(utf8Encode('fooba'));
  });
});
