/** Torrent files: files, trees, layers and pieces that fit each other, and ones that do not quite. */

import {
  HASH_LENGTH,
  layerLength,
  log2Ceil,
  merkleRoot,
  pieceLayerOf,
  treeHeight,
} from '../../packages/freshet/src/protocol/index.ts';
import type { Dice } from '../dice.ts';
import { latin1, type Tree, writeTree } from './bencode.ts';
import { anyUrl } from './text.ts';

const NAMES: readonly string[] = [
  'a',
  'b',
  'A',
  'film.mp4',
  'film.MP4',
  '..',
  '.',
  '',
  '/',
  '\\',
  '../x',
  'con',
  'NUL.txt',
  'c:',
  'x\0y',
  ' ',
  '. .',
  'a.1',
  '.pad',
  '\xe2\x80\xaeexe',
  '\xff\xfe',
  'e\xcc\x81',
  '\xc3\xa9',
  'K',
  '\xe2\x84\xaa',
  'n'.repeat(300),
  'dir',
  '-',
];

interface File {
  readonly path: readonly string[];
  readonly length: number;
  readonly attr: string | undefined;
  readonly root: Uint8Array | undefined;
  readonly layer: Uint8Array | undefined;
}

function anyFile(dice: Dice, pieceLength: number, rooted: boolean, seed: number): File {
  const length = dice.chance(1, 12)
    ? dice.edge()
    : dice.pick([
        0,
        1,
        5,
        16_383,
        16_384,
        16_385,
        pieceLength,
        pieceLength + 1,
        3 * pieceLength - 1,
        4 * pieceLength,
      ]);
  const path = Array.from({ length: 1 + dice.below(dice.chance(1, 20) ? 70 : 3) }, () => dice.pick(NAMES));
  const attr = dice.chance(1, 6) ? dice.pick(['x', 'h', 'p', 'l', 'xp', '', '\xff']) : undefined;
  if (!rooted || length === 0) return { path, length, attr, root: undefined, layer: undefined };
  // Layers of more hashes than an input should have are left out; they are then missing.
  const count =
    length > pieceLength && length / pieceLength < 64 ? layerLength(length, pieceLayerOf(pieceLength)) : 0;
  const layer = new Uint8Array(HASH_LENGTH * count).fill(seed);
  const at = pieceLayerOf(pieceLength);
  const root =
    count === 0
      ? new Uint8Array(HASH_LENGTH).fill(seed)
      : merkleRoot(layer, at, 2 ** (treeHeight(length) - at));
  return { path, length, attr, root, layer: count === 0 ? undefined : layer };
}

/** Sorted as BEP 52 has it, so that the list of a hybrid is that of the tree. */
function inOrder(files: readonly File[]): File[] {
  const key = (file: File): string => file.path.join('\0');
  return [...new Map(files.map((file) => [key(file), file])).values()].sort((a, b) =>
    key(a) < key(b) ? -1 : 1,
  );
}

/** An info dictionary, and the hashes of its pieces by root. */
export function anyInfo(dice: Dice): {
  readonly info: Map<string, Tree>;
  readonly layers: Map<string, Tree>;
} {
  const version = dice.pick([1, 1, 2, 3]);
  const power = 2 ** (14 + dice.below(4));
  const pieceLength = dice.chance(1, 10)
    ? dice.edge()
    : version === 1 && dice.chance(1, 4)
      ? 1 + dice.below(50_000)
      : power;
  const safe =
    version > 1 && log2Ceil(pieceLength) >= 14 && 2 ** log2Ceil(pieceLength) === pieceLength
      ? pieceLength
      : power;
  let files = Array.from({ length: 1 + dice.below(4) }, (_, i) => anyFile(dice, safe, version > 1, i + 1));
  if (version > 1) files = inOrder(files);
  const info = new Map<string, Tree>([['piece length', BigInt(pieceLength)]]);
  const layers = new Map<string, Tree>();
  if (dice.chance(9, 10)) info.set('name', dice.pick(NAMES));
  let total = 0;
  if (version !== 2) total = setList(info, files, dice, version === 3 ? pieceLength : undefined);
  if (version > 1) {
    info.set('meta version', dice.chance(1, 16) ? BigInt(dice.below(5)) : 2n);
    info.set('file tree', treeOf(files, dice));
    for (const { root, layer } of files)
      if (root !== undefined && layer !== undefined) layers.set(latin1(root), layer);
  }
  if (version !== 2) {
    const count = Math.min(300, Math.ceil(total / Math.max(1, pieceLength)) || 0);
    info.set('pieces', new Uint8Array(20 * count + (dice.chance(1, 16) ? 1 : 0)).fill(7));
  }
  if (dice.chance(1, 4)) info.set('private', BigInt(dice.below(3)));
  if (dice.chance(1, 4)) info.set('source', dice.pick(NAMES));
  return { info, layers };
}

