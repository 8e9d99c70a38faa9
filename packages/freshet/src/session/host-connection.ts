/** One client of a host. */

import { ArgumentError, FreshetError, TorrentNotFoundError, toErrorValue } from './errors.ts';
import { HostReader } from './host-reader.ts';
import type { HostTorrents } from './host-torrents.ts';
import { Member, type MemberOwner, removed } from './member.ts';
import {
  type ClientMessage,
  type HostMessage,
  namesTorrent,
  readClientMessages,
  type SessionPort,
} from './messages.ts';
import { Outbox } from './outbox.ts';
import type { CommandName, GlobalEvent, Session, TorrentEvent, TorrentKey } from './protocol.ts';
import type { Begin, Command } from './torrent-journal.ts';

export interface HostConnectionOptions {
  readonly session: Session;
  readonly torrents: HostTorrents;
  readonly port: SessionPort;
  warn(error: FreshetError): void;
  /** The client has asked for its end. It is answered when what this returns is settled. */
  onClose(): Promise<void>;
}

/** Most readers of one client. */
const MAX_READERS = 4096;
/** Most events that wait to be heard; beyond, they are not waited for. */
const MAX_HOLDS = 100_000;

export class HostConnection implements MemberOwner {
  readonly #options: HostConnectionOptions;
  readonly #outbox: Outbox<HostMessage>;
  readonly #members = new Map<TorrentKey, Member>();
  readonly #readers = new Map<number, { readonly reader: HostReader; readonly torrent: TorrentKey }>();
  readonly #holds = new Map<number, () => void>();
  #nextHold = 1;
  #released: Promise<void> | undefined;

  constructor(options: HostConnectionOptions) {
    this.#options = options;
    const { port } = options;
    this.#outbox = new Outbox(port, (message, error) => this.#onRefused(message, error));
  }

  /** Takes messages from now on. */
  open(): void {
    this.#options.port.onMessage = (value) => this.#receive(value);
  }

