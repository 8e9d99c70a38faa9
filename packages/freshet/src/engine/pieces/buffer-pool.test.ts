import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BufferPool, type PoolMember } from './buffer-pool.ts';

const nobody: PoolMember = { yieldBuffer: () => false, onRoom: () => {} };

describe('BufferPool', () => {
  it('gives the first buffer in any case, and others within the budget', () => {
    const pool = new BufferPool(100);
    const large = pool.acquire(500, nobody, 0)!;
    expect(large).toHaveLength(500);
    expect(pool.acquire(1, nobody, 0)).toBeUndefined();
    pool.release(large);
    expect(pool.acquire(60, nobody, 0)).toHaveLength(60);
    expect(pool.acquire(60, nobody, 0)).toBeUndefined();
    expect(pool.acquire(60, nobody, 20)).toHaveLength(60);
    expect(pool.acquire(60, nobody, 20)).toBeUndefined();
    expect(pool.acquire(60, nobody, Number.POSITIVE_INFINITY)).toHaveLength(60);
    expect(pool.used).toBe(180);
  });

  it('asks its members to give something back, the one who wants it first', () => {
    const pool = new BufferPool(100);
    const asked: string[] = [];
    const held = new Map<string, Uint8Array[]>();
    const member = (name: string): PoolMember => {
      const mine: PoolMember = {
        yieldBuffer: () => {
          asked.push(name);
          const buffer = held.get(name)?.pop();
          if (buffer !== undefined) pool.release(buffer);
          return buffer !== undefined;
        },
        onRoom: () => {},
      };
      pool.join(mine);
      return mine;
    };
    const a = member('a');
    const b = member('b');
    held.set('a', [pool.acquire(50, a, 0)!]);
    held.set('b', [pool.acquire(50, b, 0)!]);
    expect(pool.acquire(50, b, 0)).toHaveLength(50);
    expect(asked).toEqual(['b']);
    expect(pool.acquire(50, b, 0)).toHaveLength(50);
    expect(asked).toEqual(['b', 'b', 'a']);
    expect(pool.acquire(50, b, 0)).toBeUndefined();
  });

  it('tells those who were refused when a quarter is free, once', () => {
    const pool = new BufferPool(100);
    const told: string[] = [];
    const member = (name: string): PoolMember => ({
      yieldBuffer: () => false,
      onRoom: () => told.push(name),
    });
    const a = member('a');
    const b = member('b');
    const gone = member('gone');
    const first = pool.acquire(20, a, 0)!;
    const second = pool.acquire(20, a, 0)!;
    const third = pool.acquire(60, a, 0)!;
    for (const who of [a, b, gone, a]) expect(pool.acquire(20, who, 0)).toBeUndefined();
    pool.leave(gone);
    pool.release(first);
    pool.settle();
    expect(told).toEqual([]);
    pool.release(second);
    pool.settle();
    pool.settle();
    expect(told).toEqual(['a', 'b']);
    pool.release(third);
  });

  it('keeps at most a quarter of the budget idle, of lengths in use, and nothing when nothing is in use', () => {
    const pool = new BufferPool(400);
    const hold = pool.acquire(10, nobody, 0)!;
    const old = [pool.acquire(50, nobody, 0)!, pool.acquire(50, nobody, 0)!];
    for (const buffer of old) pool.release(buffer);
    expect(pool.idleBytes).toBe(100);
    const next = pool.acquire(80, nobody, 0)!;
    pool.release(next);
    expect(pool.idleBytes).toBe(80);
    expect(pool.acquire(80, nobody, 0)).toBe(next);
    pool.release(next);
    pool.release(hold);
    expect(pool.idleBytes).toBe(0);
    expect(pool.used).toBe(0);
  });

  it('counts what is lent to it, and keeps none of it', () => {
    const pool = new BufferPool(400);
    const shared = new Uint8Array(100);
    const lend = (): Uint8Array => shared;
    expect(pool.acquire(100, nobody, 0, lend)).toBe(shared);
    expect(pool.acquire(100, nobody, 0, lend)).toBe(shared);
    expect(pool.used).toBe(200);
    const own = pool.acquire(100, nobody, 0, () => undefined)!;
    expect(own).not.toBe(shared);
    expect([pool.isLent(shared), pool.isLent(own)]).toEqual([true, false]);
    expect(pool.acquire(101, nobody, 0, lend)).toBeUndefined();
    pool.release(shared);
    expect([pool.used, pool.idleBytes]).toEqual([200, 0]);
    pool.release(own);
    expect([pool.used, pool.idleBytes]).toEqual([100, 100]);
    expect(pool.acquire(100, nobody, 0)).toBe(own);
  });

  it('never hands a buffer to two, and counts right whatever happens', () => {
    const step = fc.record({ length: fc.constantFrom(1, 7, 16, 100), release: fc.boolean(), pick: fc.nat() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), fc.integer({ min: 1, max: 300 }), (steps, budget) => {
        const pool = new BufferPool(budget);
        const held: Uint8Array[] = [];
        for (const { length, release, pick } of steps) {
          if (release && held.length > 0) {
            pool.release(held.splice(pick % held.length, 1)[0]!);
          } else {
            const buffer = pool.acquire(length, nobody, 0);
            if (buffer !== undefined) {
              expect(held).not.toContain(buffer);
              held.push(buffer);
            }
          }
          const used = held.reduce((sum, buffer) => sum + buffer.length, 0);
          expect(pool.used).toBe(used);
          expect(used <= budget || held.length === 1).toBe(true);
          expect(pool.idleBytes).toBeLessThanOrEqual(budget / 4);
        }
      }),
      { numRuns: 200 },
    );
  });
});
