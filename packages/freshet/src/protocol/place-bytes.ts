/**
 * Copies bytes into `target` at `at`, unless they lie there already: memory that disks lend may be the same at both ends
 * of a connection.
 */
export function placeBytes(target: Uint8Array, at: number, bytes: Uint8Array): void {
  // Whose buffer it is comes second: asking a small array for it makes one.
  if (target.byteOffset + at === bytes.byteOffset && target.buffer === bytes.buffer) return;
  target.set(bytes, at);
}
