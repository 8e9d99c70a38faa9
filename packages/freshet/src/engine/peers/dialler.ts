import type { PeerAddress } from '../../protocol/index.ts';
import { LazyMap } from '../../protocol/lazy-collections.ts';
import type { Cancellable, Clock, Dialer, Link } from '../ports.ts';
import type { Candidates } from './candidates.ts';
import type { ConnectionBudget } from './connection-budget.ts';

export interface DiallerOptions {
  /** `undefined` where the platform cannot dial. */
  readonly dialer: Dialer | undefined;
  readonly candidates: Candidates;
  readonly budget: ConnectionBudget;
  readonly clock: Clock;
  /** Whether the torrent wants another connection. */
  hasRoom(): boolean;
  /** An address's priority (BEP 40), the greater the better. */
  rank?(address: PeerAddress): number | undefined;
  /** Takes over an open link and its place in the budget. */
  onLink(link: Link, address: PeerAddress): void;
  /** An address did not answer: there is room for another one. */
  onFailed(): void;
}

/**
 * Attempts of one torrent to reach the addresses that it knows. An attempt has a place in the budget until it
 * ends, and its address is told how it ended: that decides when it is tried again.
 */
export class Dialler {
  readonly #options: DiallerOptions;
  readonly #dials = new LazyMap<Cancellable, PeerAddress>();

  constructor(options: DiallerOptions) {
    this.#options = options;
  }

  /** Attempts under way. */
  get size(): number {
    return this.#dials.size;
  }

  /** Dials as many candidates as there is room for. */
  dialMore(): void {
    const { dialer, candidates, budget, clock } = this.#options;
    if (dialer === undefined) return;
    while (this.#options.hasRoom() && budget.hasRoom) {
      if (!budget.tryDial()) break;
      const address = candidates.next(clock.now(), this.#options.rank);
      if (address === undefined) {
        budget.dialEnded();
        break;
      }
      this.#dial(dialer, address);
    }
  }

  /** Gives up all attempts, which says nothing against their addresses. */
  cancelAll(): void {
    for (const [dial, address] of [...this.#dials]) {
      dial.cancel();
      this.#ended(dial);
      this.#options.candidates.onCancelled(address);
    }
  }

  #dial(dialer: Dialer, address: PeerAddress): void {
    const { budget, candidates, clock } = this.#options;
    const dial = dialer.dial(address, {
      onLink: (link) => {
        this.#ended(dial);
        if (budget.tryOpen()) {
          this.#options.onLink(link, address);
          return;
        }
        refuseLink(link);
        candidates.onClosed(address, false, clock.now());
      },
      onError: () => {
        this.#ended(dial);
        candidates.onClosed(address, false, clock.now());
        this.#options.onFailed();
      },
    });
    this.#dials.set(dial, address);
  }

  #ended(dial: Cancellable): void {
    if (this.#dials.delete(dial)) this.#options.budget.dialEnded();
  }
}

/** Closes a link that there is no room for; what it has to say is not heard. */
export function refuseLink(link: Link): void {
  link.attach({ onData(): void {}, onDrain(): void {}, onClose(): void {} });
  link.close();
}
