import type { Clock, Ports, Timer } from 'freshet/engine';
import type { SeededRandom } from 'freshet/memory';
import type { LineOptions, Network } from './network/network.ts';

/** A machine's clock that goes wrong. */
export interface ClockSkew {
  /** Its seconds in one real one. Default 1. */
  readonly rate?: number | undefined;
  /** Milliseconds by which its wall clock is off. Default 0. */
  readonly offsetMs?: number | undefined;
}

export interface HostOptions {
  /** IP address; default the next free one of 10.0.0.0/8. */
  readonly address?: string | undefined;
  readonly line?: LineOptions | undefined;
  readonly clock?: ClockSkew | undefined;
  /** `browser`: WebRTC, HTTP and WebSockets only. `node`: all. Default `node`. */
  readonly kind?: 'browser' | 'node' | undefined;
}

/** One machine of a simulated world: an address, a line, a clock, chance of its own. */
export interface Host {
  readonly address: string;
  readonly kind: 'browser' | 'node';
  readonly clock: HostClock;
  readonly random: SeededRandom;
  readonly network: Network;
  /** Everything an engine needs but the hasher, which is the content's. */
  readonly ports: Omit<Ports, 'hasher'>;
}

/** A clock that may go at another rate than the world's, and whose wall clock may jump. */
export class HostClock implements Clock {
  readonly #world: Clock;
  readonly #rate: number;
  #offset: number;

  constructor(world: Clock, { rate = 1, offsetMs = 0 }: ClockSkew = {}) {
    this.#world = world;
    this.#rate = rate;
    this.#offset = offsetMs;
  }

  now(): number {
    return this.#world.now() * this.#rate;
  }

  wallTime(): number {
    return this.#world.wallTime() + this.#offset;
  }

  /** What NTP, people and suspended laptops do to the wall clock. */
  jumpWall(milliseconds: number): void {
    this.#offset += milliseconds;
  }

  setTimer(delay: number, callback: () => void): Timer {
    return this.#world.setTimer(delay / this.#rate, callback);
  }
}
