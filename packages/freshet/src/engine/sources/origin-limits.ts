import type { Clock, Timer } from '../ports.ts';

/** What is known of one web server. */
interface Origin {
  /** Connections in use. */
  open: number;
  /** The server asks to be left alone until then, in clock milliseconds. */
  until: number;
  /** Who wants a connection because somebody waits, and who does without, the first to ask first. */
  readonly urgent: Set<() => void>;
  readonly waiting: Set<() => void>;
}

/** The scheme, host and port of an address, in lower case; the address itself when it has none. */
export function originOf(url: string): string {
  const [, scheme, host] = /^([a-z][a-z0-9+.-]*):\/\/(?:[^/?#@]*@)?([^/?#]*)/i.exec(url) ?? [];
  if (scheme === undefined || host === undefined) return url;
  const protocol = scheme.toLowerCase();
  const standard = protocol === 'https' ? ':443' : ':80';
  const name = host.toLowerCase();
  return `${protocol}://${name.endsWith(standard) ? name.slice(0, -standard.length) : name}`;
}

/**
 * The connections to each web server, over all torrents of a client. A viewer's torrent is not kept waiting by the
 * downloads of others: one of the connections is for what somebody waits for.
 */
export class OriginLimits {
  readonly #clock: Clock;
  readonly #max: number;
  readonly #origins = new Map<string, Origin>();
  #timer: Timer | undefined;

  /** @param max connections to one server, from 1. */
  constructor(clock: Clock, max: number) {
    this.#clock = clock;
    this.#max = Math.max(1, max);
  }

  /** Whether a connection may be opened. @param urgent somebody waits for what it brings. */
  hasRoom(origin: string, urgent: boolean): boolean {
    return (this.#origins.get(origin)?.open ?? 0) < (urgent ? this.#max : Math.max(1, this.#max - 1));
  }

  open(origin: string): void {
    this.#of(origin).open++;
  }

  closed(origin: string): void {
    const known = this.#origins.get(origin);
    if (known === undefined) return;
    known.open--;
    if (isAwaited(known)) this.#wakeSoon();
    this.#tidy(origin, known);
  }

  /** Calls `listener` once when there is room. Idempotent until then. */
  wait(origin: string, urgent: boolean, listener: () => void): void {
    const known = this.#of(origin);
    (urgent ? known.urgent : known.waiting).add(listener);
  }

  forget(origin: string, listener: () => void): void {
    const known = this.#origins.get(origin);
    if (known === undefined) return;
    known.urgent.delete(listener);
    known.waiting.delete(listener);
    this.#tidy(origin, known);
  }

  /** The server has asked to be left alone until then, in clock milliseconds (`Retry-After`). */
  defer(origin: string, until: number): void {
    const known = this.#of(origin);
    known.until = Math.max(known.until, until);
  }

  /** Until when it has, 0 for not. */
  deferredUntil(origin: string): number {
    return this.#origins.get(origin)?.until ?? 0;
  }

  #of(origin: string): Origin {
    let known = this.#origins.get(origin);
    if (known === undefined) {
      known = { open: 0, until: 0, urgent: new Set(), waiting: new Set() };
      this.#origins.set(origin, known);
    }
    return known;
  }

  /** Not within the call that ends a connection, which may come from the middle of a torrent's work. */
  #wakeSoon(): void {
    this.#timer ??= this.#clock.setTimer(0, () => {
      this.#timer = undefined;
      for (const [origin, known] of [...this.#origins]) this.#wake(origin, known);
    });
  }

  #wake(origin: string, known: Origin): void {
    for (const urgent of [true, false]) {
      const waiting = urgent ? known.urgent : known.waiting;
      // Who is called and takes nothing makes room for the next; who asks again meanwhile comes after all others.
      for (const listener of [...waiting]) {
        if (!this.hasRoom(origin, urgent)) break;
        if (waiting.delete(listener)) listener();
      }
    }
    this.#tidy(origin, known);
  }

  #tidy(origin: string, known: Origin): void {
    if (isAwaited(known)) return;
    if (known.open === 0 && known.until <= this.#clock.now()) this.#origins.delete(origin);
    if ([...this.#origins.values()].some(isAwaited)) return;
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}

function isAwaited({ urgent, waiting }: Origin): boolean {
  return urgent.size + waiting.size > 0;
}
