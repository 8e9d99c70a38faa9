/** Torrents whose lists of files are long, odd or hostile. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decode, decodeDictWithRanges, type Encodable, encode } from './bencode.ts';
import { concatBytes, toBinaryString, utf8Encode } from './bytes.ts';
import { MetainfoError, parseInfo } from './metainfo.ts';

const PIECE = 65_536;
const PER_FOLDER = 1000;

/** As a program writes it that has nothing else to do: folders of 1000 files, most of a piece or two. */
function manyFiles(kind: 'v1' | 'v2' | 'hybrid', count: number): Uint8Array {
  const root = 'r'.repeat(32);
  const tree: string[] = [];
  const list: string[] = [];
  let length = 0;
  for (let i = 0; i < count; i++) {
    const folder = `folder ${100 + Math.floor(i / PER_FOLDER)}`;
    const name = `${100_000 + i}.json`;
    if (i % PER_FOLDER === 0) tree.push(i === 0 ? '' : 'e', `10:${folder}d`);
    tree.push(`11:${name}d0:d6:lengthi${1 + i}e11:pieces root32:${root}ee`);
    list.push(`d6:lengthi${1 + i}e4:pathl10:${folder}11:${name}ee`);
    length += 1 + i;
    const gap = (PIECE - ((1 + i) % PIECE)) % PIECE;
    if (kind !== 'hybrid' || gap === 0 || i === count - 1) continue;
    list.push(`d4:attr1:p6:lengthi${gap}e4:pathl4:.pad${`${gap}`.length}:${gap}ee`);
    length += gap;
  }
  const pieces = 20 * Math.ceil(length / PIECE);
  const parts = [
    kind === 'v1' ? '' : `9:file treed${tree.join('')}ee`,
    kind === 'v2' ? '' : `5:filesl${list.join('')}e`,
    kind === 'v1' ? '' : '12:meta versioni2e',
    `4:name4:many12:piece lengthi${PIECE}e`,
    kind === 'v2' ? '' : `6:pieces${pieces}:${'x'.repeat(pieces)}`,
  ];
  return utf8Encode(`d${parts.join('')}e`);
}

