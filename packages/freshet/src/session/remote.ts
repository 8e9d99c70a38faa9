/** A session at the other end of a port. */

import { DestroyedError, FreshetError, fromErrorValue, toErrorValue } from './errors.ts';
import { type ClientMessage, type HostMessage, readHostMessages, type SessionPort } from './messages.ts';
import { Outbox } from './outbox.ts';
import type {
  ByteReader,
  CommandName,
  Commands,
  QueueSettings,
  ReaderRange,
  Session,
  SessionEvent,
  TorrentEvent,
  TorrentKey,
} from './protocol.ts';
import { RemoteReader, type RemoteReaderHost } from './remote-reader.ts';
import { isBegin, isOver, needsStorage, torrentOf } from './remote-requests.ts';
import { RemoteTorrent } from './remote-torrent.ts';
import type { Command } from './torrent-journal.ts';

export interface RemoteSessionOptions {
  /** What came over the port is no message, or could not be sent. */
  readonly onWarning?: ((error: FreshetError) => void) | undefined;
  /** The host says that it ends; everything waits for the next one. */
  readonly onGone?: (() => void) | undefined;
}

/** A request without an answer. */
interface Pending {
  readonly command: Command;
  /** Nobody waits for it: it brings a host to where another one was. */
  readonly aside?: true;
  resolve(result: unknown): void;
  reject(error: Error): void;
}

/**
 * A session whose engine is behind a `SessionPort`, with a `SessionHost` at its other end. Requests wait until there is
 * one. When it is lost and another is attached, all torrents are added to that one as they were: from the metadata known
 * by then, with all that was set; readers go on behind the last byte that came, and what was not answered is asked
 * again. Listeners hear of it no more than of a check: no second `infoHash`, `metadata` or `done`; `ready` only when
 * something that was verified is not there any more.
 */
export class RemoteSession implements Session, RemoteReaderHost {
  readonly #options: RemoteSessionOptions;
  readonly #torrents = new Map<TorrentKey, RemoteTorrent>();
  readonly #listeners = new Set<(event: SessionEvent) => unknown>();
  readonly #pending = new Map<number, Pending>();
  /** By the number that the host knows them by. */
  readonly #readers = new Map<number, RemoteReader>();
  /** Those whose end has not come, in the order in which they were opened. */
  readonly #openReaders = new Set<RemoteReader>();
  #port: SessionPort | undefined;
  #outbox: Outbox<ClientMessage> | undefined;
  #nextId = 1;
  #nextReader = 1;
  #attachedBefore = false;
  #limits: Commands['setLimits']['args'] | undefined;
  #queue: QueueSettings | undefined;
  #listeningOn: number | undefined;
  #closed: Promise<void> | undefined;
  #resolveClosed: () => void = () => undefined;

  constructor(options: RemoteSessionOptions = {}) {
    this.#options = options;
  }

  /** There is a host at the other end. */
  get attached(): boolean {
    return this.#port !== undefined;
  }

