/** Typed events. */

/** Names of events with what their listeners are called with. */
type EventMap<Events> = { [E in keyof Events]: unknown[] };

type Listener<Events extends EventMap<Events>, E extends keyof Events> = (...args: Events[E]) => void;

interface Registration {
  /** A `Listener` of the event under which it is kept. */
  readonly listener: unknown;
  readonly once: boolean;
}

/**
 * Node's `EventEmitter` in small: `on`, `once`, `off`, `emit`, with typed events. Two things differ: an `error`
 * that nobody listens to is not thrown, and what a listener throws reaches the platform as an uncaught error
 * but neither the other listeners nor the transfer that was going on.
 */
export class Emitter<Events extends EventMap<Events>> {
  /**
   * Lists are replaced and never changed, so that an `emit` calls those who were there when it began. Made when somebody
   * listens: to most files of a torrent nobody ever does.
   */
  #registered: Map<keyof Events, readonly Registration[]> | undefined;

  on<E extends keyof Events>(event: E, listener: Listener<Events, E>): this {
    return this.#add(event, listener, false);
  }

  /** As `on`, for one time. */
  once<E extends keyof Events>(event: E, listener: Listener<Events, E>): this {
    return this.#add(event, listener, true);
  }

  /** Takes away a listener, however often it was added, or all listeners to the event. */
  off<E extends keyof Events>(event: E, listener?: Listener<Events, E>): this {
    const left = this.#of(event).filter((one) => listener !== undefined && one.listener !== listener);
    if (left.length > 0) this.#registered?.set(event, left);
    else this.#registered?.delete(event);
    return this;
  }

  /** The same as `on`. */
  addListener<E extends keyof Events>(event: E, listener: Listener<Events, E>): this {
    return this.on(event, listener);
  }

  /** The same as `off`. */
  removeListener<E extends keyof Events>(event: E, listener?: Listener<Events, E>): this {
    return this.off(event, listener);
  }

  /** Takes away all listeners to the event, or to all events. */
  removeAllListeners(event?: keyof Events): this {
    if (event === undefined) this.#registered = undefined;
    return event === undefined ? this : this.off(event);
  }

  /** Calls the listeners in the order in which they were added. Whether there were any. */
  emit<E extends keyof Events>(event: E, ...args: Events[E]): boolean {
    const registered = this.#of(event);
    for (const one of registered) {
      if (one.once) this.#remove(event, one);
      try {
        (one.listener as Listener<Events, E>).apply(this, args);
      } catch (error) {
        rethrowLater(error);
      }
    }
    return registered.length > 0;
  }

  listeners<E extends keyof Events>(event: E): Listener<Events, E>[] {
    return this.#of(event).map(({ listener }) => listener as Listener<Events, E>);
  }

  listenerCount(event: keyof Events): number {
    return this.#of(event).length;
  }

  /** Events that somebody listens to. */
  eventNames(): (keyof Events)[] {
    return [...(this.#registered?.keys() ?? [])];
  }

  /** There is no limit on listeners, so this changes nothing; programs written for Node's emitter call it. */
  setMaxListeners(_count: number): this {
    return this;
  }

  #of(event: keyof Events): readonly Registration[] {
    return this.#registered?.get(event) ?? [];
  }

  #add(event: keyof Events, listener: unknown, once: boolean): this {
    this.#registered ??= new Map();
    this.#registered.set(event, [...this.#of(event), { listener, once }]);
    return this;
  }

  #remove(event: keyof Events, registration: Registration): void {
    const left = this.#of(event).filter((one) => one !== registration);
    if (left.length > 0) this.#registered?.set(event, left);
    else this.#registered?.delete(event);
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
