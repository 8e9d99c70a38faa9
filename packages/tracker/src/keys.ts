/**
 * A map key for 20 bytes: one character U+0000..U+00FF for each. Made in one step, because a string that grows
 * character by character stays in memory as a tree of its parts.
 */
export function binaryKey(bytes: Uint8Array): string {
  return String.fromCharCode.apply(undefined, bytes as unknown as number[]);
}
