/** Bencoding: values at random, their bytes with and without mistakes, and a reader that was written for nothing else. */

import type { Dice } from '../dice.ts';

/** Text stands for its characters U+0000..U+00FF, one byte each. */
export type Tree = bigint | string | Uint8Array | readonly Tree[] | ReadonlyMap<string, Tree>;

const KEYS: readonly string[] = [
  '',
  'a',
  'b',
  'info',
  'length',
  'path',
  'pieces',
  '\xff',
  '\0',
  'ab',
  'attr',
  'e',
  'd',
];

export function anyTree(dice: Dice, depth = 0): Tree {
  switch (dice.below(depth > 4 ? 3 : 6)) {
    case 0:
      return BigInt(dice.edge()) * (dice.chance(1, 3) ? -1n : 1n) * (dice.chance(1, 8) ? 4096n : 1n);
    case 1:
      return dice.pick(KEYS);
    case 2:
      return dice.bytes(dice.below(dice.chance(1, 8) ? 300 : 12));
    case 3:
      return dice.several(6, () => anyTree(dice, depth + 1));
    default:
      return new Map(
        dice.several(6, () => [
          dice.chance(3, 4) ? dice.pick(KEYS) : latin1(dice.bytes(3)),
          anyTree(dice, depth + 1),
        ]),
      );
  }
}

/** @param mistakes how often, of 1000, something is written wrong. Default 0: canonical. */
export function writeTree(tree: Tree, dice?: Dice, mistakes = 0): Uint8Array {
  const parts: Uint8Array[] = [];
  write(tree, parts, dice !== undefined && mistakes > 0 ? { dice, mistakes } : undefined);
  return Buffer.concat(parts);
}

interface Wrong {
  readonly dice: Dice;
  readonly mistakes: number;
}

function write(tree: Tree, parts: Uint8Array[], wrong: Wrong | undefined): void {
  const errs = (): boolean => wrong?.dice.chance(wrong.mistakes, 1000) ?? false;
  const say = (text: string): void => void parts.push(Buffer.from(text, 'latin1'));
  if (typeof tree === 'bigint') {
    const text = errs()
      ? wrong!.dice.pick(['-0', '00', '01', '-', '', '--1', '1.5', '9'.repeat(33), ' 1', '+1'])
      : String(tree);
    say(`i${text}e`);
  } else if (typeof tree === 'string' || tree instanceof Uint8Array) {
    const bytes = typeof tree === 'string' ? Buffer.from(tree, 'latin1') : tree;
    const said = errs() ? wrong!.dice.edge() : bytes.length;
    say(`${errs() ? '0' : ''}${said}:`);
    parts.push(bytes);
  } else if (tree instanceof Map) {
    const keys = [...(tree as ReadonlyMap<string, Tree>).keys()].sort();
    if (errs()) keys.reverse();
    if (errs() && keys.length > 0) keys.push(wrong!.dice.pick(keys));
    say('d');
    for (const key of keys) {
      write(key, parts, wrong);
      if (!errs()) write((tree as ReadonlyMap<string, Tree>).get(key)!, parts, wrong);
    }
    if (!errs()) say('e');
  } else {
    say('l');
    for (const item of tree as readonly Tree[]) write(item, parts, wrong);
    if (!errs()) say('e');
  }
}

/** A value read in the plainest way; `unordered` if some dictionary has its keys out of order. */
export function readTree(
  bytes: Uint8Array,
): { readonly tree: Tree; readonly end: number; readonly unordered: boolean } | undefined {
  const text = latin1(bytes);
  let unordered = false;
  class Bad extends Error {}
  const value = (at: number, depth: number): [Tree, number] => {
    const integer = /^i(0|-?[1-9][0-9]{0,31})e/.exec(text.slice(at, at + 40));
    if (integer !== null) return [BigInt(integer[1]!), at + integer[0].length];
    const head = /^(0|[1-9][0-9]*):/.exec(text.slice(at, at + 20));
    if (head !== null) {
      const start = at + head[0].length;
      const end = start + Number(head[1]);
      if (end > text.length) throw new Bad();
      return [text.slice(start, end), end];
    }
    const kind = text[at];
    if ((kind !== 'l' && kind !== 'd') || depth >= 64) throw new Bad();
    const list: Tree[] = [];
    let next = at + 1;
    while (text[next] !== 'e') {
      const [item, end] = value(next, depth + 1);
      list.push(item);
      next = end;
    }
    if (kind === 'l') return [list, next + 1];
    const dict = new Map<string, Tree>();
    let previous: string | undefined;
    if (list.length % 2 !== 0) throw new Bad();
    for (let i = 0; i < list.length; i += 2) {
      const key = list[i];
      if (typeof key !== 'string' || dict.has(key)) throw new Bad();
      if (previous !== undefined && key < previous) unordered = true;
      previous = key;
      dict.set(key, list[i + 1]!);
    }
    return [dict, next + 1];
  };
  try {
    const [tree, end] = value(0, 0);
    return { tree, end, unordered };
  } catch (error) {
    if (error instanceof Bad) return undefined;
    throw error;
  }
}

/** One place of the tree changed; lengths and order stay right, so that what is inside is reached. */
export function changeTree(tree: Tree, dice: Dice): Tree {
  if (dice.chance(1, 6)) return anyTree(dice, 3);
  if (tree instanceof Uint8Array || typeof tree === 'string') {
    const bytes = typeof tree === 'string' ? Buffer.from(tree, 'latin1') : Buffer.from(tree);
    if (bytes.length === 0 || dice.chance(1, 4)) return Buffer.concat([bytes, dice.bytes(1 + dice.below(3))]);
    if (dice.chance(1, 4)) return bytes.subarray(0, dice.below(bytes.length));
    bytes[dice.below(bytes.length)] = dice.byte();
    return bytes;
  }
  if (typeof tree === 'bigint')
    return dice.chance(1, 2) ? tree + BigInt(dice.below(5) - 2) : BigInt(dice.edge());
  if (tree instanceof Map) {
    const entries = [...(tree as ReadonlyMap<string, Tree>)];
    if (entries.length === 0) return new Map([[dice.pick(KEYS), anyTree(dice, 3)]]);
    const at = dice.below(entries.length);
    const [key, value] = entries[at]!;
    switch (dice.below(8)) {
      case 0:
        entries.splice(at, 1);
        break;
      case 1:
        entries[at] = [dice.pick(KEYS), value];
        break;
      case 2:
        entries.push([latin1(dice.bytes(2)), value]);
        break;
      default:
        entries[at] = [key, changeTree(value, dice)];
    }
    return new Map(entries);
  }
  const list = [...(tree as readonly Tree[])];
  if (list.length === 0) return [anyTree(dice, 3)];
  const at = dice.below(list.length);
  const choice = dice.below(8);
  if (choice === 0) list.splice(at, 1);
  else if (choice === 1) list.push(list[at]!);
  else list[at] = changeTree(list[at]!, dice);
  return list;
}

/** A change of bencoded input that leaves it bencoding; `undefined` where it is none. */
export function changeEncoded(input: Uint8Array, dice: Dice): Uint8Array | undefined {
  const read = readTree(input);
  return (
    read &&
    Buffer.concat([
      writeTree(changeTree(read.tree, dice), dice, dice.chance(1, 4) ? 20 : 0),
      input.subarray(read.end),
    ])
  );
}

export function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
}

export const BENCODE_TOKENS: readonly string[] = [
  'e',
  'd',
  'l',
  'i0e',
  'i-1e',
  '0:',
  '1:a',
  'de',
  'le',
  'i9007199254740992e',
  '4:info',
  '3:',
];
