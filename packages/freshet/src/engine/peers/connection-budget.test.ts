import { describe, expect, it } from 'vitest';
import { ConnectionBudget } from './connection-budget.ts';

describe('ConnectionBudget', () => {
  it('counts what is dialled and what is open together', () => {
    const budget = new ConnectionBudget(3, 2);
    expect([budget.tryDial(), budget.tryDial(), budget.tryDial()]).toEqual([true, true, false]);
    expect(budget.hasRoom).toBe(true);
    expect(budget.tryOpen()).toBe(true);
    expect(budget.tryOpen()).toBe(false);
    budget.dialEnded();
    expect(budget.tryOpen()).toBe(true);
    expect(budget.hasRoom).toBe(false);
    expect(budget.tryDial()).toBe(false);
    budget.closed();
    expect(budget.tryDial()).toBe(true);
    expect([budget.open, budget.dialing]).toEqual([1, 2]);
  });
});
