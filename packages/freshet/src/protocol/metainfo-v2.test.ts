import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Encodable, encode } from './bencode.ts';
import { toBinaryString, toHex, utf8Encode } from './bytes.ts';
import { type InfoHash, infoHashV2FromHex } from './ids.ts';
import { HASH_LENGTH, LEAF_LENGTH, merkleRoot, treeHeight } from './merkle.ts';
import { MetainfoError, parseInfo, parseTorrent } from './metainfo.ts';
import {
  arrangeFiles,
  type BuildFile,
  buildInfo,
  encodeTorrent,
  type TorrentVersion,
} from './metainfo-build.ts';

const PIECE = 2 * LEAF_LENGTH;

/** A tree with leaves that stand for any content; the hashes of its pieces where it has several. */
function treeOf(length: number, seed: number): { root: Uint8Array; layer: Uint8Array | undefined } {
  const count = Math.ceil(length / PIECE);
  const roots = new Uint8Array(HASH_LENGTH * count).fill(seed);
  if (count === 1) return { root: roots, layer: undefined };
  return { root: merkleRoot(roots, 1, 2 ** (treeHeight(length) - 1)), layer: roots };
}

interface Made {
  readonly version: TorrentVersion;
  readonly files: readonly BuildFile[];
  readonly layers: Map<string, Uint8Array>;
  readonly torrent: Uint8Array;
}

function make(version: TorrentVersion, files: readonly BuildFile[], tailPadding = false): Made {
  const layers = new Map<string, Uint8Array>();
  const rooted = files.map((file, index) => {
    if (file.length === 0) return file;
    const { root, layer } = treeOf(file.length, index + 1);
    if (layer !== undefined) layers.set(toHex(root), layer);
    return { ...file, piecesRoot: root };
  });
  const arranged = arrangeFiles(rooted, PIECE, { tailPadding });
  const total = arranged.reduce((sum, file) => sum + file.length, 0);
  const infoBytes = buildInfo({
    version,
    name: 'folder',
    pieceLength: PIECE,
    files: arranged,
    pieces: new Uint8Array(20 * Math.ceil(total / PIECE)).fill(3),
  });
  return { version, files: rooted, layers, torrent: encodeTorrent({ infoBytes, pieceLayers: layers }) };
}

const component = fc.constantFrom('a', 'b', 'B', 'b.txt', 'ü', '日本', 'z z', '-', '~', 'ab');
const lengths = fc.constantFrom(
  0,
  1,
  LEAF_LENGTH,
  LEAF_LENGTH + 1,
  PIECE - 1,
  PIECE,
  PIECE + 1,
  5 * PIECE + 7,
);
const file = fc.record({
  path: fc.array(component, { minLength: 1, maxLength: 3 }),
  length: lengths,
  attr: fc.constantFrom(undefined, undefined, 'x', 'h', 'xh'),
  mtime: fc.option(fc.nat(2_000_000_000), { nil: undefined }),
});
/** No path twice, not even in another case, and no file that is another's folder. */
const fileList = fc.array(file, { minLength: 1, maxLength: 8 }).map((list) => {
  const kept: typeof list = [];
  const text = (path: readonly string[]): string => path.join('/').toLowerCase();
  for (const one of list) {
    const path = text(one.path);
    const clash = kept
      .map((other) => text(other.path))
      .some((other) => other === path || other.startsWith(`${path}/`) || path.startsWith(`${other}/`));
    if (!clash) kept.push(one);
  }
  // A torrent of one file in no folder is that file, without the torrent's name.
  return kept.length === 1 ? [{ ...kept[0]!, path: ['in', 'folder'] }] : kept;
});
const version = fc.constantFrom<TorrentVersion>(2, 'hybrid');

