/** A smaller input that fails in the same way. */

/**
 * Takes parts away, then makes bytes plain, for as long as `fails` says that what is left still fails in the same way,
 * within `runs` executions.
 */
export async function minimise(
  input: Uint8Array,
  fails: (smaller: Uint8Array) => Promise<boolean>,
  runs: number,
): Promise<Uint8Array> {
  let best = input;
  let left = runs;
  const isBetter = async (candidate: Uint8Array): Promise<boolean> => {
    if (left-- <= 0 || !(await fails(candidate))) return false;
    best = candidate;
    return true;
  };
  for (let again = true; again && left > 0; ) {
    const before = best;
    for (let size = Math.ceil(best.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
      for (let at = best.length - size; at >= 0 && left > 0; at -= size) {
        await isBetter(without(best, at, Math.min(size, best.length - at)));
      }
    }
    for (let at = 0; at < best.length && left > 0; at++) {
      for (const plain of [0x00, 0x30, 0x61]) {
        if (best[at] === plain) break;
        const candidate = best.slice();
        candidate[at] = plain;
        if (await isBetter(candidate)) break;
      }
    }
    again = best !== before && best.length < before.length;
  }
  return best;
}

function without(bytes: Uint8Array, at: number, count: number): Uint8Array {
  const result = new Uint8Array(bytes.length - count);
  result.set(bytes.subarray(0, at));
  result.set(bytes.subarray(at + count), at);
  return result;
}
