/** Inputs changed without knowing what they mean: what breaks parsers of any format. */

import type { Dice } from './dice.ts';

const NUMBERS_AS_TEXT: readonly string[] = [
  '0',
  '-0',
  '00',
  '1',
  '-1',
  '255',
  '256',
  '65535',
  '65536',
  '2147483648',
  '4294967295',
  '4294967296',
  '9007199254740991',
  '9007199254740992',
  '18446744073709551616',
  '99999999999999999999999999999999',
  '1e9',
  '0x10',
];

/** One to a few changes of `input`; `other` is another input to take parts from. */
export function mutate(
  input: Uint8Array,
  other: Uint8Array,
  dice: Dice,
  options: { readonly tokens?: readonly string[] | undefined; readonly maxLength: number },
): Uint8Array {
  let bytes = input;
  const changes = 1 + dice.below(dice.chance(1, 4) ? 8 : 2);
  for (let i = 0; i < changes; i++) bytes = change(bytes, other, dice, options.tokens ?? []);
  return bytes.length > options.maxLength ? bytes.subarray(0, options.maxLength) : bytes;
}

function change(bytes: Uint8Array, other: Uint8Array, dice: Dice, tokens: readonly string[]): Uint8Array {
  const { length } = bytes;
  const at = dice.below(length + 1);
  const run = Math.min(length - at, 1 + dice.below(dice.chance(1, 4) ? 64 : 4));
  switch (dice.below(13)) {
    case 0: // Bits turned over.
      return edited(bytes, (copy) => {
        if (at < length) copy[at]! ^= 1 << dice.below(8);
      });
    case 1:
      return edited(bytes, (copy) => {
        if (at < length) copy[at] = dice.byte();
      });
    case 2: // Lengths that lie by a little.
      return edited(bytes, (copy) => {
        if (at < length) copy[at]! += dice.chance(1, 2) ? 1 : 255;
      });
    case 3: // Lengths that lie by much.
      return edited(bytes, (copy) => {
        const width = dice.pick([2, 4, 8]);
        const value = BigInt(dice.edge());
        for (let i = 0; i < width && at + i < length; i++) {
          copy[at + i] = Number((value >> BigInt(8 * (width - 1 - i))) & 0xffn);
        }
      });
    case 4:
      return bytes.subarray(0, at);
    case 5:
      return spliced(bytes, at, run, new Uint8Array(0));
    case 6:
      return spliced(bytes, at, 0, dice.bytes(1 + dice.below(8)));
    case 7: // A part repeated.
      return spliced(
        bytes,
        at,
        0,
        repeated(bytes.subarray(at, at + run), 1 + dice.below(dice.chance(1, 8) ? 64 : 3)),
      );
    case 8: {
      const to = dice.below(length + 1);
      return spliced(
        spliced(bytes, at, run, new Uint8Array(0)),
        Math.min(to, length - run),
        0,
        bytes.slice(at, at + run),
      );
    }
    case 9: {
      // The begin of one and the end of another.
      const from = dice.below(other.length + 1);
      return spliced(bytes, at, length - at, other.subarray(from));
    }
    case 10: {
      const from = dice.below(other.length + 1);
      return spliced(bytes, at, dice.chance(1, 2) ? run : 0, other.subarray(from, from + 1 + dice.below(32)));
    }
    case 11:
      return replacedNumber(bytes, at, dice);
    default:
      return tokens.length === 0
        ? spliced(bytes, at, run, dice.bytes(run))
        : spliced(bytes, at, dice.chance(1, 2) ? run : 0, Buffer.from(dice.pick(tokens), 'latin1'));
  }
}

function edited(bytes: Uint8Array, edit: (copy: Uint8Array) => void): Uint8Array {
  const copy = bytes.slice();
  edit(copy);
  return copy;
}

function spliced(bytes: Uint8Array, at: number, remove: number, insert: Uint8Array): Uint8Array {
  const result = new Uint8Array(bytes.length - remove + insert.length);
  result.set(bytes.subarray(0, at));
  result.set(insert, at);
  result.set(bytes.subarray(at + remove), at + insert.length);
  return result;
}

function repeated(part: Uint8Array, times: number): Uint8Array {
  const result = new Uint8Array(part.length * times);
  for (let i = 0; i < times; i++) result.set(part, i * part.length);
  return result;
}

/** Another number in place of the first one written in decimal from `at` on. */
function replacedNumber(bytes: Uint8Array, at: number, dice: Dice): Uint8Array {
  let start = at;
  while (start < bytes.length && !isDigit(bytes[start]!)) start++;
  let end = start;
  while (end < bytes.length && isDigit(bytes[end]!)) end++;
  const value = Number(Buffer.from(bytes.subarray(start, end)).toString('latin1'));
  const near = String(Math.max(0, value + dice.below(5) - 2));
  const text = dice.chance(1, 2) && Number.isSafeInteger(value) ? near : dice.pick(NUMBERS_AS_TEXT);
  return spliced(bytes, start, end - start, Buffer.from(text, 'latin1'));
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}