function failure(make: () => unknown): MetainfoError {
  try {
    make();
  } catch (error) {
    if (error instanceof MetainfoError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('torrents of version 2 and hybrids', () => {
  it('are read as they were written', () => {
    fc.assert(
      fc.property(version, fileList, fc.boolean(), (kind, files, tailPadding) => {
        const made = make(kind, files, tailPadding);
        const { info, pieceLayers } = parseTorrent(made.torrent);
        expect([info.hasV1, info.hasV2, info.hybrid]).toEqual([kind !== 2, true, kind !== 2]);
        expect(new Map([...pieceLayers].sort())).toEqual(new Map([...made.layers].sort()));
        const byPath = new Map(made.files.map((one) => [one.path.join('/'), one]));
        const real = info.files.filter(({ padding }) => !padding);
        expect(real.length).toBe(byPath.size);
        let offset = 0;
        for (const entry of info.files) {
          expect(entry.offset).toBe(offset);
          offset += entry.length;
          if (entry.padding) continue;
          const { length, attr, mtime, piecesRoot } = byPath.get(entry.path.slice(1).join('/'))!;
          expect([entry.length, entry.attr, entry.mtime]).toEqual([length, attr, mtime]);
          expect(entry.piecesRoot).toEqual(piecesRoot);
          if (length > 0) expect(entry.offset % PIECE).toBe(0);
        }
        expect(info.length).toBe(offset);
        expect(info.pieceCount).toBe(Math.ceil(offset / PIECE));
        expect(info.pieces?.length).toBe(kind === 2 ? undefined : 20 * info.pieceCount);
      }),
      { numRuns: 150 },
    );
  });

  it('have one file in each piece, and say where its data ends', () => {
    fc.assert(
      fc.property(version, fileList, fc.boolean(), (kind, files, tailPadding) => {
        const { info } = parseTorrent(make(kind, files, tailPadding).torrent);
        const seen = new Map<string, number>();
        for (let piece = 0; piece < info.pieceCount; piece++) {
          const entry = info.fileOfPiece(piece)!;
          const start = piece * PIECE;
          expect(entry.offset <= start && start < entry.offset + entry.length).toBe(true);
          expect(info.dataLength(piece)).toBe(Math.min(PIECE, entry.offset + entry.length - start));
          seen.set(entry.pathText, (seen.get(entry.pathText) ?? 0) + info.dataLength(piece));
        }
        const whole = info.files.filter(({ padding, length }) => !padding && length > 0);
        expect(seen).toEqual(new Map(whole.map(({ pathText, length }) => [pathText, length])));
        if (kind === 'hybrid') expect(info.pieceHash(0)?.length).toBe(info.pieceCount > 0 ? 20 : 0);
        else expect(info.pieceHash(0)).toBeUndefined();
      }),
      { numRuns: 150 },
    );
  });

  it('of version 1 have no such things', () => {
    const info = parseInfo(buildInfo({ name: 'f', pieceLength: 10, files: 25, pieces: new Uint8Array(60) }));
    expect([info.hasV1, info.hasV2, info.fileOfPiece(0)]).toEqual([true, false, undefined]);
    expect([0, 1, 2].map((piece) => info.dataLength(piece))).toEqual([10, 10, 5]);
  });

  it('are one file when nothing else is in the tree, by the name that it has there', () => {
    const { root } = treeOf(5, 1);
    const fileTree = { 'film.mp4': { '': { length: 5, 'pieces root': root } } };
    const fields = { 'file tree': fileTree, 'meta version': 2, 'piece length': PIECE };
    const info = parseInfo(encode({ ...fields, name: 'called otherwise' }));
    expect(info).toMatchObject({ name: 'film.mp4', multiFile: false, length: 5, lastPieceLength: 5 });
    expect(info.files.map(({ pathText }) => pathText)).toEqual(['film.mp4']);
    const both = { ...fields, name: 'film.mp4', length: 5, pieces: new Uint8Array(20) };
    expect(parseInfo(encode(both))).toMatchObject({ hybrid: true, multiFile: false });
    expect(failure(() => parseInfo(encode({ ...both, name: 'other' }))).code).toBe('INCONSISTENT');
    // In a folder in one half, in none in the other, as libtorrent writes a folder of one file.
    const folder = { ...fields, name: 'f', files: [{ length: 5, path: ['film.mp4'] }], pieces: both.pieces };
    expect(parseInfo(encode(folder)).files[0]?.pathText).toBe('f/film.mp4');
  });

  it('keep what the caller knew of their hashes', () => {
    const hashes = { v1: new Uint8Array(20) as InfoHash, v2: infoHashV2FromHex('ab'.repeat(32)) };
    const bytes = buildInfo({ name: 'f', pieceLength: 10, files: 1, pieces: new Uint8Array(20) });
    expect(parseInfo(bytes, hashes).hashes).toBe(hashes);
  });
});

const { root: ROOT, layer: LAYER } = treeOf(3 * PIECE, 9);
const leaf = (fields: { [key: string]: Encodable } = {}): { [key: string]: Encodable } => ({
  '': { length: 3 * PIECE, 'pieces root': ROOT, ...fields },
});
const v2 = (fileTree: Encodable): { [key: string]: Encodable } => ({
  'file tree': fileTree,
  'meta version': 2,
  name: 'folder',
  'piece length': PIECE,
});
const layers = (entries: [Uint8Array, Encodable][]): Encodable =>
  new Map(entries.map(([root, layer]) => [toBinaryString(root), layer]));

describe('what cannot be a torrent of version 2', () => {
  it.each<[string, Encodable, string, string]>([
    ['no tree', { ...v2({}), 'file tree': 5 }, 'BAD_FIELD', '"file tree" is not a dictionary'],
    ['an empty tree', v2({}), 'BAD_FIELD', '"file tree" is empty'],
    ['empty folders', v2({ a: { b: {} } }), 'BAD_FIELD', '"file tree" is empty'],
    ['a tree that is a file', v2(leaf()), 'BAD_FIELD', 'without a name'],
    ['a file that is a folder too', v2({ a: { ...leaf(), b: leaf() } }), 'BAD_FIELD', 'at once'],
    ['a number for a folder', v2({ a: 5 }), 'BAD_FIELD', '"file tree: a" is not a dictionary'],
    ['a number for a file', v2({ a: { '': 5 } }), 'BAD_FIELD', '"file tree: a" is not a dictionary'],
    ['a file without a length', v2({ a: { '': {} } }), 'MISSING_FIELD', 'file tree: a: length'],
    ['a negative length', v2({ a: leaf({ length: -1 }) }), 'BAD_FIELD', 'negative'],
    ['no root', v2({ a: { '': { length: 1 } } }), 'MISSING_FIELD', 'pieces root'],
    ['a short root', v2({ a: leaf({ 'pieces root': 'x' }) }), 'BAD_FIELD', 'has 1 bytes, not 32'],
    ['a link', v2({ a: leaf({ attr: 'l' }) }), 'SYMLINK', 'symbolic link in file tree: a'],
    ['a link to somewhere', v2({ a: { '': { 'symlink path': ['etc'] } } }), 'SYMLINK', 'refused'],
    ['pieces of 1 KiB', { ...v2({ a: leaf() }), 'piece length': 1024 }, 'BAD_FIELD', 'no power of two'],
    ['pieces of 48 KiB', { ...v2({ a: leaf() }), 'piece length': 49_152 }, 'BAD_FIELD', 'no power of two'],
    ['lengths beyond 2^53', v2({ a: leaf({ length: 2 ** 53 - 1 }), b: leaf() }), 'BAD_FIELD', '2^53'],
    ['a later version', { ...v2(5), 'meta version': 3 }, 'UNSUPPORTED_VERSION', 'version 3'],
  ])('%s', (_, info, code, words) => {
    const error = failure(() => parseInfo(encode(info)));
    expect([error.code, error.message]).toEqual([code, expect.stringContaining(words)]);
    expect(error.message).toMatch(/^The .*\.$/);
  });

  it.each<[string, Encodable | undefined]>([
    ['no layers', undefined],
    ['a list of layers', []],
    ['no layer of its own', layers([])],
    ['a layer that is no string', layers([[ROOT, 5]])],
    ['a short layer', layers([[ROOT, LAYER!.subarray(HASH_LENGTH)]])],
    ['a wrong layer', layers([[ROOT, LAYER!.map((byte) => byte ^ 1)]])],
  ])('one with %s in its file', (_, pieceLayers) => {
    const torrent = { info: v2({ a: leaf() }), 'piece layers': pieceLayers };
    const error = failure(() => parseTorrent(encode(torrent)));
    expect([error.code, error.message]).toEqual(['BAD_FIELD', expect.stringContaining('"piece layers"')]);
    // Peers send it without them.
    expect(parseInfo(encode(torrent.info)).length).toBe(3 * PIECE);
  });

  it('but layers that nobody asked for do no harm, and one layer does for the same file twice', () => {
    const info = v2({ a: leaf(), b: leaf(), c: { '': { length: 1, 'pieces root': treeOf(1, 2).root } } });
    const other = new Uint8Array(32).fill(1);
    const pieceLayers = layers([
      [ROOT, LAYER!],
      [other, 'x'],
    ]);
    const torrent = parseTorrent(encode({ info, 'piece layers': pieceLayers }));
    expect(torrent.pieceLayers).toEqual(new Map([[toHex(ROOT), LAYER]]));
  });

  it('and paths of a tree lead nowhere else and are distinct', () => {
    const paths = (tree: Encodable): string[] =>
      parseInfo(encode(v2(tree)))
        .files.filter(({ padding }) => !padding)
        .map(({ pathText }) => pathText);
    expect(paths({ '..': { etc: leaf() }, '/x': leaf(), 'a\\b': leaf() })).toEqual([
      'folder/etc',
      'folder/_x',
      'folder/a_b',
    ]);
    expect(paths({ A: leaf(), a: leaf() })).toEqual(['folder/A', 'folder/a.1']);
    const deep = (depth: number): Encodable => (depth === 0 ? leaf() : { d: deep(depth - 1) });
    // The decoder's bound on nesting comes first.
    expect(failure(() => parseInfo(encode(v2(deep(70))))).code).toMatch(/MALFORMED|BAD_FIELD/);
    expect(paths(deep(50))[0]).toMatch(/^folder(\/d){50}$/);
  });
});

describe('a hybrid whose halves differ', () => {
  const whole = { length: PIECE, 'pieces root': treeOf(PIECE, 1).root };
  const short = { length: 5, 'pieces root': treeOf(5, 2).root };
  const tree = { a: { '': whole }, b: { '': short }, c: { '': short } };
  const padding = (length: number): Encodable => ({ attr: 'p', length, path: ['.pad', `${length}`] });
  const entry = (name: string, length: number): Encodable => ({ length, path: [name] });
  const list = [entry('a', PIECE), entry('b', 5), padding(PIECE - 5), entry('c', 5)];
  const hybrid = (files: Encodable[], pieces = 3): Uint8Array =>
    encode({ ...v2(tree), files, pieces: new Uint8Array(20 * pieces) });

  it('is one of which both are known; padding at the end makes no difference', () => {
    expect(parseInfo(hybrid(list)).hybrid).toBe(true);
    const padded = parseInfo(hybrid([...list, padding(PIECE - 5)]));
    expect([padded.length, padded.dataLength(2), padded.lastPieceLength]).toEqual([3 * PIECE, 5, PIECE]);
  });

  it.each<[string, Encodable[], number]>([
    ['a length', [entry('a', PIECE), entry('b', 6), padding(PIECE - 6), entry('c', 5)], 3],
    ['a name', [entry('a', PIECE), entry('x', 5), padding(PIECE - 5), entry('c', 5)], 3],
    ['the order', [entry('b', 5), padding(PIECE - 5), entry('a', PIECE), entry('c', 5)], 3],
    ['no padding', [entry('a', PIECE), entry('b', 5), entry('c', 5)], 2],
    ['too much padding', [entry('a', PIECE), entry('b', 5), padding(2 * PIECE - 5), entry('c', 5)], 4],
    ['a file less', list.slice(0, 3), 2],
    ['a file more', [...list, padding(PIECE - 5), entry('d', 1)], 4],
    ['an empty file more', [...list, entry('d', 0)], 3],
    ['more padding than a piece at the end', [...list, padding(2 * PIECE)], 5],
    ['padding in a file’s place', [entry('a', PIECE), padding(5), padding(PIECE - 5), entry('c', 5)], 3],
  ])('by %s is refused', (_, files, pieces) => {
    const error = failure(() => parseInfo(hybrid(files, pieces)));
    expect([error.code, error.message]).toEqual(['INCONSISTENT', expect.stringContaining('differ at')]);
  });
});

describe('hostile torrents of version 2', () => {
  const samples = (['v2', 'hybrid'] as const).map((kind) => {
    const files = [
      { path: ['a'], length: PIECE + 1 },
      { path: ['b', 'c'], length: 4 },
      { path: ['e'], length: 0 },
    ];
    return make(kind === 'v2' ? 2 : 'hybrid', files).torrent;
  });

  it('throw nothing but MetainfoError, whatever is damaged or missing', () => {
    const longest = Math.max(...samples.map(({ length }) => length));
    fc.assert(
      fc.property(
        fc.constantFrom(...samples),
        fc.array(fc.tuple(fc.nat(longest), fc.nat(255)), { maxLength: 3 }),
        fc.nat(2 * longest),
        (whole, changes, end) => {
          const bytes = whole.slice(0, end);
          for (const [at, byte] of changes) if (at < bytes.length) bytes[at] = byte;
          for (const parse of [parseTorrent, parseInfo]) {
            try {
              parse(bytes);
            } catch (error) {
              if (!(error instanceof MetainfoError)) throw error;
            }
          }
        },
      ),
      { numRuns: 1500 },
    );
    for (const whole of samples) {
      for (let end = 0; end < whole.length; end++) failure(() => parseTorrent(whole.subarray(0, end)));
    }
  });

  it('throw nothing but MetainfoError when their trees are any values', () => {
    const { value } = fc.letrec<{ value: Encodable }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 4 },
        fc.constantFrom<Encodable>(0, 1, -1, PIECE, 2 ** 53 - 1, 2n ** 63n, ROOT, 'x', LAYER!),
        fc.array(tie('value'), { maxLength: 3 }),
        fc.dictionary(
          fc.constantFrom('', 'a', '..', 'length', 'pieces root', 'attr', 'symlink path'),
          tie('value'),
          { maxKeys: 4 },
        ) as fc.Arbitrary<Encodable>,
      ),
    }));
    fc.assert(
      fc.property(value, value, value, (fileTree, files, pieceLayers) => {
        const fields = { ...v2(fileTree), files, pieces: new Uint8Array(20) };
        for (const info of [v2(fileTree), fields, { ...fields, name: fileTree }]) {
          try {
            parseTorrent(encode({ info, 'piece layers': pieceLayers }));
          } catch (error) {
            if (!(error instanceof MetainfoError)) throw error;
          }
        }
      }),
      { numRuns: 1000 },
    );
  });
});

