import type { Cancellable } from '../ports.ts';

/** Announces under way to one host, and to all of them together. */
const MAX_PER_HOST = 6;
const MAX_IN_ALL = 48;

interface Waiting {
  start(): void;
}

/** What is going on with one host. */
class Host {
  running = 0;
  readonly waiting = new Set<Waiting>();
}

/**
 * Lets announces of all torrents through a few at a time, so that a client with thousands of them neither storms its
 * trackers nor counts the time in its own queue as their silence. A host that does not answer holds up its own only.
 */
export class AnnounceGate {
  readonly #hosts = new Map<string, Host>();
  #running = 0;

  /** Announces under way. */
  get running(): number {
    return this.#running;
  }

  /**
   * Calls `start` when it is this announce's turn, at once if it can be.
   * @param start begins it, and calls `leave` when it is over. What it returns is cancelled with it.
   */
  enter(url: string, start: (leave: () => void) => Cancellable): Cancellable {
    const name = hostOf(url);
    let host = this.#hosts.get(name);
    if (host === undefined) {
      host = new Host();
      this.#hosts.set(name, host);
    }
    const at = host;
    let under: Cancellable | undefined;
    let over = false;
    const leave = (): void => {
      if (over) return;
      over = true;
      this.#running--;
      at.running--;
      this.#next();
    };
    const waiting: Waiting = {
      start: () => {
        this.#running++;
        at.running++;
        under = start(leave);
      },
    };
    if (this.#mayStart(at)) waiting.start();
    else at.waiting.add(waiting);
    return {
      cancel: () => {
        if (at.waiting.delete(waiting)) {
          over = true;
          this.#forget(name, at);
          return;
        }
        under?.cancel();
        leave();
      },
    };
  }

  #mayStart(host: Host): boolean {
    return this.#running < MAX_IN_ALL && host.running < MAX_PER_HOST;
  }

  #next(): void {
    for (const [name, host] of [...this.#hosts]) {
      for (const waiting of [...first(host.waiting, MAX_PER_HOST)]) {
        if (!this.#mayStart(host)) break;
        host.waiting.delete(waiting);
        waiting.start();
      }
      this.#forget(name, host);
    }
  }

  #forget(name: string, host: Host): void {
    if (host.running + host.waiting.size === 0) this.#hosts.delete(name);
  }
}

function* first<T>(set: ReadonlySet<T>, count: number): Iterable<T> {
  let left = count;
  for (const item of set) {
    if (left-- <= 0) return;
    yield item;
  }
}

function hostOf(url: string): string {
  return /^\w+:\/\/([^/?#]*)/.exec(url)?.[1] ?? url;
}
