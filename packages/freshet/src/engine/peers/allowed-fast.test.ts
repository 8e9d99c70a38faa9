import { describe, expect, it } from 'vitest';
import { MemoryHasher } from '../../memory/index.ts';
import { AllowedByPeer, AllowedFastBudget, allowedFastSet, allowedFastSize } from './allowed-fast.ts';

const hasher = new MemoryHasher();
const infoHash = new Uint8Array(20).fill(0xaa);

describe('allowedFastSet', () => {
  it('is the one that BEP 6 gives as an example', async () => {
    const seven = [1059, 431, 808, 1217, 287, 376, 1188];
    expect(await allowedFastSet(hasher, '80.4.4.200', infoHash, 1313, 7)).toEqual(seven);
    expect(await allowedFastSet(hasher, '80.4.4.200', infoHash, 1313, 9)).toEqual([...seven, 353, 508]);
  });

  it('is the same for a whole network, and not for the next', async () => {
    const set = (host: string | undefined): Promise<number[]> =>
      allowedFastSet(hasher, host, infoHash, 1313, 10);
    expect(await set('80.4.4.1')).toEqual(await set('80.4.4.200'));
    expect(await set('80.4.5.200')).not.toEqual(await set('80.4.4.200'));
    expect(await set('2001:db8::1')).toEqual(await set('2001:db8::2'));
    expect(await set('2001:db8:0:1::1')).not.toEqual(await set('2001:db8::1'));
    expect(await set(undefined)).toEqual(await set('example.org'));
  });

  it('is everything when there are few pieces, and each piece once', async () => {
    expect(await allowedFastSet(hasher, '1.2.3.4', infoHash, 3, 10)).toEqual([0, 1, 2]);
    const eleven = await allowedFastSet(hasher, '1.2.3.4', infoHash, 11, 10);
    expect(new Set(eleven).size).toBe(10);
    expect(Math.max(...eleven)).toBeLessThan(11);
    expect(await allowedFastSet(hasher, '1.2.3.4', infoHash, 0, 10)).toEqual([]);
  });
});

describe('allowedFastSize', () => {
  it('is ten pieces, fewer when they are long, and one at least', () => {
    expect([16_384, 262_144, 524_288, 1 << 20, 1 << 24].map(allowedFastSize)).toEqual([10, 10, 8, 4, 1]);
  });
});

describe('AllowedFastBudget', () => {
  it('gives each network so much in ten minutes, whoever of it asks', () => {
    const budget = new AllowedFastBudget();
    expect(budget.take('1.2.3.4', 60, 100, 0)).toBe(true);
    expect(budget.take('1.2.3.5', 60, 100, 0)).toBe(false);
    expect(budget.take('1.2.3.5', 40, 100, 0)).toBe(true);
    expect(budget.take('1.2.4.5', 60, 100, 0)).toBe(true);
    expect(budget.take('1.2.3.4', 1, 100, 599_999)).toBe(false);
    expect(budget.take('1.2.3.4', 1, 100, 600_000)).toBe(true);
  });

  it('gives all unknown hosts together as much as one', () => {
    const budget = new AllowedFastBudget();
    expect(budget.take(undefined, 100, 100, 0)).toBe(true);
    expect(budget.take('example.org', 1, 100, 0)).toBe(false);
  });
});

describe('AllowedByPeer', () => {
  it('takes 32 pieces and no more', () => {
    const allowed = new AllowedByPeer();
    for (let piece = 0; piece < 1000; piece++) allowed.add(piece);
    expect([allowed.size, allowed.has(31), allowed.has(32)]).toEqual([32, true, false]);
    allowed.delete(31);
    expect([...allowed]).toHaveLength(31);
  });
});
