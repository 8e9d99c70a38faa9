/**
 * Which tab of a site has the engine. Each client takes part with a `Leadership`: it waits in the queue for a lock, whose
 * holder is the leader and runs the engine, and until its turn comes it talks to the leader's engine. When the leader's
 * tab goes, the next in the queue leads, and all others turn to its engine.
 *
 * Everything is decided here over injected locks and channels, so that it can be tested without a browser.
 */

import type { Clock, Timer } from '../engine/ports.ts';
import {
  type ClientMessage,
  type EngineMessage,
  type LeadershipNames,
  readLeadershipMessage,
} from './leadership-messages.ts';
import type { LocalEngine, StartedEngine } from './local-engine.ts';
import type { Port } from './port.ts';

/** The part of the Web Locks API that is used. */
export interface Locks {
  /**
   * Calls back when the lock is held, never from within the call; not at all where the browser refuses. Returns what
   * releases it, or ends the wait; idempotent. All is released with the tab or worker that asked.
   */
  request(name: string, mode: 'exclusive' | 'shared', onHeld: () => void): () => void;
}

/** Opens a channel that reaches everybody of this origin who has opened it by the same name, except oneself. */
export type Broadcast = (name: string) => Port;

export interface LeadershipOptions {
  readonly names: LeadershipNames;
  /** How this client wants its engine; clonable. */
  readonly settings: unknown;
  readonly locks: Locks;
  readonly broadcast: Broadcast;
  readonly clock: Pick<Clock, 'setTimer'>;
  /** A name that nobody else has. */
  readonly newName: () => string;
  /** Makes an engine that goes by this name. It must claim its place (`claimEngine`) and open its door. */
  readonly start: (engine: string, started: StartedEngine) => LocalEngine;
  /** There is an engine, and this is the way to it: by the channel of this name, if it is another tab's. */
  readonly onAttach: (port: Port, channel: string | undefined) => void;
  /** The engine is gone; another one comes. */
  readonly onDetach: () => void;
  /** The engine that there is was made with other settings than this client's: their names. */
  readonly onDiffering?: ((settings: readonly string[]) => void) | undefined;
  /** No engine could be started in this tab, and no other tab has one. */
  readonly onFailure: (error: unknown) => void;
}

/** Who has nothing to attach to asks again: an engine that is only just starting may not have heard. */
const HELLO_INTERVAL = 500;
/** An engine that failed is tried again after these; other tabs may try in between. */
const START_PAUSES: readonly number[] = [250, 1000];

type State =
  | { readonly name: 'out' }
  /** Nothing to attach to. `port` is open for the answer to the hello of this attempt. */
  | { readonly name: 'waiting'; readonly port: Port | undefined; readonly timer: Timer | undefined }
  | { readonly name: 'following'; readonly engine: string; readonly port: Port; readonly unwatch: () => void }
  | { readonly name: 'starting'; readonly engine: string; readonly local: LocalEngine | undefined }
  | { readonly name: 'leading'; readonly engine: string; readonly local: LocalEngine };

const OUT: State = { name: 'out' };

export class Leadership {
  readonly #options: LeadershipOptions;
  #state: State = OUT;
  #client = '';
  /** The lock that tells the engine of this client is held. */
  #present = false;
  #common: Port | undefined;
  #releaseClient: () => void = () => undefined;
  #releaseLeader: () => void = () => undefined;
  #pause: Timer | undefined;
  #attempt = 0;
  /** Starts that failed in a row. */
  #failures = 0;
  #leaving: Promise<void> = Promise.resolve();

  constructor(options: LeadershipOptions) {
    this.#options = options;
  }

  get role(): State['name'] {
    return this.#state.name;
  }

  /** Takes part, from now on; again after `leave` or `suspend`. */
  join(): void {
    if (this.#state !== OUT) return;
    const { names, locks, broadcast, newName } = this.#options;
    // A new name each time: the engine may still be busy with the end of the old one.
    this.#client = newName();
    this.#present = false;
    this.#failures = 0;
    this.#state = { name: 'waiting', port: undefined, timer: undefined };
    this.#common = broadcast(names.common);
    this.#common.onMessage = (message) => this.#hear(message);
    // Held before the engine hears of the client: who does not hold it is taken to be gone.
    this.#releaseClient = locks.request(names.client(this.#client), 'exclusive', () => {
      this.#present = true;
      if (this.#state.name === 'waiting') this.#seek(undefined);
    });
    this.#queue();
  }

  /** Takes part no more. Resolves when an engine of this tab has ended in order, so that the next tab can start one. */
  leave(): Promise<void> {
    if (this.#state !== OUT) this.#leaving = this.#leave();
    return this.#leaving;
  }

  async #leave(): Promise<void> {
    const state = this.#state;
    this.#state = OUT;
    const releaseLeader = this.#releaseLeader;
    const local = this.#letGo(state);
    await local?.close();
    releaseLeader();
  }

