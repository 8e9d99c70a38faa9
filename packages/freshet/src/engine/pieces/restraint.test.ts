import { describe, expect, it } from 'vitest';
import { BLOCK_LENGTH } from '../../protocol/index.ts';
import { Restraint } from './restraint.ts';

/** 10 blocks a second for deadlines: as many may be far ahead. */
const RATE = 10 * BLOCK_LENGTH;

/** A restraint that has given all it has at time 0. */
function emptied(): Restraint {
  const restraint = new Restraint();
  restraint.take(restraint.room(RATE, 0));
  return restraint;
}

describe('Restraint', () => {
  it('has no bound where there is no reason for one', () => {
    const restraint = new Restraint();
    expect(restraint.room(undefined, 0)).toBe(Number.POSITIVE_INFINITY);
    restraint.take(1_000_000);
    expect(restraint.room(undefined, 1)).toBe(Number.POSITIVE_INFINITY);
  });

  it("gives two seconds' worth at once, and nothing more at that moment", () => {
    const restraint = new Restraint();
    expect(restraint.room(RATE, 0)).toBe(20);
    restraint.take(15);
    expect(restraint.room(RATE, 0)).toBe(5);
    restraint.take(5);
    expect(restraint.room(RATE, 0)).toBe(0);
  });

  it('gives the rate in the long run, however often it is asked', () => {
    for (const step of [7, 100, 999]) {
      const restraint = emptied();
      let given = 0;
      for (let now = step; now <= 60_000; now += step) {
        const room = restraint.room(RATE, now);
        restraint.take(room);
        given += room;
      }
      expect(given, `every ${step} ms`).toBeGreaterThanOrEqual(589);
      expect(given, `every ${step} ms`).toBeLessThanOrEqual(600);
    }
  });

  it("saves no more than two seconds' worth", () => {
    expect(emptied().room(RATE, 600_000)).toBe(20);
  });

  it('waits until what was taken beyond it is made good', () => {
    const restraint = emptied();
    restraint.take(10);
    expect(restraint.room(RATE, 900)).toBe(0);
    expect(restraint.room(RATE, 1000)).toBe(0);
    expect(restraint.room(RATE, 1500)).toBe(5);
  });

  it('follows a rate that changes', () => {
    const restraint = emptied();
    expect(restraint.room(RATE / 5, 500)).toBe(1);
    expect(restraint.room(4 * RATE, 1000)).toBe(21);
  });

  it('begins anew when there is a reason again', () => {
    const restraint = emptied();
    restraint.take(1000);
    expect(restraint.room(undefined, 1)).toBe(Number.POSITIVE_INFINITY);
    expect(restraint.room(RATE, 2)).toBe(20);
  });
});