function failure(make: () => unknown): MetainfoError {
  try {
    make();
  } catch (error) {
    if (error instanceof MetainfoError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('a torrent of many files', () => {
  it.each([
    ['v1', 20_000],
    ['v2', 20_000],
    ['hybrid', 100_000],
  ] as const)('is read: %s, %i', { timeout: 20_000 }, (kind, count) => {
    const info = parseInfo(manyFiles(kind, count));
    const real = info.files.filter(({ padding }) => !padding);
    expect(real.length).toBe(count);
    const file = real[14_321]!;
    expect(file.pathText).toBe('many/folder 114/114321.json');
    expect([file.path, file.length]).toEqual([['many', 'folder 114', '114321.json'], 14_322]);
    expect(file.rawPath.map(toBinaryString)).toEqual(['folder 114', '114321.json']);
    expect(file.piecesRoot?.length).toBe(kind === 'v1' ? undefined : 32);
    if (kind !== 'v1') {
      expect(file.offset % PIECE).toBe(0);
      expect(info.fileOfPiece(file.offset / PIECE)).toBe(file);
    }
  });
});

describe('the paths of a list', () => {
  const v1 = (paths: readonly Encodable[]): Uint8Array =>
    encode({
      files: paths.map((path) => ({ length: 1, path })),
      name: 'n',
      'piece length': 100,
      pieces: new Uint8Array(20),
    });
  const texts = (paths: readonly Encodable[]): string[] =>
    parseInfo(v1(paths)).files.map(({ pathText }) => pathText);

  it('are the same whether the file before lies in the same folder, in none, or in one of another case', () => {
    expect(
      texts([['a', 'x'], ['a', 'y'], ['y'], ['A', 'z'], ['a', 'X'], ['a', 'b', 'x'], ['a', 'x', 'x']]),
    ).toEqual(['n/a/x', 'n/a/y', 'n/y', 'n/A/z', 'n/a/X.1', 'n/a/b/x', 'n/a/x.2/x']);
  });

  it('are told from each other by their bytes where they end differently', () => {
    expect(
      texts([
        ['ab', 'c'],
        ['a', 'bc'],
        ['ab', 'd'],
      ]),
    ).toEqual(['n/ab/c', 'n/a/bc', 'n/ab/d']);
  });

  it('lose a last component of which nothing is left to the folder above it', () => {
    expect(
      texts([
        ['a', '..'],
        ['a', 'b'],
        ['..', '.'],
      ]),
    ).toEqual(['n/a', 'n/a.1/b', 'n/_']);
  });

  it('have a place of their own each on any file system', () => {
    const name = fc.constantFrom('a', 'A', 'a.1', 'b', 'B.1', 'ä', 'a\u0308', '..');
    const path = fc.array(name, { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(fc.array(path, { minLength: 1, maxLength: 30 }), (paths) => {
        const folded = texts(paths).map((text) => text.normalize('NFC').toLowerCase());
        expect(new Set(folded).size).toBe(paths.length);
        for (const file of folded) expect(folded.some((other) => other.startsWith(`${file}/`))).toBe(false);
      }),
      { numRuns: 300 },
    );
  });

  it('are kept as they are written too', () => {
    const [file] = parseInfo(v1([['..', Uint8Array.of(0xe4), 'b']])).files;
    expect(file?.rawPath).toEqual([utf8Encode('..'), Uint8Array.of(0xe4), utf8Encode('b')]);
    expect(file?.pathText).toBe('n/\ufffd/b');
  });
});

describe('a tree whose keys are out of order', () => {
  const text = (order: readonly string[]): Uint8Array => {
    const leaf = `d0:d6:lengthi1e11:pieces root32:${'r'.repeat(32)}ee`;
    const entries = order.map(
      (name) => `${name.length}:${name}${name === 'dir' ? `d1:b${leaf}1:a${leaf}e` : leaf}`,
    );
    return utf8Encode(`d9:file treed${entries.join('')}e12:meta versioni2e4:name1:n12:piece lengthi16384ee`);
  };

  it('is read in the order of its bytes', () => {
    const { files } = parseInfo(text(['z', 'dir', 'c']));
    const real = files.filter(({ padding }) => !padding);
    expect(real.map(({ pathText }) => pathText)).toEqual(['n/c', 'n/dir/a', 'n/dir/b', 'n/z']);
    expect(real[1]?.piecesRoot).toEqual(utf8Encode('r'.repeat(32)));
    expect(real[1]?.rawPath.map(toBinaryString)).toEqual(['dir', 'a']);
  });

  it('is refused if a name comes twice', () => {
    expect(failure(() => parseInfo(text(['z', 'c', 'z']))).message).toContain('duplicate key');
    expect(failure(() => parseInfo(text(['c', 'c']))).message).toContain('duplicate key');
  });
});

describe('what is passed over', () => {
  const raw = new Set(['big']);
  const walk = (value: string, strict = false): ReturnType<typeof decodeDictWithRanges> =>
    decodeDictWithRanges(utf8Encode(`d3:big${value}1:xi1ee`), { strict, raw });

  it('is not made, but told of', () => {
    const { dict, ranges } = walk('d1:ali1e2:xxee');
    expect(dict).toEqual(new Map([['x', 1]]));
    expect(ranges.get('big')).toEqual({ start: 6, end: 20, unordered: false });
    expect(walk('ld1:bi1e1:ai1eee').ranges.get('big')?.unordered).toBe(true);
  });

  it.each([
    ['i01e', 'leading zero'],
    ['l', 'unexpected end'],
    ['d1:a', 'not a bencoded value'],
    ['d1:ai1e1:ai2ee', 'duplicate key'],
    ['d1:bi1e1:ai2e1:bi3ee', 'duplicate key'],
    ['9999:x', 'longer'],
    ['l'.repeat(70), 'nested too deeply'],
  ])('is checked all the same: %s', (value, problem) => {
    expect(() => walk(value)).toThrow(problem);
  });

  it('has its keys in order where that is asked for', () => {
    expect(() => walk('d1:bi1e1:ai2ee', true)).toThrow('keys out of order');
  });
});

describe('hostile lists', () => {
  it('claim no more memory than their length allows', () => {
    const bytes = (entries: number): Uint8Array =>
      concatBytes([utf8Encode('l'), utf8Encode('de'.repeat(entries)), utf8Encode('e')]);
    expect(decode(bytes(10_000))).toHaveLength(10_000);
    expect(() => decode(bytes(210_000))).toThrow('too many values');
  });
});