function setList(
  info: Map<string, Tree>,
  files: readonly File[],
  dice: Dice,
  align: number | undefined,
): number {
  const [first] = files;
  if (files.length === 1 && first !== undefined && dice.chance(1, 2)) {
    info.set('length', BigInt(first.length));
    if (align !== undefined && first.path.length === 1) info.set('name', first.path[0]!);
    return first.length;
  }
  const list: Tree[] = [];
  let total = 0;
  for (const { path, length, attr } of files) {
    const gap = align === undefined || length === 0 || total % align === 0 ? 0 : align - (total % align);
    if (gap > 0) list.push(entry(['.pad', `${gap}`], gap, 'p', dice));
    list.push(entry(path, length, attr, dice));
    total += gap + length;
  }
  info.set('files', list);
  return total;
}

function entry(path: readonly string[], length: number, attr: string | undefined, dice: Dice): Tree {
  const fields = new Map<string, Tree>([
    ['length', BigInt(length)],
    ['path', [...path]],
  ]);
  if (attr !== undefined) fields.set('attr', attr);
  if (dice.chance(1, 8)) fields.set('path.utf-8', dice.chance(1, 2) ? [...path] : dice.pick(NAMES));
  if (dice.chance(1, 8)) fields.set('mtime', BigInt(dice.edge()));
  if (dice.chance(1, 8)) fields.set('sha1', dice.bytes(dice.pick([20, 20, 19])));
  if (dice.chance(1, 40)) fields.set('symlink path', [...path]);
  return fields;
}

type Folder = Map<string, Tree>;

function treeOf(files: readonly File[], dice: Dice): Tree {
  const tree: Folder = new Map();
  for (const { path, length, attr, root } of files) {
    if (attr === 'p') continue;
    let folder = tree;
    for (const name of path) {
      const inner = (folder.get(name) as Folder | undefined) ?? new Map<string, Tree>();
      folder.set(name, inner);
      folder = inner;
    }
    const leaf = new Map<string, Tree>([['length', BigInt(length)]]);
    if (root !== undefined && !dice.chance(1, 30))
      leaf.set('pieces root', dice.chance(1, 30) ? root.subarray(1) : root);
    if (attr !== undefined) leaf.set('attr', attr);
    folder.set('', leaf);
  }
  return tree;
}

export function anyTorrent(dice: Dice): Uint8Array {
  const { info, layers } = anyInfo(dice);
  const torrent = new Map<string, Tree>([['info', info]]);
  if (layers.size > 0) torrent.set('piece layers', layers);
  if (dice.chance(1, 2)) torrent.set('announce', anyUrl(dice));
  if (dice.chance(1, 3)) {
    torrent.set(
      'announce-list',
      dice.several(3, () => (dice.chance(1, 8) ? anyUrl(dice) : dice.several(3, () => anyUrl(dice)))),
    );
  }
  if (dice.chance(1, 3))
    torrent.set('url-list', dice.chance(1, 2) ? anyUrl(dice) : dice.several(3, () => anyUrl(dice)));
  if (dice.chance(1, 6))
    torrent.set(
      'httpseeds',
      dice.several(3, () => anyUrl(dice)),
    );
  if (dice.chance(1, 6))
    torrent.set(
      'nodes',
      dice.several(3, () => [anyUrl(dice), BigInt(dice.edge())]),
    );
  for (const key of ['comment', 'created by', 'encoding'])
    if (dice.chance(1, 6)) torrent.set(key, dice.pick(NAMES));
  if (dice.chance(1, 6)) torrent.set('creation date', BigInt(dice.edge()));
  return writeTree(torrent, dice, dice.pick([0, 0, 0, 5]));
}
