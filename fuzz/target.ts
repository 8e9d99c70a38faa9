/** What can be fuzzed. */

import type { Dice } from './dice.ts';

/** A parser or a session with what must be true of it, whatever it is given. */
export interface Target {
  /** Also the name of its folder in `crashes`. */
  readonly name: string;
  /** What it is, in a line. */
  readonly about: string;
  /** An input of the grammar, mostly right. */
  generate(dice: Dice): Uint8Array;
  /** A change that knows the grammar; others know bytes only. */
  mutate?(input: Uint8Array, dice: Dice): Uint8Array;
  /** What such inputs are made of, for mutations. */
  readonly tokens?: readonly string[] | undefined;
  /** Throws, or rejects, when something is not as it must be. */
  run(input: Uint8Array): void | Promise<void>;
  /** What the input says, where it is not readable itself. */
  describe?(input: Uint8Array): string | Promise<string>;
  /** Executions in the short run. */
  readonly shortRuns: number;
  /** Most executions between two looks at what was covered. Default 256. */
  readonly batch?: number | undefined;
  /** False where finding out which input reached new code costs more than it brings. Default true. */
  readonly guided?: boolean | undefined;
  /** Longest input that mutations make, in bytes. Default 4096. */
  readonly maxLength?: number | undefined;
  /** Most executions that making a finding smaller may take. Default 4000. */
  readonly minimiseRuns?: number | undefined;
  /** Milliseconds of CPU that an execution may take. Default 1000. */
  readonly maxTime?: number | undefined;
}

/** Something that must be true is not. */
export class BrokenProperty extends Error {
  override readonly name = 'BrokenProperty';
}

export function must(condition: boolean, what: string | (() => string)): asserts condition {
  if (!condition) throw new BrokenProperty(typeof what === 'string' ? what : what());
}

/** Both are the same by value. */
export function mustEqual(actual: unknown, expected: unknown, what: string): void {
  if (same(actual, expected)) return;
  throw new BrokenProperty(`${what}: ${show(actual)} is not ${show(expected)}`);
}

/** Deep equality of what decoders make; `undefined` entries count as absent, functions are not compared. */
export function same(a: unknown, b: unknown): boolean {
  if (Object.is(a, b) || (typeof a === 'function' && typeof b === 'function')) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return a === b;
  if (a instanceof Uint8Array || b instanceof Uint8Array) {
    return a instanceof Uint8Array && b instanceof Uint8Array && Buffer.compare(a, b) === 0;
  }
  if (Array.isArray(a) || Array.isArray(b)) {
    return (
      Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((item, i) => same(item, b[i]))
    );
  }
  if (a instanceof Map || b instanceof Map) {
    if (!(a instanceof Map && b instanceof Map) || a.size !== b.size) return false;
    for (const [key, value] of a) if (!b.has(key) || !same(value, b.get(key))) return false;
    return true;
  }
  const [x, y] = [a as Record<string, unknown>, b as Record<string, unknown>];
  for (const key of new Set([...Object.keys(x), ...Object.keys(y)])) if (!same(x[key], y[key])) return false;
  return true;
}

export function show(value: unknown): string {
  const text = JSON.stringify(value, (_key, item: unknown) =>
    item instanceof Uint8Array
      ? `<${Buffer.from(item.subarray(0, 64)).toString('hex')}${item.length > 64 ? '...' : ''}>`
      : item instanceof Map
        ? { map: [...(item as Map<unknown, unknown>)] }
        : typeof item === 'bigint'
          ? `${item}n`
          : item,
  );
  return (text ?? String(value)).slice(0, 400);
}

/**
 * What a value takes, roughly in bytes: entries, characters and bytes that it owns. Views of `input` count nothing,
 * as they keep no more than is there.
 */
export function weight(value: unknown, input: Uint8Array): number {
  const seen = new Set<object>();
  const weigh = (item: unknown): number => {
    if (typeof item === 'string') return 2 * item.length + 8;
    if (typeof item !== 'object' || item === null || seen.has(item)) return 8;
    seen.add(item);
    if (item instanceof Uint8Array) return item.buffer === input.buffer ? 32 : 32 + item.length;
    let sum = 32;
    if (item instanceof Map) for (const [key, entry] of item) sum += weigh(key) + weigh(entry);
    else for (const entry of Object.values(item)) sum += weigh(entry);
    return sum;
  };
  return weigh(value);
}
