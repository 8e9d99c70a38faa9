/** Locks and channels of a browser's tabs and workers in virtual time, with delays and losses drawn from a seed. */

import type { Timer } from '../engine/ports.ts';
import { VirtualClock } from '../memory/clock.ts';
import { SeededRandom } from '../memory/random.ts';
import type { Broadcast, Locks } from './leadership.ts';
import type { Port } from './port.ts';

export interface SimulatedTabsOptions {
  readonly seed?: number | undefined;
  /** Longest delay of a message or of a lock's grant, in milliseconds. */
  readonly delay?: number | undefined;
}

interface Request {
  readonly owner: SimulatedThread;
  readonly name: string;
  readonly mode: 'exclusive' | 'shared';
  readonly onHeld: () => void;
  held: boolean;
}

export class SimulatedTabs {
  readonly clock: VirtualClock = new VirtualClock();
  readonly random: SeededRandom;
  /** Of a thousand messages on channels of this name, so many are lost. */
  lossy: { readonly name: string; readonly perMille: number } | undefined;
  readonly #delay: number;
  readonly #requests: Request[] = [];
  readonly #channels = new Set<SimulatedChannel>();

  constructor({ seed = 1, delay = 20 }: SimulatedTabsOptions = {}) {
    this.random = new SeededRandom(seed);
    this.#delay = delay;
  }

  thread(): SimulatedThread {
    return new SimulatedThread(this);
  }

  /** Names of locks that are held or waited for, and of channels that are open. */
  get leftovers(): string[] {
    return [...this.#requests.map(({ name }) => name), ...[...this.#channels].map(({ name }) => name)];
  }

  holders(name: string): number {
    return this.#requests.filter((request) => request.name === name && request.held).length;
  }

  someDelay(): number {
    return this.random.below(this.#delay + 1);
  }

  request(request: Request): () => void {
    this.#requests.push(request);
    this.#grant(request.name);
    return () => {
      const at = this.#requests.indexOf(request);
      if (at < 0) return;
      this.#requests.splice(at, 1);
      this.#grant(request.name);
    };
  }

  #grant(name: string): void {
    const queue = this.#requests.filter((request) => request.name === name);
    for (const request of queue) {
      if (!request.held) {
        const before = queue.slice(0, queue.indexOf(request));
        if (before.some(({ mode }) => mode === 'exclusive' || request.mode === 'exclusive')) return;
        request.held = true;
        request.owner.later(this.someDelay(), () => {
          if (this.#requests.includes(request)) request.onHeld();
        });
      }
    }
  }

  open(owner: SimulatedThread, name: string): Port {
    const channel = new SimulatedChannel(this, owner, name, (closed) => this.#channels.delete(closed));
    this.#channels.add(channel);
    return channel;
  }

  carry(from: SimulatedChannel, message: unknown): void {
    const copy = structuredClone(message);
    for (const to of this.#channels) {
      if (to === from || to.name !== from.name) continue;
      if (this.lossy?.name === from.name && this.random.below(1000) < this.lossy.perMille) continue;
      to.receive(from, copy);
    }
  }

  releaseAll(owner: SimulatedThread): void {
    const names = new Set<string>();
    for (let at = this.#requests.length - 1; at >= 0; at--) {
      if (this.#requests[at]!.owner !== owner) continue;
      names.add(this.#requests[at]!.name);
      this.#requests.splice(at, 1);
    }
    for (const channel of this.#channels) if (channel.owner === owner) channel.close();
    for (const name of names) this.#grant(name);
  }
}

/** A page or a worker: what it asked for ends with it. */
export class SimulatedThread {
  readonly tabs: SimulatedTabs;
  alive = true;

  constructor(tabs: SimulatedTabs) {
    this.tabs = tabs;
  }

  readonly locks: Locks = {
    request: (name, mode, onHeld) => {
      if (!this.alive) return () => undefined;
      return this.tabs.request({ owner: this, name, mode, onHeld, held: false });
    },
  };

  readonly broadcast: Broadcast = (name) => this.tabs.open(this, name);

  readonly clock: { setTimer(delay: number, callback: () => void): Timer } = {
    setTimer: (delay, callback) => this.later(delay, callback),
  };

  later(delay: number, callback: () => void): Timer {
    return this.tabs.clock.setTimer(delay, () => {
      if (this.alive) callback();
    });
  }

  /** Nothing runs in it any more; the browser notices `delay` milliseconds later. */
  kill(delay: number): void {
    if (!this.alive) return;
    this.alive = false;
    this.tabs.clock.setTimer(delay, () => this.tabs.releaseAll(this));
  }
}

class SimulatedChannel implements Port {
  readonly owner: SimulatedThread;
  readonly name: string;
  onMessage: ((message: unknown) => void) | undefined;
  readonly #tabs: SimulatedTabs;
  readonly #onClose: (channel: SimulatedChannel) => void;
  /** When the last message of each sender arrives: the next one not before. */
  readonly #arrivals = new Map<SimulatedChannel, number>();
  #closed = false;

  constructor(
    tabs: SimulatedTabs,
    owner: SimulatedThread,
    name: string,
    onClose: (channel: SimulatedChannel) => void,
  ) {
    this.#tabs = tabs;
    this.owner = owner;
    this.name = name;
    this.#onClose = onClose;
  }

  post(message: unknown): void {
    if (!this.#closed && this.owner.alive) this.#tabs.carry(this, message);
  }

  receive(from: SimulatedChannel, message: unknown): void {
    const now = this.#tabs.clock.now();
    const at = Math.max(now + this.#tabs.someDelay(), this.#arrivals.get(from) ?? 0);
    this.#arrivals.set(from, at);
    this.owner.later(at - now, () => {
      if (!this.#closed) this.onMessage?.(message);
    });
  }

  close(): void {
    this.#closed = true;
    this.#onClose(this);
  }
}
