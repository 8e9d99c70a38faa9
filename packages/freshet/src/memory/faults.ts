/** Faults of a medium, planned ahead: the nth operation of a kind fails or waits. */

export type Operation = 'read' | 'write' | 'flush' | 'open' | 'stat' | 'remove' | 'rename';

export class FaultPlan {
  readonly #planned = new Map<string, () => Promise<void>>();
  readonly #counts = new Map<Operation, number>();
  #fired = 0;

  /** Faults that have happened. A test asserts it, so that a fault that never came is found out. */
  get fired(): number {
    return this.#fired;
  }

  /** Operations of a kind so far. */
  count(operation: Operation): number {
    return this.#counts.get(operation) ?? 0;
  }

  /** Makes the `nth` operation of a kind from now on (0 is the next one) reject. */
  fail(operation: Operation, nth: number, error: Error): void {
    this.#plan(operation, nth, () => Promise.reject(error));
  }

  /** Makes the `nth` operation from now on wait until the returned function is called. */
  hold(operation: Operation, nth: number): () => void {
    let release: () => void = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    this.#plan(operation, nth, () => released);
    return () => release();
  }

  /** Called by the medium at the start of each operation. */
  pass(operation: Operation): Promise<void> | undefined {
    const count = this.count(operation);
    this.#counts.set(operation, count + 1);
    const key = `${operation} ${count}`;
    const fault = this.#planned.get(key);
    if (fault === undefined) return undefined;
    this.#planned.delete(key);
    this.#fired++;
    return fault();
  }

  #plan(operation: Operation, nth: number, fault: () => Promise<void>): void {
    this.#planned.set(`${operation} ${this.count(operation) + nth}`, fault);
  }
}
