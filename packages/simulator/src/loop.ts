import { VirtualClock } from 'freshet/memory';
import { drainMicrotasks } from './drain.ts';
import { setTrap } from './trap.ts';

/** Events between two looks at the outside world: signals, progress, a test's own timers. */
const SLICE = 20_000;

export interface RunOptions {
  /** Ends the run when it says so; asked after each event. Default: never. */
  readonly until?: (() => boolean) | undefined;
  /** Milliseconds of virtual time at most. */
  readonly limit: number;
  /** Called now and then, about each `SLICE` events. */
  readonly onProgress?: (() => void) | undefined;
  /** Ends the run between two events; it rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** The one event queue of a simulation, and who takes from it. */
export class Loop {
  readonly clock: VirtualClock = new VirtualClock();
  /** Events so far. */
  events = 0;
  #failure: { readonly error: unknown } | undefined;

  /** Ends the run with this error: something that must never happen has. */
  fail(error: unknown): void {
    this.#failure ??= { error };
  }

  /**
   * Fires events in their order. All promises settle after each of them, exactly as between two macrotasks of a process.
   * @returns whether `until` said so; `false` when time or events have run out. Time is then at the limit.
   */
  async run(options: RunOptions): Promise<boolean> {
    const end = this.clock.now() + options.limit;
    for (;;) {
      const outcome = await this.#slice(end, options.until);
      if (this.#failure !== undefined) throw this.#failure.error;
      if (outcome !== undefined) {
        if (!outcome) this.clock.advance(Math.max(0, end - this.clock.now()));
        return outcome;
      }
      options.onProgress?.();
      options.signal?.throwIfAborted();
    }
  }

  /** In a macrotask, as promises do not settle within one of their own. `undefined`: there is more. */
  #slice(end: number, until: (() => boolean) | undefined): Promise<boolean | undefined> {
    return new Promise((resolve, reject) => {
      setImmediate(() => {
        const release = setTrap();
        try {
          resolve(this.#fire(end, until));
        } catch (error) {
          reject(error);
        } finally {
          release();
        }
      });
    });
  }

  #fire(end: number, until: (() => boolean) | undefined): boolean | undefined {
    const drain = drainMicrotasks;
    const count = drain === undefined ? 1 : SLICE;
    for (let i = 0; i < count; i++) {
      drain?.();
      if (this.#failure !== undefined) return undefined;
      if (until?.() === true) return true;
      if (!this.clock.step(end)) return false;
      this.events++;
    }
    return undefined;
  }
}
