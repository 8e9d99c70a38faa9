import { describe, expect, it } from 'vitest';
import { SpareWindow } from './spare-window.ts';

/** A peer whose blocks took 100 ms at best, and lately so much more. */
function delayedBy(delay: number): SpareWindow {
  const spare = new SpareWindow();
  for (let block = 0; block < 50; block++) spare.onBlock(100 + delay, 100);
  return spare;
}

describe('SpareWindow', () => {
  it.each([
    [0, 2],
    [1, 1],
    [2, 0],
    [9, 0],
  ])('asks a peer that has sent nothing for two blocks (%i in flight: %i)', (outstanding, room) => {
    expect(new SpareWindow().room(0, outstanding, false)).toBe(room);
  });

  it.each([
    [0, 0, 4],
    [0, 3, 1],
    [0, 4, 0],
    [140, 0, 4],
    [140, 30, 0],
  ])(
    'asks for four blocks at a time while there is no queue (%i ms, %i in flight: %i)',
    (delay, outstanding, room) => {
      expect(delayedBy(delay).room(0, outstanding, true)).toBe(room);
    },
  );

  it('asks a busy peer for one block a second, and for none while others are on their way', () => {
    const spare = delayedBy(400);
    expect(spare.room(1000, 1, true)).toBe(0);
    expect(spare.room(1000, 0, true)).toBe(1);
    expect(spare.room(1000, 0, true)).toBe(0);
    expect(spare.room(1999, 0, true)).toBe(0);
    expect(spare.room(2000, 0, true)).toBe(1);
  });

  it('asks for more again once blocks come at once', () => {
    const spare = delayedBy(400);
    spare.onBlock(100, 100);
    expect(spare.room(0, 1, true)).toBe(0);
    for (let block = 0; block < 3; block++) spare.onBlock(100, 100);
    expect(spare.room(0, 1, true)).toBe(3);
  });

  it('is not misled by a single slow block', () => {
    const spare = delayedBy(0);
    spare.onBlock(500, 100);
    expect(spare.room(0, 0, true)).toBe(4);
  });
});
