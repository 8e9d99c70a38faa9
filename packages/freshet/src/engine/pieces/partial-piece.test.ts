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
      fc.property(fc.array(step, { maxLength: 300, size: 'max' }), (steps) => {
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
          const free: number[] = [];
          let bytes = 0;
          for (const [i, each] of model.entries()) {
            expect(partial.requesters(i)).toBe(each.requesters);
            expect(partial.requestedAt(i)).toBe(each.at);
            expect(partial.claimedBy(i)).toBe(each.received ? 0 : each.holder);
            expect(partial.senderOf(i)).toBe(each.holder);
            const expected = each.received ? RECEIVED : each.requesters > 0 ? REQUESTED : FREE;
            expect(partial.state(i)).toBe(expected);
            if (expected === FREE) free.push(i);
            if (each.received) bytes += partial.blockLength(i);
          }
          const received = model.filter((each) => each.received);
          expect(partial.freeBlocks).toBe(free.length);
          expect(partial.firstFree()).toBe(free[0] ?? -1);
          expect(unasked.get(3)).toBe(free.length > 0);
          expect(partial.receivedBlocks).toBe(received.length);
          expect(partial.receivedBytes).toBe(bytes);
          expect(partial.complete).toBe(received.length === 7);
          expect(partial.senders()).toEqual(new Set(received.map((each) => each.holder)));
          const busy = model.some((each) => !each.received && (each.requesters > 0 || each.holder !== 0));
          expect(partial.idle).toBe(!busy);
          const prefix = model.findIndex((each) => !each.received);
          expect(hashed()).toBe(prefix < 0 ? partial.length : prefix * BLOCK_LENGTH);
        }
      }),
      { numRuns: 150 },
    );
  });
});