  /** The same at once, for a page that is about to be frozen or gone. */
  suspend(): void {
    const state = this.#state;
    if (state === OUT) return;
    this.#state = OUT;
    this.#letGo(state)?.kill();
    this.#releaseLeader();
  }

  /** Of all but the right to lead, which is kept until the engine of this tab, which is returned, has ended. */
  #letGo(state: State): LocalEngine | undefined {
    this.#say({ type: 'goodbye', client: this.#client });
    this.#common?.close();
    this.#common = undefined;
    this.#pause?.cancel();
    this.#forget(state);
    this.#releaseClient();
    if (state.name === 'following' || state.name === 'leading') this.#options.onDetach();
    return state.name === 'starting' || state.name === 'leading' ? state.local : undefined;
  }

  #say(message: ClientMessage): void {
    this.#common?.post(message);
  }

  #hear(raw: unknown): void {
    const message: ClientMessage | EngineMessage | undefined = readLeadershipMessage(raw);
    const state = this.#state;
    if (message === undefined || (state.name !== 'waiting' && state.name !== 'following')) return;
    if (message.type === 'engine') {
      if (state.name === 'waiting' || state.engine !== message.engine) this.#seekAnew(message.engine);
    } else if (message.type === 'leaving') {
      if (state.name === 'following' && state.engine === message.engine) this.#seekAnew(undefined);
    } else if (message.type === 'welcome' && state.name === 'waiting') {
      if (message.client === this.#client && message.attempt === this.#attempt) this.#follow(message, state);
    }
  }

  /** Looks for an engine: this one, where one is known. */
  #seek(engine: string | undefined): void {
    const { names, broadcast } = this.#options;
    if (!this.#present) {
      this.#state = { name: 'waiting', port: undefined, timer: undefined };
      return;
    }
    this.#attempt += 1;
    const port = broadcast(names.pipe(this.#client, this.#attempt));
    this.#hello(engine, port);
  }

  #hello(engine: string | undefined, port: Port): void {
    const { clock, settings } = this.#options;
    this.#say({ type: 'hello', client: this.#client, attempt: this.#attempt, engine, settings });
    // Whoever answers: the engine that was known may be gone by then.
    const timer = clock.setTimer(HELLO_INTERVAL, () => this.#hello(undefined, port));
    this.#state = { name: 'waiting', port, timer };
  }

  #seekAnew(engine: string | undefined): void {
    const state = this.#state;
    this.#forget(state);
    this.#seek(engine);
    if (state.name === 'following') this.#options.onDetach();
  }

  /** Closes what a state has open towards another tab's engine. */
  #forget(state: State): void {
    if (state.name === 'waiting') {
      state.timer?.cancel();
      state.port?.close();
    } else if (state.name === 'following') {
      state.unwatch();
      state.port.close();
    }
  }

  #follow(
    { engine, differing }: EngineMessage & { type: 'welcome' },
    waiting: State & { name: 'waiting' },
  ): void {
    const { names, locks, onAttach, onDiffering } = this.#options;
    const { port, timer } = waiting;
    if (port === undefined) return;
    timer?.cancel();
    // The engine holds this lock: when it can be had, it is gone.
    const unwatch = locks.request(names.engine(engine), 'shared', () => {
      if (this.#state === state) this.#seekAnew(undefined);
    });
    const state: State = { name: 'following', engine, port, unwatch };
    this.#state = state;
    this.#failures = 0;
    onAttach(port, names.pipe(this.#client, this.#attempt));
    if (differing.length > 0) onDiffering?.(differing);
  }

  /** Waits for the right to lead. */
  #queue(): void {
    const { names, locks } = this.#options;
    this.#releaseLeader = locks.request(names.leader, 'exclusive', () => {
      if (this.#state.name === 'waiting' || this.#state.name === 'following') this.#lead();
    });
  }

  #lead(): void {
    const { newName, start, onAttach, onDetach } = this.#options;
    const before = this.#state;
    this.#forget(before);
    const engine = newName();
    this.#state = { name: 'starting', engine, local: undefined };
    const local = start(engine, {
      onReady: (port) => {
        if (this.#state.name !== 'starting' || this.#state.engine !== engine) return;
        this.#state = { name: 'leading', engine, local };
        this.#failures = 0;
        onAttach(port, undefined);
      },
      onFailure: (error) => {
        const state = this.#state;
        if (state.name !== 'starting' && state.name !== 'leading') return;
        if (state.engine === engine) this.#fail(error, state.name === 'leading');
      },
    });
    this.#state = { name: 'starting', engine, local };
    if (before.name === 'following') onDetach();
  }

  /** The engine of this tab is gone: the next tab may try, and this one again when its turn comes. */
  #fail(error: unknown, attached: boolean): void {
    const { clock, onDetach, onFailure } = this.#options;
    this.#releaseLeader();
    this.#seek(undefined);
    if (attached) onDetach();
    const pause = START_PAUSES[this.#failures];
    this.#failures += 1;
    if (pause === undefined) onFailure(error);
    else this.#pause = clock.setTimer(pause, () => this.#queue());
  }
}
