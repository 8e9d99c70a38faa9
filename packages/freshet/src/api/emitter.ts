/** Typed events. */

import { EventEmitter } from 'eventemitter3';

/**
 * Node's `EventEmitter` in small: `on`, `once`, `off`, `emit`, with typed events. Two things differ: an `error`
 * that nobody listens to is not thrown, and what a listener throws reaches the platform as an uncaught error
 * but not the transfer that was going on.
 */
export class Emitter<Events extends object> extends EventEmitter<Events> {
  override emit<T extends EventEmitter.EventNames<Events>>(
    event: T,
    ...args: EventEmitter.EventArgs<Events, T>
  ): boolean {
    try {
      return super.emit(event, ...args);
    } catch (error) {
      rethrowLater(error);
      return true;
    }
  }

  /** There is no limit on listeners, so this changes nothing; programs written for Node's emitter call it. */
  setMaxListeners(_count: number): this {
    return this;
  }
}

/** Calls a program's callback in such a way that what it throws cannot end up inside the library. */
export function callSafely<Args extends unknown[]>(
  callback: ((...args: Args) => void) | undefined,
  ...args: Args
): void {
  try {
    callback?.(...args);
  } catch (error) {
    rethrowLater(error);
  }
}

function rethrowLater(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}

/** Gives the outcome to a Node-style callback, if there is one, and returns the promise, which then needs no other handler. */
export function withCallback(
  promise: Promise<void>,
  callback: ((error: Error | null) => void) | undefined,
): Promise<void> {
  if (callback !== undefined) {
    promise.then(
      () => callSafely(callback, null),
      (error: unknown) => callSafely(callback, error instanceof Error ? error : new Error(String(error))),
    );
  }
  return promise;
}
