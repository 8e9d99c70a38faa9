import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Encodable, encode } from './bencode.ts';
import { concatBytes, toBinaryString, utf8Encode } from './bytes.ts';
import { MetainfoError, parseInfo, parseTorrent } from './metainfo.ts';
import { buildInfo, choosePieceLength, encodeTorrent } from './metainfo-build.ts';
import { DistinctPaths, safeComponent, safePath } from './safe-path.ts';

const single = { length: 100, name: 'film.mp4', 'piece length': 64, pieces: new Uint8Array(40) };
const files = (...paths: string[][]): { [key: string]: Encodable } => ({
  files: paths.map((path) => ({ length: 10, path })),
  name: 'folder',
  'piece length': 1000,
  pieces: new Uint8Array(20),
});

function failure(make: () => unknown): MetainfoError {
  try {
    make();
  } catch (error) {
    if (error instanceof MetainfoError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('parseTorrent', () => {
  it('reads what encodeTorrent and buildInfo write', () => {
    const infoBytes = buildInfo({
      name: 'folder',
      pieceLength: 16384,
      files: [
        { path: ['a', 'b.txt'], length: 20000 },
        { path: ['.pad', '12768'], length: 12768, attr: 'p' },
        { path: ['c.bin'], length: 0, mtime: 5 },
      ],
      pieces: Uint8Array.from({ length: 40 }, (_, i) => i),
      private: true,
      source: 'here',
    });
    const fields = {
      infoBytes,
      announceTiers: [['http://a/announce', 'http://b/announce'], ['wss://c']],
      urlList: ['http://seed/'],
      httpSeeds: ['http://seed/script'],
      comment: 'ä',
      createdBy: 'Freshet',
      creationDate: 1_700_000_000,
    };
    const { info, ...rest } = parseTorrent(encodeTorrent(fields));
    expect(rest).toEqual({
      ...fields,
      pieceLayers: new Map(),
      nodes: [],
      encoding: undefined,
    });
    expect(info).toMatchObject({
      name: 'folder',
      pieceLength: 16384,
      pieceCount: 2,
      lastPieceLength: 16384,
      length: 32768,
      private: true,
      source: 'here',
      multiFile: true,
      hybrid: false,
      hasV1: true,
      hasV2: false,
    });
    expect(info.bytes).toEqual(infoBytes);
    expect(info.pieceHash(1)).toEqual(Uint8Array.from({ length: 20 }, (_, i) => 20 + i));
    expect(info.files.map((f) => [f.pathText, f.length, f.offset, f.padding])).toEqual([
      ['folder/a/b.txt', 20000, 0, false],
      ['folder/.pad/12768', 12768, 20000, true],
      ['folder/c.bin', 0, 32768, false],
    ]);
    expect(info.files[2]?.mtime).toBe(5);
  });

  it('keeps the original bytes of the info dictionary, also when its keys are out of order', () => {
    const infoText = `d12:piece lengthi64e6:pieces20:${'x'.repeat(20)}4:name1:f6:lengthi3ee`;
    const bytes = utf8Encode(`d4:info${infoText}8:announce8:http://xe\n`);
    const torrent = parseTorrent(bytes);
    expect(toBinaryString(torrent.infoBytes)).toBe(infoText);
    expect(torrent.announceTiers).toEqual([['http://x']]);
    expect(torrent.info).toMatchObject({ length: 3, lastPieceLength: 3, multiFile: false, private: false });
    expect(torrent.info.files).toMatchObject([{ path: ['f'], pathText: 'f', offset: 0, length: 3 }]);
  });

  it('is not upset by odd outer fields', () => {
    const torrent = parseTorrent(
      encode({
        announce: 5,
        'announce-list': [['http://a', 7], 'http://b', [], ['http://a']],
        'url-list': 'http://w',
        httpseeds: ['http://h', 3],
        nodes: [['n', 1], ['n', 0], 7],
        'creation date': 'x',
        info: single,
      }),
    );
    expect(torrent.announceTiers).toEqual([['http://a'], ['http://b']]);
    expect(torrent.urlList).toEqual(['http://w']);
    expect(torrent.httpSeeds).toEqual(['http://h']);
    expect(torrent.nodes).toEqual([{ host: 'n', port: 1 }]);
    expect(torrent.creationDate).toBeUndefined();
  });

  it('prefers the .utf-8 variants', () => {
    const info = parseInfo(
      encode({
        files: [{ length: 5, path: [Uint8Array.of(0xe4)], 'path.utf-8': ['ä'] }],
        name: 'x',
        'name.utf-8': 'ö',
        'piece length': 5,
        pieces: new Uint8Array(20),
      }),
    );
    expect(info.files[0]?.pathText).toBe('ö/ä');
  });

  it.each<[string, { [key: string]: Encodable | undefined }, string, string]>([
    ['no name', { ...single, name: undefined }, 'MISSING_FIELD', '"name"'],
    ['no pieces', { ...single, pieces: undefined }, 'MISSING_FIELD', '"pieces"'],
    ['no length', { ...single, length: undefined }, 'MISSING_FIELD', '"length"'],
    ['a list as pieces', { ...single, pieces: [] }, 'BAD_FIELD', '"pieces"'],
    ['pieces of 39 bytes', { ...single, pieces: new Uint8Array(39) }, 'BAD_FIELD', 'multiple of 20'],
    ['too few hashes', { ...single, pieces: new Uint8Array(20) }, 'BAD_FIELD', 'need 2'],
    ['piece length 0', { ...single, 'piece length': 0 }, 'BAD_FIELD', '"piece length"'],
    ['a huge piece length', { ...single, 'piece length': 2 ** 28 + 1 }, 'BAD_FIELD', '"piece length"'],
    ['a negative length', { ...single, length: -1 }, 'BAD_FIELD', 'negative'],
    ['a length beyond 2^53', { ...single, length: 2n ** 60n }, 'BAD_FIELD', '2^53'],
    ['no files', { ...files() }, 'BAD_FIELD', 'empty'],
    ['a file that is no dictionary', { ...files(), files: [1] }, 'BAD_FIELD', 'files[0]'],
    ['a file without path', { ...files(), files: [{ length: 1 }] }, 'MISSING_FIELD', 'files[0].path'],
    ['an empty path', { ...files([]) }, 'BAD_FIELD', 'files[0].path'],
    ['a very deep path', { ...files(new Array<string>(65).fill('a')) }, 'BAD_FIELD', '64'],
    ['a number in a path', { ...files(), files: [{ length: 1, path: [1] }] }, 'BAD_FIELD', 'files[0].path'],
    [
      'a symbolic link',
      { ...files(), files: [{ length: 0, path: ['a'], attr: 'l', 'symlink path': ['etc'] }] },
      'SYMLINK',
      'files[0]',
    ],
    [
      'lengths that add up beyond 2^53',
      {
        ...files(),
        files: [
          { length: 2 ** 53 - 1, path: ['a'] },
          { length: 9, path: ['b'] },
        ],
      },
      'BAD_FIELD',
      '2^53',
    ],
    ['a later version', { 'meta version': 3, name: 5, files: 7 }, 'UNSUPPORTED_VERSION', 'version 3'],
    ['a version in words', { ...single, 'meta version': 'two' }, 'UNSUPPORTED_VERSION', 'meta version'],
  ])('refuses %s with a sentence that names it', (_, info, code, words) => {
    const error = failure(() => parseTorrent(encode({ info })));
    expect(error.code).toBe(code);
    expect(error.message).toContain(words);
    expect(error.message).toMatch(/^The .*\.$/);
  });

  it('throws nothing but MetainfoError, whatever is damaged', () => {
    const whole = encodeTorrent({
      infoBytes: encode(files(['a'], ['b', 'c'])),
      announceTiers: [['http://t']],
    });
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.nat(255), fc.nat(whole.length), (at, byte, end) => {
        const bytes = whole.slice(0, end);
        if (at < end) bytes[at] = byte;
        for (const parse of [parseTorrent, parseInfo]) {
          try {
            parse(bytes);
          } catch (error) {
            if (!(error instanceof MetainfoError)) throw error;
          }
        }
      }),
      { numRuns: 1000 },
    );
    expect(failure(() => parseTorrent(concatBytes([]))).code).toBe('MALFORMED');
    expect(failure(() => parseTorrent(encode({}))).message).toBe('The torrent has no field "info".');
  });
});

describe('paths', () => {
  const paths = (...given: string[][]): string[] => parseInfoPaths(given);
  const parseInfoPaths = (given: string[][]): string[] =>
    parseInfo(encode(files(...given))).files.map((file) => file.pathText);

  it('cannot leave the folder', () => {
    expect(
      paths(['..', '..', 'etc', 'passwd'], ['/etc', 'x'], ['a\\..\\b'], ['.', '', '.. '], ['C:', 'x']),
    ).toEqual(['folder/etc/passwd', 'folder/_etc/x', 'folder/a_.._b', 'folder/_', 'folder/C_/x']);
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.string(), fc.constantFrom('..', '.', '', '\0', '../..', 'CON', 'a:'))),
        (given) => {
          const path = safePath(given);
          expect(path.length).toBeGreaterThan(0);
          for (const component of path) {
            expect(component).not.toMatch(/[/\\\0]|^[. ]*$|^[a-z]:/i);
            expect(utf8Encode(component).length).toBeLessThanOrEqual(255);
            // A safe name stays as it is.
            expect(safeComponent(component)).toBe(component);
          }
        },
      ),
      { numRuns: 1000 },
    );
  });

  it('are changed as little as they must be', () => {
    for (const name of ['Film: b?.mkv', '...x', '日本語.txt', ' x', 'console.log', '😀'])
      expect(safeComponent(name)).toBe(name);
    expect(safeComponent('con.txt')).toBe('_con.txt');
    expect(safeComponent('\u202egpj.exe')).toBe('gpj.exe');
    expect(safeComponent(`${'ä'.repeat(200)}.mkv`)).toBe(`${'ä'.repeat(118)}.mkv`);
  });

  it('are distinct, also where case does not count and between files and folders', () => {
    expect(paths(['a.txt'], ['A.TXT'], ['a.txt'], ['d', 'x'], ['d'], ['a.txt', 'y'], ['a.txt', 'z'])).toEqual(
      [
        'folder/a.txt',
        'folder/A.1.TXT',
        'folder/a.2.txt',
        'folder/d/x',
        'folder/d.1',
        'folder/a.3.txt/y',
        'folder/a.3.txt/z',
      ],
    );
  });

  it('stay distinct at any number, in linear time', () => {
    const distinct = new DistinctPaths();
    const seen = new Set<string>();
    for (let i = 0; i < 20_000; i++) seen.add(distinct.add(i % 2 === 0 ? ['a'] : ['a', 'b']).join('/'));
    expect(seen.size).toBe(20_000);
  });
});

describe('choosePieceLength', () => {
  it('makes at most 2048 pieces within 16 KiB and 16 MiB', () => {
    expect(choosePieceLength(0)).toBe(16384);
    expect(choosePieceLength(32 * 2 ** 20)).toBe(16384);
    expect(choosePieceLength(2 ** 30)).toBe(2 ** 19);
    expect(choosePieceLength(2 ** 45)).toBe(2 ** 24);
  });
});

describe('buildInfo', () => {
  it('refuses hashes that do not fit', () => {
    expect(() => buildInfo({ name: 'x', pieceLength: 10, files: 11, pieces: new Uint8Array(20) })).toThrow(
      RangeError,
    );
    expect(() =>
      buildInfo({ name: 'x', pieceLength: 10, files: [{ path: [], length: 1 }], pieces: new Uint8Array(20) }),
    ).toThrow(RangeError);
  });
});
