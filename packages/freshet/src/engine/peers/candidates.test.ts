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

  it('knows by which swarm’s hash to call, and tries the other one on who says nothing to that', () => {
    const candidates = new Candidates();
    candidates.add(at(1), 'v2');
    candidates.add(at(2), 'v1');
    candidates.add(at(3));
    expect([1, 2, 3].map((n) => candidates.swarmOf(at(n)))).toEqual(['v2', 'v1', undefined]);
    // Found in both swarms it speaks version 2.
    expect(candidates.add(at(2), 'v2')).toBe(false);
    expect(candidates.add(at(1), 'v1')).toBe(false);
    expect([1, 2].map((n) => candidates.swarmOf(at(n)))).toEqual(['v2', 'v2']);
    candidates.next(0);
    expect(candidates.tryOther(at(1))).toBe(true);
    expect(candidates.swarmOf(at(1))).toBe('v1');
    // At once, and then not again before its time.
    expect(candidates.next(0)).toEqual(at(1));
    expect(candidates.tryOther(at(1))).toBe(false);
    candidates.onClosed(at(1), false, 0);
    expect(candidates.swarmOf(at(1))).toBe('v2');
    expect([candidates.next(0), candidates.next(0), candidates.next(0)]).toEqual([at(2), at(3), undefined]);
    expect(candidates.tryOther(at(3))).toBe(true);
    expect(candidates.swarmOf(at(3))).toBe('v2');
    expect(candidates.tryOther(at(9))).toBe(false);
  });

  it('keeps what a peer was connected by, and can call it again by the other hash', () => {
    const candidates = new Candidates();
    candidates.add(at(1), 'v2');
    candidates.next(0);
    candidates.tryOther(at(1));
    candidates.next(0);
    candidates.onConnected(at(1), 'v1');
    expect([candidates.swarmOf(at(1)), candidates.next(0)]).toEqual(['v1', undefined]);
    candidates.callAgain(at(1), 'v2');
    expect([candidates.next(0), candidates.swarmOf(at(1))]).toEqual([at(1), 'v2']);
    candidates.callAgain(at(1), 'v1');
    expect(candidates.swarmOf(at(1))).toBe('v2');
  });

  it('gives those first that suit us best, of those that have failed least', () => {
    const candidates = new Candidates();
    for (const n of [1, 2, 3, 4]) candidates.add(at(n));
    let ranks: Record<string, number | undefined> = { '10.0.0.2': 5, '10.0.0.3': 9, '10.0.0.4': undefined };
    const rank = ({ host }: PeerAddress): number | undefined => ranks[host];
    expect(candidates.next(0, rank)).toEqual(at(3));
    candidates.onClosed(at(3), false, 0);
    expect(candidates.next(30_000, rank)).toEqual(at(2));
    // We are known by another address now.
    ranks = { '10.0.0.1': 1, '10.0.0.4': 7 };
    expect(candidates.next(30_000, rank)).toEqual(at(1));
    candidates.onCancelled(at(1));
    candidates.rankAnew();
    expect(candidates.next(30_000, rank)).toEqual(at(4));
    expect(candidates.next(30_000, rank)).toEqual(at(1));
    expect(candidates.next(30_000, rank)).toEqual(at(3));
  });

  it('leaves alone for half an hour who has nothing for us, unless more is wanted', () => {
    const candidates = new Candidates();
    candidates.add(at(1));
    for (let time = 0; time < 3; time++) {
      const now = candidates.nextTryAt();
      expect(now).toBe(time * 30 * 60_000);
      candidates.next(now);
      candidates.onConnected(at(1));
      candidates.onUseless(at(1), now);
    }
    candidates.retryUseful();
    expect(candidates.nextTryAt()).toBe(0);
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
