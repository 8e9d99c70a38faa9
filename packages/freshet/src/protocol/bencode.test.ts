import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  BencodeError,
  type BencodeValue,
  decode,
  decodeDictWithRanges,
  decodePrefix,
  dictBytes,
  dictNumber,
  dictString,
  encode,
} from './bencode.ts';
import { concatBytes, toBinaryString, utf8Encode } from './bytes.ts';

const text = (value: string): Uint8Array => Uint8Array.from(value, (char) => char.charCodeAt(0));

const { value: anyValue } = fc.letrec<{ value: BencodeValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 5 },
    fc.maxSafeInteger(),
    fc.bigInt({ min: 2n ** 53n, max: 2n ** 64n }),
    fc.uint8Array({ maxLength: 20 }),
    fc.array(tie('value'), { maxLength: 5 }),
    fc
      .array(fc.tuple(fc.uint8Array({ maxLength: 5 }).map(toBinaryString), tie('value')), { maxLength: 5 })
      .map((entries) => new Map(entries)),
  ),
}));

describe('bencode', () => {
  it('decodes what it encodes, canonically', () => {
    fc.assert(
      fc.property(anyValue, (value) => {
        const bytes = encode(value as Parameters<typeof encode>[0]);
        const decoded = decode(bytes);
        expect(decoded).toEqual(value);
        expect(encode(decoded as Parameters<typeof encode>[0])).toEqual(bytes);
      }),
    );
  });

  it('throws nothing but BencodeError, whatever comes', () => {
    const alphabet = fc.constantFrom(...'ilde0123456789:-ax').map((char) => char.charCodeAt(0));
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array(),
          fc.array(alphabet).map((codes) => Uint8Array.from(codes)),
        ),
        (bytes) => {
          try {
            // What is accepted is canonical: it encodes to the same bytes.
            expect(encode(decode(bytes) as Parameters<typeof encode>[0])).toEqual(bytes);
          } catch (error) {
            if (!(error instanceof BencodeError)) throw error;
            expect(error.position).toBeLessThanOrEqual(bytes.length);
          }
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('refuses every truncation', () => {
    const bytes = encode({ a: [1, 'two', { three: 3n }], b: -4 });
    for (let length = 0; length < bytes.length; length++) {
      expect(() => decode(bytes.subarray(0, length))).toThrow(BencodeError);
    }
  });

  it.each([
    'i01e',
    'i-0e',
    'i-e',
    'ie',
    'i1',
    'i+1e',
    'i1.5e',
    '01:a',
    ':',
    '-1:a',
    '2:a',
    '99999999999999999999:a',
    'd1:b0:1:a0:e',
    'd1:a0:1:a0:e',
    'di1e0:e',
    'd1:ae',
    'e',
    'i1ei2e',
    `i${'1'.repeat(40)}e`,
  ])('refuses %s', (bytes) => {
    expect(() => decode(text(bytes))).toThrow(BencodeError);
  });

  it('tolerates keys out of order if told to, but never the same key twice', () => {
    const value = decode(text('d1:b1:x1:a1:ye'), { strict: false });
    expect(value).toEqual(
      new Map([
        ['b', text('x')],
        ['a', text('y')],
      ]),
    );
    expect(() => decode(text('d1:b0:1:a0:1:b0:e'), { strict: false })).toThrow('duplicate key at byte 11');
  });

  it('bounds depth, length and number of values', () => {
    expect(() => decode(text(`${'l'.repeat(100_000)}${'e'.repeat(100_000)}`))).toThrow('nested too deeply');
    expect(decode(text('lllleeee'), { maxDepth: 4 })).toEqual([[[[]]]]);
    expect(() => decode(text('lllleeee'), { maxDepth: 3 })).toThrow('nested too deeply');
    expect(() => decode(text('5:hello'), { maxLength: 6 })).toThrow(BencodeError);
    expect(() => decode(text(`l${'le'.repeat(10)}e`), { maxValues: 10 })).toThrow('too many values');
  });

  it('gives big integers exactly and small ones as numbers', () => {
    expect(decode(text('i9007199254740991e'))).toBe(9007199254740991);
    expect(decode(text('i-9007199254740993e'))).toBe(-9007199254740993n);
    expect(decode(text('i18446744073709551615e'))).toBe(18446744073709551615n);
  });

  it('tells where a prefix ends and where entries lie', () => {
    const bytes = concatBytes([encode({ a: 1, info: { b: 'x' } }), text('rest')]);
    expect(decodePrefix(bytes).end).toBe(bytes.length - 4);
    expect(() => decodeDictWithRanges(bytes)).toThrow('data after the value');
    const { ranges } = decodeDictWithRanges(bytes, { trailing: true });
    const { start, end } = ranges.get('info')!;
    expect(toBinaryString(bytes.subarray(start, end))).toBe('d1:b1:xe');
    expect([...ranges.keys()]).toEqual(['a', 'info']);
    expect(() => decodeDictWithRanges(text('le'))).toThrow(BencodeError);
  });

  it('sorts keys by their bytes and writes text as UTF-8', () => {
    // U+FF61 sorts before U+1F600 by code point and UTF-8, after it by UTF-16.
    expect(encode({ '😀': 1, '｡': 2, z: undefined })).toEqual(
      concatBytes([text('d3:'), utf8Encode('｡'), text('i2e4:'), utf8Encode('😀'), text('i1ee')]),
    );
    expect(
      encode(
        new Map([
          ['ÿ', 1],
          ['\u0080', 2],
        ]),
      ),
    ).toEqual(text('d1:\u0080i2e1:ÿi1ee'));
    expect(encode(-0)).toEqual(text('i0e'));
  });

  it('refuses to write what has no encoding', () => {
    expect(() => encode(1.5)).toThrow(TypeError);
    expect(() => encode(Number.NaN)).toThrow(TypeError);
    expect(() => encode(2 ** 53)).toThrow(TypeError);
    expect(() => encode(new Map([['\u0100', 1]]))).toThrow(TypeError);
  });

  it('reads typed entries', () => {
    const { dict } = decodeDictWithRanges(encode({ n: 1, s: 'ä', big: 2n ** 60n }));
    expect(dictNumber(dict, 'n')).toBe(1);
    expect(dictNumber(dict, 's')).toBeUndefined();
    expect(dictNumber(dict, 'big')).toBeUndefined();
    expect(dictString(dict, 's')).toBe('ä');
    expect(dictBytes(dict, 'n')).toBeUndefined();
  });
});
