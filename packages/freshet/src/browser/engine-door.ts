/**
 * The engine's side of sharing one engine among the tabs of a site: who says hello gets a channel of its own, until its
 * tab is gone. Runs where the engine runs, most often in a worker.
 */

import type { Broadcast, Locks } from './leadership.ts';
import {
  type ClientMessage,
  differingSettings,
  type EngineMessage,
  type LeadershipNames,
  readLeadershipMessage,
} from './leadership-messages.ts';
import type { Port } from './port.ts';

export interface EngineDoorOptions {
  readonly names: LeadershipNames;
  /** Name of this engine, no other one's. */
  readonly engine: string;
  /** How the engine was made, to tell clients that wanted another. */
  readonly settings: unknown;
  readonly locks: Locks;
  readonly broadcast: Broadcast;
  /** A client is there, on this channel. What is returned is closed when it is gone, and not when the door closes. */
  readonly onClient: (port: Port, channel: string) => { close(): void };
}

interface Visitor {
  readonly attempt: number;
  readonly differing: readonly string[];
  leave(): void;
  closePort(): void;
}

/**
 * Waits until no other engine runs, which may be for a moment after its tab has gone, and keeps others from running.
 * Calls back when this one may; returns what gives the right back, or the wish for it.
 */
export function claimEngine(
  { names, engine, locks }: Pick<EngineDoorOptions, 'names' | 'engine' | 'locks'>,
  onClaimed: () => void,
): () => void {
  let releaseOwn: (() => void) | undefined;
  const releaseRunning = locks.request(names.running, 'exclusive', () => {
    // Clients wait for this one to be free, so it is taken before they can hear of the engine.
    releaseOwn = locks.request(names.engine(engine), 'exclusive', onClaimed);
  });
  return () => {
    releaseOwn?.();
    releaseRunning();
  };
}

/** Lets the clients of other tabs in. */
export class EngineDoor {
  readonly #options: EngineDoorOptions;
  readonly #common: Port;
  readonly #visitors = new Map<string, Visitor>();
  #closed = false;

  /** Tells everybody that the engine is there; call it when it is, and when `claimEngine` has called back. */
  constructor(options: EngineDoorOptions) {
    this.#options = options;
    this.#common = options.broadcast(options.names.common);
    this.#common.onMessage = (message) => this.#hear(message);
    this.#say({ type: 'engine', engine: options.engine });
  }

  /**
   * Nobody gets in any more, and clients hold what they have to say until there is another engine. Call it before the
   * engine ends: nothing of its end reaches them.
   */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#say({ type: 'leaving', engine: this.#options.engine });
    this.#common.close();
    for (const visitor of this.#visitors.values()) visitor.closePort();
    this.#visitors.clear();
  }

  #say(message: EngineMessage): void {
    this.#common.post(message);
  }

  #hear(raw: unknown): void {
    const message = readLeadershipMessage(raw);
    if (message?.type === 'hello') this.#letIn(message);
    else if (message?.type === 'goodbye') this.#visitors.get(message.client)?.leave();
  }

  #letIn({ client, attempt, engine, settings }: ClientMessage & { type: 'hello' }): void {
    if (engine !== undefined && engine !== this.#options.engine) return;
    const known = this.#visitors.get(client);
    if (known !== undefined && known.attempt > attempt) return;
    if (known?.attempt !== attempt) {
      known?.leave();
      this.#open(client, attempt, settings);
    }
    const differing = this.#visitors.get(client)?.differing ?? [];
    this.#say({ type: 'welcome', engine: this.#options.engine, client, attempt, differing });
  }

  #open(client: string, attempt: number, settings: unknown): void {
    const { names, locks, broadcast, onClient, settings: ours } = this.#options;
    const channel = names.pipe(client, attempt);
    const port = broadcast(channel);
    const connection = onClient(port, channel);
    const closePort = (): void => {
      release();
      port.close();
    };
    const leave = (): void => {
      if (this.#visitors.get(client) !== visitor) return;
      this.#visitors.delete(client);
      closePort();
      connection.close();
    };
    const visitor: Visitor = { attempt, differing: differingSettings(ours, settings), leave, closePort };
    this.#visitors.set(client, visitor);
    // The client holds this lock: when it can be had, its tab is gone.
    const release = locks.request(names.client(client), 'exclusive', leave);
  }
}
