import { describe, expect, it } from 'vitest';
import {
  type BencodeValue,
  type BuildFile,
  buildInfo,
  type Encodable,
  encode,
  parseInfo,
} from '../../protocol/index.ts';
import { isHttpUrl, webSeedUrl } from './web-seed-url.ts';

function infoOf(name: string, files: number | readonly BuildFile[]): ReturnType<typeof parseInfo> {
  const length = typeof files === 'number' ? files : files.reduce((sum, file) => sum + file.length, 0);
  const pieces = new Uint8Array(20 * Math.ceil(length / 16384));
  return parseInfo(buildInfo({ name, pieceLength: 16384, files, pieces }));
}

/** Of all files. */
const webSeedUrls = (base: string, info: ReturnType<typeof parseInfo>): string[] =>
  info.files.map((_, file) => webSeedUrl(base, info, file));

describe('webSeedUrl', () => {
  it.each([
    ['http://h/film.mp4', 'http://h/film.mp4'],
    ['http://h/dir/', 'http://h/dir/my%20film%231.mp4'],
    ['http://h/get?id=7', 'http://h/get?id=7'],
    ['http://h/get?file=a/', 'http://h/get?file=a/my%20film%231.mp4'],
    ['http://h/film.mp4#top', 'http://h/film.mp4'],
  ])('maps a single file at %s to %s', (base, expected) => {
    expect(webSeedUrls(base, infoOf('my film#1.mp4', 10))).toEqual([expected]);
  });

  it.each([
    ['http://h/dir', 'http://h/dir/name/a/b'],
    ['http://h/dir/', 'http://h/dir/name/a/b'],
    ['http://h/dir?token=1', 'http://h/dir/name/a/b?token=1'],
    ['http://h/dir/?token=1', 'http://h/dir/name/a/b?token=1'],
    ['http://h/get?path=', 'http://h/get?path=name/a/b'],
  ])('maps a folder at %s to %s', (base, expected) => {
    expect(webSeedUrls(base, infoOf('name', [{ path: ['a', 'b'], length: 1 }]))).toEqual([expected]);
  });

  it('escapes what is not plain, byte by byte', () => {
    const info = infoOf('ü', [{ path: ['100% & more?', "it's (1)~.txt"], length: 1 }]);
    expect(webSeedUrls('http://h', info)).toEqual(["http://h/%C3%BC/100%25%20%26%20more%3F/it's%20(1)~.txt"]);
  });

  it('asks for a file by the name its publisher gave, not by the one it has on disk here', () => {
    const info = infoOf('name', [
      { path: ['con', 'a\\b'], length: 1 },
      { path: ['CON', 'A\\B'], length: 1 },
    ]);
    expect(info.files[0]!.path).toEqual(['name', '_con', 'a_b']);
    expect(webSeedUrls('http://h', info)).toEqual(['http://h/name/con/a%5Cb', 'http://h/name/CON/A%5CB']);
  });

  it('never climbs out of the address', () => {
    const info = infoOf('..', [{ path: ['..', '..', 'etc', 'passwd'], length: 1 }]);
    expect(webSeedUrls('http://h/dir', info)).toEqual(['http://h/dir/_/etc/passwd']);
  });
});

describe('webSeedUrl of version 2', () => {
  const root = new Uint8Array(32).fill(7);
  const leaf = (length: number): Map<string, BencodeValue> =>
    new Map([
      [
        '',
        length === 0
          ? new Map([['length', 0]])
          : new Map<string, BencodeValue>([
              ['length', length],
              ['pieces root', root],
            ]),
      ],
    ]) as Map<string, BencodeValue>;
  const infoV2 = (name: string, tree: Map<string, BencodeValue>): ReturnType<typeof parseInfo> =>
    parseInfo(
      encode(
        new Map<string, Encodable>([
          ['file tree', tree as Encodable],
          ['meta version', 2],
          ['name', name],
          ['piece length', 16384],
        ]),
      ),
    );

  it('takes the names from the tree, and none for padding', () => {
    const tree = new Map<string, BencodeValue>([
      ['con', leaf(5)],
      ['empty', leaf(0)],
      ['sub', new Map<string, BencodeValue>([['a b', leaf(20_000)]])],
    ]);
    const info = infoV2('name', tree);
    const urls = webSeedUrls('http://h/', info);
    expect(urls.filter((_, i) => !info.files[i]!.padding)).toEqual([
      'http://h/name/con',
      'http://h/name/empty',
      'http://h/name/sub/a%20b',
    ]);
    expect(urls).toHaveLength(info.files.length);
  });

  it('knows a single file by its name in the tree', () => {
    const info = infoV2('other', new Map([['film.mp4', leaf(9)]]));
    expect(webSeedUrls('http://h/', info)).toEqual(['http://h/film.mp4']);
    expect(webSeedUrls('http://h/f', info)).toEqual(['http://h/f']);
  });
});

describe('isHttpUrl', () => {
  it.each([
    ['http://h/', true],
    ['HTTPS://h', true],
    ['ftp://h/', false],
    ['http:///x', false],
    ['javascript:alert(1)', false],
    ['', false],
  ])('%s: %s', (url, expected) => expect(isHttpUrl(url)).toBe(expected));
});
