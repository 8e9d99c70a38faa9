import { describe, expect, it } from 'vitest';
import { BLOCK_LENGTH } from '../../protocol/index.ts';
import { Patience, urgentShare } from './urgent-share.ts';

/** A rate of so many blocks per second. */
const blocks = (perSecond: number): number => perSecond * BLOCK_LENGTH;
const speeds = (rates: readonly number[], bestQueueTime = 0) => ({
  total: rates.reduce((sum, rate) => sum + rate, 0),
  best: Math.max(...rates),
  bestQueueTime,
});

describe('urgentShare', () => {
  it('parts a piece that is needed now among peers as fast as each other', () => {
    const six = speeds(Array.from({ length: 6 }, () => blocks(10)));
    const peer = { rate: blocks(10), outstanding: 0 };
    expect(urgentShare(peer, six, 4, 0)).toBe(1);
    expect(urgentShare(peer, six, 16, 0)).toBe(3);
    expect(urgentShare(peer, six, 60, 0)).toBe(10);
    // What it already has to do does not keep it from its part, or nobody would take it.
    expect(urgentShare({ ...peer, outstanding: 100 }, six, 60, 0)).toBe(10);
  });

  it('gives a slow peer only what it brings as soon as the fast ones bring the rest', () => {
    const mixed = speeds([blocks(60), blocks(2)]);
    const [fast, slow] = [
      { rate: blocks(60), outstanding: 0 },
      { rate: blocks(2), outstanding: 0 },
    ];
    expect(urgentShare(fast, mixed, 16, 0)).toBe(16);
    expect(urgentShare(slow, mixed, 16, 0)).toBe(0);
    expect(urgentShare(slow, mixed, 64, 0)).toBe(2);
    // With more time it brings more, but nothing behind what it has to do already.
    expect(urgentShare(slow, mixed, 16, 3000)).toBe(6);
    expect(urgentShare({ ...slow, outstanding: 5 }, mixed, 16, 3000)).toBe(1);
    expect(urgentShare({ ...slow, outstanding: 8 }, mixed, 16, 3000)).toBe(0);
    // The fast ones are busy.
    expect(urgentShare(slow, { ...mixed, bestQueueTime: 1000 }, 16, 0)).toBe(2);
  });

  it('gives all to a peer that is alone, or of which nothing is known', () => {
    expect(urgentShare({ rate: blocks(1), outstanding: 9 }, speeds([blocks(1)]), 16, 0)).toBe(16);
    expect(urgentShare({ rate: 0, outstanding: 9 }, speeds([blocks(50)]), 16, 0)).toBe(16);
  });
});

describe('Patience', () => {
  it('ends for each piece by itself: the fast peers may lack it', () => {
    const patience = new Patience();
    expect(patience.waits(1, 0)).toBe(true);
    expect(patience.waits(2, 200)).toBe(true);
    expect(patience.waits(1, 299)).toBe(true);
    expect(patience.waits(1, 300)).toBe(false);
    expect(patience.waits(2, 300)).toBe(true);
    expect(patience.waits(1, 10_000)).toBe(false);
    // It forgets pieces that are long done.
    for (let piece = 100; piece < 200; piece++) patience.waits(piece, 10_000);
    expect(patience.waits(1, 10_000)).toBe(true);
  });
});
