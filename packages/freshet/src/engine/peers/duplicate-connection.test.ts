import { describe, expect, it } from 'vitest';
import { type DuplicateConnection, replacesExisting } from './duplicate-connection.ts';

const connection = (incoming: boolean, lastHeard = 0): DuplicateConnection => ({
  incoming,
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