describe('buildInfo and arrangeFiles', () => {
  const root = new Uint8Array(32);
  const fields = { name: 'x', pieceLength: PIECE, version: 2 } as const;

  it('refuse what could not be read', () => {
    const one = { path: ['a'], length: 5, piecesRoot: root };
    const bad: Parameters<typeof buildInfo>[0][] = [
      { ...fields, files: 5 },
      { ...fields, files: { length: 5, piecesRoot: new Uint8Array(20) } },
      { ...fields, files: [one], pieceLength: 1000 },
      { ...fields, files: [{ ...one, path: [] }] },
      { ...fields, files: [one, { ...one, path: ['b'] }] },
      { ...fields, files: [{ ...one, length: 0, path: ['b'] }, one] },
      { ...fields, files: [one, { ...one, length: 0 }] },
      { ...fields, files: [one, { ...one, length: 0, path: ['a', 'b'] }] },
      { ...fields, version: 'hybrid', files: { length: 5, piecesRoot: root } },
    ];
    for (const wrong of bad) expect(() => buildInfo(wrong)).toThrow(RangeError);
    expect(() =>
      encodeTorrent({ infoBytes: utf8Encode('de'), pieceLayers: new Map([['ab', root]]) }),
    ).toThrow(RangeError);
  });

  it('put files in the order of bytes, folder by folder, with padding before what begins within a piece', () => {
    const files = ['sub.txt', 'sub/b', 'Z', 'ü', 'sub/a', '😀', '｡'].map((path, length) => ({
      path: path.split('/'),
      length,
      note: path,
    }));
    const order = (tailPadding: boolean): string[] =>
      arrangeFiles(files, PIECE, { tailPadding }).map((one) => ('note' in one ? one.note : `+${one.length}`));
    expect(order(false).join(' ')).toBe('Z +32766 sub/a +32764 sub/b sub.txt +32767 ü +32765 ｡ +32762 😀');
    expect(order(true).at(-1)).toBe('+32763');
    expect(arrangeFiles([files[1]!], PIECE, { tailPadding: true })).toHaveLength(1);
  });
});
