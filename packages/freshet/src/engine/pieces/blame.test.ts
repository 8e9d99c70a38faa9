import { describe, expect, it } from 'vitest';
import { BLOCK_LENGTH, HASH_LENGTH } from '../../protocol/index.ts';
import { Blame } from './blame.ts';

function bench(): { blame: Blame; released: Uint8Array[] } {
  const released: Uint8Array[] = [];
  return { blame: new Blame((buffer) => released.push(buffer)), released };
}

const copy = (...bytes: number[]): Uint8Array => {
  const piece = new Uint8Array(bytes.length * BLOCK_LENGTH);
  for (const [block, byte] of bytes.entries()) piece[block * BLOCK_LENGTH + 77] = byte;
  return piece;
};

const failed = (blame: Blame, piece: number, buffer: Uint8Array, ...senders: number[]): number | undefined =>
  blame.failed({ piece, buffer, senders: Int32Array.from(senders) });

/** One hash for each block, of the given bytes. */
const hashes = (...bytes: number[]): Uint8Array =>
  Uint8Array.from(bytes.flatMap((byte) => new Array<number>(HASH_LENGTH).fill(byte)));

describe('Blame', () => {
  it('convicts a single sender at once, and needs no copy', () => {
    const { blame, released } = bench();
    const bad = copy(1, 1);
    expect(failed(blame, 5, bad, 3, 3)).toBe(3);
    expect(released).toEqual([bad]);
    expect(blame.failures(5)).toBe(1);
  });

  it('convicts by comparison who differed, nobody else, over several failures', () => {
    const { blame, released } = bench();
    expect(failed(blame, 5, copy(1, 2, 9), 1, 2, 3)).toBeUndefined();
    expect(failed(blame, 5, copy(8, 2, 3), 4, 2, 3)).toBeUndefined();
    expect(released).toHaveLength(0);
    expect(blame.verified(5, copy(1, 2, 3))).toEqual(new Set([3, 4]));
    expect(released).toHaveLength(2);
    expect(blame.failures(5)).toBe(0);
    expect(blame.verified(5, copy(1, 2, 3))).toEqual(new Set());
  });

  it('keeps four copies at most, gives each buffer back once, and lets go of all at the end', () => {
    const { blame, released } = bench();
    const copies = [0, 1, 2, 3, 4, 5].map((piece) => copy(piece, 0));
    for (const [piece, buffer] of copies.entries()) failed(blame, piece, buffer, 1, 2);
    expect(released).toEqual(copies.slice(0, 2));
    expect(blame.verified(0, copy(9, 9))).toEqual(new Set());
    blame.close();
    expect(new Set(released).size).toBe(6);
    expect(released).toHaveLength(6);
  });

  it('compares a short last block to its end only', () => {
    const { blame } = bench();
    const good = new Uint8Array(BLOCK_LENGTH + 3);
    const bad = good.slice();
    bad[BLOCK_LENGTH + 2] = 1;
    failed(blame, 1, bad, 1, 2);
    expect(blame.verified(1, good)).toEqual(new Set([2]));
  });

  it('needs the hashes of the blocks only, where they are known, and keeps no buffer', () => {
    const { blame, released } = bench();
    const senders = Int32Array.of(1, 2, 3);
    const bad = copy(1, 7, 3);
    expect(blame.failed({ piece: 5, buffer: bad, senders, digests: hashes(1, 7, 3) })).toBeUndefined();
    expect(released).toEqual([bad]);
    expect(blame.mentions(2)).toBe(true);
    expect(blame.wantsLeaves(5)).toBe(true);
    expect(blame.verified(5, copy(1, 2, 3), hashes(1, 2, 3))).toEqual(new Set([2]));
    expect(blame.mentions(2)).toBe(false);
    expect(released).toHaveLength(1);
  });

  it('names the liar by the leaves of the tree before a good copy is there', () => {
    const { blame } = bench();
    const senders = Int32Array.of(4, 4, 9);
    blame.failed({ piece: 8, buffer: copy(0), senders, digests: hashes(1, 2, 9) });
    expect(blame.named(8, hashes(1, 2, 3))).toEqual(new Set([9]));
    expect(blame.wantsLeaves(8)).toBe(false);
    expect(blame.failures(8)).toBe(1);
  });
});
