import { describe, expect, it } from 'vitest';
import { type DuplicateConnection, replacesExisting } from './duplicate-connection.ts';

const connection = (
  incoming: boolean,
  lastHeard = 0,
  calledIn: DuplicateConnection['calledIn'] = 'v1',
  swarm: DuplicateConnection['swarm'] = 'v2',
): DuplicateConnection => ({
  incoming,
  calledIn,
  swarm,
  silence: (now) => now - lastHeard,
});

describe('replacesExisting', () => {
  it('has both sides keep the same one when each has dialled the other', () => {
    for (const firstIsGreater of [true, false]) {
      // The first dialled connection A, the second dialled B; each side has one and is offered the other.
      const firstKeepsA = !replacesExisting(connection(true), connection(false), firstIsGreater, 0);
      const secondKeepsA = replacesExisting(connection(true), connection(false), !firstIsGreater, 0);
      expect(firstKeepsA).toBe(firstIsGreater);
      expect(secondKeepsA).toBe(firstKeepsA);
    }
  });

  it('has both sides keep the one in the v2 swarm when one has called the other in both', () => {
    for (const incoming of [true, false]) {
      for (const greater of [true, false]) {
        const v1 = connection(incoming, 0, 'v1');
        const v2 = connection(incoming, 0, 'v2');
        expect(replacesExisting(v2, v1, greater, 0)).toBe(true);
        expect(replacesExisting(v1, v2, greater, 60_000)).toBe(false);
      }
    }
  });

  it('has both sides keep the one by version 2, whoever opened it', () => {
    for (const [first, second, greater] of [
      [true, true, true],
      [true, false, false],
      [false, true, true],
      [false, false, false],
    ] as const) {
      const v1 = connection(first, 0, 'v1', 'v1');
      const v2 = connection(second, 0, 'v1', 'v2');
      expect(replacesExisting(v2, v1, greater, 0)).toBe(true);
      expect(replacesExisting(v1, v2, greater, 60_000)).toBe(false);
    }
  });

  it('replaces one of the same direction only when it has been silent for longer than 15 s', () => {
    for (const incoming of [true, false]) {
      for (const greater of [true, false]) {
        const existing = connection(incoming, 1000);
        expect(replacesExisting(connection(incoming), existing, greater, 16_000)).toBe(false);
        expect(replacesExisting(connection(incoming), existing, greater, 16_001)).toBe(true);
      }
    }
  });
});
