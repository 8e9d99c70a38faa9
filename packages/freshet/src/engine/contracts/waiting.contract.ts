/** Waiting in contract suites, in real or in virtual time. */

/** Moves a virtual clock; absent where time is real. */
export type Advance = ((ms: number) => Promise<void>) | undefined;

export async function pass(ms: number, advance: Advance): Promise<void> {
  if (advance !== undefined) await advance(ms);
  else await new Promise((resolve) => setTimeout(resolve, ms));
}

/** Resolves as soon as `condition` holds; rejects after about `limit` milliseconds. */
export async function until(
  condition: () => boolean,
  advance: Advance,
  what: string,
  limit = 10_000,
): Promise<void> {
  for (let waited = 0; waited < limit; waited += 5) {
    if (condition()) return;
    await pass(5, advance);
  }
  if (!condition()) throw new Error(`Waited ${limit} ms in vain: ${what}`);
}

/** A small generator of its own, so that a suite does not depend on the port it tests. */
export function testRandom(seed: number): (bound: number) => number {
  let state = seed >>> 0;
  return (bound) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % bound;
  };
}

export function testBytes(length: number, seed: number): Uint8Array<ArrayBuffer> {
  const random = testRandom(seed);
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = random(256);
  return bytes;
}
