import { describe, expect, it } from 'vitest';
import { keepAliveDue, signOfDeath } from './liveness.ts';

describe('liveness', () => {
  it('takes a peer for gone after three minutes of silence, and not before', () => {
    expect(signOfDeath({ silence: 180_000, backlog: 0 }) === undefined).toBe(true);
    expect(signOfDeath({ silence: 180_001, backlog: 0 })).toMatch(/silent for three minutes/);
  });

  it('takes a peer for gone that does not read', () => {
    const most = 8 * 1024 * 1024;
    expect(signOfDeath({ silence: 0, backlog: most }) === undefined).toBe(true);
    expect(signOfDeath({ silence: 0, backlog: most + 1 })).toMatch(/does not read/);
  });

  it('has something said well within the two minutes of BEP 3', () => {
    expect([0, 90_000, 90_001].map(keepAliveDue)).toEqual([false, false, true]);
  });
});
