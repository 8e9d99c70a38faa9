/** Commands of one torrent to the session: not before it has been told of the torrent, and not after its end. */

import { type FreshetError, toFreshetError } from '../session/errors.ts';
import type { CommandName, Commands, Session } from '../session/protocol.ts';
import type { Lifetime } from './lifetime.ts';

export class TorrentCommands {
  readonly #session: Session;
  readonly #lifetime: Lifetime;
  readonly #warn: (error: FreshetError) => void;
  #hasBegun = false;
  #begin: () => void = () => undefined;
  readonly #begun: Promise<void> = new Promise((resolve) => {
    this.#begin = resolve;
  });

  constructor(session: Session, lifetime: Lifetime, warn: (error: FreshetError) => void) {
    this.#session = session;
    this.#lifetime = lifetime;
    this.#warn = warn;
  }

  /** The session has been told to add the torrent, so commands may follow. */
  begun(): void {
    this.#hasBegun = true;
    this.#begin();
  }

  /** A command with an answer; rejects when the torrent ends before it comes. */
  ask<C extends CommandName>(command: C, args: Commands[C]['args']): Promise<Commands[C]['result']> {
    if (this.#lifetime.reason !== undefined) return Promise.reject(this.#lifetime.reason);
    return this.#lifetime.within(this.#later(command, args));
  }

  /** A command whose outcome is told by events; what goes wrong with it is a warning. */
  tell<C extends CommandName>(command: C, args: Commands[C]['args']): void {
    if (this.#lifetime.reason !== undefined) return;
    // At once where it can be: what is selected in an event is in force when the event is over.
    const answer = this.#hasBegun ? this.#request(command, args) : this.#later(command, args);
    answer.catch((error: unknown) => {
      if (this.#lifetime.reason === undefined) this.#warn(toFreshetError(error));
    });
  }

  async #later<C extends CommandName>(command: C, args: Commands[C]['args']): Promise<Commands[C]['result']> {
    await this.#begun;
    if (this.#lifetime.reason !== undefined) throw this.#lifetime.reason;
    return this.#request(command, args);
  }

  #request<C extends CommandName>(command: C, args: Commands[C]['args']): Promise<Commands[C]['result']> {
    return this.#session.request(command, args).catch((error: unknown) => {
      throw toFreshetError(error);
    });
  }
}
