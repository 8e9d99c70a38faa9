import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Bitfield, BLOCK_LENGTH } from '../../protocol/index.ts';
import type { PrefixHash } from '../ports.ts';
import { FREE, PartialPiece, RECEIVED, REQUESTED } from './partial-piece.ts';

interface Fixture {
  readonly partial: PartialPiece;
  readonly unasked: Bitfield;
  readonly advanced: number[];
  /** Bytes from the front that the hash in use has seen. */
  hashed(): number;
}

function piece(length: number): Fixture {
  const advanced: number[] = [];
  let seen = 0;
  const hash = (): PrefixHash => {
    seen = 0;
    return {
      advance: (end) => {
        advanced.push(end);
        seen = end;
      },
      finish: () => {},
    };
  };
  const unasked = new Bitfield(4);
  const partial = new PartialPiece(3, new Uint8Array(length), hash(), unasked, { rehash: hash });
  return { partial, unasked, advanced, hashed: () => seen };
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

  it('keeps its counts, claims and place among the unasked through anything', () => {
    const step = fc.record({
      what: fc.constantFrom('request', 'unrequest', 'claim', 'unclaim', 'receive', 'refuse', 'touch'),
      block: fc.nat(6),
      source: fc.integer({ min: 1, max: 3 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 150, size: 'max' }), (steps) => {
        const { partial, unasked, hashed } = piece(7 * BLOCK_LENGTH - 5);
        const model = Array.from({ length: 7 }, () => ({ requesters: 0, received: false, holder: 0, at: 0 }));
        for (const [now, { what, block, source }] of steps.entries()) {
          const state = model[block]!;
          if (what === 'request' && !state.received) {
            partial.request(block, now);
            state.requesters++;
            state.at = now;
          } else if (what === 'unrequest' && state.requesters > 0) {
            partial.unrequest(block);
            state.requesters--;
          } else if (what === 'touch') {
            partial.touch(block, now);
            state.at = now;
          } else if (what === 'claim') {
            const free = !state.received && state.holder === 0;
            const place = partial.claim(block, source);
            expect(place?.length).toBe(free ? partial.blockLength(block) : undefined);
            if (free) state.holder = source;
          } else if (what === 'unclaim') {
            partial.unclaim(block, source);
            if (!state.received && state.holder === source) state.holder = 0;
          } else if (what === 'receive') {
            expect(partial.receive(block, source)).toBe(!state.received);
            if (!state.received) state.holder = source;
            state.received = true;
          } else if (what === 'refuse') {
            partial.refuse(block);
            if (state.received) state.holder = 0;
            state.received = false;
          }
          const blocks = model.map((each, i) => ({
            requesters: each.requesters,
            requestedAt: each.at,
            claimedBy: each.received ? 0 : each.holder,
            sender: each.holder,
            state: each.received ? RECEIVED : each.requesters > 0 ? REQUESTED : FREE,
            length: partial.blockLength(i),
          }));
          const free = blocks.filter((block) => block.state === FREE);
          const received = blocks.filter((block) => block.state === RECEIVED);
          const firstMissing = model.findIndex((each) => !each.received);
          const expected = {
            blocks,
            freeBlocks: free.length,
            firstFree: free[0] === undefined ? -1 : blocks.indexOf(free[0]),
            nextFree: [0, 1, 2, 100].map((from) => blocks.findIndex((b, i) => i >= from && free.includes(b))),
            unasked: free.length > 0,
            receivedBlocks: received.length,
            receivedBytes: received.reduce((sum, block) => sum + block.length, 0),
            complete: received.length === 7,
            senders: new Set(received.map((block) => block.sender)),
            idle: blocks.every(
              (block) => block.state === RECEIVED || block.requesters + block.claimedBy === 0,
            ),
            hashed: firstMissing < 0 ? partial.length : firstMissing * BLOCK_LENGTH,
          };
          const actual: typeof expected = {
            blocks: model.map((_, i) => ({
              requesters: partial.requesters(i),
              requestedAt: partial.requestedAt(i),
              claimedBy: partial.claimedBy(i),
              sender: partial.senderOf(i),
              state: partial.state(i),
              length: partial.blockLength(i),
            })),
            freeBlocks: partial.freeBlocks,
            firstFree: partial.firstFree(),
            nextFree: [0, 1, 2, 100].map((from) => partial.nextFree(from)),
            unasked: unasked.get(3),
            receivedBlocks: partial.receivedBlocks,
            receivedBytes: partial.receivedBytes,
            complete: partial.complete,
            senders: partial.senders(),
            idle: partial.idle,
            hashed: hashed(),
          };
          expect(actual).toEqual(expected);
        }
      }),
      { numRuns: 100 },
    );
  });
});
