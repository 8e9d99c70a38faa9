/** Clock, randomness and hashing by the machine. */

import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { clockContract } from '../engine/contracts/clock.contract.ts';
import { hasherContract } from '../engine/contracts/hasher.contract.ts';
import { NodeClock } from './clock.ts';
import { NodeHasher } from './hasher.ts';
import { NodeRandom } from './random.ts';

clockContract('Node', () => ({ clock: new NodeClock() }));
hasherContract('Node', () => ({ hasher: new NodeHasher() }));

describe('NodeClock', () => {
  it('takes delays beyond what the platform takes', async () => {
    let fired = false;
    const timer = new NodeClock().setTimer(2 ** 33, () => {
      fired = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 20));
    timer.cancel();
    expect(fired).toBe(false);
  });
});

describe('NodeHasher', () => {
  it('hashes shared memory', async () => {
    const bytes = new Uint8Array(new SharedArrayBuffer(300_000)).fill(3);
    const expected = createHash('sha1').update(bytes).digest('hex');
    const digest = await new NodeHasher().sha1(bytes);
    expect(Buffer.from(digest).toString('hex')).toBe(expected);
  });

  it('gives the same digest for any way the buffer fills', () => {
    const bytes = Uint8Array.from({ length: 200_001 }, (_, i) => i * 7);
    const expected = createHash('sha1').update(bytes).digest('hex');
    for (const step of [1000, 16384, 65536, 70_000, 200_001]) {
      const prefix = new NodeHasher().prefixSha1(bytes);
      for (let end = step; end < bytes.length; end += step) prefix.advance(end);
      prefix.advance(bytes.length);
      let digest = '';
      prefix.finish((result) => {
        digest = Buffer.from(result).toString('hex');
      });
      expect(digest).toBe(expected);
    }
  });
});

describe('NodeRandom', () => {
  it('stays below its bound and reaches every value', () => {
    const random = new NodeRandom();
    const seen = new Set<number>();
    for (let i = 0; i < 2000; i++) {
      const value = random.below(5);
      expect(Number.isInteger(value) && value >= 0 && value < 5).toBe(true);
      seen.add(value);
    }
    expect(seen.size).toBe(5);
    expect(random.below(1)).toBe(0);
    let large = 0;
    for (let i = 0; i < 200; i++) large = Math.max(large, random.below(2 ** 32));
    expect(large).toBeGreaterThan(2 ** 31);
  });

  it('refuses a bound that makes no sense', () => {
    for (const bound of [0, -1, 1.5, 2 ** 32 + 1, Number.NaN]) {
      expect(() => new NodeRandom().below(bound)).toThrow(RangeError);
    }
  });

  it('fills bytes, none included', () => {
    const random = new NodeRandom();
    const bytes = new Uint8Array(64);
    random.fill(bytes);
    random.fill(new Uint8Array(0));
    expect(bytes.some((byte) => byte !== 0)).toBe(true);
  });
});
