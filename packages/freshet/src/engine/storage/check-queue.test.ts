import { describe, expect, it } from 'vitest';
import { CheckQueue } from './check-queue.ts';

describe('CheckQueue', () => {
  it('lets two begin, and the others in order as these leave', async () => {
    const queue = new CheckQueue();
    const begun: number[] = [];
    const places = Array.from({ length: 5 }, (_, i) => {
      const place = queue.enter();
      void place.turn.then((mine) => mine && begun.push(i));
      return place;
    });
    await places[1]!.turn;
    expect([begun, queue.running, queue.waiting]).toEqual([[0, 1], 2, 3]);
    places[1]!.leave();
    places[1]!.leave();
    await places[2]!.turn;
    expect([begun, queue.running, queue.waiting]).toEqual([[0, 1, 2], 2, 2]);
    // Who gives up while waiting takes nobody's turn.
    places[3]!.leave();
    expect(await places[3]!.turn).toBe(false);
    expect(queue.waiting).toBe(1);
    places[0]!.leave();
    places[2]!.leave();
    await places[4]!.turn;
    expect([begun, queue.running]).toEqual([[0, 1, 2, 4], 1]);
    places[4]!.leave();
    expect([queue.running, queue.waiting]).toEqual([0, 0]);
  });
});