  /** Goes on with this host: the first one, or one that knows nothing of what was before. */
  attach(port: SessionPort): void {
    this.detach();
    if (this.#closed !== undefined) {
      port.close();
      return;
    }
    this.#port = port;
    const outbox: Outbox<ClientMessage> = new Outbox(port, (message, error) =>
      this.#onRefused(message, error),
    );
    this.#outbox = outbox;
    const again = this.#attachedBefore;
    this.#attachedBefore = true;
    this.#tellEverything(again);
    port.onMessage = (message) => {
      if (this.#port === port) this.#receive(message);
    };
  }

  /** The other end is gone. Everything waits. */
  detach(): void {
    const port = this.#port;
    if (port === undefined) return;
    this.#port = undefined;
    this.#outbox = undefined;
    port.onMessage = undefined;
    port.close();
    this.#readers.clear();
    for (const reader of this.#openReaders) reader.lost();
    if (this.#closed !== undefined) {
      this.#resolveClosed();
      return;
    }
    for (const [id, { command, aside }] of [...this.#pending]) {
      if (aside === true) this.#pending.delete(id);
      else if (isOver(command)) this.#answer(id, undefined);
    }
    for (const [torrent, state] of this.#torrents) this.#tell(torrent, state.lost());
  }

  request<C extends CommandName>(command: C, args: Commands[C]['args']): Promise<Commands[C]['result']> {
    const asked = { command, args } as unknown as Command;
    if (this.#closed !== undefined) {
      return command === 'remove'
        ? Promise.resolve(undefined as Commands[C]['result'])
        : Promise.reject(new DestroyedError('The client has been destroyed.'));
    }
    return new Promise((resolve, reject) => {
      const id = this.#nextId++;
      this.#pending.set(id, { command: asked, resolve: (result) => resolve(result as never), reject });
      this.#record(asked);
      if (this.#port === undefined && isOver(asked)) this.#answer(id, undefined);
      else if (!this.#isForLater(asked)) this.#ask(id, asked);
    });
  }

  openReader(range: ReaderRange): ByteReader {
    const reader = new RemoteReader(this, range);
    if (this.#closed !== undefined) reader.fail(new DestroyedError('The client has been destroyed.'));
    return reader;
  }

  subscribe(listener: (event: SessionEvent) => unknown): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Ends all torrents of this client; the engine, if the host is only there for it. */
  close(): Promise<void> {
    if (this.#closed !== undefined) return this.#closed;
    this.#closed = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
    const destroyed = new DestroyedError('The client has been destroyed.');
    const pending = [...this.#pending.values()];
    this.#pending.clear();
    for (const { command, resolve, reject } of pending) {
      if (command.command === 'remove') resolve(undefined);
      else reject(destroyed);
    }
    for (const reader of [...this.#openReaders]) reader.fail(destroyed);
    this.#torrents.clear();
    this.#listeners.clear();
    if (this.#port === undefined) this.#resolveClosed();
    else this.send({ type: 'close', id: this.#nextId++ });
    return this.#closed;
  }

  /** @internal */
  send(message: ClientMessage): void {
    this.#outbox?.send(message);
  }

  /** @internal */
  nextReader(reader: RemoteReader): number | undefined {
    this.#openReaders.add(reader);
    if (this.#port === undefined) return undefined;
    const id = this.#nextReader++;
    this.#readers.set(id, reader);
    return id;
  }

  /** @internal */
  forget(id: number | undefined, reader: RemoteReader): void {
    if (id !== undefined) this.#readers.delete(id);
    this.#openReaders.delete(reader);
  }

  #record(command: Command): void {
    switch (command.command) {
      case 'add':
      case 'seed':
        this.#torrents.set(command.args.torrent, new RemoteTorrent(command));
        break;
      case 'remove': {
        const torrent = this.#torrents.get(command.args.torrent);
        if (torrent !== undefined) torrent.removing = true;
        break;
      }
      case 'setLimits': {
        const { download, upload } = command.args;
        this.#limits = {
          ...this.#limits,
          ...(download !== undefined && { download }),
          ...(upload !== undefined && { upload }),
        };
        break;
      }
      case 'setQueue':
        this.#queue = command.args;
        break;
      default:
        if ('torrent' in command.args) this.#torrents.get(command.args.torrent)?.journal.record(command);
    }
  }

  #ask(id: number, command: Command): void {
    if (this.#port === undefined) return;
    if (isBegin(command)) this.#markSent(command.args.torrent);
    this.send({ type: 'request', id, command: command.command, args: command.args });
  }

  #markSent(torrent: TorrentKey): void {
    const state = this.#torrents.get(torrent);
    if (state !== undefined) state.sent = true;
  }

  /** @param again there was a host before this one. */
  #tellEverything(again: boolean): void {
    const waiting = [...this.#pending].filter(([, { command }]) => !isBegin(command));
    if (again && this.#limits !== undefined) this.#askAside({ command: 'setLimits', args: this.#limits });
    if (again && this.#queue !== undefined) this.#askAside({ command: 'setQueue', args: this.#queue });
    const begins = new Map<TorrentKey, number>();
    for (const [id, { command }] of this.#pending) {
      if (isBegin(command)) begins.set(command.args.torrent, id);
    }
    const torrents = [...this.#torrents.values()].sort(inOrder);
    for (const torrent of torrents) this.#bringBack(torrent, begins.get(torrent.journal.torrent));
    for (const reader of this.#openReaders) reader.reopen();
    for (const [id, { command }] of waiting) if (!this.#isForLater(command)) this.#ask(id, command);
  }

  #bringBack(torrent: RemoteTorrent, id: number | undefined): void {
    // It comes back to have its data destroyed, and for nothing else.
    if (torrent.removing)
      torrent.journal.record({ command: 'pause', args: { torrent: torrent.journal.torrent } });
    const { begin, after } = torrent.replay();
    if (id === undefined) this.#askAside(begin);
    else this.#ask(id, begin);
    torrent.sent = true;
    for (const command of after) this.#askAside(command);
  }

  /** What an engine answers only when it has the torrent and its storage, which was so when it was asked. */
  #isForLater(command: Command): boolean {
    const torrent = torrentOf(command);
    return torrent !== undefined && needsStorage(command) && this.#torrents.get(torrent)?.returning === true;
  }

  /** A command that nobody waits for. */
  #askAside(command: Command): void {
    const id = this.#nextId++;
    const reject = (error: Error): void => {
      if (!isBegin(command)) return;
      this.#tell(command.args.torrent, [{ type: 'error', error: toErrorValue(error), resumable: false }]);
    };
    this.#pending.set(id, { command, aside: true, resolve: () => undefined, reject });
    this.#ask(id, command);
  }

  #receive(value: unknown): void {
    const port = this.#port;
    for (const message of readHostMessages(value)) {
      // One of them may have led to another host, or to the end.
      if (this.#port !== port) return;
      if (message === undefined) this.#warn('What came from the session is no message.');
      else this.#handle(message);
    }
  }

  #handle(message: HostMessage): void {
    switch (message.type) {
      case 'answer':
        this.#answer(message.id, message.result);
        break;
      case 'failure': {
        const asked = this.#pending.get(message.id);
        this.#pending.delete(message.id);
        if (asked?.command.command === 'remove') this.#torrents.delete(asked.command.args.torrent);
        asked?.reject(fromErrorValue(message.error));
        break;
      }
      case 'event':
        this.#onEvent(message.event);
        if (message.hold !== undefined) this.send({ type: 'heard', hold: message.hold });
        break;
      case 'bytes':
        this.#readers.get(message.reader)?.onBytes(message.bytes);
        break;
      case 'readFailed':
        this.#readers.get(message.reader)?.fail(fromErrorValue(message.error));
        break;
      case 'gone':
        this.detach();
        this.#options.onGone?.();
        break;
    }
  }

  #answer(id: number, result: unknown): void {
    const asked = this.#pending.get(id);
    this.#pending.delete(id);
    if (asked === undefined) {
      if (this.#closed !== undefined) this.detach();
      return;
    }
    const { command } = asked;
    if (command.command === 'remove') this.#forget(command.args.torrent);
    if (command.command === 'move')
      this.#torrents.get(command.args.torrent)?.journal.moved(command.args.path);
    asked.resolve(result);
  }

  /** It has been removed. What its client still waits for does not come. */
  #forget(torrent: TorrentKey): void {
    this.#torrents.delete(torrent);
    for (const [id, { command, resolve }] of [...this.#pending]) {
      if (!isBegin(command) || command.args.torrent !== torrent) continue;
      this.#pending.delete(id);
      resolve(undefined);
    }
  }

  #onEvent(event: SessionEvent): void {
    if (event.torrent === undefined) {
      // The same again from the next host is nothing new.
      if (event.event.type === 'listening') {
        if (this.#listeningOn === event.event.port) return;
        this.#listeningOn = event.event.port;
      }
      this.#deliver(event);
      return;
    }
    const torrent = this.#torrents.get(event.torrent);
    if (torrent === undefined) return;
    const returned = torrent.returning;
    this.#tell(event.torrent, torrent.hear(event.event));
    if (returned && !torrent.returning) this.#onReturned(torrent);
  }

  /** A torrent is ready again with another host, or has failed there. */
  #onReturned(torrent: RemoteTorrent): void {
    const { torrent: key } = torrent.journal;
    const waiting = [...this.#pending].filter(
      ([, { command }]) => torrentOf(command) === key && needsStorage(command),
    );
    for (const command of torrent.namesToGive()) this.#askAside(command);
    for (const [id, { command }] of waiting) this.#ask(id, command);
  }

  #tell(torrent: TorrentKey, events: readonly TorrentEvent[]): void {
    for (const event of events) this.#deliver({ torrent, event });
  }

  #deliver(event: SessionEvent): void {
    for (const listener of this.#listeners) {
      try {
        listener(event);
      } catch (error) {
        this.#warn(`An event of the session could not be told: ${String(error)}`);
      }
    }
  }

  #onRefused(message: ClientMessage, error: unknown): void {
    if (message.type !== 'request') {
      this.#warn(`A message to the session could not be sent: ${String(error)}`);
      return;
    }
    const asked = this.#pending.get(message.id);
    this.#pending.delete(message.id);
    asked?.reject(new FreshetError('NOT_SENT', `"${message.command}" could not be sent: ${String(error)}`));
  }

  #warn(message: string): void {
    this.#options.onWarning?.(new FreshetError('PORT', message));
  }
}

/** In the order of the queue as far as it is known, else as they were added. */
function inOrder(one: RemoteTorrent, other: RemoteTorrent): number {
  const [a, b] = [one.position, other.position];
  if (a !== undefined && b !== undefined) return a - b;
  if (a !== b) return a === undefined ? 1 : -1;
  return one.journal.torrent - other.journal.torrent;
}
