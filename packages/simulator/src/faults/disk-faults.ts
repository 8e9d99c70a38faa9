/** What goes wrong on a simulated medium, planned ahead and counted. */

import type { DiskErrorCode } from 'freshet/engine';

export type DiskOperation = 'read' | 'write' | 'flush';

export interface DiskFault {
  readonly operation: DiskOperation;
  /** The nth operation of that kind from now on, from 1. */
  readonly nth: number;
  readonly code: Extract<DiskErrorCode, 'FULL' | 'IO' | 'CHANGED'>;
  /** How many in a row fail. Default 1; `Infinity` for ever. */
  readonly times?: number | undefined;
  /** Instead of `times`: all of that kind for so many milliseconds from the first that fails. */
  readonly forMs?: number | undefined;
}

/** A fault that was planned; a test asserts that it fired. */
export interface PlannedFault {
  readonly fault: DiskFault;
  /** Operations that it made fail so far. */
  readonly fired: number;
}

interface Plan {
  readonly fault: DiskFault;
  /** Count of operations at which it begins. */
  readonly at: number;
  fired: number;
  until: number | undefined;
}

/** Which operation of a medium fails. */
export class DiskFaults {
  readonly #plans: Plan[] = [];
  readonly #counts: Record<DiskOperation, number> = { read: 0, write: 0, flush: 0 };
  readonly #failed: Record<DiskOperation, number> = { read: 0, write: 0, flush: 0 };

  /** Operations so far, those included that failed. */
  get counts(): Readonly<Record<DiskOperation, number>> {
    return this.#counts;
  }

  get failed(): Readonly<Record<DiskOperation, number>> {
    return this.#failed;
  }

  plan(fault: DiskFault): PlannedFault {
    const plan: Plan = { fault, at: this.#counts[fault.operation] + fault.nth, fired: 0, until: undefined };
    this.#plans.push(plan);
    return plan;
  }

  /** Nothing planned happens any more: somebody has changed the cable. */
  clear(): void {
    this.#plans.length = 0;
  }

  /** Counts an operation; returns what it fails with, if it does. */
  next(operation: DiskOperation, now: number): DiskFault | undefined {
    const count = ++this.#counts[operation];
    for (const plan of this.#plans) {
      if (plan.fault.operation !== operation || count < plan.at || !hits(plan, now)) continue;
      plan.fired++;
      this.#failed[operation]++;
      return plan.fault;
    }
    return undefined;
  }
}

function hits(plan: Plan, now: number): boolean {
  const { forMs, times = 1 } = plan.fault;
  if (forMs === undefined) return plan.fired < times;
  plan.until ??= now + forMs;
  return now < plan.until;
}
