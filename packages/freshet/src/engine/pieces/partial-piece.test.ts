import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BLOCK_LENGTH } from '../../protocol/index.ts';
import { FREE, PartialPiece, RECEIVED, REQUESTED } from './partial-piece.ts';

function piece(length: number): { partial: PartialPiece; advanced: number[] } {
  const advanced: number[] = [];
  const hash = { advance: (end: number): void => void advanced.push(end), finish: (): void => {} };
  return { partial: new PartialPiece(3, new Uint8Array(length), hash), advanced };
}

describe('PartialPiece', () => {
  it.each([
    [1, 1, 1],
    [BLOCK_LENGTH, 1, BLOCK_LENGTH],
    [BLOCK_LENGTH + 1, 2, 1],
    [100_000, 7, 100_000 - 6 * BLOCK_LENGTH],
  ])('cuts %i bytes into %i blocks, the last of %i', (length, count, last) => {
    const { partial } = piece(length);
    expect(partial.blockCount).toBe(count);
    expect(partial.blockLength(count - 1)).toBe(last);
    expect(partial.claim(count - 1, 1)).toHaveLength(last);
  });

  it('lets one source at a time have the place of a block', () => {
    const { partial } = piece(2 * BLOCK_LENGTH);
    expect(partial.claim(0, 1)).toBeDefined();
    expect(partial.claim(0, 2)).toBeUndefined();
    partial.unclaim(0, 2);
    expect(partial.claimedBy(0)).toBe(1);
    partial.unclaim(0, 1);
    expect(partial.claim(0, 2)).toBeDefined();
    partial.receive(0, 2);
    expect(partial.claim(0, 1)).toBeUndefined();
    expect(partial.claimedBy(0)).toBe(0);
    expect(partial.senders()).toEqual(new Set([2]));
  });

  it('is idle only when nobody is asked and nothing arrives', () => {
    const { partial } = piece(2 * BLOCK_LENGTH);
    expect(partial.idle).toBe(true);
    partial.request(0, 0);
    expect(partial.idle).toBe(false);
    partial.unrequest(0);
    partial.claim(1, 4);
    expect(partial.idle).toBe(false);
    partial.unclaim(1, 4);
    expect(partial.idle).toBe(true);
  });

  it('hashes the prefix as it grows, each byte once', () => {
    const { partial, advanced } = piece(3 * BLOCK_LENGTH + 10);
    for (const block of [1, 0, 3, 2]) partial.receive(block, 1);
    expect(advanced).toEqual([2 * BLOCK_LENGTH, 3 * BLOCK_LENGTH + 10]);
    expect(partial.complete).toBe(true);
  });

  it('keeps its counts through any requests, withdrawals and blocks', () => {
    const step = fc.record({ what: fc.constantFrom('request', 'unrequest', 'receive'), block: fc.nat(6) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
        const { partial } = piece(7 * BLOCK_LENGTH - 5);
        const requesters = new Array<number>(7).fill(0);
        const received = new Set<number>();
        for (const { what, block } of steps) {
          if (what === 'request' && !received.has(block)) {
            partial.request(block, 1);
            requesters[block]!++;
          } else if (what === 'unrequest' && requesters[block]! > 0) {
            partial.unrequest(block);
            requesters[block]!--;
          } else if (what === 'receive') {
            expect(partial.receive(block, 9)).toBe(!received.has(block));
            received.add(block);
          }
          const free: number[] = [];
          for (let i = 0; i < 7; i++) {
            expect(partial.requesters(i)).toBe(requesters[i]);
            const state = received.has(i) ? RECEIVED : requesters[i]! > 0 ? REQUESTED : FREE;
            expect(partial.state(i)).toBe(state);
            if (state === FREE) free.push(i);
          }
          expect(partial.freeBlocks).toBe(free.length);
          expect(partial.firstFree()).toBe(free[0] ?? -1);
          expect(partial.receivedBlocks).toBe(received.size);
        }
      }),
      { numRuns: 200 },
    );
  });
});
