/** Bencoding (BEP 3). */

import { BencodeScanner } from '../../packages/freshet/src/protocol/bencode-scanner.ts';
import {
  type BencodeDict,
  BencodeError,
  type BencodeValue,
  decode,
  decodeDictWithRanges,
  decodePrefix,
  encode,
  toBinaryString,
} from '../../packages/freshet/src/protocol/index.ts';
import {
  anyTree,
  BENCODE_TOKENS,
  changeEncoded,
  readTree,
  type Tree,
  writeTree,
} from '../grammar/bencode.ts';
import { must, mustEqual, type Target, weight } from '../target.ts';

/** The error that a decoder throws, or its result. */
export function attempt<T>(
  decoder: () => T,
  expected: new (...args: never[]) => Error = BencodeError,
): { readonly value: T } | undefined {
  try {
    return { value: decoder() };
  } catch (error) {
    if (error instanceof expected) return undefined;
    throw error;
  }
}

/** The decoder's values as the plain reader has them. */
function treeOf(value: BencodeValue): Tree {
  if (typeof value === 'number') {
    must(
      Number.isSafeInteger(value) && !Object.is(value, -0),
      () => `${value} is no whole number of 53 bits`,
    );
    return BigInt(value);
  }
  if (typeof value === 'bigint') {
    must(
      value > Number.MAX_SAFE_INTEGER || value < Number.MIN_SAFE_INTEGER,
      () => `${value} need not be a bigint`,
    );
    return value;
  }
  if (value instanceof Uint8Array) return toBinaryString(value);
  if (Array.isArray(value)) return value.map(treeOf);
  return new Map([...value].map(([key, item]) => [key, treeOf(item)]));
}

export const bencode: Target = {
  name: 'bencode',
  about: 'decoder and scanner of bencoding agree with each other and with a plain reader, and round trips',
  shortRuns: 3000,
  tokens: BENCODE_TOKENS,
  generate: (dice) => writeTree(anyTree(dice), dice, dice.pick([0, 0, 10, 100])),
  mutate: (input, dice) => changeEncoded(input, dice) ?? writeTree(anyTree(dice), dice, 30),
  run: (input) => {
    const read = readTree(input);
    const strict = attempt(() => decode(input));
    const lenient = attempt(() => decode(input, { strict: false }));
    const prefix = attempt(() => decodePrefix(input, { strict: false }));
    const scanned = attempt(() => {
      const scanner = new BencodeScanner(input);
      scanner.skip(0);
      return scanner;
    });
    const whole = read !== undefined && read.end === input.length;
    mustEqual(strict !== undefined, whole && !read.unordered, 'strict decoding takes it');
    mustEqual(lenient !== undefined, whole, 'lenient decoding takes it');
    mustEqual(prefix?.value.end, read?.end, 'where the prefix ends');
    mustEqual(scanned?.value.position, read?.end, 'where the scanner ends');
    mustEqual(scanned?.value.unordered, read?.unordered, 'the scanner finds keys out of order');
    if (read !== undefined) mustEqual(treeOf(prefix!.value.value), read.tree, 'what was decoded');
    if (strict !== undefined) mustEqual(encode(strict.value), input, 'canonical input, encoded again');
    if (lenient !== undefined) {
      mustEqual(decode(encode(lenient.value)), lenient.value, 'encoded and decoded again');
      must(weight(lenient.value, input) < 2000 + 400 * input.length, 'it takes too much memory');
    }
    if (read !== undefined && read.tree instanceof Map) checkRanges(input, read.tree);
    const few = attempt(() => decode(input, { strict: false, maxValues: 10, maxDepth: 3 }));
    if (few !== undefined) mustEqual(few.value, lenient!.value, 'what was decoded within bounds');
  },
};

function checkRanges(input: Uint8Array, tree: ReadonlyMap<string, Tree>): void {
  const options = { strict: false, trailing: true } as const;
  const { dict, ranges } = decodeDictWithRanges(input, options);
  mustEqual([...ranges.keys()], [...tree.keys()], 'keys with ranges');
  let end = 1;
  for (const [key, range] of ranges) {
    must(range.start > end && range.end > range.start && range.end < input.length, 'ranges overlap');
    end = range.end;
    mustEqual(
      decode(input.subarray(range.start, range.end), { strict: false }),
      dict.get(key),
      `what lies in the range of ${key}`,
    );
  }
  const raw = new Set([...ranges.keys()].filter((_, i) => i % 2 === 0));
  const passed = decodeDictWithRanges(input, { ...options, raw });
  const others: BencodeDict = new Map([...dict].filter(([key]) => !raw.has(key)));
  mustEqual(passed.dict, others, 'the dictionary without what was passed over');
  for (const [key, { start, end: last, unordered }] of passed.ranges) {
    mustEqual(
      { start, end: last },
      { start: ranges.get(key)!.start, end: ranges.get(key)!.end },
      `the range of ${key}`,
    );
    if (raw.has(key))
      mustEqual(unordered, readTree(input.subarray(start, last))!.unordered, `keys out of order in ${key}`);
  }
}
