import { describe, expect, it } from 'vitest';
import type { PeerAddress } from '../../protocol/index.ts';
import { Candidates } from './candidates.ts';

const at = (n: number): PeerAddress => ({ host: `10.0.${n >> 8}.${n & 255}`, port: 1 });

describe('Candidates', () => {
  it('gives each address once, new ones before those that failed', () => {
    const candidates = new Candidates();
    expect([candidates.add(at(1)), candidates.add(at(1)), candidates.add(at(2))]).toEqual([
      true,
      false,
      true,
    ]);
    expect(candidates.next(0)).toEqual(at(1));
    candidates.onClosed(at(1), false, 0);
    expect(candidates.next(30_000)).toEqual(at(2));
    expect(candidates.next(30_000)).toEqual(at(1));
    expect(candidates.next(30_000)).toBeUndefined();
  });

  it('waits longer after each failure, and drops an address that never worked', () => {
    const candidates = new Candidates();
    candidates.add(at(1));
    const waits: number[] = [];
    for (let now = 0; ; ) {
      const address = candidates.next(now);
      if (address === undefined) break;
      candidates.onClosed(address, false, now);
      const next = candidates.nextTryAt();
      if (!Number.isFinite(next)) break;
      waits.push(next - now);
      now = next;
    }
    expect(waits).toEqual([30_000, 60_000, 120_000, 240_000]);
    expect(candidates.size).toBe(0);
  });

  it('keeps an address that worked, at half an hour at most', () => {
    const candidates = new Candidates();
    candidates.add(at(1));
    candidates.next(0);
    candidates.onConnected(at(1));
    for (let i = 0; i < 20; i++) candidates.onClosed(at(1), false, 0);
    expect(candidates.nextTryAt()).toBe(30 * 60_000);
    candidates.retryUseful();
    expect(candidates.nextTryAt()).toBe(0);
  });

  it('has an attempt back that was given up, at once and without blame', () => {
    const candidates = new Candidates();
    candidates.add(at(1));
    candidates.next(0);
    expect(candidates.next(0)).toBeUndefined();
    candidates.onCancelled(at(1));
    expect(candidates.next(0)).toEqual(at(1));
  });

  it('never gives a banned address, known before or not', () => {
    const candidates = new Candidates();
    candidates.add(at(1));
    candidates.ban(at(1));
    candidates.ban(at(2));
    candidates.retryAll();
    candidates.onClosed(at(1), true, 0);
    candidates.onConnected(at(2));
    expect(candidates.next(1e9)).toBeUndefined();
    expect(candidates.isBanned(at(1)) && candidates.isBanned(at(2))).toBe(true);
    expect(candidates.add(at(2))).toBe(false);
  });

  it('holds 2000, and takes a new one in place of one that has failed', () => {
    const candidates = new Candidates();
    for (let n = 0; n < 2000; n++) expect(candidates.add(at(n))).toBe(true);
    expect(candidates.add(at(2000))).toBe(false);
    candidates.next(0);
    candidates.onClosed(at(0), false, 0);
    expect(candidates.add(at(2000))).toBe(true);
    expect(candidates.add(at(2001))).toBe(false);
    expect(candidates.size).toBe(2000);
  });
});
