import { describe, expect, it } from 'vitest';
import { BlockDigests } from './block-digests.ts';

const digest = (byte: number): Uint8Array => new Uint8Array(32).fill(byte);

describe('BlockDigests', () => {
  it('keeps a digest for each block, and knows which are right', () => {
    const digests = new BlockDigests(3);
    digests.set(2, digest(7));
    digests.set(2, digest(8));
    expect(digests.has(2)).toBe(true);
    expect(digests.bytes.subarray(64)).toEqual(digest(7));
    expect([digests.taken, digests.right, digests.complete]).toEqual([1, 0, false]);
    expect(digests.matches(2, digest(8))).toBe(false);
    expect(digests.matches(2, digest(7))).toBe(true);
    expect(digests.isRight(2)).toBe(true);
    expect(digests.right).toBe(1);
    digests.set(0, digest(1));
    digests.set(1, digest(1));
    expect(digests.complete).toBe(true);
  });

  it('forgets a block that is received no longer', () => {
    const digests = new BlockDigests(2);
    digests.set(0, digest(1));
    digests.matches(0, digest(1));
    digests.set(1, digest(1));
    digests.clear(0);
    digests.clear(0);
    expect([digests.taken, digests.right]).toEqual([1, 0]);
    digests.set(0, digest(2));
    expect(digests.matches(0, digest(1))).toBe(false);
    expect(digests.complete).toBe(true);
  });
});