  tell(torrent: TorrentKey, event: TorrentEvent, onHeard?: () => void): void {
    if (this.#released !== undefined || (onHeard !== undefined && this.#holds.size >= MAX_HOLDS)) {
      onHeard?.();
      if (this.#released !== undefined) return;
    }
    if (onHeard === undefined) {
      this.#outbox.send({ type: 'event', event: { torrent, event } });
      return;
    }
    const hold = this.#nextHold++;
    this.#holds.set(hold, onHeard);
    this.#outbox.send({ type: 'event', event: { torrent, event }, hold });
  }

  tellGlobal(event: GlobalEvent): void {
    if (this.#released === undefined) this.#outbox.send({ type: 'event', event: { event } });
  }

  /** The host ends: the client is to go on with another one. */
  gone(): void {
    this.#outbox.send({ type: 'gone' });
    this.silence();
  }

  /** Nothing is said or heard any more. */
  silence(): void {
    this.#options.port.onMessage = undefined;
    this.#outbox.close();
  }

  /** Readers are cancelled and torrents let go of. Resolves when that is done. */
  release(): Promise<void> {
    this.#released ??= this.#release();
    return this.#released;
  }

  async #release(): Promise<void> {
    for (const { reader } of this.#readers.values()) reader.cancel();
    this.#readers.clear();
    const members = [...this.#members.values()];
    this.#members.clear();
    const leaving = members.map((member) => this.#options.torrents.leave(member, false));
    for (const heard of [...this.#holds.values()]) heard();
    this.#holds.clear();
    await Promise.allSettled(leaving);
  }

  #receive(value: unknown): void {
    for (const message of readClientMessages(value)) {
      if (message === undefined) this.#warn('What came from a client of the session is no message.');
      else if (this.#released === undefined) this.#handle(message);
    }
  }

  #handle(message: ClientMessage): void {
    switch (message.type) {
      case 'request':
        void this.#answer(message.id, () => this.#request(message.command, message.args));
        break;
      case 'open':
        this.#openReader(message);
        break;
      case 'read':
        this.#readers.get(message.reader)?.reader.ask(message.max);
        break;
      case 'cancel':
        this.#readers.get(message.reader)?.reader.cancel();
        this.#readers.delete(message.reader);
        break;
      case 'heard': {
        const heard = this.#holds.get(message.hold);
        this.#holds.delete(message.hold);
        heard?.();
        break;
      }
      case 'close':
        void this.#answer(message.id, async () => {
          await this.release();
          await this.#options.onClose();
        });
        break;
    }
  }

  async #answer(id: number, act: () => Promise<unknown>): Promise<void> {
    try {
      this.#outbox.send({ type: 'answer', id, result: await act() });
    } catch (error) {
      this.#outbox.send({ type: 'failure', id, error: toErrorValue(error) });
    }
  }

  async #request(command: CommandName, given: object): Promise<unknown> {
    if (!namesTorrent(command)) return this.#options.session.request(command, given as never);
    const args = given as { readonly torrent?: unknown };
    const { torrent } = args;
    if (!Number.isSafeInteger(torrent)) {
      this.#warn(`A "${command}" of a client names no torrent.`);
      throw new ArgumentError(`"${command}" needs a torrent.`);
    }
    const key = torrent as TorrentKey;
    const asked = { command, args } as unknown as Command;
    if (asked.command === 'add' || asked.command === 'seed') return this.#begin(key, asked);
    const member = this.#members.get(key);
    if (asked.command === 'remove') {
      if (member === undefined) return undefined;
      this.#members.delete(key);
      this.#endReaders(key);
      return this.#options.torrents.leave(member, asked.args.destroyStore === true);
    }
    if (member === undefined) throw new TorrentNotFoundError('The torrent is not there any more.');
    return member.command(asked);
  }

  async #begin(key: TorrentKey, begin: Begin): Promise<undefined> {
    if (this.#members.has(key)) throw new ArgumentError(`There is a torrent ${key} already.`);
    const { options } = begin.args;
    const given = begin.command === 'add' ? begin.args.source : begin.args.inputs;
    if (!isObject(options) || !isObject(given)) {
      this.#warn(`A "${begin.command}" of a client says nothing that can be added.`);
      throw new ArgumentError(`"${begin.command}" needs something to add.`);
    }
    const member = new Member(this, begin);
    this.#members.set(key, member);
    await this.#options.torrents.begin(member);
    return undefined;
  }

  #openReader({ reader, torrent, start, end }: ClientMessage & { type: 'open' }): void {
    if (this.#readers.has(reader)) return;
    const send = (message: HostMessage, transfer?: readonly unknown[]): void =>
      this.#outbox.send(message, transfer);
    const member = this.#members.get(torrent);
    const opened = new HostReader(
      reader,
      async () => {
        if (member === undefined) throw new TorrentNotFoundError('The torrent is not there any more.');
        const { key } = await member.settled();
        return this.#options.session.openReader({ torrent: key, start, end });
      },
      send,
    );
    if (this.#readers.size >= MAX_READERS) {
      opened.fail(new FreshetError('STREAM', `There are more than ${MAX_READERS} streams already.`));
      return;
    }
    this.#readers.set(reader, { reader: opened, torrent });
  }

  #endReaders(key: TorrentKey): void {
    for (const [id, { reader, torrent }] of [...this.#readers]) {
      if (torrent !== key) continue;
      reader.fail(removed());
      this.#readers.delete(id);
    }
  }

  #onRefused(message: HostMessage, error: unknown): void {
    if (message.type === 'answer') {
      const failure = new FreshetError('NOT_SENT', `The answer could not be sent: ${String(error)}`);
      this.#outbox.send({ type: 'failure', id: message.id, error: toErrorValue(failure) });
    } else this.#warn(`A message to a client could not be sent: ${String(error)}`);
  }

  #warn(message: string): void {
    this.#options.warn(new FreshetError('PORT', message));
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
